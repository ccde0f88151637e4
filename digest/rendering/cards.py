"""A pick as an edition shows it: its words, its score accounted for, its links.

What is made for every card of every mail is a named tuple, as a frozen dataclass takes three times as long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from digest.language import Language
from digest.links import first_page, pages_of
from digest.model import Candidate, Every, Paper, Pick, Reason, ReasonKind, SectionName, Trend, Where
from digest.rendering.excerpt import Excerpt, make_excerpt, mark
from digest.rendering.phrases import shown, shown_title, signed
from digest.text import shorten, title_key
from digest.wording import reason_in_words


class Detail(StrEnum):
    """How much of a paper is shown."""

    FULL = "full"
    SHORT = "short"
    LINE = "line"


class Link(NamedTuple):
    """A labelled address."""

    label: str
    url: str


class Points(NamedTuple):
    """A reason in words: `+31` or `−8`, and for what."""

    points: str
    before: str
    """What is said before the title of a liked or disliked paper; of other reasons, all that is said."""
    title: str
    after: str
    """What is said after it: the words that carried the likeness."""
    said: str
    """All of it as plain text, with the title in quotation marks."""


class Twin(NamedTuple):
    """A paper that says almost the same as the card's."""

    title: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PaperInWords:
    """What every reader of one language is told alike of a paper. Empty means there is nothing to show."""

    title: str
    link: str
    language: str
    """Of title and abstract: `en` for what is in Latin script, empty (not known) for the rest."""
    authors: tuple[str, ...]
    others: str
    """`and 7 others`."""
    details: tuple[str, ...]
    """Organisation and date."""
    votes: str
    links: tuple[Link, ...]


class Account(NamedTuple):
    """A score and what it consists of."""

    score: int
    rest: int
    """What is missing to 100."""
    opening: str
    """`Score 90`."""
    said: str
    """All of it as plain text."""
    reasons: tuple[Points, ...]


class Card(NamedTuple):
    """A paper as one reader's edition shows it. Empty means there is nothing to show."""

    number: int
    """Its place among all that the edition shows, from 1 on."""
    section: SectionName
    detail: Detail
    paper: PaperInWords
    account: Account
    excerpt: Excerpt | None = None
    """Of the authors' abstract."""
    summary: Excerpt | None = None
    """A language model's words, shown in place of the excerpt and never without `written_by`."""
    written_by: str = ""
    aside: str = ""
    """Why a paper below the threshold is shown."""
    twins: tuple[Twin, ...] = ()
    """The first that say almost the same."""
    n_twins: int = 0
    """How many there are, named or not."""

    @property
    def score(self) -> int:
        """The score without its account."""
        return self.account.score

    @property
    def rest(self) -> int:
        """What it lacks to 100."""
        return self.account.rest

    @property
    def explained(self) -> bool:
        """Whether the score has reasons."""
        return bool(self.account.reasons)


MAX_SUMMARY = 1_000


def make_card(  # noqa: PLR0913  # all but two are named
    pick: Pick, paper: PaperInWords, *, number: int, section: SectionName, detail: Detail, language: Language
) -> Card:
    """The pick in the given detail."""
    excerpt, summary = _words_of(pick) if detail is Detail.FULL else (None, None)
    return Card(
        number=number,
        section=section,
        detail=detail,
        paper=paper,
        account=make_account(pick.score.value, pick.score.reasons, language),
        excerpt=excerpt,
        summary=summary,
        written_by=shown(pick.summary.model) if summary and pick.summary else "",
        twins=tuple([_twin(pick.paper, one.paper) for one in pick.twins[:MAX_TWINS]]),
        n_twins=len(pick.twins),
    )


def shrink_card(card: Card, detail: Detail) -> Card:
    """The card in less detail; one that has no more than that stays as it is."""
    if _ORDER.index(detail) <= _ORDER.index(card.detail):
        return card
    twins = () if detail is Detail.LINE else card.twins
    return card._replace(detail=detail, excerpt=None, summary=None, written_by="", twins=twins)


_ORDER = tuple(Detail)


def describe(candidate: Candidate, today: date, language: Language) -> PaperInWords:
    """What readers are told alike of a paper, in a language, on that day."""
    paper = candidate.paper
    links = tuple(_links(paper, language))
    return PaperInWords(
        title=shown_title(paper.title),
        link=links[0].url,
        language="en" if _is_latin(paper.title) else "",
        authors=tuple(shown(author) for author in _first_authors(paper)),
        others=_others(paper, language),
        details=tuple(_details(paper, today, language)),
        votes=_votes(candidate, language),
        links=links,
    )


