"""Embeddings in the scores: where there are any, and for papers that are not stored."""

import numpy as np

from digest.model import Paper
from digest.scoring.corpus import Corpus, read_papers, represent
from digest.scoring.learned import learn
from digest.scoring.scope import Scope
from digest.scoring.taste import Taste
from tests.scoring.papers import papers_on

STORED = papers_on("moss", "rice", n=8)
LIKED = papers_on("queues", n=1, prefix="liked")[0]


def pointing(papers: tuple[Paper, ...], towards: str) -> dict[str, np.ndarray]:
    """Vectors that say one thing of the papers whose id holds `towards`, and another of the rest."""
    one, other = np.array([1, 0.1, 0], np.float32), np.array([0.1, 0, 1], np.float32)
    return {paper.id: one if towards in paper.id else other for paper in papers}


def raised(corpus: Corpus) -> np.ndarray:
    """What liking LIKED says of each stored paper."""
    found: np.ndarray = learn(Scope(corpus), [Taste(liked=(LIKED,))]).total[0]
    return found


def test_a_liked_paper_that_is_not_stored_is_compared_by_its_embedding() -> None:
    vectors = pointing((*STORED, LIKED), STORED[0].id) | {LIKED.id: np.array([1, 0.1, 0], np.float32)}

    found = raised(read_papers(STORED, vectors=vectors))

    assert int(found.argmax()) == 0


def test_a_paper_without_an_embedding_is_near_none_by_it() -> None:
    vectors = pointing(STORED[1:], STORED[1].id)

    _, _, rows = represent(read_papers(STORED, vectors=vectors), [STORED[0], LIKED])

    assert not rows[:, -3:].any()


def test_no_embedding_at_all_is_as_none_asked_for() -> None:
    assert (raised(read_papers(STORED, vectors={})) == raised(read_papers(STORED))).all()
