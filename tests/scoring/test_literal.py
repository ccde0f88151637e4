"""Word for word: what the index finds is what reading every paper finds."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model import Paper
from digest.scoring.corpus import read_papers
from digest.scoring.literal import Index
from digest.scoring.phrases import field, phrase, stands
from digest.scoring.scope import Scope
from tests.makers import paper

WORDS = "pre-training pretraining training pre the of Moss mosses Dr. GRPO, LLMs LLM. self-supervised 深度 7".split()
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
PAPERS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)


def stored(texts: Sequence[tuple[str, str]]) -> list[Paper]:
    return [paper(f"2603.{n:05}", title, abstract=abstract) for n, (title, abstract) in enumerate(texts)]


def read_all(papers: Sequence[Paper], text: str) -> set[int]:
    """The papers that say a phrase, found by looking at each."""
    sought = phrase(text)
    return {
        n
        for n, one in enumerate(papers)
        if any(stands(sought, field(said)) is not None for said in (one.title, one.abstract or ""))
    }


@pytest.mark.slow
@settings(deadline=None)
@given(PAPERS, st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join))
def test_the_index_finds_a_phrase_where_reading_every_paper_finds_it(
    texts: list[tuple[str, str]], sought: str
) -> None:
    papers = stored(texts)
    scope = Scope(read_papers(papers))

    assert set(Index(scope, np.arange(len(papers))).saying(sought)) == read_all(papers, sought)


@pytest.mark.parametrize("day", [[2], [0, 3], [3, 1, 0]])
def test_an_index_of_a_day_tells_places_of_that_day_only(day: list[int]) -> None:
    papers = stored([("Moss", ""), ("Bells", "moss"), ("Kites", ""), ("On Moss", "")])
    scope = Scope(read_papers(papers), np.array(day))

    found = Index(scope, np.arange(len(day))).saying("moss")

    assert set(found) == {place for place, row in enumerate(day) if row != 2}


def test_the_share_of_a_phrase_is_that_of_everything_stored_and_a_few_besides() -> None:
    papers = stored([("Damp moss", ""), ("Moss", "damp"), *[("Kites", "")] * 68])
    index = Index(Scope(read_papers(papers)), np.arange(1))

    assert index.share("moss") == index.share("damp moss") == pytest.approx(2 / 100)
    assert index.share("nobody says this") == 0


def test_people_are_found_by_their_names_and_only_in_the_papers_of_the_day() -> None:
    papers = [
        replace(one, authors=("Byron, Ada",), organization="Mill Lab", organization_slug="mill")
        for one in stored([("A", ""), ("B", ""), ("C", "")])
    ]
    scope = Scope(read_papers(papers), np.array([2, 0]))
    index = Index(scope, np.arange(2))

    assert sorted(index.by_author("Ada Byron")) == [0, 1]
    assert sorted(index.from_organization("mill")) == [0, 1]
    assert sorted(index.from_organization("Mill Lab")) == [0, 1]
    assert list(index.by_author("A. Byron")) == []
    assert list(index.from_organization("Lab Mill")) == []
