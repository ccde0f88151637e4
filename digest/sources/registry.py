"""Which class reads which kind of source; a new kind is one file and one line here."""

from collections import Counter
from collections.abc import Iterable
from importlib import import_module
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

    Two of one name are called `arxiv` and `arxiv 2`: the store tells sources apart by their names.
    """
    sources: tuple[Source, ...] = tuple(_class_of(table.kind)(table, place) for table in tables)
    count: Counter[str] = Counter()
    for source in sources:
        count[source.name] += 1
        if count[source.name] > 1:
            source.name = f"{source.name} {count[source.name]}"
    return sources


def _class_of(kind: str) -> Any:
    """Imported when it is used: each kind brings the libraries it reads with."""
    module, name = SOURCES[kind].split(":")
    return getattr(import_module(module), name)
