"""Text and names of feeds, which may be HTML or look like it."""

import re
from html import unescape

from digest.text import clean

LONGEST_TEXT = 200_000
"""Characters of one text that are looked at."""

# ---------------------------------------------------------------- names

_BRACKETED = re.compile(r"\([^()]{0,300}\)")
_IN_BRACKETS = re.compile(r"\(([^()]{1,300})\)")


def names_of(text: str) -> list[str]:
    """The names in an author's element: of one person, her address with it, or of all."""
    return split_names(unescape(_without_address(text[:LONGEST_TEXT])))


def split_names(text: str) -> list[str]:
    """The names in one text: "Ada B, Ben C and Eve D", "Bee, Ada; Cee, Ben", "Bee, A., Cee, B. C."."""
    if ";" in text:
        return [_turned(name) for name in text.split(";")]
    bare = _BRACKETED.sub(" ", text) if "," in text else text
    parts = [part.strip() for part in re.split(r",|\s(?:and|&)\s", bare)]
    parts = [part.removeprefix("and ").strip() for part in parts if part.strip()]
    surnames, initials = parts[::2], parts[1::2]
    if len(surnames) == len(initials) and all(_is_initials(part) for part in initials):
        return [f"{given} {name}" for name, given in zip(surnames, initials, strict=True)]
    if len(parts) == 2 and "," in bare and not any(" " in part for part in parts):
        return [f"{parts[1]} {parts[0]}"]
    return parts


def _without_address(text: str) -> str:
    """The names of RSS's "ada@example.org (Ada Example)", which may also be without them, or the address."""
    if "@" not in text:
        return text
    named = ", ".join(_IN_BRACKETS.findall(text)) or text
    return " ".join(word for word in named.split() if "@" not in word)


def _is_initials(text: str) -> bool:
    return len(text) <= 12 and text.isupper() and sum(char.isalpha() for char in text) <= 4


def _turned(name: str) -> str:
    """ "Bee, Ada" as "Ada Bee"; other names as they are."""
    surname, comma, given = name.partition(",")
    return f"{given.strip()} {surname.strip()}" if comma and "," not in given else name


# ---------------------------------------------------------------- text

_INLINE = frozenset(
    "a abbr b bdi cite code em font i inf italic kbd mark small span strong sub sup tt u var".split()
)
_BLOCKS = frozenset(
    "article blockquote body center dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 head header html "
    "main ol pre script section style table tbody td th title tr ul".split()
)
_ALONE = frozenset("br hr img li p wbr".split())
"""Tags that are often not closed."""
_TAG = re.compile(
    r"<(/?)((?:jats:|xhtml:|mml:|m:|html:)?[a-zA-Z][a-zA-Z0-9]{0,20})"
    r"((?>(?:\s+[a-zA-Z:_-][\w:.-]*+\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+'|[^\s\"'<>]++))*+))\s*+/?>"
)


def plain_text(text: str, limit: int, *, is_html: bool) -> str:
    """Text of HTML on one line; `<` that begins no tag stays, as in `n<N and p<0.05`.

    Tags go only by known names, and, but for those that are often left open, in pairs: "the <s> token" is no
    markup. Entities are decoded once, and only in HTML.
    """
    bounded = text.lstrip()[:LONGEST_TEXT]
    if "<" in bounded:
        bounded = _without_tags(_cut_out(_cut_out(bounded, "<!--", "-->"), "<script", "</script>"))
    return clean(unescape(bounded) if is_html else bounded, limit)


def _without_tags(text: str) -> str:
    closed = {tag[2].lower() for tag in _TAG.finditer(text) if tag[1]}
    opened = {tag[2].lower() for tag in _TAG.finditer(text) if not tag[1]}
    paired = closed & opened

    def replaced(tag: re.Match[str]) -> str:
        name = tag[2].lower()
        prefix, _, local = name.rpartition(":")
        if local in _ALONE or (local in _BLOCKS and name in paired):
            return " "
        return "" if (local in _INLINE or prefix) and name in paired else tag[0]

    return _TAG.sub(replaced, text)


def _cut_out(text: str, begin: str, end: str) -> str:
    """Without what stands between two marks; a begin without its end stays."""
    first, *rest = text.split(begin)
    kept = [first]
    for part in rest:
        inside, found, after = part.partition(end)
        kept.append(" " + after if found else begin + inside)
    return "".join(kept)
