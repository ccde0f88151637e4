"""A library at Zotero's web API, version 3: https://www.zotero.org/support/dev/web_api/v3/basics."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from digest.errors import DigestError, FetchError, InputError, MissingError, RefusedError
from digest.fetch.client import Answer
from digest.library.entries import MOST_AUTHORS, MOST_ENTRIES
from digest.library.held import Held, Item
from digest.links import paper_id
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean

SERVER = "https://api.zotero.org"
KEY_VARIABLE = "DIGEST_ZOTERO_KEY"
PAGE_SIZE = 100
TRIES = 3
"""How often a library is read that changes meanwhile."""
LONGEST_BACKOFF_S = 300.0
MOST_BACKOFF_S = 600.0
"""Of all pauses that a server asks for; a server that wants more is asked another day."""
_LIBRARY = re.compile(r"(?:https?://(?:www\.|api\.)?zotero\.org/)?((?:users|groups)/\d{1,12})(?:/[^?#]*)?/?")
_OBJECT_KEY = re.compile(r"[A-Z0-9]{8}")
_API_KEY = re.compile(r"[A-Za-z0-9]{8,128}")
# https://api.zotero.org/itemTypes lists all; others are kept if they name a paper by arXiv id or DOI.
_PAPERS = frozenset(
    "book bookSection conferencePaper dataset document encyclopediaArticle journalArticle magazineArticle "
    "manuscript preprint presentation report standard thesis".split()
)
_NO_PAPERS = frozenset(("attachment", "note", "annotation"))

Ask = Callable[[str, Mapping[str, str]], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which library, or which collection of it; where, and by which key."""

    library: str
    """`users/12345` or `groups/678`."""
    collection: str | None = None
    server: str = SERVER
    key: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Where its top items are: all but those that belong to another, as notes and attachments do."""
        within = f"/collections/{quote(self.collection)}" if self.collection else ""
        return f"{self.server.rstrip('/')}/{self.library}{within}/items/top"

    @property
    def headers(self) -> dict[str, str]:
        """What every request says."""
        return {"Zotero-API-Version": "3"} | ({"Zotero-API-Key": self.key} if self.key else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """A library after it was read, and what that changed."""

    held: Held
    new: int = 0
    changed: int = 0
    gone: int = 0


def place(library: str, collection: str | None, server: str, key: str | None) -> Place:
    """A library as a person names it. Raises InputError for what cannot be one."""
    named = _LIBRARY.fullmatch(library.strip())
    if not named:
        fix = "Write users/12345 (your userID stands at https://www.zotero.org/settings/keys) or groups/678"
        raise InputError(f"{library!r} is no Zotero library", fix=fix)
    if collection and not _OBJECT_KEY.fullmatch(collection):
        fix = "It is the last part of the collection's address, such as ABCD2345"
        raise InputError(f"{collection!r} is no key of a collection", fix=fix)
    if key and not _API_KEY.fullmatch(key):
        raise InputError("it does not look like a key of Zotero's", where=f"${KEY_VARIABLE}")
    return Place(library=named[1], collection=collection, server=server, key=key)


# ---------------------------------------------------------------- reading it


def sync(
    held: Held | None,
    place: Place,
    ask: Ask,
    *,
    sleep: Callable[[float], None],
    progress: Callable[[int, int], object],
) -> Synced:
    """Bring what is held up to date: only changed items are transferred; all, if nothing is held.

    `progress` is told how many of how many items are here. Raises FetchError and InputError.
    """
    reading = _Reading(place, ask, _Pauses(sleep), progress)
    for _ in range(TRIES):
        try:
            return reading.all() if held is None else reading.since(held)
        except _ChangedError:
            continue
    raise FetchError("the library changed each time while it was read", where=place.address, fix="Try again")


class _ChangedError(Exception):
    """Two answers are of different versions of the library."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of a library."""

    place: Place
    ask: Ask
    pauses: "_Pauses"
    progress: Callable[[int, int], object]

    def all(self) -> Synced:
        """Every item."""
        version, items = self._changed({}, None)
        kept = {key: item for key, item in items.items() if item}
        return Synced(held=Held(version=version, items=_in_order(kept)), new=len(kept))

    def since(self, held: Held) -> Synced:
        """What changed; and what is not there any more, by a list of all keys.

        `/deleted` would not tell of items in the trash, or taken out of the collection.
        """
        condition = {"If-Modified-Since-Version": str(held.version)}
        first = self._answer({**_paging(0), "since": held.version}, condition)
        if first.status == 304:
            return Synced(held=held)
        version, changed = self._changed({"since": held.version}, first)
        there = self._keys(version)
        items = {key: item for key, item in {**held.items, **changed}.items() if item and key in there}
        return Synced(
            held=Held(version=version, items=_in_order(items)),
            new=len(items.keys() - held.items.keys()),
            changed=len(items.keys() & held.items.keys() & changed.keys()),
            gone=len(held.items.keys() - items.keys()),
        )

    def _changed(self, wanted: dict[str, Any], first: Answer | None) -> tuple[int, dict[str, Item | None]]:
        """The library's version, and its items by key; `None` for what is no paper."""
        answer = first or self._answer(_paging(0) | wanted)
        version, total = _version(answer), _total(answer)
        items: dict[str, Item | None] = {}
        count = 0
        while rows := _rows(answer, self.place.address):
            items |= dict(map(_item, filter(_is_item, rows)))
            count += len(rows)
            self.progress(count, max(total or 0, count))
            if count > MOST_ENTRIES or (total or 0) > MOST_ENTRIES:
                raise self._too_many()
            if not (count < total if total is not None else 'rel="next"' in answer.headers.get("link", "")):
                break
            answer = self._answer(_paging(count) | wanted)
            if _version(answer) != version:
                raise _ChangedError
        return version, items

    def _keys(self, version: int) -> frozenset[str]:
        """The keys of all items that are there; this list comes whole."""
        answer = self._answer({"format": "keys"})
        if _version(answer) != version:
            raise _ChangedError
        keys = answer.body.decode("ascii", errors="replace").split()
        if not all(map(_OBJECT_KEY.fullmatch, keys)):
            raise InputError("a list of keys was expected", where=self.place.address)
        return frozenset(keys)

    def _answer(self, wanted: dict[str, Any], condition: Mapping[str, str] | None = None) -> Answer:
        """One answer; what the server asks for (`Backoff`) is kept to before the next."""
        url = f"{self.place.address}?{urlencode(wanted)}"
        self.pauses.keep(self.place.address)
        try:
            answer = self.ask(url, self.place.headers | dict(condition or {}))
        except MissingError as problem:
            fix = "See that its number is right, and the collection's key"
            raise MissingError("there is no such library or collection", where=url, fix=fix) from problem
        except RefusedError as problem:
            raise _refused(problem, self.place) from None
        except FetchError as problem:
            what = _without_key(problem.what, self.place)
            raise FetchError(what, where=problem.where, fix=problem.fix) from None
        if re.fullmatch(r"[0-9]{1,6}", pause := answer.headers.get("backoff", "")):
            self.pauses.due_s = min(float(pause), LONGEST_BACKOFF_S)
        return answer

    def _too_many(self) -> DigestError:
        fix = "Import a part of it with --collection KEY"
        return InputError(f"it has more than {MOST_ENTRIES:,} items", where=self.place.address, fix=fix)


