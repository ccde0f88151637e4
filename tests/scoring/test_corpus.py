"""Everything stored, read once: few papers, equal ones, empty ones, any order; neighbours and what spreads."""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from digest.model import Paper
from digest.scoring.corpus import Corpus, read_papers, represent, seeds_of
from digest.scoring.neighbours import NEIGHBOURS, STEPS, spread
from digest.scoring.recipe import DEFAULT
from digest.scoring.scope import Scope
from digest.scoring.taste import Taste
from tests.makers import interest, paper
from tests.scoring.papers import SUBJECTS, papers_on, scores

ADA = Taste(
    interests=(interest("waiting", 5), interest("damp soil", 8)),
    liked=papers_on("queues", "rice", prefix="liked"),
    disliked=papers_on("bells", prefix="disliked"),
)


def some(n: int) -> tuple[Paper, ...]:
    """So many papers on all subjects."""
    return papers_on(*SUBJECTS, n=-(-n // len(SUBJECTS)))[:n]


@cache
def corpus_of(n: int) -> Corpus:
    """The same, read once for all tests."""
    return read_papers(some(n))


def likeness(corpus: Corpus) -> NDArray[np.float32]:
    """How alike every two papers are, each with itself not at all."""
    weights = corpus.views.weights
    alike = corpus.recipe.terms * (weights @ weights.T).toarray() + corpus.dense @ corpus.dense.T
    np.fill_diagonal(alike, 0.0)
    return np.asarray(alike, np.float32)


# ---------------------------------------------------------------- few, equal, empty


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_a_handful_of_papers_can_be_scored(n: int) -> None:
    stored = some(n)

    (found,) = scores(stored, ADA)

    assert found.shape == (n,)
    assert np.isfinite(found).all()
    assert all(0 <= value <= 100 for value in found)


def test_a_paper_is_stored_once_however_often_it_is_named() -> None:
    first, other = some(2)

    corpus = read_papers([first, other, replace(first, title="Later")])

    assert [one.id for one in corpus.papers] == [first.id, other.id]
    assert corpus.rows == {first.id: 0, other.id: 1}


@pytest.mark.parametrize("n", [12, 120])
def test_two_papers_that_say_the_same_score_the_same(n: int) -> None:
    twins = [replace(one, id=f"{one.id}-again") for one in some(6)]

    (found,) = scores([*some(n), *twins], ADA)

    assert np.abs(found[:6] - found[n:]).max() < 0.5
    assert float(np.ptp(found)) > 10


@pytest.mark.parametrize(
    "n",
    [
        2,
        12,
    ],
)
def test_where_all_papers_say_the_same_none_stands_out(n: int) -> None:
    same = [paper(f"2603.{number:05}", "Damp Moss", abstract="Moss waits.") for number in range(n)]

    (found,) = scores(same, ADA)

    assert np.isfinite(found).all()
    assert float(np.ptp(found)) < 2


@pytest.mark.parametrize(
    "n",
    [
        1,
        12,
        101,
    ],
)
def test_papers_without_words_are_worth_nothing_to_anyone(n: int) -> None:
    empty = [paper(f"2603.{number:05}", "", abstract=None) for number in range(n)]

    assert max(scores(empty, ADA)[0]) < 0.5


def test_a_paper_without_words_has_no_neighbours_and_harms_none() -> None:
    stored = [*some(12), paper("2603.00001", "", abstract=None), paper("2603.00002", "?!", abstract="…")]

    corpus = read_papers(stored)

    assert corpus.graph[12:].nnz == corpus.graph[:, 12:].nnz == 0
    assert corpus.graph[:12].nnz > 0
    assert np.isfinite(scores(stored, ADA)[0]).all()


def test_hostile_texts_can_be_scored() -> None:
    texts = [
        "\x00\x1b[2J",
        "x" * 6000,
        "🌿" * 500,
        "\u202eabc\u202c",
        "深度学习" * 200,
        "- - -",
        "a" * 9 + "́" * 99,
    ]
    stored = [*some(6), *(paper(f"2603.{n:05}", text[:300], abstract=text) for n, text in enumerate(texts))]

    (found,) = scores(stored, replace(ADA, liked=tuple(stored[6:])))

    assert np.isfinite(found).all()


# ---------------------------------------------------------------- again, in any order


def digest_of(values: NDArray[np.float64]) -> str:
    """What differs if any bit of any score does."""
    return hashlib.sha256(values.tobytes()).hexdigest()


AGAIN = """
import sys
from tests.scoring.test_corpus import ADA, digest_of, scores, some
print(digest_of(scores(some(int(sys.argv[1])), ADA)[0]))
"""


@pytest.mark.parametrize("n", [30, 120])
def test_the_same_papers_give_the_same_scores_to_the_last_bit(n: int) -> None:
    assert digest_of(scores(some(n), ADA)[0]) == digest_of(scores(some(n), ADA)[0])


@pytest.mark.slow
def test_another_process_gives_the_same_scores_to_the_last_bit() -> None:
    command = [sys.executable, "-c", AGAIN, "120"]
    other = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert other.stdout.strip() == digest_of(scores(some(120), ADA)[0])


def test_many_copies_of_few_papers_give_the_same_scores_again() -> None:
    few = some(5)
    copies = [replace(few[n % 5], id=f"{n}") for n in range(150)]

    assert len({digest_of(scores(copies, ADA)[0]) for _ in range(3)}) == 1


@pytest.mark.parametrize("n", [3, 30, 120])
def test_the_order_of_the_papers_moves_no_score_by_a_thousandth_of_a_point(n: int) -> None:
    stored = list(some(n))
    (before,) = scores(stored, ADA)
    order = Random(n).sample(range(n), n)

    (after,) = scores([stored[place] for place in order], ADA)

    assert np.abs(after - before[order]).max() < 1e-3


# ---------------------------------------------------------------- papers that are not stored


def test_a_paper_that_is_not_stored_is_seen_as_if_it_were() -> None:
    stored = some(30)
    known, stranger = stored[0], replace(stored[0], id="stranger")
    corpus = read_papers(stored)

    weights, subjects, dense = represent(corpus, [known, stranger])

    assert np.abs(weights.toarray()[0] - weights.toarray()[1]).max() < 1e-6
    assert np.abs(subjects[0] - subjects[1]).max() < 1e-4
    assert np.abs(dense[0] - dense[1]).max() < 1e-4


def seeds(stored: Sequence[Paper], *strangers: Paper) -> NDArray[np.float32]:
    """Where the way from papers into the graph begins: a row a paper."""
    corpus = read_papers(stored)
    weights, _, dense = represent(corpus, strangers)
    return np.asarray(seeds_of(corpus, strangers, weights, dense).toarray(), np.float32)


def test_a_stranger_enters_the_graph_by_the_papers_most_like_it() -> None:
    stored = some(30)

    (entries,) = seeds(stored, *papers_on("moss", prefix="new"))

    assert entries.sum() == pytest.approx(1.0, abs=1e-5)
    assert "-moss-" in stored[int(entries.argmax())].id
    assert (entries > 0).sum() <= NEIGHBOURS


def test_a_stranger_without_words_enters_the_graph_nowhere() -> None:
    assert seeds(some(30), paper("empty", "", abstract=None)).sum() == 0


def test_a_stored_paper_enters_the_graph_at_its_own_place() -> None:
    stored = some(12)

    assert seeds(stored, stored[7]).tolist() == [[0.0] * 7 + [1.0] + [0.0] * 4]


# ---------------------------------------------------------------- neighbours


@pytest.mark.parametrize("n", [2, 11, 30])
def test_neighbours_of_a_few_papers_are_those_that_comparing_all_with_all_gives(n: int) -> None:
    corpus = corpus_of(n)
    alike = likeness(corpus)
    nearest = np.argsort(-alike, axis=1)[:, :NEIGHBOURS]
    expected = np.zeros((n, n), bool)
    np.put_along_axis(expected, nearest, np.take_along_axis(alike, nearest, axis=1) > 0, axis=1)

    assert np.array_equal(corpus.graph.toarray() > 0, expected | expected.T)


def test_an_edge_is_as_strong_as_likeness_squared_over_the_roots_of_both_degrees() -> None:
    corpus = corpus_of(8)  # fewer than NEIGHBOURS, so that all are neighbours of all
    edges = np.maximum(likeness(corpus), 0) ** 2
    degrees = edges.sum(axis=1)

    expected = edges / np.sqrt(degrees[:, None] * degrees[None, :])

    assert np.allclose(corpus.graph.toarray(), expected, atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 2, 12, 120, 801])
def test_to_be_a_neighbour_is_mutual_and_none_is_its_own(n: int) -> None:
    graph = corpus_of(n).graph

    assert graph.shape == (n, n)
    assert abs(graph - graph.T).sum() == 0
    assert graph.diagonal().sum() == 0


def test_among_many_papers_in_several_cells_nearly_all_nearest_are_found() -> None:
    corpus = corpus_of(801)
    nearest = np.argpartition(-likeness(corpus), NEIGHBOURS, axis=1)[:, :NEIGHBOURS]

    is_edge = corpus.graph.toarray() > 0
    found = np.take_along_axis(is_edge, nearest, axis=1).mean()

    assert found > 0.7


# ---------------------------------------------------------------- what spreads


def test_what_reaches_one_paper_from_another_reaches_the_other_from_the_one() -> None:
    graph = corpus_of(40).graph

    reached = spread(graph, np.eye(40, dtype=np.float32))

    assert np.allclose(reached, reached.T, atol=1e-6)
    assert (reached.diagonal() >= 1).all()


def test_what_spreads_goes_so_many_steps_along_a_chain_and_no_further() -> None:
    n = STEPS + 3
    ones = np.ones(n - 1, np.float32)
    chain = sparse.csr_array(sparse.diags_array([ones / 2, ones / 2], offsets=[1, -1], dtype=np.float32))

    reached = spread(chain, np.eye(n, dtype=np.float32)[:, :1])[:, 0]

    assert (reached[: STEPS + 1] > 0).all()
    assert (np.diff(reached[: STEPS + 1]) < 0).all()
    assert (reached[STEPS + 1 :] == 0).all()


@pytest.mark.parametrize("rows", [None, np.array([3, 5, 8])])
def test_what_reaches_papers_is_the_same_from_either_side(rows: NDArray[np.intp] | None) -> None:
    corpus = corpus_of(40)
    few = sparse.csr_array(np.eye(40, dtype=np.float32)[:5])
    many = sparse.csr_array(np.tile(np.eye(40, dtype=np.float32)[:5], (20, 1)))
    assert few.shape[0] <= len(Scope(corpus, rows).rows) < many.shape[0]  # so that each goes its own way

    assert np.allclose(Scope(corpus, rows).reached(many)[:5], Scope(corpus, rows).reached(few), atol=1e-6)


# ---------------------------------------------------------------- scopes


def places(scope: Scope, papers: Sequence[Paper]) -> list[int]:
    return [scope.places[one.id] for one in papers]


@pytest.mark.parametrize("n", [12, 40])
def test_the_papers_of_a_day_have_the_first_places_however_many_are_stored(n: int) -> None:
    stored = some(n)

    assert places(Scope(read_papers(stored), np.arange(10)), stored[:10]) == list(range(10))


def test_a_day_is_measured_against_everything_stored_as_if_all_were_scored() -> None:
    stored = some(40)
    corpus = read_papers(stored)
    weights = corpus.views.weights[[0, 1]]

    day, whole = Scope(corpus, np.array([30, 31, 32])), Scope(corpus)

    assert day.rows[day.reference].tolist() == list(range(40))
    assert np.allclose(day.by_terms(weights)[:, :3], whole.by_terms(weights)[:, 30:33])
    assert day.in_reference([stored[7].id, "unknown", stored[0].id]).tolist() == [7, 0]


@pytest.mark.parametrize("rows", [None, np.arange(40)])
def test_likeness_of_two_papers_is_1_to_itself_and_the_same_from_either(
    rows: NDArray[np.intp] | None,
) -> None:
    stored = some(40)
    scope = Scope(read_papers(stored), rows)
    one, twin, other = stored[0].id, stored[6].id, stored[1].id

    assert scope.likeness(one, one) == pytest.approx(1.0, abs=1e-5)
    assert scope.likeness(one, twin) == pytest.approx(scope.likeness(twin, one), abs=1e-6)
    assert scope.likeness(one, twin) > scope.likeness(one, other)


def test_views_weigh_as_the_recipe_says() -> None:
    corpus = read_papers(some(30), replace(DEFAULT, subjects=0.5, meanings=0.25))
    n_subjects = corpus.views.subjects.shape[1]
    parts = corpus.dense[:, :n_subjects], corpus.dense[:, n_subjects:]

    assert np.allclose((parts[0] ** 2).sum(axis=1), 0.5, atol=1e-4)
    assert np.allclose((parts[1] ** 2).sum(axis=1), 0.25, atol=1e-4)
