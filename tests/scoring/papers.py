"""Invented papers by subject, for tests that need more than a few; the same seed gives the same papers."""

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from digest.model import Paper
from digest.scoring.corpus import read_papers
from digest.scoring.literal import Index
from digest.scoring.recipe import DEFAULT, Recipe
from digest.scoring.scope import Scope
from digest.scoring.scorer import score_all
from digest.scoring.taste import Taste
from tests.makers import paper

SUBJECTS = {
    "queues": "queue waiting line counter ticket arrival server patience customer delay".split(),
    "rice": "rice kitchen steam pot grain cook boil stove salt supper".split(),
    "moss": "moss stone forest damp lichen spore shade bark fern soil".split(),
    "bells": "bell tower bronze ringing echo clapper chime hour church tone".split(),
    "kites": "kite wind string tail gust sail sky beach flyer knot".split(),
    "maps": "map border river scale legend route atlas contour compass valley".split(),
}
"""What papers on each subject talk of."""
COMMON = "careful measure long short change compare describe simple effect reason".split()
"""What all papers talk of."""


def papers_on(*subjects: str, n: int = 1, seed: int = 0, prefix: str = "p") -> tuple[Paper, ...]:
    """`n` papers on each of these subjects, in turn: the first of each, the second of each ..."""
    chance = Random(f"{prefix} {seed}")
    return tuple(
        _paper_on(subject, f"{prefix}-{subject}-{number}", chance)
        for number in range(n)
        for subject in subjects
    )


def _paper_on(subject: str, identifier: str, chance: Random) -> Paper:
    def sentence(length: int) -> str:
        said = (chance.choice(SUBJECTS[subject] if chance.random() < 0.6 else COMMON) for _ in range(length))
        return " ".join(said).capitalize()

    return paper(identifier, sentence(5), abstract=f"{sentence(9)}. {sentence(11)}. {sentence(8)}.")


def scores(
    stored: Sequence[Paper], *tastes: Taste, recipe: Recipe = DEFAULT
) -> tuple[NDArray[np.float64], ...]:
    """What each stored paper is worth to each reader, before rounding."""
    scope = Scope(read_papers(stored, recipe))
    index = Index(scope, np.arange(len(stored)))
    return tuple(scored.exact for scored in score_all(scope, index, tastes))


def mean_on(subject: str, stored: Sequence[Paper], values: NDArray[np.float64]) -> float:
    """The mean of those values that belong to papers on a subject."""
    return float(
        np.mean([value for one, value in zip(stored, values, strict=True) if f"-{subject}-" in one.id])
    )
