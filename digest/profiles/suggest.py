"""Liked papers against the rest -> terms that tell them apart, as interests to paste into a profile.

Terms are weighed by the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008,
"Fightin' Words", section 3.5.1), on the number of papers that have a term rather than on how often they say
it, so that one paper's own invention does not count ten times. The prior is the share of all papers that have
the term. They are proposed only where chance can be ruled out: Fisher's exact test, times the number of terms
of the liked papers (Bonferroni).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, sqrt

from digest.model import Interest, Paper
from digest.scoring.phrases import field, phrase, stands
from digest.text import STOPWORDS, Word, words

FEWEST_LIKED = 3
"""With fewer, chance alone finds terms that all of them share."""
FEW_LIKED = 8
"""Below, what is found is a guess, and is said to be one."""
LONGEST = 3
"""Words of a phrase; a hyphenated one counts as one."""
PRIOR_PAPERS = 20
"""What the prior weighs, in papers."""
LEAST_PRIOR = 0.5
"""Half a paper: else the odds of a term that no other paper has, or every one, would have no limit."""
CHANCE = 0.05
"""The probability that chance alone makes any proposal at all, if no term told liked papers from others."""
SAME = 0.7
"""A term within another is the same if so much of its liked papers are the other's, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A term that tells liked papers from others, other ways to say it, and the evidence."""

    phrase: str
    aliases: tuple[str, ...]
    weight: int
    liked: int
    others: int
    example: str
    """The title of a liked paper that has it."""
    sureness: float
    """Standard deviations of its log-odds ratio from nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A stemmed word or phrase: the papers that have it, and how they write it."""

    stems: tuple[str, ...]
    liked: frozenset[str]
    others: int
    written: str
    ratio: float
    deviation: float

    @property
    def sureness(self) -> float:
        """Standard deviations from nothing."""
        return self.ratio / self.deviation


def suggest(
    wanted: Sequence[Paper], others: Iterable[Paper], known: Iterable[Interest], *, most: int
) -> tuple[Suggestion, ...]:
    """The terms that tell the `wanted` papers from the `others` best, without those `known` already."""
    ids = {paper.id for paper in wanted}
    rest = [paper for paper in others if paper.id not in ids]
    if len(wanted) < FEWEST_LIKED or not rest:
        return ()
    phrases = [text for interest in known for text in (interest.phrase, *interest.aliases)]
    terms = [term for term in _terms(wanted, rest) if not _is_known(term.written, phrases)]
    chosen = _merged(sorted(terms, key=lambda term: (-term.sureness, term.stems)))
    return tuple(_suggestion(group, wanted) for group in chosen[:most])


# ---------------------------------------------------------------- counting


def _terms(wanted: Sequence[Paper], rest: Sequence[Paper]) -> Iterator[Term]:
    """The terms that several wanted papers share, and that stand there surely more often than elsewhere."""
    fewest = 2 if len(wanted) < FEW_LIKED else 3
    written: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    liked: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for paper in wanted:
        for stems, surface in _spoken(paper):
            written[stems][surface] += 1
            liked[stems].add(paper.id)
    shared = {stems for stems, papers in liked.items() if len(papers) >= fewest}
    elsewhere = Counter(stems for paper in rest for stems in {found for found, _ in _spoken(paper, shared)})
    for stems in shared:
        ratio, deviation = log_odds(len(liked[stems]), len(wanted), elsewhere[stems], len(rest))
        if chance(len(liked[stems]), len(wanted), elsewhere[stems], len(rest)) * len(liked) <= CHANCE:
            yield Term(
                stems=stems,
                liked=frozenset(liked[stems]),
                others=elsewhere[stems],
                written=_usual(written[stems]),
                ratio=ratio,
                deviation=deviation,
            )


def log_odds(here: int, of_here: int, there: int, of_there: int) -> tuple[float, float]:
    """The log-odds ratio of a term in `here` of `of_here` papers to `there` of `of_there`; its deviation.

    Monroe, Colaresi & Quinn 2008, equations 16 and 20, with two outcomes a paper: it has the term, or not.
    """
    share = (here + there) / (of_here + of_there)
    prior, against = (max(LEAST_PRIOR, PRIOR_PAPERS * part) for part in (share, 1 - share))
    ratio = log((here + prior) / (of_here - here + against)) - log(
        (there + prior) / (of_there - there + against)
    )
    return ratio, sqrt(1 / (here + prior) + 1 / (there + prior))


def chance(here: int, of_here: int, there: int, of_there: int) -> float:
    """How likely as many as `here` of the papers that have a term are among `of_here` drawn at random.

    Fisher's exact test, one-sided: the upper tail of the hypergeometric distribution.
    """
    having, papers = here + there, of_here + of_there
    drawn = range(here, min(of_here, having) + 1)
    all_ways = _ways(papers, of_here)
    return sum(exp(_ways(having, n) + _ways(papers - having, of_here - n) - all_ways) for n in drawn)


def _ways(of: int, drawn: int) -> float:
    """The logarithm of the number of ways to draw so many; there is none to draw more than there are."""
    return lgamma(of + 1) - lgamma(drawn + 1) - lgamma(of - drawn + 1) if 0 <= drawn <= of else -inf


