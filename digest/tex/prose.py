"""TeX in titles, abstracts and names as a person reads it."""

import re
from collections.abc import Iterator, Sequence

from digest.tex.formula import formula
from digest.tex.symbols import ACCENTS, ALPHABETS, MATH_ACCENTS, accented, symbol

LONGEST = 100_000
"""Characters; what is longer is no abstract, and stays as it is."""
LONGEST_FORMULA = 1_000

_SPACE = re.compile(r"\s+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")


def readable(text: str, *, is_tex: bool = False) -> str:
    """TeX as a person reads it: `$\\mathcal{O}(n^2)$` is 𝒪(n²), `Andr\\'e` is André; prices stay prices.

    Total, and its own output it leaves as it is. Text without TeX comes back unchanged; where it is known to
    be TeX (`is_tex`), braces, ties and quotes are read in it without any command, too.
    """
    if ("$" not in text and "\\" not in text and not is_tex) or len(text) > LONGEST:
        return text
    shown = _once(_CONTROL.sub("", text), is_tex)
    for _ in range(3):
        # A price written `\$5` may now stand where it looks like the begin of a formula.
        if "$" not in shown or (again := _once(shown)) == shown:
            return shown
        shown = again
    return _tidy(shown.replace("$", ""))


def _once(text: str, is_tex: bool = False) -> str:
    pieces = tuple(_pieces(text))
    is_tex = is_tex or any("\\" in piece for piece, is_formula in pieces if not is_formula)
    read = _words if is_tex else str
    return _tidy(
        "".join(formula(piece, _words) if is_formula else read(piece) for piece, is_formula in pieces)
    )


