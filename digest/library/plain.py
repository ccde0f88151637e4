"""TeX and HTML as reference managers write them -> plain text."""

import html
import re
from functools import lru_cache

from digest.text import clean, readable

# What exports write into titles and abstracts, by name: "a < b and c > d" is no tag.
_BLOCKS = "abstract|br|h[1-6]|li|list|ol|p|sec|title|ul"
_INLINE = (
    "annotation|b|bold|em|i|inline-formula|italic|m[a-z]+|nc|sc|scp|semantics|small|span|strong|sub|sup"
    "|tex-math|tt|u"
)
_BLOCK_TAG, _INLINE_TAG = (
    re.compile(rf"</?(?:jats:|mml:)?(?:{names})\b[^<>]{{0,300}}>", re.IGNORECASE)
    for names in (_BLOCKS, _INLINE)
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[^{}]{0,40}\}|\\item\b")
_MATH_TWICE = re.compile(r"\$\$([^$]{1,300})\$\$")
# Each piece of TeX is read by itself, and once: a whole abstract costs the converter milliseconds.
_PIECE = re.compile(
    r"""\$[^$]{1,300}\$                                  # mathematics
      | \\["'`^~=.][ ]?(?:\{\\?[A-Za-z]\}|\\?[A-Za-z])   # accents: \"o  \'{e}  \^\i
      | \\[uvHtcdbkr](?:\{\\?[A-Za-z]{1,2}\}|[ ][A-Za-z]\b)
      | \\[A-Za-z]+\*?(?:[ ]*\{[^{}\\$]{0,300}\})?       # commands: \emph{so}  \LaTeX
      | \\[^A-Za-z\s]                                    # escaped signs: \&  \_  \%
    """,
    re.VERBOSE,
)
_LEFT_OVER = re.compile(r"\\[A-Za-z]+\*?|\\(?=[\s{}])|[{}]|<(?:cit|ref)\.>")
_DASHES = re.compile(r"(?<=\w)(?:---?|-- )(?=\w)|(?<= )---?(?= )")


def plain(text: str, limit: int, *, is_tex: bool = False) -> str:
    """One line of plain, safe text of at most `limit` characters; `is_tex` for BibTeX's values."""
    # Bounded before it is read: what is cut here could not be shown either.
    shown = text[: 4 * limit]
    if "&" in shown:
        shown = html.unescape(shown)
    if "<" in shown:
        shown = _INLINE_TAG.sub("", _BLOCK_TAG.sub(" ", shown))
    if is_tex:
        shown = _from_tex(shown)
    return clean(shown, limit)


def _from_tex(text: str) -> str:
    """TeX's pieces read, its braces gone."""
    if "\\" in text or "$" in text:
        text = _MATH_TWICE.sub(r"$\1$", _ENVIRONMENT.sub(" ", text))
        text = _PIECE.sub(lambda piece: _read(piece.group()), text)
    text = _LEFT_OVER.sub("", text)
    return _DASHES.sub("–", text.replace("``", "“").replace("''", "”").replace("~", " "))


@lru_cache(maxsize=10_000)
def _read(piece: str) -> str:
    return readable(piece)
