"""TeX and HTML as reference managers write them -> plain text."""

import html
import re

from digest.tex.prose import readable
from digest.text import clean

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
        shown = readable(_DASHES.sub("–", shown), is_tex=True)
    return clean(shown, limit)
