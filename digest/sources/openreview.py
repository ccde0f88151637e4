"""OpenReview, for who has an account there (experimental); https://docs.openreview.net/reference/api-v2."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, StrictInt

from digest.errors import ConfigurationError, DigestError, FetchError, InputError, RefusedError
from digest.fetch.web import Web
from digest.links import safe_link
from digest.model import Entry, Listing, Observation, Paper
from digest.rhythm import SLOW
from digest.settings.mail import SecretTable
from digest.settings.secrets import Secret, secret_of
from digest.settings.values import Plain, SourceTable, WebAddress
from digest.sources.discreet import Discreet, check_way
from digest.sources.json import Fields, members, read_json
from digest.sources.missed import days_due, lost
from digest.sources.protocol import Place, Wanted
from digest.sources.rows import Row, entries_of
from digest.text import MAX_ABSTRACT, MAX_TITLE

HOME = "https://api2.openreview.net"
SITE = "https://openreview.net"
PASSWORD_VARIABLE = "DIGEST_OPENREVIEW_PASSWORD"  # noqa: S105  # its name
PREFIX = "openreview:"
PAGE_SIZE = 1_000
"""The most that the API gives at once."""
MOST_PAGES = 20
"""Of a venue; the largest conferences get more than ten thousand papers."""
MOST_KEYWORDS = 20
_LONGEST_KEYWORD = 80
_LONGEST_BACK = 366
"""Days."""
_LONGEST_HIDDEN = timedelta(days=400)
"""From when a submission is made until all may see it; a conference takes less than a year."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_TOKEN = 8_000
_LAYOUT = "OpenReview API"


class OpenReviewTable(SecretTable, SourceTable):
    """`kind = "openreview"`: what is new at some venues, such as `TMLR` or `ICLR.cc/2026/Conference`.

    New is what was made, shown to all, or published since: conferences show submissions months later. Asked
    for is `sort=cdate:desc`, by when they were made, so pages are read on to those made a year before.
    """

    kind: Literal["openreview"]
    venues: Annotated[tuple[Plain, ...], Field(min_length=1, max_length=20)]
    days_back: Annotated[StrictInt, Field(ge=1, le=_LONGEST_BACK)] = 7
    base_url: WebAddress = HOME


