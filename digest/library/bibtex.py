"""BibTeX -> papers, by the library bibtexparser (extra `bib`)."""

import logging
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from digest.library import entries as library
from digest.library.entries import MOST_ENTRIES, Library, gather, unreadable
from digest.text import clean

if TYPE_CHECKING:
    from bibtexparser.model import Block
    from bibtexparser.model import Entry as Parsed

# Bounded, so that no file takes more than linear time.
_BEGIN = re.compile(r"@\s{0,9}\w{1,40}\s{0,9}[{(]")
_ENTRY = re.compile(
    r"^[ \t]{0,40}@\s{0,9}(?!comment|string|preamble)[a-z]{1,40}\s{0,9}[{(]\s{0,99}[^\s,={}]{0,200}\s{0,99},",
    re.IGNORECASE | re.MULTILINE,
)
_IDENTIFIERS = ("eprint", "arxiv", "arxivid", "doi", "url", "howpublished")
# Where other programs put an arXiv id: `journal = {arXiv preprint arXiv:2104.14294}`.
_MENTIONS = ("journal", "journaltitle", "note", "annote", "number", "volume", "pages", "ee", "link")
_AND = re.compile(" and ", re.IGNORECASE)


def is_bibtex(text: str) -> bool:
    """Whether a text has an entry such as `@article{key,`."""
    return _ENTRY.search(text) is not None


def parse_bibtex(text: str) -> Library:
    """The papers of a BibTeX file, its latest MOST_ENTRIES entries; ImportError without bibtexparser."""
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.middlewares import RemoveEnclosingMiddleware, ResolveStringReferencesMiddleware

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL + 1)  # what is broken, a note says
    latest, notes = _latest(text)
    parsed = parse_string(
        latest,
        parse_stack=[
            ResolveStringReferencesMiddleware(allow_inplace_modification=True),
            RemoveEnclosingMiddleware(allow_inplace_modification=True),
        ],
    )
    broken: list[str] = []
    blocks = list(_entries(parsed.blocks, broken))
    return gather(map(_entry, blocks), (*notes, *unreadable(broken)))


def _latest(text: str) -> tuple[str, tuple[str, ...]]:
    """The end of a text with more entries than are read."""
    begins = [match.start() for match in _BEGIN.finditer(text)]
    if len(begins) <= MOST_ENTRIES:
        return text, ()
    note = f"only the last {MOST_ENTRIES:,} of its {len(begins):,} entries were read"
    return text[begins[-MOST_ENTRIES] :], (note,)


def _entries(blocks: "Iterable[Block]", broken: list[str]) -> "Iterator[Parsed]":
    """The entries; of one that repeats a key or a field, what could be read. Others are named as broken."""
    from bibtexparser.model import DuplicateBlockKeyBlock, DuplicateFieldKeyBlock, Entry, ParsingFailedBlock

    for block in blocks:
        is_double = isinstance(block, DuplicateBlockKeyBlock | DuplicateFieldKeyBlock)
        found = block.ignore_error_block if is_double else block  # type: ignore[attr-defined]
        if isinstance(found, Entry):
            yield found
        elif isinstance(found, ParsingFailedBlock):
            broken.append(clean((found.raw or "").strip().split("\n")[0], 40))


def _entry(block: "Parsed") -> library.Entry:
    fields = {field.key.lower(): str(field.value) for field in block.fields}
    subtitle = fields.get("subtitle", "")
    title = fields.get("title", "")
    return library.Entry(
        title=f"{title}: {subtitle}" if title and subtitle else title,
        abstract=fields.get("abstract", ""),
        authors=tuple(_first_name_first(name) for name in _people(fields.get("author", ""))),
        identifiers=tuple(fields[key] for key in _IDENTIFIERS if key in fields),
        mentions=tuple(fields[key] for key in _MENTIONS if key in fields),
        is_tex=True,
    )


def _people(authors: str) -> list[str]:
    return _AND.split(" ".join(authors.split()))


def _first_name_first(name: str) -> str:
    """`Lovelace, Ada` and `King, Jr., Ada` as a person says them; `others` is nobody."""
    if name.strip().lower() == "others":
        return ""
    parts = [part.strip() for part in name.split(",")]
    return " ".join([parts[-1], *parts[:-1]])
