"""A reader's own file of papers, in whatever format, read once."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from digest.errors import DigestError, InputError
from digest.library.bibtex import is_bibtex, parse_bibtex
from digest.library.csl import parse_csl
from digest.library.entries import Library
from digest.library.mentions import parse_mentions
from digest.text import clean

MAX_LIBRARY = 20_000_000
FILES_REMEMBERED = 64
WITHOUT_BIBTEXPARSER = (
    "only its arXiv ids and DOIs were read; `pip install 'paperdigest[bib]'` adds titles and abstracts"
)


def load_library(path: Path) -> Library | DigestError:
    """The papers a file names, or what is wrong with it. A file that did not change is not read again."""
    try:
        found = path.stat()
        return _load(path, found.st_mtime_ns, found.st_size)
    except OSError as problem:
        return InputError(f"cannot be read ({problem.strerror})", where=str(path))


@lru_cache(maxsize=FILES_REMEMBERED)
def _load(path: Path, _changed_ns: int, _size: int) -> Library | DigestError:
    with path.open("rb") as file:
        data = file.read(MAX_LIBRARY + 1)
    if len(data) > MAX_LIBRARY:
        return InputError(f"is larger than {MAX_LIBRARY:,} bytes", where=str(path))
    return parse_library(data)


def parse_library(data: bytes, *, bibtex: Callable[[str], Library] = parse_bibtex) -> Library:
    """The papers of BibTeX, CSL-JSON or a plain list of ids; `bibtex` may raise ImportError."""
    text = decode(data)
    if text.lstrip()[:1] in ("[", "{"):
        return _from_json(text)
    if not is_bibtex(text):
        return Library(ids=parse_mentions(text))
    try:
        return bibtex(text)
    except ImportError:
        return Library(ids=parse_mentions(text), notes=(WITHOUT_BIBTEXPARSER,))


def _from_json(text: str) -> Library:
    try:
        return parse_csl(text) or Library(ids=parse_mentions(text))
    except ValueError as problem:
        told = f"it is not valid JSON ({clean(str(problem), 120)}); only its arXiv ids and DOIs were read"
        return Library(ids=parse_mentions(text), notes=(told,))


def decode(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, else Windows' Latin-1, in which nothing is an error."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
