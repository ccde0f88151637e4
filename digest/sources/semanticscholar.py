"""Semantic Scholar: papers like those that readers like; https://api.semanticscholar.org/api-docs."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, StrictInt

from digest.errors import (
    BusyError,
    ConfigurationError,
    DigestError,
    FetchError,
    InputError,
    MissingError,
    RefusedError,
)
from digest.fetch.web import Web
from digest.links import is_arxiv_id, paper_id, safe_link
from digest.model import Entry, Listing, Observation, Paper
from digest.rhythm import SLOW
from digest.settings.secrets import key_of
from digest.settings.values import SourceTable, WebAddress
from digest.sources.discreet import Discreet, check_way
from digest.sources.json import Fields, members, read_json
from digest.sources.missed import first_news, only_news
from digest.sources.protocol import Place, Wanted
from digest.sources.rows import Row, entries_of
from digest.text import MAX_ABSTRACT, MAX_TITLE

HOME = "https://api.semanticscholar.org"
KEY_VARIABLE = "DIGEST_SEMANTICSCHOLAR_KEY"
GET_A_KEY = (
    f"Ask for a key at https://www.semanticscholar.org/product/api, and set {KEY_VARIABLE} or key_file"
)
MOST_SEEDS = 100
"""Liked papers of one reader that are told, the latest."""
FIELDS = "title,abstract,authors,publicationDate,externalIds,url"
PREFIX = "s2:"
_OWN_ID = re.compile("[0-9a-f]{40}")
_UNKNOWN_PAPER = (400, 404)


class SemanticScholarTable(SourceTable):
    """`kind = "semanticscholar"`: what it recommends to who likes what your readers like.

    This tells Semantic Scholar the ids of liked papers, each reader's together and without a name.
    """

    kind: Literal["semanticscholar"]
    limit: Annotated[StrictInt, Field(ge=1, le=500)] = 100
    """Recommended papers for each reader."""
    requests: Annotated[StrictInt, Field(ge=1, le=100)] = 5
    """At most, in one harvest, most often one a reader: readers take turns by the day."""
    key_file: Path | None = None
    base_url: WebAddress = HOME


class SemanticScholar:
    """Asks for each reader's recommendations. Without a key, it shares a limit with all the world."""

    Table = SemanticScholarTable
    grows = False
    rhythm = SLOW

    def __init__(self, table: SemanticScholarTable, place: Place) -> None:
        self.name = table.name or table.kind
        self._table = table
        self._place = place

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """A list for each reader whose turn it is. A server that is down or busy is asked no more.

        Papers that came out long ago are recommended, too, and are no news.
        """
        groups = list(dict.fromkeys(ids for liked in wanted.liked if (ids := seeds(liked))))
        if not groups:
            yield Listing(layout=_LAYOUT, entries=(), quiet=_why_quiet(wanted))
            return
        try:
            asking = _Asking(table=self._table, web=self._discreet(web), at=wanted.at)
        except ConfigurationError as problem:
            yield problem
            return
        for ids in turn(groups, wanted.today, self._table.requests):
            if not asking.left:
                return
            try:
                yield only_news(asking.recommended(ids), first_news(wanted))
            except InputError as problem:
                yield problem
            except FetchError as problem:
                yield problem
                if not _is_of_this_reader(problem):
                    return

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        """One paper by its arXiv id, DOI or id of theirs."""
        named = _told_as(identifier)
        if named is None:
            return None
        path = f"/graph/v1/paper/{quote(named, safe=':/')}?fields={FIELDS}"
        url = self._table.base_url + path
        answer = read_json(self._discreet(web).get(url), where=url)
        (entry,), _ = entries_of([read_row(answer, at=at)], where=url)
        return entry

    def _discreet(self, web: Web) -> Discreet:
        """Raises ConfigurationError for a key that cannot be read, or must not be sent there."""
        key = key_of(KEY_VARIABLE, self._table.key_file, self._place.folder, self._place.environment)
        if not key:
            return Discreet(web=web)
        check_way(self._table.base_url, what="key", where=KEY_VARIABLE)
        return Discreet(web=web, headers={"x-api-key": key}, secrets=(key,))


_LAYOUT = "Semantic Scholar recommendations"


def _why_quiet(wanted: Wanted) -> str:
    if any(wanted.liked):
        return "no reader likes a paper that has an id known there"
    return "no reader likes a paper yet"


def turn(groups: Sequence[tuple[str, ...]], today: date, most: int) -> list[tuple[str, ...]]:
    """The groups whose turn it is, at most so many: each comes once before any comes again."""
    start = today.toordinal() * most % len(groups)
    return [*groups[start:], *groups[:start]][:most]


def seeds(liked: Iterable[str]) -> tuple[str, ...]:
    """The latest of the liked papers that have an id known there."""
    return tuple(named for one in liked if (named := _told_as(one)))[-MOST_SEEDS:]


