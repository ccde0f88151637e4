"""Hugging Face's answers: the API's lists, and the pages that hold the same."""

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup
from bs4.filter import SoupStrainer

from digest.errors import InputError
from digest.links import paper_id, safe_link
from digest.model import Entry, Listing, Observation, Paper
from digest.sources.html import html_text
from digest.sources.json import Fields, read_json
from digest.sources.rows import Row, cleaned, entries_of
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean

HOME = "https://huggingface.co"
MAX_KEYWORDS = 20
MAX_TAGS = 200_000
"""Of a page; a trending one, the largest known, has some ten thousand."""
MAX_COUNT = 10**9
"""No count of votes, comments or stars is believed beyond this."""

# ---------------------------------------------------------------- the API's answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A list, and of how many rows it was read: a full page of them may not be the last."""

    listing: Listing
    n_rows: int


def parse_api(data: bytes, *, at: datetime, day: date | None, where: str = "") -> Listing:
    """The papers of the API's answer, of any year since 2024; also where an archive has wrapped it.

    `day` is the list's day, for entries that do not say so themselves. An empty list is a day without papers.
    An entry that cannot be read is left out with a warning. Raises InputError if this is no such answer,
    or none of its entries can be read.
    """
    return parse_answer(data, at=at, day=day, layout="huggingface API", where=where).listing


def parse_answer(data: bytes, *, at: datetime, day: date | None, layout: str, where: str) -> Answer:
    """As `parse_api`, with what the list is called, and the number of its rows."""
    found = _rows_of(read_json(data, where=where), where=where)
    listing = _listing(found.rows, at=at, day=day or found.day, layout=layout, where=where)
    return Answer(listing=listing, n_rows=len(found.rows))


def parse_paper(data: bytes, *, at: datetime, where: str) -> Entry | None:
    """One paper; `None` if the answer holds none. Raises InputError if it is no JSON object."""
    answer = read_json(data, where=where)
    if not isinstance(answer, dict):
        raise InputError("one paper was expected, as a JSON object", where=where)
    return _read_row(answer, at=at, day=None).entry


_LISTS = ("dailyPapers", "data", "papers", "items", "results")
_MAX_ROWS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """A list's entries as they came, and what it says of itself: its day, or its kind of period and name."""

    rows: list[Any]
    day: date | None = None
    period: str = ""
    name: str = ""


def _rows_of(answer: Any, *, where: str = "") -> _Rows:
    """The entries of a bare list, of an object around one, or of an object that is one paper."""
    if isinstance(answer, list):
        return _Rows(rows=answer)
    fields = answer if isinstance(answer, dict) else {}
    rows = next((fields[key] for key in _LISTS if isinstance(fields.get(key), list)), None)
    if rows is not None:
        period, name = (str(fields.get(key) or "")[:40] for key in ("periodType", "dateString"))
        return _Rows(rows=rows, day=_stated_day(fields), period=period, name=name)
    if isinstance(fields.get("paper"), dict) or {"id", "title"} <= fields.keys():
        return _Rows(rows=[fields])
    raise InputError(
        "JSON, but no list of papers",
        where=where,
        fix="Expected is an answer of https://huggingface.co/api/daily_papers.",
    )


def _stated_day(fields: dict[str, Any]) -> date | None:
    """The day a page or an archive's wrapper states; a week or month states none."""
    if fields.get("periodType") not in (None, "day"):
        return None
    return _iso_day(fields.get("dateString")) or _iso_day(fields.get("date"))


def _iso_day(value: object) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _listing(rows: list[Any], *, at: datetime, day: date | None, layout: str, where: str = "") -> Listing:
    read = [_read_row(row, at=at, day=day) for row in rows[:_MAX_ROWS]]
    entries, warnings = entries_of(read, where=where)
    if len(rows) > _MAX_ROWS:
        warnings = (f"only the first {_MAX_ROWS} of {len(rows)} entries were read", *warnings)
    return Listing(layout=layout, entries=entries, warnings=warnings, day=day)


# ---------------------------------------------------------------- one entry

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST_PRINTED = 300_000
_LONGEST_KEYWORD = 80


