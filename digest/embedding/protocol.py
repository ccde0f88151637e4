"""What an embedding model is to the rest of Digest."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from digest.errors import InputError
from digest.model import Paper

Vectors = npt.NDArray[np.float32]
MAX_DIMENSIONS = 8_192


class Embedder(Protocol):
    """Turns texts into vectors whose inner product says how alike the texts are."""

    @property
    def model(self) -> str:
        """Which model this is: vectors of one name may be compared. Costs little, loads nothing.

        Raises DigestError if there is no such model.
        """

    @property
    def batch_size(self) -> int:
        """How many texts are best given at once."""

    def embed(self, texts: Sequence[str], *, within_s: float = math.inf) -> Vectors:
        """One row per text, each of length 1; another machine is waited for no longer than `within_s`.

        Raises FetchError if the model is out of reach, InputError if what it gave is no such thing.
        """


def text_of(paper: Paper) -> str:
    """What is embedded of a paper: its title and its abstract."""
    return f"{paper.title}. {paper.abstract or ''}".strip()


def normalised(rows: npt.NDArray[np.float64], n_texts: int) -> Vectors:
    """The rows at length 1.

    Raises InputError unless there is one row per text, and each can be brought to that length.
    """
    if rows.ndim != 2 or len(rows) != n_texts or not 0 < rows.shape[1] <= MAX_DIMENSIONS:
        shape = " x ".join(map(str, rows.shape))
        raise InputError(f"the embedding model gave {shape} numbers for {n_texts} texts")
    # By the largest number first, as the square of 1e200 is out of bounds.
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not (np.isfinite(largest).all() and largest.all()):
        raise InputError("the embedding model gave a vector that is zero or not a number")
    scaled = rows / largest
    unit: Vectors = (scaled / np.linalg.norm(scaled, axis=1, keepdims=True)).astype(np.float32)
    return unit
