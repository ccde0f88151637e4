"""Hugging Face Daily Papers: its API's lists, the pages that hold the same, and how they are got."""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup
from bs4.filter import SoupStrainer

from digest.errors import DigestError, FetchError, InputError
from digest.links import paper_id, safe_link
from digest.model import Entry, Listing, Observation, Paper
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean

HOME = "https://huggingface.co"
PAGE_SIZE = 100
"""The most that the API gives at once."""
MAX_PAGES = 5
MAX_KEYWORDS = 20
MAX_AUTHORS = 5_000
MAX_TAGS = 200_000
"""Of a page; a trending one, the largest known, has some ten thousand."""
MAX_COUNT = 10**9
"""No count of votes, comments or stars is believed beyond this."""

Get = Callable[[str], bytes]


class HuggingFace:
    """Reads the daily lists, or what is trending now: by the API, and by the page where the API fails."""

    def __init__(self, *, base_url: str = HOME, trending: bool = False, days_back: int = 0) -> None:
        self.name = "huggingface trending" if trending else "huggingface"
        self._base = base_url.rstrip("/")
        self._trending = trending
        self._days_back = days_back

    def read(self, get: Get, *, today: date, at: datetime) -> Iterator[Listing | DigestError]:
        """Today's list, then those of the `days_back` days before, which may have grown; or what went wrong.

        Two days in a row that cannot be fetched end it: the site is down, and asking for more days would only
        take long.
        """
        failures = 0
        for day in self._days(today):
            try:
                yield self.read_day(get, day=day, at=at)
                failures = 0
            except InputError as problem:
                yield problem
            except FetchError as problem:
                yield problem
                failures += 1
            if failures == 2:
                return

    def _days(self, today: date) -> list[date]:
        back = 0 if self._trending else self._days_back
        return [today - timedelta(days=days) for days in range(back + 1)]

    def read_day(self, get: Get, *, day: date, at: datetime) -> Listing:
        """The list of `day` (with `trending`, the list of now), whole.

        Raises what the API raised, FetchError or InputError, if the page does not help either.
        """
        try:
            return self._trending_now(get, at) if self._trending else self._all_pages(get, day, at)
        except (FetchError, InputError) as problem:
            return self._from_page(get, day, at, problem)

    def read_paper(self, get: Get, identifier: str, *, at: datetime) -> Entry | None:
        """One paper by its id; `None` if the answer holds no paper. Raises FetchError and InputError."""
        url = f"{self._base}/api/papers/{quote(identifier, safe='/')}"
        answer = _json(get(url), where=url)
        if not isinstance(answer, dict):
            raise InputError("one paper was expected, as a JSON object", where=url)
        return _read_row(answer, at=at, day=None).entry

    def _trending_now(self, get: Get, at: datetime) -> Listing:
        url = f"{self._base}/api/daily_papers?sort=trending&limit={PAGE_SIZE}"
        rows = _rows_of(_json(get(url), where=url), where=url).rows
        return _listing(rows, at=at, day=None, layout="huggingface API, trending", where=url)

    def _all_pages(self, get: Get, day: date, at: datetime) -> Listing:
        """The pages of a day's list as one; a later page that fails costs only its own papers."""
        listing, may_go_on = self._one_page(get, day, at, 0)
        for number in range(1, MAX_PAGES):
            if not may_go_on:
                return listing
            try:
                part, may_go_on = self._one_page(get, day, at, number)
            except (FetchError, InputError) as problem:
                return _warned(listing, f"The list may go on, but its page {number + 1} failed: {problem}")
            longer = _joined(listing, part)
            if len(longer.entries) == len(listing.entries):
                return listing
            listing = longer
        more = f"The list may go on after its {MAX_PAGES} pages of {PAGE_SIZE} papers; no more were read"
        return _warned(listing, more) if may_go_on else listing

    def _one_page(self, get: Get, day: date, at: datetime, number: int) -> tuple[Listing, bool]:
        """One page of a day's list, and whether it is full, so that there may be another."""
        url = f"{self._base}/api/daily_papers?date={day.isoformat()}&limit={PAGE_SIZE}&p={number}"
        rows = _rows_of(_json(get(url), where=url), where=url).rows
        return _listing(rows, at=at, day=day, layout="huggingface API", where=url), len(rows) >= PAGE_SIZE

    def _from_page(self, get: Get, day: date, at: datetime, problem: FetchError | InputError) -> Listing:
        url = self._base + ("/papers/trending" if self._trending else f"/papers/date/{day.isoformat()}")
        try:
            listing = parse_html(get(url), at=at, day=None)
            shown = listing if self._trending else _of_day(listing, day, where=url)
        except (FetchError, InputError) as second:
            what = f"{problem.what}; nor did the page {url} help: {second.what}"
            raise type(problem)(what, where=problem.where, fix=problem.fix) from problem
        return _warned(shown, f"The API failed ({problem}); the page {url} was read in its place")


