"""benchmarks/sources.py: that what is measured is read."""

import pytest

from benchmarks.sources import FORMATS, Figures, growth, measured
from digest.sources.registry import SOURCES

MODULES = {
    "arXiv": "arxiv",
    "bioRxiv": "biorxiv",
    "feed": "feed",
    "huggingface": "huggingface",
    "text": "listing",
    "OpenReview": "openreview",
    "Semantic": "semanticscholar",
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_paper_of_a_page_is_read(name: str) -> None:
    kind = FORMATS[name]

    assert kind.read(kind.page(range(1, 8)).encode()) == 7


def test_every_kind_of_source_is_measured() -> None:
    assert {MODULES[name.split()[0]] for name in FORMATS} == set(SOURCES)


def test_twice_the_time_for_twice_the_papers_is_linear_and_four_times_is_not() -> None:
    small = figures(papers=100, seconds=1)

    assert growth(small, figures(papers=200, seconds=2)) == pytest.approx(1)
    assert growth(small, figures(papers=200, seconds=4)) == pytest.approx(2)


def test_a_case_tells_what_it_read() -> None:
    found = measured("text A", 5)

    assert found.papers == 5
    assert found.papers_per_s > 0


def figures(*, papers: int, seconds: float) -> Figures:
    return Figures(papers=papers, kilobytes=1, papers_per_s=papers / seconds, peak_mb=1, seconds=seconds)