def _spoken(paper: Paper, only: set[tuple[str, ...]] | None = None) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every word and phrase of a paper, stemmed and as written; `only` those, if given."""
    for text in (paper.title, paper.abstract or ""):
        found = words(text)
        for start, first in enumerate(found):
            if _is_empty(first):
                continue
            for stems, last in _from(found, start, text):
                if not _is_empty(last) and (only is None or stems in only):
                    yield stems, text[first.start : last.end]


_JOINING = frozenset(("of", "to", "in", "for"))
"""Small words inside a term: "mixture of experts"; others join two: "glass and rice"."""
_APART = re.compile(r"[^\w\s'’‐‑-]|\s[-–—]")


def _from(found: Sequence[Word], start: int, text: str) -> Iterator[tuple[tuple[str, ...], Word]]:
    """The phrases that begin with a word, as long as no punctuation parts them."""
    stems: list[str] = []
    n_words = 0
    for place in range(start, min(start + 2 * LONGEST, len(found))):
        between = text[found[place - 1].end : found[place].start] if stems else ""
        if _APART.search(between):
            return
        n_words += not stems or " " in between
        if n_words > LONGEST:
            return
        stems.append(found[place].stem)
        if len(stems) > 2 and stems[-2] in STOPWORDS and stems[-2] not in _JOINING:
            return
        yield tuple(stems), found[place]


def _is_empty(word: Word) -> bool:
    return word.stem in STOPWORDS or word.stem.isdigit() or len(word.stem) < 2


def _usual(surfaces: Counter[str]) -> str:
    """The commonest way to write it; in small letters, but for acronyms and names."""
    by_small: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for surface, times in surfaces.items():
        by_small[surface.lower()][surface] += times
    small = max(by_small, key=lambda one: (by_small[one].total(), one))
    usual = max(by_small[small], key=lambda one: (by_small[small][one], one))
    return " ".join(part if _is_acronym(part) else part.lower() for part in usual.split())


def _is_acronym(word: str) -> bool:
    return any(char.isupper() for char in word[1:]) or not word[:1].isalpha()


# ---------------------------------------------------------------- what says the same


def _is_known(text: str, phrases: Iterable[str]) -> bool:
    """Whether the profile has the term, a part of it, or more than it."""
    place, sought = field(text), phrase(text)
    return any(
        stands(phrase(one), place) is not None or stands(sought, field(one)) is not None for one in phrases
    )


def _merged(terms: Sequence[Term]) -> list[list[Term]]:
    """Terms in groups that say the same, the one to suggest first; surest group first.

    A term within another (or around it) is left out; an acronym and its words are one, with an alias.
    """
    groups: list[list[Term]] = []
    for term in terms:
        same = [group for group in groups if _is_acronym_of(term, group[0]) or _overlap(term, group[0])]
        if not same:
            groups.append([term])
        elif _is_acronym_of(term, same[0][0]):
            same[0] += [term] if term.ratio >= SAME * same[0][0].ratio else []
        elif _says_more(term, same[0][0]):
            same[0][0] = term
    kept = [group for place, group in enumerate(groups) if not _is_in_any(group[0], groups[:place])]
    return sorted(kept, key=lambda group: -group[0].sureness)


def _is_in_any(term: Term, groups: Iterable[Sequence[Term]]) -> bool:
    """Whether a term, chosen early, stands within one that grew around it later."""
    return any(_overlap(term, group[0]) for group in groups)


def _overlap(term: Term, chosen: Term) -> bool:
    """Whether one stands within the other, or both are pieces of a longer phrase in most of its papers."""
    short, long = sorted((term.stems, chosen.stems), key=len)
    within = f" {' '.join(short)} " in f" {' '.join(long)} "
    shifted = len(short) > 1 and (
        short[1:] == long[: len(short) - 1] or short[:-1] == long[-len(short) + 1 :]
    )
    return within or (shifted and len(term.liked & chosen.liked) >= SAME * len(term.liked))


def _says_more(term: Term, chosen: Term) -> bool:
    """Whether a longer phrase should stand for the one chosen: it has nearly all of its papers."""
    return len(term.stems) > len(chosen.stems) and _share(term, chosen) >= SAME


def _share(one: Term, other: Term) -> float:
    return len(one.liked & other.liked) / max(len(one.liked), len(other.liked))


def _is_acronym_of(one: Term, other: Term) -> bool:
    short, long = sorted((one, other), key=lambda term: len(term.stems))
    letters = "".join(word[:1] for word in re.split(r"[\W_]+", long.written.lower()))
    name = short.written.lower().removesuffix("s")
    return len(short.stems) == 1 and len(letters) > 1 and name == letters.removesuffix("s")


# ---------------------------------------------------------------- what to write


def _suggestion(group: Sequence[Term], wanted: Sequence[Paper]) -> Suggestion:
    term, n_wanted = group[0], len(wanted)
    titles = {paper.id: paper.title for paper in wanted if paper.id in term.liked}
    in_title = [title for title in titles.values() if stands(phrase(term.written), field(title))]
    return Suggestion(
        phrase=term.written,
        aliases=tuple(dict.fromkeys(other.written for other in group[1:])),
        weight=weight_of(term.ratio, term.deviation, len(term.liked) / n_wanted),
        liked=len(term.liked),
        others=term.others,
        example=min(in_title or titles.values(), key=len),
        sureness=round(term.sureness, 2),
    )


def weight_of(ratio: float, deviation: float, share: float) -> int:
    """1 to 10: two for each doubling of the odds that is all but sure; half of it for a term of few.

    A term that half of the liked papers have counts in full, so 10 is 32 times the odds and half of them.
    """
    surely = max(0.0, ratio - deviation)
    from_odds = min(10.0, 2 * surely / log(2))
    return max(1, round(from_odds * (0.5 + min(share, 0.5))))