def _joined(listing: Listing, part: Listing) -> Listing:
    """The listing with a further part; papers it has already are left out."""
    known = {entry.paper.id for entry in listing.entries}
    fresh = tuple(entry for entry in part.entries if entry.paper.id not in known)
    return replace(listing, entries=listing.entries + fresh, warnings=listing.warnings + part.warnings)


def _warned(listing: Listing, warning: str) -> Listing:
    return replace(listing, warnings=(*listing.warnings, warning))


def _of_day(listing: Listing, day: date, *, where: str) -> Listing:
    """The listing, with a warning if it is of another day: a day without a list redirects to one that has.

    Its papers are kept under the day that it states. A page of no day (a week, a month) is refused.
    """
    if listing.day is None:
        raise InputError(f"the page shows no day's list in place of {day}", where=where)
    if listing.day == day:
        return listing
    return _warned(listing, f"{where} shows the list of {listing.day} in place of {day}")


# ---------------------------------------------------------------- the API's answer


def parse_api(data: bytes, *, at: datetime, day: date | None) -> Listing:
    """The papers of the API's answer, of any year since 2024; also where an archive has wrapped it.

    `day` is the list's day, for entries that do not say so themselves. An empty list is a day without papers.
    An entry that cannot be read is left out with a warning. Raises InputError if this is no such answer,
    or none of its entries can be read.
    """
    found = _rows_of(_json(data))
    return _listing(found.rows, at=at, day=day or found.day, layout="huggingface API")


_LISTS = ("dailyPapers", "data", "papers", "items", "results")
_MAX_ROWS = 5_000
_MAX_WARNINGS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """A list's entries as they came, and the day it states, if it does."""

    rows: list[Any]
    day: date | None = None


def _json(data: bytes, *, where: str = "") -> Any:
    try:
        return json.loads(data.decode("utf-8-sig", errors="replace"))
    except RecursionError:
        raise InputError("JSON nested too deep to be a list of papers", where=where) from None
    except ValueError as problem:
        fix = "It may be cut off; get it again."
        raise InputError(f"not valid JSON ({clean(str(problem), 120)})", where=where, fix=fix) from None


def _rows_of(answer: Any, *, where: str = "") -> _Rows:
    """The entries of a bare list, of an object around one, or of an object that is one paper."""
    if isinstance(answer, list):
        return _Rows(rows=answer)
    fields = answer if isinstance(answer, dict) else {}
    rows = next((fields[key] for key in _LISTS if isinstance(fields.get(key), list)), None)
    if rows is not None:
        return _Rows(rows=rows, day=_stated_day(fields))
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


def _listing(rows: Sequence[Any], *, at: datetime, day: date | None, layout: str, where: str = "") -> Listing:
    read = [_read_row(row, at=at, day=day) for row in rows[:_MAX_ROWS]]
    entries = tuple(row.entry for row in read if row.entry)
    warnings = [f"entry {n}: {problem}" for n, row in enumerate(read, 1) for problem in row.problems]
    if rows and not entries:
        raise InputError(f"none of its {len(rows)} entries is a paper; the first, {warnings[0]}", where=where)
    if len(rows) > _MAX_ROWS:
        warnings.insert(0, f"only the first {_MAX_ROWS} of {len(rows)} entries were read")
    if len(warnings) > _MAX_WARNINGS:
        warnings[_MAX_WARNINGS:] = [f"and {len(warnings) - _MAX_WARNINGS} more problems"]
    return Listing(layout=layout, entries=entries, warnings=tuple(warnings), day=day)


# ---------------------------------------------------------------- one entry

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST_PRINTED = 300_000
_LONGEST_KEYWORD = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """An entry as far as it could be read, and what could not."""

    entry: Entry | None
    problems: tuple[str, ...] = ()


def _read_row(row: Any, *, at: datetime, day: date | None) -> _Row:
    """One entry. Without id or title there is none; any other field of a wrong type is just not known."""
    outer = _unprinted(row) if isinstance(row, str) else row
    paper = outer.get("paper", outer) if isinstance(outer, dict) else None
    if not isinstance(outer, dict) or not isinstance(paper, dict):
        return _Row(entry=None, problems=("not a paper; left out",))
    fields = _Fields(paper, outer)
    identifier, title = _identifier(paper.get("id")), fields.text("title", MAX_TITLE)
    if not identifier or not title:
        lacking = "id" if not identifier else "title"
        return _Row(entry=None, problems=(*fields.problems, f"no usable {lacking}; left out"))
    entry = Entry(paper=_paper(fields, identifier, title), observation=_observation(fields, at, day))
    return _Row(entry=entry, problems=tuple(f"{identifier}: {problem}" for problem in fields.problems))


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
    authors = fields.authors()
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


