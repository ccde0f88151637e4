"""Which class reads which kind of source; a new kind is one file and one line here."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Protocol

from digest.config import ListingTable, SourceTable
from digest.errors import DigestError
from digest.model import Entry, Listing


class Source(Protocol):
    """A place that lists papers."""

    name: str

    def read(
        self, get: Callable[[str], bytes], *, today: date, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """Its lists, one by one, each a value or what went wrong with it.

        `get` fetches an address (raises FetchError), `today` is the day whose list is wanted most, `at` the
        moment of the observations.
        """
        ...

    def read_paper(self, get: Callable[[str], bytes], identifier: str, *, at: datetime) -> Entry | None:
        """One paper by its id; `None` if this source does not know it. Raises FetchError or InputError."""
        ...


SOURCES = {
    "huggingface": "digest.sources.huggingface:HuggingFace",
    "listing": "digest.sources.saved:SavedPages",
}


def open_sources(tables: Iterable[SourceTable], folder: Path) -> tuple[Source, ...]:
    """The sources that `config.toml` describes, in its order; relative paths are from `folder`.

    The second of a kind is called `listing 2`, and so on: the store tells sources apart by their names.
    """
    sources = tuple(_open_source(table, folder) for table in tables)
    count: Counter[str] = Counter()
    for source in sources:
        count[source.name] += 1
        if count[source.name] > 1:
            source.name = f"{source.name} {count[source.name]}"
    return sources


def _open_source(table: SourceTable, folder: Path) -> Source:
    module, name = SOURCES[table.kind].split(":")
    kind = getattr(import_module(module), name)
    source: Source = (
        kind(patterns=table.pages, folder=folder)
        if isinstance(table, ListingTable)
        else kind(base_url=table.base_url, trending=table.trending, days_back=table.days_back)
    )
    return source
