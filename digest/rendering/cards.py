"""A pick as an edition shows it: its words, its score explained, its links."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from digest.links import links_of, safe_link, search_link
from digest.model import Candidate, Paper, Pick, Reason, ReasonKind
from digest.rendering.excerpt import Piece, make_excerpt, mark
from digest.rendering.phrases import counted, date_seen_from, shown, shown_title, signed
from digest.text import shorten, title_key


class Detail(StrEnum):
    """How much of a paper is shown."""

    FULL = "full"
    SHORT = "short"
    LINE = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A labelled address; `note` is its footnote's number in the text part."""

    label: str
    url: str
    note: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """A reason in words: `+31` or `−8`, and for what."""

    points: str
    before: str
    """What is said before the title of a liked or disliked paper; of other reasons, all that is said."""
    title: str = ""
    after: str = ""
    """What is said after it: the words that carried the likeness."""

    @property
    def label(self) -> str:
        """All of it as plain text."""
        return f"{self.before}“{self.title}”{self.after}" if self.title else self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A paper that says almost the same as the card's."""

    title: str
    link: str
    note: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A paper as an edition shows it. Empty means there is nothing to show."""

    number: int
    """1 for the first pick; 0 outside the picks."""
    detail: Detail
    title: str
    link: str
    authors: tuple[str, ...]
    others: str
    """`and 7 others`."""
    details: tuple[str, ...]
    """Organisation and date."""
    excerpt: tuple[Piece, ...]
    score: int
    reasons: tuple[Points, ...]
    votes: str
    links: tuple[Link, ...]
    twins: tuple[Twin, ...]
    """The first that say almost the same."""
    n_twins: int
    """How many there are, named or not."""
    summary: tuple[Piece, ...] = ()
    """A language model's words, shown in place of the excerpt and never without `written_by`."""
    written_by: str = ""
    aside: str = ""
    """Why a paper below the threshold is shown."""

    @property
    def extract(self) -> str:
        """The excerpt in one string."""
        return "".join(piece.text for piece in self.excerpt)

    @property
    def summarised(self) -> str:
        """The summary in one string."""
        return "".join(piece.text for piece in self.summary)

    @property
    def more_twins(self) -> str:
        """`and 2 more`; `2 papers` where none is named; nothing where all are."""
        unnamed = self.n_twins - len(self.twins)
        if not unnamed:
            return ""
        return f"and {unnamed} more" if self.twins else counted(unnamed, "paper")


MAX_SUMMARY = 1_000


def make_card(pick: Pick, detail: Detail, number: int, today: date, notes: Iterator[int]) -> Card:
    """The pick in the given detail; its links take their footnote numbers from `notes`."""
    paper, score = pick.paper, pick.score
    urls = _urls(paper)
    if detail is Detail.LINE:
        urls = urls[:1]
    links = tuple(Link(label=label, url=url, note=next(notes)) for label, url in urls)
    summary = pick.summary if detail is Detail.FULL else None
    return Card(
        number=number,
        detail=detail,
        title=shown_title(paper.title),
        link=urls[0][1] if urls else "",
        authors=tuple(shown(author) for author in _first_authors(paper)),
        others=_others(paper),
        details=tuple(_details(paper, today)),
        excerpt=make_excerpt(paper.abstract or "", _carriers(score.reasons)) if detail is Detail.FULL else (),
        score=min(max(score.value, 0), 100),
        reasons=tuple(_points(score.reasons)),
        votes=_votes(pick.candidate),
        links=links,
        twins=tuple(_twin(paper, twin.paper, next(notes)) for twin in pick.twins[:MAX_TWINS]),
        n_twins=len(pick.twins),
        summary=mark(shown(summary.text, MAX_SUMMARY), _carriers(score.reasons)) if summary else (),
        written_by=shown(summary.model) if summary else "",
    )


def shrink_card(card: Card, detail: Detail) -> Card:
    """The card in less detail; one that has no more than that stays as it is."""
    if _ORDER.index(detail) <= _ORDER.index(card.detail):
        return card
    twins = () if detail is Detail.LINE else card.twins
    return replace(card, detail=detail, excerpt=(), summary=(), twins=twins)


_ORDER = tuple(Detail)


LINK_LABELS = {"pdf": "PDF", "html": "HTML", "huggingface": "Hugging Face"}