def _read_row(row: Any, *, at: datetime, day: date | None) -> Row:
    """One entry. Without id or title there is none; any other field of a wrong type is just not known."""
    outer = _unprinted(row) if isinstance(row, str) else row
    paper = outer.get("paper", outer) if isinstance(outer, dict) else None
    if not isinstance(outer, dict) or not isinstance(paper, dict):
        return Row(entry=None, problems=("not a paper; left out",))
    fields = _Fields(paper, outer)
    identifier, title = _identifier(paper.get("id")), fields.text("title", MAX_TITLE)
    if not identifier or not title:
        lacking = "id" if not identifier else "title"
        return Row(entry=None, problems=(*fields.problems, f"no usable {lacking}; left out"))
    entry = Entry(paper=_paper(fields, identifier, title), observation=_observation(fields, at, day))
    return Row(entry=entry, problems=tuple(f"{identifier}: {problem}" for problem in fields.problems))


def _unprinted(text: str) -> Any:
    """The entry that an archive has printed into a string, by Python or as JSON; `None` if it is neither."""
    if len(text) > _LONGEST_PRINTED:
        return None
    try:
        return json.loads(text) if '{"' in text[:10] else ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _identifier(value: object) -> str | None:
    """The canonical id. A number has lost its last zero (2503.02130 became 2503.0213) and is none."""
    if not isinstance(value, str) or len(value) > 100:
        return None
    canonical = paper_id(value) or value
    return canonical if paper_id(canonical) == canonical or _ID.fullmatch(canonical) else None


def _paper(fields: "_Fields", identifier: str, title: str) -> Paper:
    authors = fields.names("authors") or None
    return Paper(
        id=identifier,
        title=title,
        source="huggingface",
        abstract=fields.text("summary", MAX_ABSTRACT),
        authors=authors,
        n_authors=len(authors) if authors else None,
        organization=fields.organization(),
        organization_slug=fields.organization_slug(),
        published=fields.day("publishedAt"),
        url=safe_link(f"{HOME}/papers/{identifier}"),
        code_url=fields.link("githubRepo"),
        project_url=fields.link("projectPage"),
        keywords=fields.keywords(),
    )


def _observation(fields: "_Fields", at: datetime, day: date | None) -> Observation:
    return Observation(
        at=at,
        listed_on=fields.day("submittedOnDailyAt") or day,
        upvotes=fields.count("upvotes"),
        comments=fields.count("numComments"),
        stars=fields.count("githubStars"),
    )


class _Fields(Fields):
    """An entry's fields, the paper's before those around it.

    The outer `publishedAt` is only ever asked for where the paper has none: it is hours off the real one.
    """

    def __init__(self, paper: dict[str, Any], outer: dict[str, Any]) -> None:
        self._all = {**outer, **{key: value for key, value in paper.items() if value is not None}}
        super().__init__(self._all)

    def count(self, key: str) -> int | None:
        value = self._all.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
            self.problems.append(f"{key} is not a count")
            return None
        return value

    def organization(self) -> str | None:
        """The name to show; the account's name only without one."""
        value = self._all.get("organization")
        if value is None:
            return None
        names = (value.get("fullname"), value.get("name")) if isinstance(value, dict) else (value,)
        shown = cleaned(names, MAX_NAME)
        if not shown:
            self.problems.append("organization is not a name")
        return shown[0] if shown else None

    def organization_slug(self) -> str | None:
        """The account's name."""
        value = self._all.get("organization")
        slug = value.get("name") if isinstance(value, dict) else None
        return (clean(slug, MAX_NAME) or None) if isinstance(slug, str) else None

    def keywords(self) -> tuple[str, ...]:
        value = self._all.get("ai_keywords")
        if value is not None and not isinstance(value, list):
            self.problems.append("ai_keywords is not a list")
        words = value[: 10 * MAX_KEYWORDS] if isinstance(value, list) else []
        return tuple(dict.fromkeys(cleaned(words, _LONGEST_KEYWORD)))[:MAX_KEYWORDS]


# ---------------------------------------------------------------- the page