class OpenReview:
    """Logs in, and reads each venue's newest papers. Since June 2026 nobody is answered without a login."""

    Table = OpenReviewTable
    grows = False
    rhythm = SLOW

    def __init__(self, table: OpenReviewTable, place: Place) -> None:
        self.name = table.name or table.kind
        self._table = table
        self._place = place

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """A list for each venue. One that the API refuses or does not answer ends it."""
        due = days_due(wanted, back=self._table.days_back, most=_LONGEST_BACK)
        since = due.days[-1]
        yield from lost(due.lost, where=self.name, most=_LONGEST_BACK, is_archive=False)
        try:
            member = self._login(web)
        except (ConfigurationError, FetchError) as problem:
            yield problem
            return
        for n, venue in enumerate(self._table.venues, 1):
            got = self._notes(member, venue, since, at=wanted.at)
            yield from got
            if any(isinstance(one, FetchError) for one in got):
                if rest := self._table.venues[n:]:
                    yield FetchError(f"not asked for, after that: {', '.join(rest)}", where=self.name)
                return

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        """One paper by its forum."""
        forum = identifier.removeprefix(PREFIX)
        if forum == identifier or not _ID.fullmatch(forum):
            return None
        url = f"{self._table.base_url}/notes?id={forum}"
        page = parse_page(_got(self._login(web), url), at=at, where=url)
        (entry,), _ = (
            entries_of([note.row for note in page.notes], where=url) if page.notes else ((None,), ())
        )
        return entry

    # ------------------------------------------------------------ the login

    def check_login(self) -> None:
        """Raises ConfigurationError if there is none."""
        self._credentials()

    def _login(self, web: Web) -> Discreet:
        """The web as a member sees it. Raises ConfigurationError and FetchError."""
        name, secret = self._credentials()
        password = secret()
        url = f"{self._table.base_url}/login"
        as_posted = json.dumps(password)[1:-1]
        asking = Discreet(web=web, secrets=(password, as_posted))
        try:
            answer = asking.post(url, json.dumps({"id": name, "password": password}).encode("ascii"))
        except RefusedError as problem:
            raise FetchError(f"the login was refused: {problem.what}", where=url, fix=_LOGIN_FIX) from None
        except InputError as problem:
            raise FetchError(f"the login's answer is strange: {problem.what}", where=url) from None
        token = _token(answer, where=url)
        headers = {"Authorization": f"Bearer {token}"}
        return Discreet(web=web, headers=headers, secrets=(token, password, as_posted))

    def _credentials(self) -> tuple[str, Secret]:
        """Name and password. Raises ConfigurationError for what is lacking, or must not be sent there."""
        place = self._place
        secret = secret_of(self._table, (PASSWORD_VARIABLE,), place.folder, place.environment)
        if self._table.username is None or secret is None:
            what = "OpenReview answers nobody without a login since June 2026"
            fix = f"Set username, and {PASSWORD_VARIABLE}, password_file or password_command"
            raise ConfigurationError.of(what, where=self.name, fix=fix)
        check_way(self._table.base_url, what="password", where=self.name)
        return self._table.username, secret

    # ------------------------------------------------------------ a venue's papers

    def _notes(
        self, member: Discreet, venue: str, since: date, *, at: datetime
    ) -> list[Listing | DigestError]:
        """A venue's papers made since a day, and what was wrong with them."""
        got = _Got()
        url = ""
        for number in range(MOST_PAGES):
            url = self._url(venue, number * PAGE_SIZE)
            try:
                got = got.and_then(parse_page(_got(member, url), at=at, where=url), where=url)
            except (FetchError, InputError) as problem:
                return got.listed(since, venue, where=url, problem=problem)
            if got.is_whole or got.is_older_than(since - _LONGEST_HIDDEN):
                return got.listed(since, venue, where=url)
        told = f"the list may go on after the {len(got.notes):,} papers that were read"
        return got.listed(since, venue, where=url, problem=InputError(told, where=url))

    def _url(self, venue: str, offset: int) -> str:
        asked = f"content.venueid={quote(venue, safe='')}&sort=cdate:desc&limit={PAGE_SIZE}&offset={offset}"
        return f"{self._table.base_url}/notes?{asked}"


_LOGIN_FIX = f"See that username and the password (in {PASSWORD_VARIABLE} or its file) open {SITE}/login"
_CHALLENGE_FIX = (
    f"It may want to see a person (ChallengeRequiredError): log in at {SITE} with this account in a browser, "
    "from this machine's network; if it stays so, leave this source out"
)


def _token(answer: bytes, *, where: str) -> str:
    """What the login gave. Raises FetchError, and not InputError: such a page is not to be kept."""
    try:
        token = members(read_json(answer, where=where)).get("token")
    except InputError as problem:
        raise FetchError(f"the login's answer is {problem.what}", where=where) from None
    if isinstance(token, str) and 0 < len(token) <= _LONGEST_TOKEN and re.fullmatch("[!-~]+", token):
        return token
    raise FetchError("the login's answer has no token", where=where, fix=_LOGIN_FIX)


def _got(member: Discreet, url: str) -> bytes:
    """A page. Raises FetchError, with what to do where members are refused, too."""
    try:
        return member.get(url)
    except RefusedError as problem:
        if problem.status != 403:
            raise
        raise FetchError(problem.what, where=problem.where, fix=_CHALLENGE_FIX) from None


# ---------------------------------------------------------------- pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One submission: as a row, and the days it was made, and it became news, where it says so."""

    row: Row
    made: date | None
    new_on: date | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of `/notes`, and how many there are in all, where it says so."""

    notes: tuple[Note, ...]
    count: int | None = None


def parse_page(data: bytes, *, at: datetime, where: str = "") -> Page:
    """An answer of either version of the API. Raises InputError for any other."""
    answer = members(read_json(data, where=where))
    notes, count = answer.get("notes"), answer.get("count")
    if not isinstance(notes, list):
        raise InputError("JSON, but no notes of OpenReview's API", where=where)
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= 10**9
    return Page(notes=tuple(_note(note, at) for note in notes), count=count if is_count else None)


def _note(value: Any, at: datetime) -> Note:
    note = members(value)
    made = _day(note.get("cdate"))
    days = (made, _day(note.get("odate")), _day(note.get("pdate")))
    until = at.date() + timedelta(days=1)
    new_on = max((day for day in days if day and day <= until), default=None)
    name = _id(note.get("forum")) or _id(note.get("id"))
    return Note(row=_row(note, name, new_on, at), made=made, new_on=new_on, name=name)


def _id(value: Any) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _day(value: Any) -> date | None:
    """The day (UTC) of a moment in milliseconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 10**14:
        return None
    return datetime.fromtimestamp(value / 1_000, tz=UTC).date()