class _Fields:
    """Reads an entry's fields, the paper's before those around it, and notes those of a wrong type.

    The outer `publishedAt` is only ever asked for where the paper has none: it is hours off the real one.
    """

    def __init__(self, paper: dict[str, Any], outer: dict[str, Any]) -> None:
        self._paper = paper
        self._outer = outer
        self.problems: list[str] = []

    def _get(self, key: str) -> Any:
        value = self._paper.get(key)
        return self._outer.get(key) if value is None else value

    def _not(self, key: str, expected: str) -> None:
        self.problems.append(f"{key} is not {expected}")

    def text(self, key: str, limit: int) -> str | None:
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._not(key, "text")
            return None
        return clean(value, limit) or None

    def count(self, key: str) -> int | None:
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
            self._not(key, "a count")
            return None
        return value

    def day(self, key: str) -> date | None:
        value = self._get(key)
        day = _iso_day(value)
        if value is not None and not day:
            self._not(key, "a date")
        return day

    def link(self, key: str) -> str | None:
        value = self._get(key)
        if value is None or value == "":
            return None
        link = safe_link(value.strip()) if isinstance(value, str) else None
        if not link:
            self._not(key, "a safe link")
        return link

    def authors(self) -> tuple[str, ...] | None:
        value = self._get("authors")
        if value is None:
            return None
        if not isinstance(value, list):
            self._not("authors", "a list")
            return None
        names = (author.get("name") if isinstance(author, dict) else author for author in value[:MAX_AUTHORS])
        return _cleaned(names, MAX_NAME) or None

    def organization(self) -> str | None:
        """The name to show; the account's name only without one."""
        value = self._get("organization")
        if value is None:
            return None
        names = (value.get("fullname"), value.get("name")) if isinstance(value, dict) else (value,)
        shown = _cleaned(names, MAX_NAME)
        if not shown:
            self._not("organization", "a name")
        return shown[0] if shown else None

    def organization_slug(self) -> str | None:
        """The account's name."""
        value = self._get("organization")
        slug = value.get("name") if isinstance(value, dict) else None
        return (clean(slug, MAX_NAME) or None) if isinstance(slug, str) else None

    def keywords(self) -> tuple[str, ...]:
        value = self._get("ai_keywords")
        if value is not None and not isinstance(value, list):
            self._not("ai_keywords", "a list")
        words = value[: 10 * MAX_KEYWORDS] if isinstance(value, list) else []
        return tuple(dict.fromkeys(_cleaned(words, _LONGEST_KEYWORD)))[:MAX_KEYWORDS]


def _cleaned(values: Iterable[object], limit: int) -> tuple[str, ...]:
    """The texts among some values, cleaned, empty ones left out."""
    cleaned = (clean(value, limit) for value in values if isinstance(value, str))
    return tuple(text for text in cleaned if text)


# ---------------------------------------------------------------- the page

_CARD_AUTHORS = re.compile(r"\b([0-9]{1,6}) authors?\b")
_MAX_CARDS = 500
_CARD_TEXT = 20_000


def parse_html(data: bytes, *, at: datetime, day: date | None) -> Listing:
    """The papers of a daily, weekly, monthly or trending page: from the JSON inside it, else from its cards.

    The listing's day is the page's own where it states one, else `day`. Cards show no abstract and no names.
    Raises InputError if there are no papers on the page.
    """
    # Neither NUL nor processing instructions mean anything in HTML; parsers stop or warn at them.
    text = data.decode("utf-8-sig", errors="replace").replace("\x00", "").replace("<?", "&lt;?")
    if text.count("<") > MAX_TAGS:
        raise InputError(f"HTML of more than {MAX_TAGS} tags")
    try:
        props = _props(text)
    except InputError as problem:
        cards = _cards(text, at=at, day=day)
        if not cards.entries:
            raise
        return _warned(cards, f"The page's own data could not be read ({problem}); its cards were")
    if props is None:
        return _checked(_cards(text, at=at, day=day))
    return _listing(props.rows, at=at, day=props.day or day, layout="huggingface page")


def _checked(cards: Listing) -> Listing:
    if cards.entries:
        return cards
    raise InputError(
        "HTML, but without papers",
        fix="Expected is a page of https://huggingface.co/papers, saved whole.",
    )


def _props(text: str) -> _Rows | None:
    """The data that the page draws its cards from; `None` if there is none."""
    holder = _soup(text, SoupStrainer(attrs={"data-target": "DailyPapers"})).select_one("[data-props]")
    props = holder.get("data-props") if holder else None
    return _rows_of(_json(props.encode(errors="replace"))) if isinstance(props, str) else None


def _soup(text: str, only: SoupStrainer) -> BeautifulSoup:
    try:
        return BeautifulSoup(text, features="lxml", parse_only=only)
    except ParserRejectedMarkup:
        raise InputError("neither a page nor any other known form") from None


def _cards(text: str, *, at: datetime, day: date | None) -> Listing:
    shown = _soup(text, SoupStrainer("time")).find("time", datetime=True)
    stated = _iso_day(shown.get("datetime")) if isinstance(shown, Tag) else None
    # Not those inside others: no card is, and reading each with all within it would be quadratic.
    soup = _soup(text, SoupStrainer("article"))
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
