"""When two lists mean the same paper, and what is then known of it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import TypeVar

from digest.links import is_arxiv_id
from digest.model import Observation, Paper
from digest.text import MAX_TITLE, WORD, fold, title_key

T = TypeVar("T")
TITLE_PREFIX = "title:"
LIBRARY = "library"
"""The source of a paper that is known from a reader's own file alone: private text."""
MOST_ALIASES = 20
"""How many other ids of one paper a list is believed."""
LEAST_WORDS = 4
LEAST_KEY = 20
"""Of a title that tells a paper: its words, and the letters and digits of its key."""
LONGEST_WAY = timedelta(days=3 * 365)
"""From a preprint to the paper in print; what lies further apart is not one paper."""


# ---------------------------------------------------------------- ids


def is_title_only(identifier: str) -> bool:
    """Whether this id was made from a title, for want of a better one."""
    return identifier.startswith(TITLE_PREFIX)


def rank(identifier: str) -> tuple[int, str]:
    """The best id of a paper comes first: arXiv's, a DOI, a source's own, one of a title; then by letters."""
    if is_arxiv_id(identifier):
        return 0, identifier
    if identifier.startswith("10."):
        return 1, identifier
    return 3 if is_title_only(identifier) else 2, identifier


def kinds(ids: Iterable[str]) -> frozenset[str]:
    """Who gave these ids, titles left out; nobody gives a paper two of one kind."""
    return frozenset(_kind(one) for one in ids if not is_title_only(one))


def _kind(identifier: str) -> str:
    """`arxiv`, `doi`, or what stands before the colon."""
    named = ("arxiv", "doi")
    of_rank = rank(identifier)[0]
    return named[of_rank] if of_rank < len(named) else identifier.partition(":")[0]


def ids_of(paper: Paper) -> tuple[str, ...]:
    """The id a list has a paper under, then its other real ones, the best first.

    Nothing has two arXiv ids: beside one of its own, and where there are several and none is its own, those
    of arXiv are not believed.
    """
    others = sorted({one for one in paper.aliases[:MOST_ALIASES] if one and not is_title_only(one)}, key=rank)
    ids = dict.fromkeys((paper.id, *others))
    arxiv = [one for one in ids if is_arxiv_id(one)]
    disbelieved = arxiv if len(arxiv) > 1 else []
    return tuple(one for one in ids if one == paper.id or one not in disbelieved)


def may_be_one(ids: Iterable[str], others: Iterable[str]) -> bool:
    """Whether all these ids may be of one paper: two of arXiv's are never."""
    return len({one for one in (*ids, *others) if is_arxiv_id(one)}) <= 1


# Whose word on ids of a kind counts, whatever others say; Semantic Scholar's trade is to gather ids.
_GATHERER = "semanticscholar"
_OWNERS = {
    "arxiv": frozenset({"arxiv", "huggingface"}),
    "doi": frozenset({"biorxiv"}),
    "s2": frozenset({_GATHERER}),
    "openreview": frozenset({"openreview"}),
}
_OF_RECORD = frozenset({_GATHERER}).union(*_OWNERS.values())


def owns(source: str, identifier: str) -> bool:
    """Whether a kind of source knows at first hand what this id is of."""
    return source == _GATHERER or source in _OWNERS.get(_kind(identifier), ())


def is_of_record(source: str) -> bool:
    """Whether anybody answers for what this kind of source lists; nobody does for feeds and saved texts."""
    return source in _OF_RECORD


def _weight(source: str, identifier: str) -> tuple[bool, bool]:
    """How much a kind of source's words on a paper of this id count against another's."""
    return owns(source, identifier), is_of_record(source)


def identities(paper: Paper) -> frozenset[str]:
    """The ids a list may have this paper under: its own, its others, and the one of its title."""
    return frozenset((paper.id, *paper.aliases, title_identity(paper.title)))


# ---------------------------------------------------------------- titles


def title_identity(title: str) -> str:
    """The id of a paper known by nothing but its title: its letters and digits.

    A hash where there are none, or more than a title has: folded, one character may be eighteen (U+FDFA).
    """
    key = title_key(title)
    is_usable = 0 < len(key) <= MAX_TITLE
    return TITLE_PREFIX + (key if is_usable else sha256(title.encode(errors="replace")).hexdigest()[:16])


def title_keys(paper: Paper) -> frozenset[str]:
    """What other spellings of a paper's title share with it: any one in common is the same title."""
    own = {paper.id} if is_title_only(paper.id) else set()
    return frozenset({title_identity(paper.title), _rough(paper.title), *own})