@dataclass(slots=True)
class _Pauses:
    """What a server asks for between two requests, as far as a run has time for it."""

    sleep: Callable[[float], None]
    due_s: float = 0.0
    left_s: float = MOST_BACKOFF_S

    def keep(self, where: str) -> None:
        """Raises FetchError if all pauses together would be longer than MOST_BACKOFF_S."""
        due_s, self.due_s = self.due_s, 0.0
        if due_s > self.left_s:
            what = f"the server asks to be left alone for more than {MOST_BACKOFF_S:.0f} s"
            raise FetchError(what, where=where, fix="Try again later")
        self.left_s -= due_s
        if due_s:
            self.sleep(due_s)


def _refused(problem: RefusedError, place: Place) -> DigestError:
    said = _without_key(problem.what, place)
    if problem.status not in (401, 403):
        return RefusedError(said, where=problem.where, fix=problem.fix, status=problem.status)
    what = "the key may not read this library" if place.key else "this library is not open to everybody"
    fix = f"Make a key that may read it at https://www.zotero.org/settings/keys, and set ${KEY_VARIABLE}"
    return FetchError(f"{what} ({said})", where=place.address, fix=fix)


def _without_key(told: str, place: Place) -> str:
    """An unkind server could answer with the key."""
    return told.replace(place.key, "***") if place.key else told


