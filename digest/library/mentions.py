"""The arXiv ids and DOIs that a text mentions, in whatever format."""

import re

from digest.links import paper_id

# BibTeX's `eprint = {2104.14294}` and `doi = {10.1000/x}`, CSL-JSON's `"DOI": "10.1000/x"`, addresses, and
# plain lists with one id a line.
_MENTION = re.compile(
    r"""(?:eprint\s*=\s*[{"]|arxiv:\s*|arxiv\.org/(?:abs|pdf|html)/|huggingface\.co/papers/|^[ \t]*)
        (?P<arxiv>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})
      | (?P<doi>\b10\.\d{4,9}/[^\s"'<>{},;]+)""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)


def parse_mentions(text: str) -> tuple[str, ...]:
    """The canonical ids a text names, each once, in its order."""
    found = (paper_id(match["arxiv"] or match["doi"].rstrip(".)")) for match in _MENTION.finditer(text))
    return tuple(dict.fromkeys(identifier for identifier in found if identifier))
