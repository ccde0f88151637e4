"""Which class reads which kind of source; a new kind is one file and one line here."""

from collections.abc import Iterable
from importlib import import_module
from itertools import count
from typing import Any

from digest.settings.values import SourceTable
from digest.sources.protocol import Place, Source

SOURCES = {
    "arxiv": "digest.sources.arxiv:Arxiv",
    "biorxiv": "digest.sources.biorxiv:Biorxiv",
    "feed": "digest.sources.feed:Feed",
    "huggingface": "digest.sources.huggingface:HuggingFace",
    "listing": "digest.sources.saved:SavedPages",
    "openreview": "digest.sources.openreview:OpenReview",
    "semanticscholar": "digest.sources.semanticscholar:SemanticScholar",
}


def table_of(kind: str) -> type[SourceTable]:
    """The model of the `[[sources]]` tables of a kind, one of `SOURCES`."""
    table: type[SourceTable] = _class_of(kind).Table
    return table


def open_sources(tables: Iterable[SourceTable], place: Place) -> tuple[Source, ...]:
    """The sources that `config.toml` describes, in its order.

    Two of one name are called `arxiv` and `arxiv 2`, or by the next number that is no other's name: the store
    tells sources apart by their names. Who wants to reorder or remove tables names each.
    """
    sources: tuple[Source, ...] = tuple(_class_of(table.kind)(table, place) for table in tables)
    taken = {source.name for source in sources}
    had: set[str] = set()
    for source in sources:
        if source.name in had:
            numbered = (f"{source.name} {number}" for number in count(2))
            source.name = next(name for name in numbered if name not in taken)
        had.add(source.name)
        taken.add(source.name)
    return sources


def _class_of(kind: str) -> Any:
    """Imported when it is used: each kind brings the libraries it reads with."""
    module, name = SOURCES[kind].split(":")
    return getattr(import_module(module), name)