# Commands that only say how letters look; of a list that strips backslashes, those that are no words.
_LOOKS = re.compile(
    r"\\(?:text|emph|mbox|bf|it|rm|sc|sf|tt|em|bm)(?![A-Za-z])|text(?=\{)|boldsymbol|operatorname|ensuremath"
    r"|var(?=epsilon|kappa|phi|rho|sigma|theta)|math(?:bb|bf|cal|frak|it|rm|scr|sf|tt)|text(?:bf|it|md|normal|rm|sc|sf|sl|tt|up)"
)
_NAMES = {
    "×": "times", "·": "cdot", "∘": "circ", "⊕": "oplus", "⊗": "otimes", "±": "pm", "∗": "ast", "⋆": "star",
    "∞": "infty", "∇": "nabla", "∂": "partial", "∑": "sum", "∏": "prod", "∫": "int", "√": "sqrt", "∈": "in",
    "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "∼": "sim", "→": "rightarrow", "↔": "leftrightarrow",
}  # fmt: skip
_GREEK = re.compile(r"GREEK SMALL LETTER (?:FINAL )?([A-Z]+)(?: WITH.*)?")


@lru_cache(maxsize=20_000)
def _rough(title: str) -> str:
    """The key of a title in TeX, in Unicode and without TeX's signs: `$\\alpha$`, `α` and `alpha` are one."""
    plain = _LOOKS.sub("", title)
    if not plain.isascii():
        plain = "".join(map(_spelled, unicodedata.normalize("NFKC", plain).lower()))
    return title_identity(plain)


@lru_cache(maxsize=4_096)
def _spelled(char: str) -> str:
    """A sign by the name that TeX has for it."""
    if char in _NAMES:
        return _NAMES[char]
    greek = _GREEK.fullmatch(unicodedata.name(char, "")) if "α" <= char <= "ϖ" else None
    return {"lamda": "lambda"}.get(name := greek[1].lower(), name) if greek else char


# What journals and repositories call pages of many papers alike.
_OF_MANY = re.compile(
    r"(?:author |publisher )?corrections?\b|abstracts\b|acknowledge?ments|book review|call for|contributors"
    r"|corrigend|editor|errat|expressions? of concern|foreword|front matter|from the|guest editor|in memoriam"
    r"|in this issue|introduction\b|issue information|letters? to|list of|message from|news\b"
    r"|notes? (?:from|to|on)\b|obituar|preface|proceedings|program(?:me)? of|referee"
    r"|repl(?:y|ies) (?:to|by|from)|report of|responses? (?:to|by|from)|retract|reviewers?\b"
    r"|special (?:issue|section)|supplement|supporting information|table of contents|withdraw"
)


@lru_cache(maxsize=20_000)
def is_telling(title: str) -> bool:
    """Whether nobody else is likely to call a paper so, unlike "Response to reviewers of the manuscript"."""
    folded = fold(title).strip()
    is_long = len(WORD.findall(folded)) >= LEAST_WORDS and len(title_key(title)) >= LEAST_KEY
    return is_long and not _OF_MANY.match(folded)


def agree(one: Paper, other: Paper) -> bool:
    """Whether nothing speaks against two papers of one title being one.

    What both know must fit: a surname in common, and not years between them.
    """
    if one.published and other.published and abs(one.published - other.published) >= LONGEST_WAY:
        return False
    return not (one.authors and other.authors) or _share_a_surname(one.authors, other.authors)


LEAST_WORD = 5
"""Letters of a word that two papers of one author do not share by chance, unlike those of every title."""
_OF_EVERY_TITLE = frozenset(
    "about across analysis approach based between beyond data deep efficient evaluation framework general "
    "generation image improving information language large learning method methods model modeling models "
    "multi network networks neural novel paper performance problem research robust study system systems task "
    "tasks their through toward towards training under using video vision visual which without".split()
)


def alike(one: Paper, other: Paper) -> bool:
    """Whether two papers that somebody calls one look like it, and nothing speaks against that.

    They share a title, or most of the shorter one's words, or an author and a word that tells something.
    """
    if not agree(one, other):
        return False
    if title_keys(one) & title_keys(other):
        return True
    ours, theirs = _title_words(one.title), _title_words(other.title)
    common = ours & theirs
    if 2 * len(common) > min(len(ours), len(theirs)) and len(common) > 1:
        return True
    tells = any(len(word) >= LEAST_WORD for word in common - _OF_EVERY_TITLE)
    return tells and have_an_author_in_common(one, other)


def have_an_author_in_common(one: Paper, other: Paper) -> bool:
    """Whether both are known to be by somebody of one surname."""
    ours = {_surname(name) for name in one.authors or ()} - {""}
    theirs = {_surname(name) for name in other.authors or ()} - {""}
    return bool(ours & theirs)


@lru_cache(maxsize=4_096)
def _title_words(title: str) -> frozenset[str]:
    return frozenset(WORD.findall(fold(title)))


# ---------------------------------------------------------------- names of authors

_NAME_WORD = re.compile(r"[^\W\d_]+")


