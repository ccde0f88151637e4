"""arXiv's query API, an Atom feed -> one paper."""

from datetime import UTC, date, datetime
from typing import Any

from digest.errors import BusyError, InputError
from digest.model import Entry
from digest.sources.arxiv_paper import arxiv_id, make_entry, names
from digest.sources.rows import MOST_AUTHORS
from digest.sources.xml import read_xml, text_of
from digest.text import clean

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_TOTAL = "{http://a9.com/-/spec/opensearch/1.1/}totalResults"
_MAX_ENTRIES = 2_000


def parse_answer(data: bytes, identifier: str, *, at: datetime, where: str = "") -> Entry | None:
    """The paper of an id, of an answer to `id_list`; `None` if arXiv does not know it.

    Raises InputError if this is no such answer, and BusyError if it is empty without saying that there is
    nothing: so arXiv answers who asks too much.
    """
    root, _ = read_xml(data, where=where)
    if root.tag != f"{_ATOM}feed":
        raise InputError("XML, but no answer of arXiv's API", where=where)
    entries = root.findall(f"{_ATOM}entry")[:_MAX_ENTRIES]
    _refuse_error(entries, where)
    found = next((one for one in entries if arxiv_id(text_of(one, f"{_ATOM}id")) == identifier), None)
    if found is not None:
        return _entry(found, identifier, at)
    if entries:
        raise InputError(f"an answer about other papers than {identifier}", where=where)
    if text_of(root, _TOTAL).strip() == "0":
        return None
    raise BusyError("an empty answer, as arXiv gives where it is asked too often", where=where)


def _refuse_error(entries: list[Any], where: str) -> None:
    """An error is an entry, too: its id is an address below `/api/errors`."""
    if len(entries) == 1 and "/api/errors" in text_of(entries[0], f"{_ATOM}id"):
        told = clean(text_of(entries[0], f"{_ATOM}summary"), 200)
        raise InputError(f"arXiv's API answers “{told}”", where=where)


def _entry(entry: Any, identifier: str, at: datetime) -> Entry | None:
    people = entry.findall(f"{_ATOM}author")[:MOST_AUTHORS]
    authors = names(text_of(person, f"{_ATOM}name") for person in people)
    return make_entry(
        identifier=identifier,
        title=text_of(entry, f"{_ATOM}title"),
        abstract=text_of(entry, f"{_ATOM}summary"),
        authors=authors,
        n_authors=len(authors) or None,
        dois=text_of(entry, f"{_ARXIV}doi"),
        published=_day(text_of(entry, f"{_ATOM}published")),
        at=at,
    )


def _day(text: str) -> date | None:
    try:
        stated = datetime.fromisoformat(text.strip())
        return (stated.astimezone(UTC) if stated.tzinfo else stated).date()
    except (ValueError, OverflowError):
        return None
