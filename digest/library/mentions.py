"""Papers a reader likes, as a file of theirs names them: by arXiv id or DOI, in whatever format."""

import re
from pathlib import Path

from digest.errors import DigestError, InputError
from digest.links import paper_id

MAX_LIBRARY = 20_000_000
# BibTeX's `eprint = {2104.14294}` and `doi = {10.1000/x}`, CSL-JSON's `"DOI": "10.1000/x"`, addresses, and
# plain lists with one id a line.
_MENTION = re.compile(
    r"""(?:eprint\s*=\s*[{"]|arxiv:\s*|arxiv\.org/(?:abs|pdf|html)/|huggingface\.co/papers/|^[ \t]*)
        (?P<arxiv>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})
      | (?P<doi>\b10\.\d{4,9}/[^\s"'<>{},;]+)""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)


def load_mentions(path: Path) -> tuple[str, ...] | DigestError:
    """The canonical ids a file names, each once, in its order; or what is wrong with the file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LIBRARY + 1)
    except OSError as problem:
        return InputError(f"cannot be read ({problem.strerror})", where=str(path))
    if len(data) > MAX_LIBRARY:
        return InputError(f"is larger than {MAX_LIBRARY:,} bytes", where=str(path))
    return parse_mentions(data.decode("utf-8", errors="replace"))


def parse_mentions(text: str) -> tuple[str, ...]:
    """The canonical ids a text names, each once, in its order."""
    found = (paper_id(match["arxiv"] or match["doi"].rstrip(".)")) for match in _MENTION.finditer(text))
    return tuple(dict.fromkeys(identifier for identifier in found if identifier))