def _tidy(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


# ---------------------------------------------------------------- formulas and prices

_DELIMITER = re.compile(r"\\.|\$", re.DOTALL)
_CLOSING = {r"\(": r"\)", r"\[": r"\]", "$": "$"}
_DELIMITERS = frozenset({*_CLOSING, *_CLOSING.values()})


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, and whether each is a formula, its delimiters taken away."""
    marks = [found for found in _DELIMITER.finditer(text) if found[0] in _DELIMITERS]
    start = i = 0
    while i + 1 < len(marks):
        width = 2 if _is_double(marks, i) else 1
        closing = i + width
        if width == 2 and not _is_double(marks, closing):
            i += 1
            continue
        inner = text[marks[closing - 1].end() : marks[closing].start()]
        end = marks[closing + width - 1].end()
        if _CLOSING.get(marks[i][0]) == marks[closing][0] and _is_formula(inner, text[end : end + 1]):
            yield text[start : marks[i].start()], False
            yield inner, True
            start, i = end, closing + width
        else:
            i += 1
    yield text[start:], False


def _is_double(marks: Sequence[re.Match[str]], i: int) -> bool:
    """Whether two dollars stand together: `$$`."""
    pair = marks[i : i + 2]
    return len(pair) == 2 and pair[0][0] == pair[1][0] == "$" and pair[0].end() == pair[1].start()


_AMOUNT = re.compile(r"\s*(?:US|USD|CA|AU|C|A)?\s?\d[\d.,]*(?:[kKMB]\b|\s?[mb]illion)?(?=[\s,.;:)\-–—]|$)")
_TEXT = re.compile(r"\\(?:text|mbox|math)[a-z]*\s*\{[^{}]*\}")
_NAMES = r"(?:log|exp|min|max|mod|sin|cos|tan|arg|sup|inf|lim|det|poly|polylog)\b"
_WORD = re.compile(rf"(?<![\\A-Za-z{{])(?!{_NAMES})[A-Za-z]{{3,}}")
_SHORT_WORD = re.compile(rf"(?<=\s)(?!{_NAMES})[a-z]{{2,}}(?=[\s,.]|$)")


def _is_formula(inner: str, following: str) -> bool:
    """Told from what lies between two prices."""
    if not inner or inner.isspace() or len(inner) > LONGEST_FORMULA or inner[-1] in "(":
        return False
    has_tex = any(char in inner for char in "\\^_")
    told = _TEXT.sub("", inner) if has_tex else inner
    is_padded = inner[0].isspace() or inner[-1].isspace()
    if is_padded and (not has_tex or _AMOUNT.match(inner) or _SHORT_WORD.search(told)):
        return False
    if following.isdigit() and not has_tex and any(map(str.isalnum, inner)):
        return False
    if _AMOUNT.match(inner) and _SHORT_WORD.search(told):
        return False
    return has_tex or len(_WORD.findall(inner)) < 2


# ---------------------------------------------------------------- commands between words

_SPECIAL = re.compile(r"\\(?:[A-Za-z]+|.|$)|[{}~]|``|''|---?", re.DOTALL)
_PLAIN = {"``": "“", "''": "”", "--": "–", "---": "—", "{": "", "}": ""}
_DECLARATIONS = frozenset(
    "em it bf tt sc rm sl sf bfseries itshape slshape scshape ttfamily sffamily rmfamily normalfont mdseries "
    "upshape tiny small footnotesize normalsize large Large LARGE huge Huge centering noindent par newline "
    "linebreak allowbreak xspace protect left right big Big bigl bigr item smallskip medskip bigskip hfill "
    "quad qquad displaystyle".split()
)
_DROPPED = frozenset(
    "cite citep citet citeauthor citeyear citealt parencite textcite autocite ref eqref cref Cref autoref "
    "label vspace hspace begin end color index thanks pagestyle includegraphics".split()
)
_BREAKS = frozenset({"par", "newline", "quad", "qquad", "item"})
_ABBREVIATIONS = {
    "ie": "i.e.", "eg": "e.g.", "etc": "etc.", "etal": "et al.", "vs": "vs.", "cf": "cf.", "wrt": "w.r.t.",
    "aka": "a.k.a.", "Eg": "E.g.", "Ie": "I.e.", "iid": "i.i.d.",
}  # fmt: skip
_LETTERS = {
    "i": "i", "j": "j", "l": "ł", "L": "Ł", "o": "ø", "O": "Ø", "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ",
    "OE": "Œ", "aa": "å", "AA": "Å", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ",
    "ng": "ŋ", "NG": "Ŋ",
}  # fmt: skip
_IN_TEXT = {"deg": "°", "sim": "~"}
_FORMULAS = (
    ALPHABETS | MATH_ACCENTS | {"frac", "tfrac", "dfrac", "sqrt", "binom", "mathrm", "mathbf", "operatorname"}
)
_ARGUMENT = re.compile(r"\s*(?:\{([^{}\\]*|\\[ij]\s*)\}|\\([ij])(?![A-Za-z])\s?|(\w))")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BLANKS = re.compile(r"\s*")
_OPTIONS = re.compile(r"\*?\s*(?:\[[^\[\]{}]{0,200}\]\s*){0,2}")


def _words(text: str) -> str:
    """Text outside formulas, its commands read."""
    return _Prose(text).read()


class _Prose:
    """Goes through a text's commands once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = _ends(text)
        self._shown: dict[int, str] = {}
        """What is shown for some of the closing braces."""

    def read(self) -> str:
        parts: list[str] = []
        position = 0
        while found := _SPECIAL.search(self._text, position):
            parts.append(self._text[position : found.start()])
            shown, position = self._command(found)
            if not shown and found[0][0] == "\\" and self._text[position : position + 1] in tuple(".,;:)"):
                _strip_end(parts)
            parts.append(shown)
        return "".join((*parts, self._text[position:]))

    def _command(self, found: re.Match[str]) -> tuple[str, int]:
        """What a command shows, and where reading goes on."""
        piece, end = found[0], found.end()
        if piece[0] != "\\":
            return self._tie(found) if piece == "~" else self._shown.get(found.start(), _PLAIN[piece]), end
        name = piece[1:]
        if name in ACCENTS:
            return self._accent(name, end)
        if not name.isalpha() or not name.isascii():
            return _escaped(name), end
        return self._short_command(name, end) or self._long_command(name, end)

    def _short_command(self, name: str, end: int) -> tuple[str, int] | None:
        """Commands that take the blank after them and no argument."""
        if name in _LETTERS:
            return _LETTERS[name], self._past_blanks(end)
        if name in _DECLARATIONS:
            return (" " if name in _BREAKS else ""), end + self._text[end : end + 1].isspace()
        return None

    def _tie(self, found: re.Match[str]) -> str:
        """A tie is a space; "about", before a number after a space, and in an address it is itself."""
        before, after = (
            self._text[max(0, found.start() - 1) : found.start()],
            self._text[found.end() : found.end() + 1],
        )
        is_about = not before or before in " \n("
        return "~" if before == "/" or (is_about and (after.isdigit() or after == "$")) else " "

    def _accent(self, accent: str, end: int) -> tuple[str, int]:
        """An accented letter. `user\\'s` is somebody's escaped apostrophe, and `\\b{words}` no accent."""
        argument = _ARGUMENT.match(self._text, end)
        if accent.isalpha() and not (argument and self._text[end : end + 1] in tuple(" {\\")):
            return accent, end
        if argument is None:
            return ("" if accent.isalpha() or accent in "=^~." else accent), end
        letter = (argument[1] or argument[2] or argument[3] or "").strip().lstrip("\\")
        is_last = not self._text[argument.end() : argument.end() + 1].isalpha()
        if accent == "'" and argument[3] == "s" and is_last:
            return "'s", argument.end()
        is_accented = letter[:1].isalpha() and len(letter) <= 2
        return (accented(accent, letter) if is_accented else letter), argument.end()

    def _long_command(self, name: str, end: int) -> tuple[str, int]:
        if name in _ABBREVIATIONS:
            word = _ABBREVIATIONS[name]
            return (word.rstrip(".") if self._text[end : end + 1] == "." else word), end
        if name in _DROPPED:
            return "", self._past_argument(end)
        if name in _FORMULAS:
            return self._small_formula(name, end)
        if (read := self._with_argument(name, self._past_blanks(end))) is not None:
            return read
        shown = _IN_TEXT.get(name) or symbol(name)
        has_argument = self._ends.get(end, 0) > end + 1
        return (shown or ("" if has_argument else name)), end

    def _with_argument(self, name: str, start: int) -> tuple[str, int] | None:
        """Commands whose argument is not simply shown."""
        closed = self._ends.get(start)
        if closed is None:
            return None
        if name in {"href", "textcolor", "colorbox"} and self._ends.get(closed + 1, 0) > closed + 2:
            return "", closed + 1
        if name == "url":
            return self._text[start + 1 : closed].replace("\\", ""), closed + 1
        if name == "footnote":
            self._shown[closed] = ")"
            return " (", start + 1
        return None

    def _small_formula(self, name: str, end: int) -> tuple[str, int]:
        """A command of formulas without dollars around it: `\\mathcal{O}(n)`."""
        stop = self._past_argument(end)
        if name in {"frac", "tfrac", "dfrac", "binom"}:
            stop = self._past_argument(stop)
        if stop == end or stop - end > LONGEST_FORMULA:
            return name, end
        return formula(self._text[end - len(name) - 1 : stop], _plainly), stop

    def _past_blanks(self, end: int) -> int:
        return _BLANKS.match(self._text, end).end()  # type: ignore[union-attr]  # it matches anything

    def _past_argument(self, end: int) -> int:
        """After an argument in braces, and options before it; where it was, if there is none."""
        opening = _OPTIONS.match(self._text, end).end()  # type: ignore[union-attr]  # it matches anything
        return self._ends.get(opening, end - 1) + 1


def _ends(text: str) -> dict[int, int]:
    """Where each opened brace is closed; those that are not, are not there."""
    opened: list[int] = []
    ends: dict[int, int] = {}
    for found in _BRACE.finditer(text):
        if found[0] == "{":
            opened.append(found.start())
        elif found[0] == "}" and opened:
            ends[opened.pop()] = found.start()
    return ends


def _strip_end(parts: list[str]) -> None:
    """Take the blanks away with which the parts end."""
    while parts and not parts[-1].rstrip():
        parts.pop()
    if parts:
        parts[-1] = parts[-1].rstrip()


def _escaped(char: str) -> str:
    if char.isspace() or (char and char in "\\,;:"):
        return " "
    return "" if char in "!-/()[]" else char


def _plainly(text: str) -> str:
    return re.sub(r"[\\{}$]", "", text)