def _urls(paper: Paper) -> list[tuple[str, str]]:
    """Labels and safe addresses, the abstract's first, none twice; a search where no page is known."""
    known = links_of(paper.id)
    labelled = {
        "Abstract": known.get("abstract") or paper.url,
        **{label: known.get(key) for key, label in LINK_LABELS.items()},
        "Code": paper.code_url,
        "Project": paper.project_url,
    }
    first_label: dict[str, str] = {}
    for label, url in labelled.items():
        if safe := safe_link(url):
            first_label.setdefault(safe, label)
    found = [(label, url) for url, label in first_label.items()]
    return found or [("Find it", search_link(paper.title))]


MAX_AUTHORS = 4


def _first_authors(paper: Paper) -> tuple[str, ...]:
    """All of up to four, or the first three: "and 1 other" would be no shorter than the name."""
    authors = paper.authors or ()
    return authors if _n_authors(paper) <= MAX_AUTHORS else authors[: MAX_AUTHORS - 1]


def _others(paper: Paper) -> str:
    total, named = _n_authors(paper), len(_first_authors(paper))
    if total == named:
        return ""
    return f"and {counted(total - named, 'other')}" if named else counted(total, "author")


def _n_authors(paper: Paper) -> int:
    return max(paper.n_authors or 0, len(paper.authors or ()))


def _details(paper: Paper, today: date) -> Iterator[str]:
    if paper.organization:
        yield shown(paper.organization)
    if paper.published:
        yield date_seen_from(today, paper.published)


MAX_WORDS = 60


def _carriers(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The paper's words that earned points; those that cost some are not what the reader looks for."""
    return tuple(dict.fromkeys(w for r in reasons if r.points > 0 for w in r.words))[:MAX_WORDS]


MAX_REASONS = 6


def _points(reasons: Sequence[Reason]) -> Iterator[Points]:
    """The reasons, largest first; beyond six the smaller ones in one sum, so that all add up to the score."""
    ranked = sorted((r for r in reasons if r.points), key=lambda r: (-abs(r.points), r.label))
    n_named = len(ranked) if len(ranked) <= MAX_REASONS else MAX_REASONS - 1
    for reason in ranked[:n_named]:
        yield _in_words(reason)
    if rest := ranked[n_named:]:
        yield Points(points=signed(sum(r.points for r in rest)), before=f"{len(rest)} smaller reasons")


# "like “Title”" of a liked paper, "like “Title”, which you disliked" of the other kind.
_LIKENESS = re.compile(r"(like )“?(.+?)”?(, which you disliked)?$")
_OF_PAPERS = (ReasonKind.LIKED, ReasonKind.DISLIKED)
MAX_CARRIERS = 3
MAX_CARRIER = 40


def _in_words(reason: Reason) -> Points:
    """The reason with a paper's title apart, and the words that make the two alike."""
    points, label = signed(reason.points), shown(reason.label)
    alike = _LIKENESS.match(label) if reason.kind in _OF_PAPERS else None
    if alike is None:
        return Points(points=points, before=label)
    before, title, after = alike.groups(default="")
    words = ", ".join(filter(None, (shown(word, MAX_CARRIER) for word in reason.words[:MAX_CARRIERS])))
    after += f": {words}" if words else ""
    return Points(points=points, before=before, title=_by_name(title), after=after)


SHORTEST_NAME = 3


def _by_name(title: str) -> str:
    """What a title calls its paper, before a colon if it does; who liked the paper knows it by that."""
    name, colon, _ = title.partition(": ")
    return name if colon and len(name) >= SHORTEST_NAME else title


MAX_TWINS = 3
MAX_TWIN_TITLE = 100


def _twin(paper: Paper, twin: Paper, note: int) -> Twin:
    """A twin by its title; by its id too, if the titles are equal."""
    title = shorten(shown_title(twin.title), MAX_TWIN_TITLE)
    if title_key(paper.title) == title_key(twin.title):
        title = f"{title} ({shown(twin.id, MAX_CARRIER)})"
    return Twin(title=title, link=_urls(twin)[0][1], note=note)


NOTABLE_PERCENT = 25
"""From the best quarter on, a place among the votes of a day says something."""


def _votes(candidate: Candidate) -> str:
    """Votes with their meaning where it is known, else with comments; the code's stars named apart."""
    seen, trend = candidate.observation, candidate.trend
    if trend:
        place = f", top {trend.percent} % of its list day" if trend.percent <= NOTABLE_PERCENT else ""
        parts = [f"{counted(trend.upvotes, 'vote')}{place}"]
    else:
        known = ((seen.upvotes, "vote"), (seen.comments, "comment")) if seen else ()
        parts = [counted(number, noun) for number, noun in known if number]
    if seen and seen.stars:
        parts.append(f"{counted(seen.stars, 'star')} for the code")
    return " · ".join(parts)
