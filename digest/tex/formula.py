"""A TeX formula as one line of Unicode: `\\lambda_{k} \\leq C k^{-2}` is λₖ ≤ C k⁻²."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from digest.tex.symbols import (
    ALPHABETS,
    MATH_ACCENTS,
    NAMES,
    RAISED_OR_LOWERED,
    Kind,
    in_alphabet,
    kind_of,
    math_accented,
    script,
    symbol,
)

DEEPEST = 20
"""Groups within groups, beyond which braces are read over."""


def formula(tex: str, words: Callable[[str], str]) -> str:
    """A formula's source, without its dollars, on one line. Total; `words` reads what stands in `\\text`.

    Without backslash; relations and binary operators have a space either side, signs have none.
    """
    return line(_Reader(tex, words).until_end())


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """A piece of a formula as it is shown."""

    text: str
    kind: Kind = Kind.PLAIN
    is_word: bool = False
    """A name of letters, which a space parts from letters and digits."""
    is_open_ended: bool = False
    """Letters and digits after it would be read as part of it: √x, p_gen."""
    is_fraction: bool = False


# ---------------------------------------------------------------- a line of atoms


def line(atoms: Sequence[Atom], *, tight: bool = False) -> str:
    """Atoms beside each other, spaced as TeX does; `tight` as in scripts, roots and fractions."""
    shown = _with_brackets(_settled(atoms))
    parts: list[str] = []
    before: Atom | None = None
    gap: Atom | None = None
    for atom in shown:
        if atom.kind is Kind.SPACE:
            gap = atom if gap is None or atom.text else gap
            continue
        is_forced = gap is not None and bool(gap.text)
        if before is not None and (is_forced or _is_apart(before, atom, gap is not None, tight)):
            parts.append(" ")
        parts.append(atom.text)
        before, gap = atom, None
    return "".join(parts)


_NOT_BEFORE_BINARY = frozenset({Kind.BINARY, Kind.NAME, Kind.RELATION, Kind.OPEN, Kind.COMMA})
_NOT_AFTER_BINARY = frozenset({Kind.RELATION, Kind.CLOSE, Kind.COMMA})


def _settled(atoms: Sequence[Atom]) -> list[Atom]:
    """Signs told from operators, and angles written as `<` and `>` from relations."""
    settled: list[Atom] = []
    seen = [i for i, atom in enumerate(atoms) if atom.kind is not Kind.SPACE]
    following = dict(zip(seen, [*seen[1:], None], strict=False))
    before: Atom | None = None
    angles = 0
    for i, atom in enumerate(atoms):
        if atom.kind is not Kind.SPACE:
            after = None if (n := following[i]) is None else atoms[n]
            before, angles = _in_place(before, atom, after, angles)
        settled.append(atom if atom.kind is Kind.SPACE or before is None else before)
    return settled


def _in_place(before: Atom | None, atom: Atom, after: Atom | None, angles: int) -> tuple[Atom, int]:
    has_left = before is not None and before.kind not in _NOT_BEFORE_BINARY
    if atom.text == ">" and angles and has_left:
        return replace(atom, kind=Kind.CLOSE), angles - 1
    if atom.text == "<" and not has_left and after is not None and after.text[:1].isalpha():
        return replace(atom, kind=Kind.OPEN), angles + 1
    if atom.kind is Kind.BINARY:
        has_right = after is not None and after.kind not in _NOT_AFTER_BINARY
        is_hyphen = atom.text == "−" and before is not None and after is None
        kind = Kind.BINARY if has_left and has_right else Kind.PLAIN
        return replace(atom, kind=kind, text="-" if is_hyphen else atom.text), angles
    is_alone = before is None or after is None
    return (replace(atom, kind=Kind.PLAIN) if atom.kind is Kind.RELATION and is_alone else atom), angles


_LEFT_OPERANDS = frozenset({Kind.PLAIN, Kind.NAME, Kind.CLOSE})
_RIGHT_OPERANDS = frozenset({Kind.PLAIN, Kind.NAME, Kind.OPEN})
_BARS = frozenset("|‖/")


def _with_brackets(atoms: list[Atom]) -> list[Atom]:
    """Fractions beside a factor in brackets: (1/2)x is not 1/(2x)."""
    if not any(atom.is_fraction for atom in atoms):
        return atoms
    seen = [None, *(atom for atom in atoms if atom.kind is not Kind.SPACE), None]
    factors = iter(
        (before is not None and before.kind in _LEFT_OPERANDS and not _is_sign(before))
        or (after is not None and after.kind in _RIGHT_OPERANDS and after.text not in _BARS)
        for before, after in zip(seen, seen[2:], strict=False)
    )
    shown: list[Atom] = []
    for atom in atoms:
        is_factor = atom.kind is not Kind.SPACE and next(factors)
        shown.append(replace(atom, text=f"({atom.text})") if is_factor and atom.is_fraction else atom)
    return shown


def _is_sign(atom: Atom) -> bool:
    return atom.text in _BARS or (len(atom.text) == 1 and kind_of(atom.text) in _SPACED)


_CLOSING = tuple(")]}⟩⌉⌋")
_SPACED = frozenset({Kind.BINARY, Kind.RELATION})
_BESIDE_NAME = frozenset({Kind.PLAIN, Kind.NAME, Kind.CLOSE})


def _is_apart(before: Atom, atom: Atom, was_space: bool, tight: bool) -> bool:
    kinds = (before.kind, atom.kind)
    touching = atom.text[:1].isalnum() and (before.text[-1:].isalnum() or before.text[-1:] in _CLOSING)
    if Kind.NAME in kinds and kinds[0] in _BESIDE_NAME and kinds[1] in {Kind.PLAIN, Kind.NAME}:
        is_sign = before.kind is Kind.PLAIN and _is_sign(before) and before.text not in "|‖"
        return not is_sign and not (atom.is_fraction and atom.text.startswith("("))
    is_next_to_word = (before.is_word or atom.is_word) and before.text[-1:].isalnum()
    if atom.text[:1].isalnum() and (before.is_open_ended or is_next_to_word):
        return True
    if tight:
        return False
    if kinds[0] in _SPACED or kinds[1] in _SPACED:
        return (
            kinds != (Kind.RELATION, Kind.RELATION)
            and kinds[0] is not Kind.OPEN
            and kinds[1] is not Kind.CLOSE
        )
    is_word = len(before.text) > 1 and before.text.isalpha() and atom.kind is Kind.OPEN
    return was_space and (kinds[0] is Kind.COMMA or touching or is_word)


# ---------------------------------------------------------------- reading

_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.|$)|[A-Za-z]+|\d+(?:[.,]\d+)*|\s:(?=\s)|:=|\s+|.", re.DOTALL)
_FRACTIONS = frozenset({"frac", "tfrac", "dfrac", "cfrac", "nicefrac", "sfrac"})
_TEXTS = frozenset("text textrm textbf textit textsf texttt textsc textnormal emph mbox hbox".split())
_UPRIGHT = frozenset(
    "mathrm mathsf mathtt mathit mathbf operatorname mathop boldsymbol bm pmb mathnormal".split()
)
_SEEN_THROUGH = frozenset(
    "mathord mathbin mathrel mathopen mathclose mathinner mathpunct smash ensuremath boxed cancel substack "
    "underbrace overbrace".split()
)
_SILENT = frozenset(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm "
    "limits nolimits displaystyle textstyle scriptstyle scriptscriptstyle rm bf it sf tt nonumber notag "
    "boldmath protect allowbreak nobreak linebreak newline relax xspace".split()
)
_SIZES = frozenset({"left", "right", "middle"})
_DROPPED = frozenset(
    {"color", "label", "tag", "hspace", "vspace", "phantom", "hphantom", "vphantom", "cite", "ref"}
)
_SPACES = frozenset({"quad", "qquad", "enspace", "thinspace", "space", "hfill"})
_FENCES = {
    "norm": ("‖", "‖"),
    "abs": ("|", "|"),
    "ket": ("|", "⟩"),
    "bra": ("⟨", "|"),
    "floor": ("⌊", "⌋"),
    "ceil": ("⌈", "⌉"),
}
_MATRICES = {
    "pmatrix": "()",
    "bmatrix": "[]",
    "vmatrix": "||",
    "Bmatrix": "{}",
    "Vmatrix": "‖‖",
    "cases": "{",
}
# TeX reads over blanks; ours part only what would else run together. `\,` and its like always part.
_BLANK = Atom(text="", kind=Kind.SPACE)
_GAP = Atom(text=" ", kind=Kind.SPACE)


def _unescaped(tex: str) -> str:
    """Some lists hand over formulas as HTML."""
    return tex.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in tex else tex


class _Reader:
    """Goes through a formula's tokens once."""

    def __init__(self, tex: str, words: Callable[[str], str]) -> None:
        self._tokens = _TOKEN.findall(_unescaped(tex))[::-1]
        self._words = words
        self._depth = 0

    def until_end(self) -> list[Atom]:
        """All atoms; a brace too many is read over."""
        atoms: list[Atom] = []
        while self._tokens:
            atoms += self._group()
        return atoms

    def _group(self, closing: str = "}") -> list[Atom]:
        """Atoms up to a closing brace, which is taken."""
        atoms: list[Atom] = []
        self._depth += 1
        while self._tokens:
            piece = self._tokens.pop()
            if piece == closing:
                break
            if piece in "^_'":
                self._put_script(atoms, piece)
            else:
                atoms += self._read(piece)
        self._depth -= 1
        return atoms

    def _read(self, piece: str) -> list[Atom]:
        if piece == "{":
            return self._grouped() if self._depth < DEEPEST else []
        if piece[0] == "\\":
            return self._control(piece[1:])
        if piece in _SILENT_CHARS:
            return []
        return [self._minus() if piece == "-" else _plain(piece)]

    def _grouped(self) -> list[Atom]:
        """A group is one plain piece to its neighbours, unless it is only one piece itself."""
        atoms = self._group()
        seen = [atom for atom in atoms if atom.kind is not Kind.SPACE]
        if len(seen) == 1 and seen[0].kind is not Kind.COMMA:
            return seen
        return [Atom(text=line(seen))] if seen and all(a.kind is Kind.COMMA for a in seen) else atoms

    def _minus(self) -> Atom:
        """A minus, or the hyphen of a word: `L_2-norm`."""
        following = self._tokens[-1] if self._tokens else ""
        is_hyphen = (
            len(following) > 2 and following.isalpha() and following.islower() and following not in NAMES
        )
        return Atom(text="-") if is_hyphen else Atom(text="−", kind=Kind.BINARY)

    # -- scripts

    def _put_script(self, atoms: list[Atom], mark: str) -> None:
        """The script set on the last atom."""
        while atoms and atoms[-1].kind is Kind.SPACE:
            atoms.pop()
        base = atoms.pop() if atoms else Atom(text="")
        shown, open_ended = (
            (self._primes(), False) if mark == "'" else script(mark, line(self._argument(), tight=True))
        )
        text = f"({base.text})" if base.is_fraction else base.text
        atoms.append(
            replace(base, text=text + (shown or mark), is_open_ended=open_ended, is_fraction=False)
            if base.kind is not Kind.BINARY
            else Atom(text=base.text + shown, kind=Kind.BINARY)
        )

    def _primes(self) -> str:
        number = 1
        while self._tokens and self._tokens[-1] == "'":
            self._tokens.pop()
            number += 1
        return "‴" * (number // 3) + ("", "′", "″")[number % 3]

    # -- arguments

    def _next(self) -> str:
        """The next piece that is not blank; empty at the end."""
        while self._tokens and self._tokens[-1].isspace():
            self._tokens.pop()
        return self._tokens.pop() if self._tokens else ""

    def _argument(self) -> list[Atom]:
        """A group, or one character or command; empty before a closing brace."""
        piece = self._next()
        if not piece or piece == "}":
            self._tokens += [piece] if piece else []
            return []
        if piece == "{":
            return self._group() if self._depth < DEEPEST else []
        if piece[0] == "\\":
            self._depth += 1
            atoms = self._control(piece[1:]) if self._depth < DEEPEST else [Atom(text=piece[1:])]
            self._depth -= 1
            return atoms
        if len(piece) > 1:
            self._tokens.append(piece[1:])
        return [_char("−" if piece == "-" else piece[0])]

    def _shown_argument(self) -> str:
        return line(self._argument(), tight=True)

    def _source(self) -> str:
        """The source of an argument, as it is written."""
        piece = self._next()
        if piece != "{":
            return piece if piece != "}" else ""
        taken: list[str] = []
        depth = 1
        while self._tokens:
            piece = self._tokens.pop()
            depth += (piece == "{") - (piece == "}")
            if not depth:
                break
            taken.append(piece)
        return "".join(taken)

    def _option(self) -> str | None:
        """What stands in square brackets, if they come next."""
        piece = self._next()
        if piece == "[" and self._depth < DEEPEST:
            return line(self._group("]"), tight=True)
        self._tokens += [piece] if piece else []
        return None

    # -- commands

    def _control(self, name: str) -> list[Atom]:
        if not name.isalpha() or not name.isascii():
            return _control_symbol(name)
        if self._tokens and self._tokens[-1] == "*" and name in {"operatorname", "tag", "hspace", "vspace"}:
            self._tokens.pop()
        if name in NAMES:
            return [Atom(text=NAMES[name], kind=Kind.NAME)]
        if name in _SILENT or name in _SPACES:
            return self._silent(name)
        if structure := _STRUCTURES.get(name):
            return structure(self, name)
        if shown := symbol(name):
            return [_char(shown)] if len(shown) == 1 else [_long(shown)]
        return self._unknown(name)

    def _silent(self, name: str) -> list[Atom]:
        if name in _SIZES and self._tokens and self._tokens[-1] == ".":
            self._tokens.pop()
        return [_GAP] if name in _SPACES else []

    def _text(self, _: str) -> list[Atom]:
        return [Atom(text=text)] if (text := self._words(self._source())) else []

    def _alphabet(self, name: str) -> list[Atom]:
        return [Atom(text=in_alphabet(name, self._shown_argument()))]

    def _under_accent(self, name: str) -> list[Atom]:
        return [Atom(text=math_accented(name, self._shown_argument()) or name)]

    def _seen_through(self, _: str) -> list[Atom]:
        return self._argument()

    def _dropped(self, _: str) -> list[Atom]:
        self._source()
        return []

    def _fenced(self, name: str) -> list[Atom]:
        left, right = _FENCES[name]
        return [Atom(text=left + self._shown_argument() + right)]

    def _upright(self, name: str) -> list[Atom]:
        atoms = self._argument()
        source = line(atoms, tight=True)
        if name == "operatorname":
            return [Atom(text=source.replace("−", "-"), kind=Kind.NAME)] if source else []
        hyphened = re.sub(r"(?<=[^\W\d_])−(?=[^\W\d_]{2})|(?<=[^\W\d_]{2})−(?=\w)", "-", source)
        if hyphened != source:
            return [Atom(text=hyphened, is_word=True)]
        if not source.isalpha() or len(source) < 2:
            return atoms
        return [Atom(text=source, is_word=name != "mathbf")]

    def _fraction(self, name: str) -> list[Atom]:
        over = self._shown_argument()
        under = self._shown_argument()
        if not over or not under:
            return [Atom(text=f"{name}({over or under})" if over or under else name)]
        return [Atom(text=f"{_over(over)}/{_under(under)}", is_fraction=True)]

    def _root(self, _: str) -> list[Atom]:
        degree = self._option()
        inner = self._shown_argument()
        sign = {None: "√", "": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree)
        if sign is None:
            sign = script("^", degree or "")[0] + "√"
        shown = inner if _is_single(inner) else f"({inner})"
        return [Atom(text=sign + shown, is_open_ended=shown == inner)] if inner else [Atom(text=sign)]

    def _choose(self, _: str) -> list[Atom]:
        return [Atom(text=f"({self._shown_argument()} choose {self._shown_argument()})")]

    def _stacked(self, _: str) -> list[Atom]:
        """`\\overset{!}{=}`: the second argument with the first set on it."""
        over, base = self._shown_argument(), self._argument()
        return self._with_script("^", base, over)

    def _underset(self, _: str) -> list[Atom]:
        under, base = self._shown_argument(), self._argument()
        return self._with_script("_", base, under)

    def _arrow(self, _: str) -> list[Atom]:
        self._option()
        return self._with_script("^", [Atom(text="→", kind=Kind.RELATION)], self._shown_argument())

    @staticmethod
    def _with_script(mark: str, base: list[Atom], text: str) -> list[Atom]:
        shown, open_ended = script(mark, text)
        kind = base[0].kind if len(base) == 1 else Kind.PLAIN
        return [Atom(text=line(base) + shown, kind=kind, is_open_ended=open_ended)]

    def _modulus(self, _: str) -> list[Atom]:
        return [_GAP, Atom(text=f"(mod {self._shown_argument()})")]

    def _negated(self, _: str) -> list[Atom]:
        base = self._shown_argument()
        return [Atom(text=unicodedata.normalize("NFC", base[:1] + "\u0338") + base[1:], kind=Kind.RELATION)]

    def _coloured(self, _: str) -> list[Atom]:
        self._source()
        return self._argument()

    def _begin(self, _: str) -> list[Atom]:
        name = self._source()
        if name in {"array", "tabular"}:
            self._source()
        fence = _MATRICES.get(name.rstrip("*"), "")
        return [Atom(text=fence[0], kind=Kind.OPEN)] if fence else []

    def _end(self, _: str) -> list[Atom]:
        fence = _MATRICES.get(self._source().rstrip("*"), "")
        return [Atom(text=fence[1], kind=Kind.CLOSE)] if len(fence) > 1 else []

    def _unknown(self, name: str) -> list[Atom]:
        """The command's name; an argument in round brackets after it."""
        has_argument = bool(self._tokens) and self._tokens[-1] == "{"
        inner = self._shown_argument() if has_argument else ""
        if inner:
            return [Atom(text=f"{name}({inner})", is_word=True)]
        return [Atom(text=name, is_word=len(name) > 1)]


_STRUCTURES: dict[str, Callable[[_Reader, str], list[Atom]]] = {
    **dict.fromkeys(_UPRIGHT, _Reader._upright),
    **dict.fromkeys(_TEXTS, _Reader._text),
    **dict.fromkeys(ALPHABETS, _Reader._alphabet),
    **dict.fromkeys(MATH_ACCENTS, _Reader._under_accent),
    **dict.fromkeys(_FRACTIONS, _Reader._fraction),
    **dict.fromkeys(_SEEN_THROUGH, _Reader._seen_through),
    **dict.fromkeys(_DROPPED, _Reader._dropped),
    **dict.fromkeys(_FENCES, _Reader._fenced),
    "sqrt": _Reader._root,
    "binom": _Reader._choose,
    "tbinom": _Reader._choose,
    "dbinom": _Reader._choose,
    "overset": _Reader._stacked,
    "stackrel": _Reader._stacked,
    "underset": _Reader._underset,
    "xrightarrow": _Reader._arrow,
    "not": _Reader._negated,
    "textcolor": _Reader._coloured,
    "pmod": _Reader._modulus,
    "mid": lambda _reader, _name: [Atom(text="|", kind=Kind.RELATION)],
    "begin": _Reader._begin,
    "end": _Reader._end,
}


_SILENT_CHARS = frozenset("}$")


def _plain(piece: str) -> Atom:
    """What a piece of source without a command is."""
    if piece in "~&":
        return _GAP
    if piece.isspace():
        return _BLANK
    if piece.strip() in {":", ":="} and len(piece) == 2:
        return Atom(text=piece.strip(), kind=Kind.RELATION)
    return _char(piece) if len(piece) == 1 else Atom(text=piece)


def _char(char: str) -> Atom:
    return Atom(text=char, kind=kind_of(char))


def _long(shown: str) -> Atom:
    """A symbol of more than one character."""
    return Atom(text=shown, kind=Kind.RELATION if shown == ":=" else Kind.PLAIN, is_word=shown.isalpha())


_CONTROL_SYMBOLS = {
    "|": "‖",
    ",": "",
    ";": "",
    ":": "",
    " ": "",
    "\n": "",
    "!": None,
    "/": None,
    "-": None,
    "": None,
}


def _control_symbol(char: str) -> list[Atom]:
    if char == "\\":
        return [Atom(text=";", kind=Kind.COMMA), _GAP]
    shown = _CONTROL_SYMBOLS.get(char, char)
    if shown is None or char in "()[]":
        return []
    return [_char(shown)] if shown.strip() else [_GAP]


_LETTER = rf"[^\W\d_][{RAISED_OR_LOWERED}\u0300-\u036f\u20d7′″]*"
_NUMBER = r"\d+(?:[.,]\d+)*"
_BRACKET = r"\([^()]*\)|\[[^\[\]]*\]|\|[^|]*\||‖[^‖]*‖|⌊[^⌊⌋]*⌋|⌈[^⌈⌉]*⌉"
_SINGLE = re.compile(rf"{_LETTER}|{_NUMBER}|{_BRACKET}|\W")


def _is_single(text: str) -> bool:
    """Whether a root over the text is plain without brackets: a letter, a number, a bracket."""
    return _SINGLE.fullmatch(text) is not None


_PRODUCT = re.compile(r"(?:[^+\-−=<>≤≥±×·/,;|\s()]|\([^()]*\))+")
_DIVISOR = re.compile(
    rf"[√∂∇Δd]?{_LETTER}(?:\([^()]*\))?|√?(?:{_NUMBER}|{_BRACKET})[⁰-⁹²³¹₀-₉]*|[A-Za-z]{{3,}}|\W"
)


def _over(text: str) -> str:
    """What stands over a fraction's bar, in brackets unless it is one product."""
    return text if _PRODUCT.fullmatch(text) or _is_single(text) else f"({text})"


def _under(text: str) -> str:
    """What stands under the bar, in brackets unless it is one factor: 1/(2n)."""
    return text if _DIVISOR.fullmatch(text) else f"({text})"