def _is_latin(title: str) -> bool:
    """Whether a title is in Latin letters, as English is, in which nearly all papers are written."""
    letters = [char for char in title if char.isalpha()]
    return 2 * sum(map(str.isascii, letters)) > len(letters)


# ---------------------------------------------------------------- links and people


def _links(paper: Paper, language: Language) -> list[Link]:
    """Labels and safe addresses, the abstract's first, none twice; a search where no page is known."""
    labels = {
        "abstract": language.say("Abstract"),
        "pdf": "PDF",
        "html": "HTML",
        "huggingface": "Hugging Face",
        "code": language.say("Code"),
        "project": language.say("Project"),
        "search": language.say("Find it"),
    }
    first_name: dict[str, str] = {}
    for name, url in pages_of(paper).items():
        first_name.setdefault(url, name)
    return [Link(labels[name], url) for url, name in first_name.items()]


MAX_AUTHORS = 4


def _first_authors(paper: Paper) -> tuple[str, ...]:
    """All of up to four, or the first three: "and 1 other" would be no shorter than the name."""
    authors = paper.authors or ()
    return authors if _n_authors(paper) <= MAX_AUTHORS else authors[: MAX_AUTHORS - 1]


def _others(paper: Paper, language: Language) -> str:
    total, named = _n_authors(paper), len(_first_authors(paper))
    if total == named:
        return ""
    if not named:
        return language.count("{n} author", "{n} authors", total)
    return language.count("and {n} other", "and {n} others", total - named)


def _n_authors(paper: Paper) -> int:
    return max(paper.n_authors or 0, len(paper.authors or ()))


def _details(paper: Paper, today: date, language: Language) -> Iterable[str]:
    if paper.organization:
        yield shown(paper.organization)
    if paper.published:
        yield language.date_seen_from(today, paper.published)


# ---------------------------------------------------------------- words of the paper

MAX_WORDS = 60
WORTH_MARKING = 15


def _words_of(pick: Pick) -> tuple[Excerpt | None, Excerpt | None]:
    """The excerpt of the abstract, and the summary, if there is one; the reader's words marked in both."""
    words = _carriers(pick.score.reasons)
    excerpt = make_excerpt(pick.paper.abstract, words) if pick.paper.abstract else None
    return excerpt, mark(shown(pick.summary.text, MAX_SUMMARY), words) if pick.summary else None