def _told_as(identifier: str) -> str | None:
    """An id in its words; `None` for one it does not know, such as `openreview:abc`."""
    if is_arxiv_id(identifier):
        return f"ARXIV:{identifier}"
    if identifier.startswith("10.") and paper_id(identifier) == identifier:
        return f"DOI:{identifier}"
    own = identifier.removeprefix(PREFIX)
    return own if own != identifier and _OWN_ID.fullmatch(own) else None


def _is_of_this_reader(problem: FetchError) -> bool:
    """Whether it is about the papers that were told, and not about us."""
    return isinstance(problem, MissingError) or (
        isinstance(problem, RefusedError) and problem.status in _UNKNOWN_PAPER
    )


class _Asking:
    """One harvest's conversation, of a bounded number of requests."""

    def __init__(self, *, table: SemanticScholarTable, web: Discreet, at: datetime) -> None:
        self.left = table.requests
        self._table = table
        self._web = web
        self._at = at

    def recommended(self, ids: Sequence[str]) -> Listing:
        """The list for one reader. Raises FetchError and InputError."""
        try:
            return self._recommended(ids)
        except FetchError as problem:
            known = self._known(ids) if _is_of_this_reader(problem) and self.left >= 2 else ids
            if not known or len(known) == len(ids):
                raise
        return self._recommended(known)

    def _recommended(self, ids: Sequence[str]) -> Listing:
        path = f"/recommendations/v1/papers/?fields={FIELDS}&limit={self._table.limit}"
        url = self._table.base_url + path
        return parse_recommended(self._posted(url, {"positivePaperIds": list(ids)}), at=self._at, where=url)

    def _known(self, ids: Sequence[str]) -> list[str]:
        """Those that it has a paper for: one that is too new for it can spoil the whole request."""
        url = f"{self._table.base_url}/graph/v1/paper/batch?fields=paperId"
        answer = read_json(self._posted(url, {"ids": list(ids)}), where=url)
        if not isinstance(answer, list) or len(answer) != len(ids):
            raise InputError("no list of the papers that were asked for", where=url)
        return [one for one, found in zip(ids, answer, strict=True) if members(found)]

    def _posted(self, url: str, body: Mapping[str, Sequence[str]]) -> bytes:
        self.left -= 1
        try:
            return self._web.post(url, json.dumps(body).encode("ascii"))
        except FetchError as problem:
            if not _is_of_this_reader(problem):
                problem.fix = self._fix(problem)
            raise

    def _fix(self, problem: FetchError) -> str:
        if not self._web.secrets:
            return GET_A_KEY if isinstance(problem, BusyError | RefusedError) else problem.fix
        is_refused = isinstance(problem, RefusedError) and problem.status in (401, 403)
        return f"See that the key in {KEY_VARIABLE} or key_file is valid" if is_refused else problem.fix


# ---------------------------------------------------------------- its answer


def parse_recommended(data: bytes, *, at: datetime, where: str = "") -> Listing:
    """The recommended papers. Raises InputError for any other answer."""
    rows = members(read_json(data, where=where)).get("recommendedPapers")
    if not isinstance(rows, list):
        raise InputError("JSON, but no recommended papers", where=where)
    if not rows:
        return Listing(layout=_LAYOUT, entries=(), quiet="nothing is recommended to who likes these papers")
    entries, warnings = entries_of([read_row(row, at=at) for row in rows], where=where)
    return Listing(layout=_LAYOUT, entries=entries, warnings=warnings)


def read_row(value: Any, *, at: datetime) -> Row:
    """One paper. It stands on no day's list: what is recommended today may be of any day."""
    row = members(value)
    fields = Fields(row)
    own = row.get("paperId")
    ids = _ids(row.get("externalIds"), own if isinstance(own, str) and _OWN_ID.fullmatch(own) else None)
    title = fields.text("title", MAX_TITLE)
    if not ids or not title:
        return Row(entry=None, problems=(f"no usable {'title' if ids else 'id'}; left out",))
    authors = fields.names("authors")
    paper = Paper(
        id=ids[0],
        title=title,
        source="semanticscholar",
        abstract=fields.text("abstract", MAX_ABSTRACT),
        authors=authors or None,
        n_authors=len(authors) or None,
        published=fields.day("publicationDate"),
        url=fields.link("url") or _page_of(own),
        aliases=ids[1:],
    )
    problems = tuple(f"{ids[0]}: {problem}" for problem in fields.problems)
    return Row(entry=Entry(paper=paper, observation=Observation(at=at)), problems=problems)


def _ids(external: Any, own: str | None) -> tuple[str, ...]:
    """All ids of a paper, the best first: arXiv's, a DOI, its own."""
    named = [members(external).get(key) for key in ("ArXiv", "DOI")]
    found = (paper_id(one) for one in named if isinstance(one, str) and len(one) <= 200)
    return tuple(dict.fromkeys(one for one in chain(found, [own and PREFIX + own]) if one))


def _page_of(own: Any) -> str | None:
    return safe_link(f"https://www.semanticscholar.org/paper/{own}") if isinstance(own, str) else None
