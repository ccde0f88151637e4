# Everything runs in .venv, which is made when it is needed. `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

setup: $(VENV)/ready  ## Make .venv with Digest and what its tests need

$(VENV)/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=")'
	@echo "Setting up $(VENV) (once; half a minute, or more on a slow network) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/bench: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

$(VENV)/browser: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[browser]'
	@touch $@

$(VENV)/fuzz: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

demo: $(VENV)/ready  ## Read the sample pages, deliver an edition into demo/, and print it
	@BIN=$(BIN) sh examples/demo.sh

test: $(VENV)/ready  ## Run the tests
	$(BIN)/python -m pytest -n auto

fast: $(VENV)/ready  ## Run the tests that take less than a minute together
	$(BIN)/python -m pytest -n auto -m "not acceptance and not slow"

lint: $(VENV)/ready  ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/ready  ## Format the sources
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

gallery: $(VENV)/browser  ## Render the pictures in docs/gallery with headless Chromium
	$(BIN)/python docs/gallery/make.py

catalogs: $(VENV)/ready  ## Bring the catalogs of translations up to the sources
	$(BIN)/python -m tests.catalogs

bench: $(VENV)/bench  ## Measure start-up and preview; scoring, rendering, delivery, sources and schedule in a small size
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/scoring.py --quick
	$(BIN)/python benchmarks/rendering.py --quick
	$(BIN)/python benchmarks/delivery.py --quick
	$(BIN)/python benchmarks/sources.py --quick
	$(BIN)/python benchmarks/schedule.py --quick

FORMS := html text json feed rss list oai query library
SECONDS := 60

fuzz: $(VENV)/fuzz  ## Look for pages that no reader bears, SECONDS=60 for each form
	@for form in $(FORMS); do $(BIN)/python -m tests.fuzz.fuzz $$form $(SECONDS) fuzzed || exit 1; done

ci:  ## All that decides whether a change lands
	bash .ci/run

clean:  ## Remove what was made
	rm -rf $(VENV) demo dist fuzzed .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help setup demo test fast lint format gallery catalogs bench fuzz ci clean
