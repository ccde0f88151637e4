"""The text of bioRxiv's abstracts, in which the marks of a manuscript's parts were left standing."""

import re
from html import unescape

from digest.text import clean

_LONGEST = 40_000
_BLOCKS = (("O_FIG", "C_FIG"), ("O_TBL", "C_TBL"))
"""Pictures and tables: what stands within is for machines."""
_SMALL_CAPITALS = re.compile("[OC]_SCP(?:LOW|CAP)")
_NEXT_ITEM = re.compile(r"([.;:!?,]?) ?C_LI ?O_LI ?")
_FIRST_ITEM = re.compile(r"([.;:!?,]?) ?O_LI(?!ST) ?")
_HEADING_END = re.compile(r"([.;:!?,]?) ?C_ST_ABS ?")
_OTHER = re.compile(r"[OC]_(?:ST_ABS|LIST|LI|LST|QD|TEXTBOX|TABLECAPTION|TABLE|FIG|TBL|UL|OL)")
_GLUED_HEADING = re.compile(r"(?:ABSTRACT|SUMMARY)(?=[A-Z][a-z ])")


def plain(text: str) -> str:
    """As a person reads it: `HighlightsO_LITea is hot C_LIO_LIIt spills C_LI` as a list in a sentence."""
    shown = clean(unescape(text[:_LONGEST]), _LONGEST)
    for begin, end in _BLOCKS:
        shown = _without(shown, begin, end)
    shown = _SMALL_CAPITALS.sub("", shown)
    shown = _NEXT_ITEM.sub(lambda m: f"{m[1] or ';'} ", shown)
    shown = _FIRST_ITEM.sub(lambda m: f"{m[1] or ':'} ", shown)
    shown = _HEADING_END.sub(lambda m: f"{m[1] or ':'} ", shown)
    shown = _OTHER.sub(" ", shown)
    head = _GLUED_HEADING.match(shown)
    return (shown[head.end() :] if head else shown).lstrip(":; ")


def _without(text: str, begin: str, end: str) -> str:
    """The text without what stands between two marks; a block that never ends stays."""
    first, *others = text.split(begin)
    return first + "".join(other.partition(end)[2] if end in other else other for other in others)