_CARD_AUTHORS = re.compile(r"\b([0-9]{1,6}) authors?\b")
_MAX_CARDS = 500
_CARD_TEXT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a page shows, and of which kind of period (`day`, `week`, `month`) and which one it says it is."""

    listing: Listing
    period: str = ""
    name: str = ""


def parse_html(data: bytes, *, at: datetime, day: date | None, where: str = "") -> Listing:
    """The papers of a daily, weekly, monthly or trending page: from the JSON inside it, else from its cards.

    The listing's day is the page's own where it states one, else `day`. Cards show no abstract and no names.
    Raises InputError if there are no papers on the page.
    """
    return parse_shown(data, at=at, day=day, where=where).listing


def parse_shown(data: bytes, *, at: datetime, day: date | None, where: str) -> Shown:
    """As `parse_html`, with what the page says of itself."""
    text = html_text(data)
    if text.count("<") > MAX_TAGS:
        raise InputError(f"HTML of more than {MAX_TAGS} tags", where=where)
    try:
        props = _props(text, where)
    except InputError as problem:
        cards = _cards(text, at=at, day=day, where=where)
        if not cards.entries:
            raise
        warning = f"The page's own data could not be read ({problem.what}); its cards were"
        return Shown(listing=replace(cards, warnings=(warning,)))
    if props is None:
        return Shown(listing=_checked(_cards(text, at=at, day=day, where=where), where))
    listing = _listing(props.rows, at=at, day=props.day or day, layout="huggingface page", where=where)
    return Shown(listing=listing, period=props.period, name=props.name)


def _checked(cards: Listing, where: str) -> Listing:
    if cards.entries:
        return cards
    raise InputError(
        "HTML, but without papers",
        where=where,
        fix="Expected is a page of https://huggingface.co/papers, saved whole.",
    )


def _props(text: str, where: str) -> _Rows | None:
    """The data that the page draws its cards from; `None` if there is none."""
    holder = _soup(text, SoupStrainer(attrs={"data-target": "DailyPapers"}), where).select_one("[data-props]")
    props = holder.get("data-props") if holder else None
    if not isinstance(props, str):
        return None
    return _rows_of(read_json(props.encode(errors="replace"), where=where), where=where)


def _soup(text: str, only: SoupStrainer, where: str) -> BeautifulSoup:
    try:
        return BeautifulSoup(text, features="lxml", parse_only=only)
    except ParserRejectedMarkup:
        raise InputError("neither a page nor any other known form", where=where) from None


def _cards(text: str, *, at: datetime, day: date | None, where: str) -> Listing:
    shown = _soup(text, SoupStrainer("time"), where).find("time", datetime=True)
    stated = _iso_day(shown.get("datetime")) if isinstance(shown, Tag) else None
    # Not those inside others: no card is, and reading each with all within it would be quadratic.
    soup = _soup(text, SoupStrainer("article"), where)
    articles = soup.find_all("article", recursive=False, limit=_MAX_CARDS)
    entries = (_card(article, at, stated or day) for article in articles if isinstance(article, Tag))
    return Listing(
        layout="huggingface page, cards",
        entries=tuple(entry for entry in entries if entry),
        day=stated or day,
    )


def _card(article: Tag, at: datetime, day: date | None) -> Entry | None:
    link = article.select_one('h3 a[href^="/papers/"]')
    identifier = _identifier(str(link.get("href")).removeprefix("/papers/")) if link else None
    title = clean(link.get_text(" "), MAX_TITLE) if link else ""
    if not identifier or not title:
        return None
    authors = _CARD_AUTHORS.search(article.get_text(" ")[:_CARD_TEXT])
    abstract = article.find("p")
    paper = Paper(
        id=identifier,
        title=title,
        source="huggingface",
        abstract=clean(abstract.get_text(" "), MAX_ABSTRACT) or None if abstract else None,
        n_authors=int(authors[1]) if authors else None,
        url=safe_link(f"{HOME}/papers/{identifier}"),
    )
    observed = Observation(
        at=at,
        listed_on=day,
        upvotes=_number(article.select("div.leading-none"), dash=0),
        comments=_number(article.select('a[href$="#community"]'), dash=None),
    )
    return Entry(paper=paper, observation=observed)


def _number(tags: Iterable[Tag], *, dash: int | None) -> int | None:
    """The first number that one of the tags shows, and nothing else; `dash` if it shows "-"."""
    shown = (tag.get_text().strip() for tag in tags)
    found = next((text for text in shown if re.fullmatch("[0-9]{1,9}|-", text)), None)
    if found is None:
        return None
    return dash if found == "-" else int(found)
