"""Papers -> a sparse matrix of the words, and the pairs of neighbouring words, that stand in each."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from digest.text import STOPWORDS, joined_words, spellings, stem

Texts = Iterable[tuple[str, str]]
"""Title and abstract of each paper, in the order of the rows."""
Matrix: TypeAlias = sparse.csr_array
Numbers = NDArray[np.int64]

_NOTHING = -1
"""Stands for a word without a subject, or one nobody else uses; ends a pair."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The columns: words first, then pairs."""

    words: dict[str, int]
    stems: tuple[str, ...]
    """The words of the columns, by number."""
    spellings: tuple[str, ...]
    """Each word as it was first met."""
    pairs: Numbers
    """Sorted; a pair is the number of its first word times 2**32 and that of its second."""

    def __len__(self) -> int:
        return len(self.words) + len(self.pairs)

    def name(self, column: int) -> str:
        """The stem, or both stems, of a column."""
        if column < len(self.words):
            return self.stems[column]
        first, second = divmod(int(self.pairs[column - len(self.words)]), 1 << 32)
        return f"{self.name(first)} {self.name(second)}"


class _Numbers(dict[str, int]):
    """Spelling -> number of its stem, each looked up once; learns new stems unless there is no `learn`."""

    def __init__(self, stems: dict[str, int], *, learn: bool) -> None:
        super().__init__()
        self.stems, self._learn = stems, learn
        self.first_met: list[str] = []

    def __missing__(self, spelling: str) -> int:
        found = stem(spelling)
        says_nothing = found in STOPWORDS or not found.isalnum()
        self[spelling] = _NOTHING if says_nothing else self._number(found, spelling)
        return self[spelling]

    def _number(self, found: str, spelling: str) -> int:
        if self._learn and found not in self.stems:
            self.stems[found] = len(self.stems)
            self.first_met.append(spelling)
        return self.stems.get(found, _NOTHING)


def learn_terms(texts: Texts) -> tuple[Terms, Matrix]:
    """The terms of these papers, and how often each stands in each; a pair must stand in two papers."""
    known = _Numbers({}, learn=True)
    numbers, rows, n_papers = _read(texts, known)
    pairs = _pairs(numbers)
    terms = Terms(
        words=known.stems,
        stems=tuple(known.stems),
        spellings=tuple(known.first_met),
        pairs=_of_two_papers(pairs, rows),
    )
    return terms, _counts(terms, numbers, pairs, rows, n_papers)


def count_terms(terms: Terms, texts: Texts) -> Matrix:
    """How often each known term stands in each of these papers."""
    numbers, rows, n_papers = _read(texts, _Numbers(terms.words, learn=False))
    return _counts(terms, numbers, _pairs(numbers), rows, n_papers)


def _read(texts: Texts, numbers: _Numbers) -> tuple[Numbers, NDArray[np.int32], int]:
    """Every word of every paper as its number, one paper after the other; and the row of each."""
    found, lengths = array("q"), []
    for title, abstract in texts:
        heading, body = _numbered(title, numbers), _numbered(abstract, numbers)
        found.extend(heading * 2 + body)  # the title counts twice
        lengths.append(2 * len(heading) + len(body))
    rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    return np.frombuffer(found, dtype=np.int64) if found else np.empty(0, np.int64), rows, len(lengths)


def _numbered(text: str, numbers: _Numbers) -> list[int]:
    """The words of a text; those with hyphens once more without: "pre-training" is "pretraining", too."""
    found = [*map(numbers.__getitem__, spellings(text)), _NOTHING]
    for word in joined_words(text):
        found += (numbers[word], _NOTHING)
    return found


def _pairs(numbers: Numbers) -> Numbers:
    """For each word the pair it begins, or nothing."""
    following = np.append(numbers[1:], _NOTHING) if len(numbers) else numbers
    return np.where((numbers < 0) | (following < 0), _NOTHING, (numbers << 32) | following)


def _of_two_papers(pairs: Numbers, rows: NDArray[np.int32]) -> Numbers:
    """The pairs that stand in more than one paper, sorted."""
    by_pair = np.argsort(pairs, kind="stable")  # rows stay in their order within a pair
    pairs, rows = pairs[by_pair], rows[by_pair]
    goes_on = (pairs[1:] == pairs[:-1]) & (rows[1:] != rows[:-1])
    found = np.unique(pairs[1:][goes_on])
    return np.asarray(found[found != _NOTHING], np.int64)


def _counts(
    terms: Terms,
    numbers: Numbers,
    pairs: Numbers,
    rows: NDArray[np.int32],
    n_papers: int,
) -> Matrix:
    at = np.searchsorted(terms.pairs, pairs).astype(np.int32)
    known = np.append(terms.pairs, _NOTHING)[at] == pairs
    known &= pairs != _NOTHING
    is_word = numbers != _NOTHING
    columns = np.concatenate([numbers[is_word].astype(np.int32), at[known] + np.int32(len(terms.words))])
    where = np.concatenate([rows[is_word], rows[known]])
    ones = np.ones(len(columns), np.float32)
    return sparse.csr_array((ones, (where, columns)), shape=(n_papers, len(terms)))