def _share_a_surname(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Also where one list puts it first and the other last; where there are none to be seen, who knows."""
    ours, theirs = set(map(_surname, some)) - {""}, set(map(_surname, others)) - {""}
    if not ours or not theirs:
        return True
    return bool(ours & _words_of(others) or theirs & _words_of(some))


def _surname(name: str) -> str:
    """`lovelace`, of "Ada Lovelace", "Lovelace, Ada" and "Lovelace A"; empty if there are only initials."""
    before, comma, _ = name.partition(",")
    words = [word for word in _NAME_WORD.findall(fold(before if comma else name)) if len(word) > 1]
    return words[-1] if words else ""


def _words_of(names: tuple[str, ...]) -> set[str]:
    return {word for name in names for word in _NAME_WORD.findall(fold(name))}


def _is_abbreviated(name: str) -> bool:
    """Whether of a person's names only one is written out, as in "A. Lovelace" and "Lovelace AK"."""
    words = _NAME_WORD.findall(name)
    whole = [word for word in words if not _is_initials(word)]
    return len(words) > 1 and len(whole) == 1


def _is_initials(word: str) -> bool:
    return len(word) == 1 or (len(word) <= 3 and word.isupper() and word.isascii())


# ---------------------------------------------------------------- one paper of two


def merged(known: Paper, new: Paper) -> Paper:
    """What two lists say of one paper: what is known stays unless the new is plainly better; gaps are filled.

    Better is a better id (the other one becomes an alias), the same authors with their names written out, and
    the whole of an abstract that was cut. Names of authors are better than their number: with names, the
    number follows them. Who knows the best id at first hand, or answers for what is listed, goes before who
    does not, whoever came first.
    Against what a source says, what a reader's own file says counts for nothing: it is that reader's alone.
    """
    best = known.id if known.id == new.id else min(known.id, new.id, key=rank)
    aliases = _aliases(best, known, new)
    if known.source == LIBRARY != new.source:
        return replace(new, id=best, aliases=aliases)
    if _weight(new.source, best) > _weight(known.source, best):
        known, new = new, known
    is_hearsay = _weight(new.source, best) < _weight(known.source, best)
    authors = _better_names(known.authors, new.authors)
    return replace(
        known,
        id=best,
        aliases=aliases,
        abstract=_first(known.abstract, new.abstract)
        if is_hearsay
        else _longer(known.abstract, new.abstract),
        authors=authors,
        n_authors=len(authors) if authors else _first(known.n_authors, new.n_authors),
        organization=known.organization or new.organization,
        organization_slug=known.organization_slug or new.organization_slug,
        published=known.published or new.published,
        url=known.url or new.url,
        code_url=known.code_url or new.code_url,
        project_url=known.project_url or new.project_url,
        keywords=known.keywords or new.keywords,
    )


def _aliases(best: str, known: Paper, new: Paper) -> tuple[str, ...]:
    """Its other real ids."""
    others = {known.id, *known.aliases, new.id, *new.aliases} - {best}
    return tuple(sorted((one for one in others if not is_title_only(one)), key=rank))


def _better_names(known: tuple[str, ...] | None, new: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The known names, unless the new are as many, the same, and more of them are written out."""
    if not known or not new or known == new or len(known) != len(new):
        return known or new
    if sum(map(_is_abbreviated, known)) <= sum(map(_is_abbreviated, new)):
        return known
    are_same = (_share_a_surname((one,), (other,)) for one, other in zip(known, new, strict=True))
    return new if all(are_same) else known


_CUT = re.compile(r"\s*(?:…|\.\.\.)$")


def _longer(known: str | None, new: str | None) -> str | None:
    """The known abstract, unless it is the cut beginning of the new one."""
    if not known or not new or len(new) <= len(known):
        return known or new
    whole = _CUT.sub("", known)
    was_cut = len(whole) < len(known) and not _CUT.search(new)
    return new if was_cut or new.startswith(whole) else known


def latest(observations: Iterable[Observation]) -> Observation | None:
    """What is known now from several observations: of each figure the newest one that somebody stated.

    Of one moment, what the newest list said counts; of one list, the most votes.
    """
    newest_first = sorted(observations, key=_recency, reverse=True)
    if not newest_first:
        return None
    return Observation(
        at=newest_first[0].at,
        listed_on=_first(*(seen.listed_on for seen in newest_first)),
        upvotes=_first(*(seen.upvotes for seen in newest_first)),
        comments=_first(*(seen.comments for seen in newest_first)),
        stars=_first(*(seen.stars for seen in newest_first)),
    )


def decisive(observations: Sequence[Observation]) -> tuple[Observation, ...]:
    """Those that `latest` goes by, oldest first: the newest of all, and of each figure the newest stated."""
    if len(observations) < 2:
        return tuple(observations)
    newest_first = sorted(observations, key=_recency, reverse=True)
    figures = ("at", "listed_on", "upvotes", "comments", "stars")
    stated = (
        next((seen for seen in newest_first if getattr(seen, one) is not None), None) for one in figures
    )
    kept = set(filter(None, stated))
    return tuple(seen for seen in dict.fromkeys(reversed(newest_first)) if seen in kept)


def _recency(seen: Observation) -> tuple[datetime, date, int, int, int]:
    return (
        seen.at,
        seen.listed_on or date.min,
        seen.upvotes or 0,
        seen.comments or 0,
        seen.stars or 0,
    )


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)