def _carriers(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The paper's words that earned points; those that cost some are not what the reader looks for.

    Of a likeness worth a few points they are none either: "tokens" or "pass" here and there say nothing.
    """
    told = [r for r in reasons if r.points >= (WORTH_MARKING if r.kind in _OF_PAPERS else 1)]
    return tuple(dict.fromkeys([w for r in told for w in r.words]))[:MAX_WORDS]


# ---------------------------------------------------------------- the score

MAX_REASONS = 6


def make_account(value: int, reasons: Sequence[Reason], language: Language) -> Account:
    """A score in words, the largest reasons first.

    Beyond six, the smaller ones are told in one sum, so that all add up to the score.
    """
    ranked = sorted([r for r in reasons if r.points], key=lambda r: (-abs(r.points), r.about))
    n_named = len(ranked) if len(ranked) <= MAX_REASONS else MAX_REASONS - 1
    told = [Points(signed(r.points), *_in_words(r, language)) for r in ranked[:n_named]]
    if rest := ranked[n_named:]:
        smaller = language.count("{n} smaller reason", "{n} smaller reasons", len(rest))
        told.append(Points(signed(sum(r.points for r in rest)), smaller, "", "", smaller))
    score = min(max(value, 0), 100)
    opening = _opening(score, language)
    said = opening
    if told:
        before, after = _around_words(language)
        said += before + " · ".join([f"{one.points} {one.said}" for one in told]) + after
    return Account(score, 100 - score, opening, said, tuple(told))


@lru_cache(maxsize=64)
def _around_words(language: Language) -> tuple[str, str]:
    """What stands before and after what follows a colon."""
    before, _, after = language.say(": {words}", words="\x00").partition("\x00")
    return before, after


@lru_cache(maxsize=1_024)
def _opening(score: int, language: Language) -> str:
    return language.say("Score {score}", score=score)


_OF_PAPERS = (ReasonKind.LIKED, ReasonKind.DISLIKED)
MAX_CARRIERS = 3
MAX_CARRIER = 40


def _in_words(reason: Reason, language: Language) -> tuple[str, str, str, str]:
    """What is said before a paper's title, the title, what is said after it, and all of that as text."""
    if reason.kind in _OF_PAPERS:
        return _likeness(reason.kind, reason.about, reason.words[:MAX_CARRIERS], language)
    return _phrase(reason.kind, reason.about, reason.where, reason.said, language)


@lru_cache(maxsize=16_384)
def _phrase(
    kind: ReasonKind, about: str, where: Where | None, said: str, language: Language
) -> tuple[str, str, str, str]:
    told = shown(reason_in_words(Reason(kind=kind, about=about, where=where, said=said, points=1), language))
    return told, "", "", told


@lru_cache(maxsize=16_384)
def _likeness(
    kind: ReasonKind, about: str, words: tuple[str, ...], language: Language
) -> tuple[str, str, str, str]:
    """`like `, a title, `, which you disliked`, in the order of the language, and the words they share."""
    whole = reason_in_words(Reason(kind=kind, about="\x00", points=1), language)
    before, _, after = whole.partition("\x00")
    shared = ", ".join(filter(None, [shown(word, MAX_CARRIER) for word in words]))
    if shared:
        after += shared.join(_around_words(language))
    title = _by_name(shown(about))
    quoted = language.say("“{title}”", title=title) if title else ""
    return before, title, after, f"{before}{quoted}{after}"


SHORTEST_NAME = 3


def _by_name(title: str) -> str:
    """What a title calls its paper, before a colon if it does; who liked the paper knows it by that."""
    name, colon, _ = title.strip("“”").partition(": ")
    return name if colon and len(name) >= SHORTEST_NAME else title.strip("“”")


# ---------------------------------------------------------------- twins and votes

MAX_TWINS = 3
MAX_TWIN_TITLE = 100


def _twin(paper: Paper, twin: Paper) -> Twin:
    """A twin by its title; by its id too, if the titles are equal."""
    title = shorten(shown_title(twin.title), MAX_TWIN_TITLE)
    if title_key(paper.title) == title_key(twin.title):
        title = f"{title} ({shown(twin.id, MAX_CARRIER)})"
    return Twin(title, first_page(twin))


NOTABLE_PERCENT = 25
"""From the best quarter on, a place among the votes of a day or a period says something."""


def _votes(candidate: Candidate, language: Language) -> str:
    """Votes with their meaning where it is known, else with comments; the code's stars named apart."""
    return " · ".join([*_said_of_votes(candidate, language), *_said_of_stars(candidate, language)])


def _said_of_votes(candidate: Candidate, language: Language) -> Iterable[str]:
    seen, trend = candidate.observation, candidate.trend
    if trend:
        votes = language.count("{n} vote", "{n} votes", trend.upvotes)
        yield _placed(votes, trend, language) if trend.percent <= NOTABLE_PERCENT else votes
        return
    if seen and seen.upvotes:
        yield language.count("{n} vote", "{n} votes", seen.upvotes)
    if seen and seen.comments:
        yield language.count("{n} comment", "{n} comments", seen.comments)


def _placed(votes: str, trend: Trend, language: Language) -> str:
    """Votes with the place that they give, and among what."""
    if trend.over is Every.DAY:
        return language.say("{votes}, top {percent} % of its list day", votes=votes, percent=trend.percent)
    fields = {"votes": votes, "percent": trend.percent}
    if trend.over is Every.WEEK:
        return language.count(
            "{votes}, top {percent} % of the week’s {n} paper with votes",
            "{votes}, top {percent} % of the week’s {n} papers with votes",
            trend.among,
            **fields,
        )
    return language.count(
        "{votes}, top {percent} % of the month’s {n} paper with votes",
        "{votes}, top {percent} % of the month’s {n} papers with votes",
        trend.among,
        **fields,
    )


def _said_of_stars(candidate: Candidate, language: Language) -> Iterable[str]:
    seen = candidate.observation
    if seen and seen.stars:
        yield language.count("{n} star for the code", "{n} stars for the code", seen.stars)
