"""What mail programs leave of a page before they show it, as far as a browser can imitate it."""

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag

_STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL | re.IGNORECASE)
_SCHEME = re.compile(r'<meta name="(?:supported-)?color-schemes?"[^>]*>', re.IGNORECASE)


def without_style(page: str) -> str:
    """As Gmail's app shows the mail of accounts elsewhere: nothing of the head's style is read."""
    return _SCHEME.sub("", _STYLE.sub("", page))


def without_scheme(page: str) -> str:
    """As programs see it that darken pages themselves, whether or not these have a dark side of their own."""
    page = _SCHEME.sub("", page).replace("(prefers-color-scheme: dark)", "(unknown)")
    return re.sub(r"(?:supported-)?color-schemes?: light dark;", "", page)


# ---------------------------------------------------------------- Outlook for Windows

_FOR_WORD = re.compile(r"<!--\[if [^\]!]*mso[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_FOR_OTHERS = re.compile(r"<!--\[if !mso[^\]]*\]><!-->(.*?)<!--<!\[endif\]-->", re.DOTALL)
_MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")

_UNKNOWN = frozenset(
    "background-image border-radius box-shadow box-sizing float height max-height min-height min-width "
    "opacity overflow overflow-wrap position text-shadow white-space word-break word-wrap".split()
)
_CELLS = ["td", "th"]
_HEEDED_ON = {
    "padding": _CELLS,
    "width": [*_CELLS, "table"],
    "margin": ["body", "p", "h1", "h2", "h3", "h4", "ul", "ol", "li"],
}
"""Properties that Word heeds on some elements only."""


def as_in_word(page: str) -> str:
    """The page without what Word's engine does not know, by caniemail.com, and with what is for it alone.

    An approximation: the lines are still broken, and the rest still drawn, by a browser.
    """
    opened = _FOR_WORD.sub(r"\1", _FOR_OTHERS.sub("", page))
    tree = BeautifulSoup(_MEDIA.sub("", opened), "lxml")
    for element in tree.find_all(style=True):
        element["style"] = "; ".join(_known(element))
    for row in tree.find_all("tr"):
        _level(row)
    return str(tree)


def _known(element: Tag) -> Iterator[str]:
    """The declarations of an element that Word heeds."""
    for declaration in _style(element).split(";"):
        name, _, value = declaration.partition(":")
        if value and _is_known(element.name, name.strip().lower(), value):
            yield declaration.strip()


def _style(element: Tag) -> str:
    return str(element.get("style") or "")


def _is_known(tag: str, name: str, value: str) -> bool:
    kind = name.partition("-")[0]
    if kind in _HEEDED_ON:
        return tag in _HEEDED_ON[kind] and "auto" not in value
    if name == "max-width":
        return tag == "table"
    if name == "display":
        return "none" in value
    return name not in _UNKNOWN


_TOP = re.compile(r"padding(?:-top)?:\s*(\d+)px")


def _level(row: Tag) -> None:
    """Word gives all cells of a row the largest padding at the top that one of them has."""
    cells = row.find_all(_CELLS, recursive=False)
    tops = [int(match.group(1)) for cell in cells if (match := _TOP.search(_style(cell)))]
    for cell in cells if tops else ():
        cell["style"] = f"{_style(cell)}; padding-top: {max(tops)}px"
