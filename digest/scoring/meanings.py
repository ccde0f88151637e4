"""What words mean, from a table made once: near vectors for words that are used alike.

The table was distilled from the sentence encoder all-MiniLM-L6-v2 (Apache-2.0; Reimers & Gurevych 2019, Wang
et al. 2020): a vector for each piece of a word, fitted so that the weighted sum over an abstract comes near
what the encoder makes of the whole. How, and how to make it again, stands in docs/word-table. Nothing of the
encoder runs here: a paper costs a sparse product.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from digest.text import fold

Floats = NDArray[np.float32]

LONGEST_WORD = 100
"""In letters. A longer one is no word, and has no vector: so it is in the encoder, too."""
_TABLE = Path(__file__).parent / "data" / "words.npz"
_INSIDE = "##"
"""Marks a piece that does not begin a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTable:
    """Vectors of pieces of words: whole common words, and parts that make up the others."""

    pieces: dict[str, int]
    longest: int
    """Letters of the longest piece."""
    vectors: NDArray[np.int8]
    scales: NDArray[np.float16]

    def of(self, spellings: Iterable[str]) -> Floats:
        """A row a word: the mean of its pieces; 0 for a word that cannot be put together of them."""
        places = [self._places(fold(one)) for one in spellings]
        lengths = np.array([len(found) for found in places], np.int32)
        used = np.fromiter(chain.from_iterable(places), np.int32)
        shares = self.scales[used].astype(np.float32) / np.repeat(lengths, lengths).astype(np.float32)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        words = sparse.csr_array((shares, used, ends), shape=(len(places), len(self.vectors)))
        return np.asarray(words @ self.vectors, np.float32)

    def _places(self, word: str) -> list[int]:
        """Where a word's pieces stand, the longest first (Wu et al. 2016); nowhere if one is missing."""
        if len(word) > LONGEST_WORD:
            return []
        found, mark = [], ""
        while word:
            ends = range(min(len(word), self.longest), 0, -1)
            end = next((end for end in ends if mark + word[:end] in self.pieces), None)
            if end is None:
                return []
            found.append(self.pieces[mark + word[:end]])
            word, mark = word[end:], _INSIDE
        return found


def read_table(path: Path) -> WordTable:
    """A table as docs/word-table/make.py writes it."""
    with np.load(path) as stored:
        pieces = bytes(stored["pieces"]).decode("ascii").split("\n")
        return WordTable(
            pieces={piece: place for place, piece in enumerate(pieces)},
            longest=max(len(piece.removeprefix(_INSIDE)) for piece in pieces),
            vectors=stored["q"],
            scales=stored["scale"],
        )


@cache
def word_table() -> WordTable:
    """The table that is shipped."""
    return read_table(_TABLE)
