"""Every source reads spoiled pages: lists that are clean or errors, little memory, little time."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from digest.sources.registry import SOURCES as KINDS
from tests.fuzz.readers import READERS
from tests.hostile.cell import FOUND
from tests.hostile.cells import contracts, wrongs_of

ROOT = Path(__file__).resolve().parents[2]
SOURCES = contracts()


@pytest.mark.slow
@pytest.mark.parametrize("targets", [SOURCES, list(READERS)], ids=["sources", "readers"])
def test_spoiled_pages_do_no_harm(targets: Sequence[str]) -> None:
    assert wrongs_of("quick", *targets) == []


@pytest.mark.slow
@pytest.mark.parametrize("target", [*SOURCES, *READERS])
def test_nor_do_many_more_and_large_ones(target: str) -> None:
    assert wrongs_of("long", target) == []


@pytest.mark.slow
def test_what_was_found_once_does_no_harm_again() -> None:
    assert [path for path in FOUND.iterdir() if path.name.partition("-")[0] not in READERS] == []
    assert wrongs_of("found", *READERS) == []


# ---------------------------------------------------------------- that harm would be seen


@pytest.mark.parametrize(
    ("harm", "seen"),
    [
        ("raises", "ZeroDivisionError"),
        ("recurses", "RecursionError"),
        ("grows", "MemoryError"),
        pytest.param("dawdles", "ended by -24", marks=pytest.mark.slow),
        ("dies", "ended by -11"),
        ("lies", "neither a list nor an error"),
        ("dirties", "not clean"),
        ("asks", "more than 400 pages"),
    ],
)
def test_harm_is_seen_and_named(harm: str, seen: str) -> None:
    wrong = wrongs_of("quick", f"tests.hostile.harmful:{harm.capitalize()}")

    assert seen in wrong[-1]


def test_make_fuzz_takes_every_form() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert f"FORMS := {' '.join(READERS)}\n" in makefile


def test_every_kind_of_source_keeps_the_contract_and_so_is_attacked() -> None:
    kinds = {
        getattr(import_module(module), name).table["kind"]
        for module, name in (one.split(":") for one in SOURCES)
    }

    assert kinds == set(KINDS)