def _row(note: Mapping[str, Any], name: str, new_on: date | None, at: datetime) -> Row:
    content = {key: _bare(value) for key, value in members(note.get("content")).items()}
    fields = Fields(content)
    title = fields.text("title", MAX_TITLE)
    if not name or not title:
        return Row(entry=None, problems=(f"no usable {'title' if name else 'id'}; left out",))
    authors = fields.names("authors")
    paper = Paper(
        id=PREFIX + name,
        title=title,
        source="openreview",
        abstract=fields.text("abstract", MAX_ABSTRACT),
        authors=authors or None,
        n_authors=len(authors) or None,
        published=_day(note.get("pdate")) or _day(note.get("cdate")),
        url=safe_link(f"{SITE}/forum?id={name}"),
        keywords=tuple(dict.fromkeys(fields.names("keywords", most=MOST_KEYWORDS, limit=_LONGEST_KEYWORD))),
    )
    problems = [*fields.problems, *(["no usable date"] if new_on is None else [])]
    entry = Entry(paper=paper, observation=Observation(at=at, listed_on=new_on))
    return Row(entry=entry, problems=tuple(f"{name}: {problem}" for problem in problems))


def _bare(value: Any) -> Any:
    """Version 2 wraps each value as `{"value": …}`, version 1 does not."""
    return value.get("value") if isinstance(value, dict) else value


# ---------------------------------------------------------------- a venue's list


@dataclass(frozen=True, slots=True, kw_only=True)
class _Got:
    """What was got of a venue so far, the newest first."""

    notes: tuple[Note, ...] = ()
    count: int | None = None
    is_whole: bool = False

    def and_then(self, page: Page, *, where: str) -> "_Got":
        """With a further page. Raises InputError if that is one that was had before."""
        names = [note.name for note in page.notes]
        if names and names == [note.name for note in self.notes[-len(names) :]]:
            raise InputError("the same papers as on the page before", where=where)
        count = page.count if page.count is not None else self.count
        notes = (*self.notes, *page.notes)
        is_last = len(names) < PAGE_SIZE if count is None else len(notes) >= count
        return _Got(notes=notes, count=count, is_whole=is_last or not names)

    def is_older_than(self, day: date) -> bool:
        """Whether all that may follow was made before a day."""
        days = [note.made for note in self.notes if note.made]
        return bool(days) and days[-1] < day

    def listed(
        self, since: date, venue: str, *, where: str, problem: DigestError | None = None
    ) -> list[Listing | DigestError]:
        """The venue's list, and what was wrong with it: with a part of it, the `problem` that cut it off."""
        problems = [one for one in (problem, *self._doubts(where, was_cut=problem is not None)) if one]
        recent = [note.row for note in self.notes if note.new_on is None or note.new_on >= since]
        try:
            entries, warnings = entries_of(recent, where=where)
        except InputError as unreadable:
            return [unreadable, *problems]
        if not entries:
            quiet = f"no paper at {venue} since {since}"
            return [*problems] or [Listing(layout=_LAYOUT, entries=(), quiet=quiet)]
        return [Listing(layout=_LAYOUT, entries=entries, warnings=warnings), *problems]

    def _doubts(self, where: str, *, was_cut: bool) -> Iterator[InputError]:
        """What does not agree with what was asked for, or with what the answer says of itself."""
        if was_cut:
            return
        if not self.notes:
            fix = "venues holds the venueid of each: it stands in the address of its page, after ?id="
            yield InputError("there are no papers at this venue", where=where, fix=fix)
        days = [note.made for note in self.notes if note.made]
        if any(earlier < later for earlier, later in pairwise(days)):
            yield InputError("not ordered by date, so that new papers may be missing", where=where)
        if self.is_whole and self.count is not None and len(self.notes) != self.count:
            told = f"has {len(self.notes):,} papers where it says {self.count:,}"
            yield InputError(told, where=where)
