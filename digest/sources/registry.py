"""Which class reads which kind of source; a new kind is one file and one line here."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Protocol

from digest.config import HuggingFaceTable, ListingTable
from digest.errors import DigestError
from digest.model import Listing


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


SOURCES = {
    "huggingface": "digest.sources.huggingface:HuggingFace",
    "listing": "digest.sources.saved:SavedPages",
}


def open_source(table: HuggingFaceTable | ListingTable, folder: Path) -> Source:
    """The source that a table of `config.toml` describes; its relative paths are from `folder`."""
    module, name = SOURCES[table.kind].split(":")
    kind = getattr(import_module(module), name)
    source: Source = (
        kind(patterns=table.pages, folder=folder)
        if isinstance(table, ListingTable)
        else kind(base_url=table.base_url, trending=table.trending, days_back=table.days_back)
    )
    return source
