"""A profile's phrases against stored papers: what matches nothing, and what matches nearly everything."""

import difflib
from collections import Counter
from collections.abc import Iterator

from digest.model import Profile
from digest.pipeline import Shelf
from digest.profiles.findings import Finding
from digest.profiles.wording import Said, said
from digest.text import WORD, fold, words

COMMON_PERCENT = 60
"""From here on a phrase tells few papers from others."""
ENOUGH_PAPERS = 20
"""With fewer, a phrase that all of them have says little of the phrase."""


def check_matching(profile: Profile, shelf: Shelf) -> Iterator[Finding]:
    """Each interest, alias and thing to avoid that matches no paper, or nearly every one."""
    phrases, n_papers, spoken = said(profile), len(shelf.candidates), _Vocabulary(shelf)
    found = {one: len(shelf.index.saying(one.text)) for one in phrases}
    for one in phrases:
        own = [found[other] for other in phrases if other.interest is one.interest]
        if one.is_alias and own[0] and not found[one]:
            yield _dead_alias(one, own[0], n_papers, spoken)
        if not one.is_alias and not any(own):
            yield _dead(one, n_papers, spoken)
    for one in phrases:
        if n_papers >= ENOUGH_PAPERS and 100 * found[one] >= COMMON_PERCENT * n_papers:
            yield _common(one, found[one], n_papers)


def _dead(one: Said, n_papers: int, spoken: "_Vocabulary") -> Finding:
    and_aliases = " and its aliases are" if one.interest.aliases else " is"
    return Finding(
        check="matches-nothing",
        key=one.key,
        what=f"“{one.text}”{and_aliases} in none of {n_papers:,} papers{spoken.remark(one.text)}",
        fix=spoken.advice(one.text)
        or "Say it as abstracts do, or shorter; or keep it, for the paper to come",
    )


def _dead_alias(one: Said, whole: int, n_papers: int, spoken: "_Vocabulary") -> Finding:
    return Finding(
        check="alias-matches-nothing",
        key=one.key,
        what=(
            f"“{one.text}” is in none of {n_papers:,} papers, while “{one.interest.phrase}” is in {whole:,}"
            f"{spoken.remark(one.text)}"
        ),
        fix=spoken.advice(one.text) or "Leave it out, or keep it for the paper to come",
    )


def _common(one: Said, count: int, n_papers: int) -> Finding:
    return Finding(
        check="matches-most",
        key=one.key,
        what=(
            f"“{one.text}” is in {count:,} of {n_papers:,} papers ({100 * count // n_papers} %), "
            "so it tells few from others"
        ),
        fix="Say it more narrowly, or leave it out",
    )


class _Vocabulary:
    """The words that papers use, to tell a misspelt one."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._words: Counter[str] = Counter()

    def remark(self, text: str) -> str:
        """`, nor is the word “specuative” in any`, where that is so."""
        unknown = self._unknown(text)
        if not unknown or len(words(text)) == 1:
            return ""
        return f", nor is the word “{unknown[0]}” in any"

    def advice(self, text: str) -> str:
        """What was probably meant."""
        for word in self._unknown(text):
            near = difflib.get_close_matches(fold(word), self._like(word), n=1, cutoff=0.8)
            if near:
                return f"Did you mean “{text.replace(word, near[0])}”?"
        return ""

    def _unknown(self, text: str) -> list[str]:
        """The words of a phrase that no paper has."""
        parts = (text[word.start : word.end] for word in words(text))
        return [part for part in parts if not self._shelf.index.saying(part)]

    def _like(self, word: str) -> list[str]:
        """Words that begin alike, and are used more than once, so that they are not misspelt themselves."""
        if not self._words:
            papers = [candidate.paper for candidate in self._shelf.candidates]
            texts = (text for paper in papers for text in (paper.title, paper.abstract or ""))
            self._words.update(found for text in texts for found in WORD.findall(fold(text)))
        first = fold(word)[:1]
        return [known for known, n in self._words.most_common() if n > 1 and known.startswith(first)]
