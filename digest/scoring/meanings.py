"""What words mean, from a table made once: near vectors for words that are used alike.

The table was distilled from the sentence encoder all-MiniLM-L6-v2 (Apache-2.0; Reimers & Gurevych 2019, Wang
et al. 2020): a vector for each piece of a word, fitted so that the weighted sum over an abstract comes near
what the encoder makes of the whole. How, and how to make it again, stands in docs/word-table. Nothing of the
encoder runs here: a paper costs a sparse product.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digest.text import fold

Floats = NDArray[np.float32]

_TABLE = Path(__file__).parent / "data" / "words.npz"
_INSIDE = "##"
"""Marks a piece that does not begin a word."""


@dataclass(frozen=True, slots=True)
class WordTable:
    """Vectors of pieces of words: whole common words, and parts that make up the others."""

    pieces: dict[str, int]
    vectors: NDArray[np.int8]
    scales: NDArray[np.float16]

    def of(self, spellings: Iterable[str]) -> Floats:
        """A row a word: the mean of its pieces; 0 for a word that cannot be put together of them."""
        places = [list(self._parts(fold(one))) for one in spellings]
        found = np.zeros((len(places), self.vectors.shape[1]), np.float32)
        for row, parts in enumerate(places):
            if parts and -1 not in parts:
                found[row] = (self.vectors[parts] * self.scales[parts, None].astype(np.float32)).mean(axis=0)
        return found

    def _parts(self, word: str) -> Iterator[int]:
        """The places of a word's pieces, the longest first that fits (Wu et al. 2016); -1 where none does."""
        start = 0
        while start < len(word):
            mark = _INSIDE if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self.pieces), None)
            if end is None:
                yield -1
                return
            yield self.pieces[mark + word[start:end]]
            start = end


@cache
def word_table() -> WordTable:
    """The table that is shipped."""
    with np.load(_TABLE) as stored:
        pieces = bytes(stored["pieces"]).decode("ascii").split("\n")
        return WordTable(
            pieces={piece: place for place, piece in enumerate(pieces)},
            vectors=stored["q"],
            scales=stored["scale"],
        )
