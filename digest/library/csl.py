"""CSL-JSON, and the JSON that Zotero and its Better BibTeX write -> papers."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from digest.library.entries import MOST_ENTRIES, Entry, Library, gather, unreadable

_LISTS = ("items", "references", "data")
_TITLES = ("title",)
_ABSTRACTS = ("abstract", "abstractNote")
_PEOPLE = ("author", "creators")
_IDENTIFIERS = ("DOI", "doi", "URL", "url", "archiveID", "archive_location", "id")
_MENTIONS = ("number", "note", "extra", "archiveLocation", "container-title", "publicationTitle")
# No papers, though libraries list them beside papers.
_NO_PAPERS = ("attachment", "note", "annotation")


def parse_csl(text: str) -> Library | None:
    """The papers of a list of items, of an object around one, or of a single item; `None` if there is none.

    Raises ValueError if the text is not JSON.
    """
    try:
        rows = _rows(json.loads(text))
    except RecursionError:
        raise ValueError("nested too deep") from None
    items = [_item(row) for row in rows[-MOST_ENTRIES:]]
    entries = [_entry(item) for item in items if item is not None]
    broken = [f"entry {number}" for number, item in enumerate(items, 1) if item is None]
    library = gather(entries, (*_cut(len(rows)), *unreadable(broken)))
    return library if library.ids else None


def _cut(rows: int) -> tuple[str, ...]:
    if rows <= MOST_ENTRIES:
        return ()
    return (f"only the last {MOST_ENTRIES:,} of its {rows:,} entries were read",)


def _rows(answer: Any) -> list[Any]:
    if isinstance(answer, list):
        return answer
    if not isinstance(answer, dict):
        return []
    return next((answer[key] for key in _LISTS if isinstance(answer.get(key), list)), [answer])


def _item(row: Any) -> dict[str, Any] | None:
    """An item's fields; those of Zotero's own API lie one level deeper. A text alone is an id."""
    if isinstance(row, str):
        return {"id": row}
    if not isinstance(row, dict):
        return None
    inner = row.get("data")
    return inner if isinstance(inner, dict) else row


def _entry(item: dict[str, Any]) -> Entry:
    if item.get("itemType") in _NO_PAPERS:
        return Entry()
    return Entry(
        title=next(_texts(item, _TITLES), ""),
        abstract=next(_texts(item, _ABSTRACTS), ""),
        authors=tuple(_names(item)),
        identifiers=tuple(_texts(item, _IDENTIFIERS)),
        mentions=tuple(_texts(item, _MENTIONS)),
    )


def _texts(item: dict[str, Any], keys: Iterable[str]) -> Iterator[str]:
    values = (item.get(key) for key in keys)
    return (value for value in values if isinstance(value, str) and value)


def _names(item: dict[str, Any]) -> Iterator[str]:
    """The authors' names, given name first, in CSL's fields or Zotero's."""
    people: list[Any] = next((item[key] for key in _PEOPLE if isinstance(item.get(key), list)), [])
    for person in people:
        if isinstance(person, dict) and person.get("creatorType", "author") == "author":
            parts = ("given", "firstName", "non-dropping-particle", "family", "lastName", "literal", "name")
            yield " ".join(_texts(person, parts))