def _paging(start: int) -> dict[str, Any]:
    """By when they were added: what is added meanwhile comes last, and moves no page."""
    return {
        "format": "json",
        "include": "data",
        "sort": "dateAdded",
        "direction": "asc",
        "limit": PAGE_SIZE,
        "start": start,
    }


def _version(answer: Answer) -> int:
    stated = answer.headers.get("last-modified-version", "")
    if not re.fullmatch(r"[0-9]{1,15}", stated):
        raise InputError("the answer states no version of the library: this is not Zotero's API")
    return int(stated)


def _total(answer: Answer) -> int | None:
    stated = answer.headers.get("total-results", "")
    return int(stated) if re.fullmatch(r"[0-9]{1,9}", stated) else None


def _rows(answer: Answer, where: str) -> list[Any]:
    try:
        rows = json.loads(answer.body)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"not valid JSON ({clean(str(problem), 120)})", where=where) from None
    if not isinstance(rows, list):
        raise InputError("a list of items was expected", where=where)
    return rows


def _is_item(row: Any) -> bool:
    key = row.get("key") if isinstance(row, dict) else None
    return isinstance(key, str) and bool(_OBJECT_KEY.fullmatch(key)) and isinstance(row.get("data"), dict)


# ---------------------------------------------------------------- its items


def _item(row: Any) -> tuple[str, Item | None]:
    """A key and its item in CSL-JSON's fields; `None` for an attachment, a note, or what is no paper."""
    data = row["data"]
    kind = _text(data, "itemType", 40)
    names_paper = any(paper_id(text) for text in _texts(data, "DOI", "url", "archiveID"))
    if kind in _NO_PAPERS or data.get("deleted") or not (kind in _PAPERS or names_paper):
        return row["key"], None
    fields = {
        "key": row["key"],
        "added": _text(data, "dateAdded", 30),
        "title": _text(data, "title", MAX_TITLE),
        "abstract": _text(data, "abstractNote", MAX_ABSTRACT),
        "author": _authors(data),
        "DOI": _text(data, "DOI", 300),
        "URL": _text(data, "url", 1_000),
        "number": _text(data, "archiveID", 300),
        "container-title": _text(data, "publicationTitle", MAX_TITLE),
        "note": _text(data, "extra", 2_000),
    }
    return row["key"], {name: value for name, value in fields.items() if value}


def _authors(data: Mapping[str, Any]) -> list[dict[str, str]]:
    creators = data.get("creators")
    people = [one for one in creators if isinstance(one, dict)] if isinstance(creators, list) else []
    return [_name(one) for one in people if one.get("creatorType") == "author"][:MOST_AUTHORS]


def _name(author: Mapping[str, Any]) -> dict[str, str]:
    """In one field or in two."""
    fields = {"given": "firstName", "family": "lastName", "literal": "name"}
    return {csl: text for csl, zotero in fields.items() if (text := _text(author, zotero, MAX_NAME))}


def _text(data: Mapping[str, Any], name: str, limit: int) -> str:
    value = data.get(name)
    return clean(value, 4 * limit) if isinstance(value, str) else ""


def _texts(data: Mapping[str, Any], *names: str) -> Iterable[str]:
    return (text for name in names if (text := _text(data, name, 1_000)))


def _in_order(items: Mapping[str, Item]) -> dict[str, Item]:
    """The latest last."""
    return dict(sorted(items.items(), key=lambda one: (str(one[1].get("added", "")), one[0])))
