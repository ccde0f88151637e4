"""What single TeX commands stand for in Unicode, and how the characters of a formula behave."""

import logging
import re
import unicodedata
from enum import Enum, auto
from functools import cache, lru_cache


class Kind(Enum):
    """What a piece of a formula is to its neighbours; TeX's own classes."""

    PLAIN = auto()
    NAME = auto()
    """A named or large operator: `log`, `∑`."""
    BINARY = auto()
    RELATION = auto()
    OPEN = auto()
    CLOSE = auto()
    COMMA = auto()
    SPACE = auto()


_PLAIN = frozenset("|∀∃∄∂∅∇∞√∛∜¬∠⊤⊥′″‴°…⋯")
_LARGE = frozenset("∏∐∑∫∬∭∮⋂⋃⋀⋁⨀⨁⨂⨆")
_BINARY = frozenset("+−*×·⋅±∓÷∗⋆∘∙•∩∪∖∧∨⊕⊖⊗⊘⊙⊎⊔⊓≀⋉⋊⋄△▽⊲⊳⨿")
_OPEN, _CLOSE, _COMMA = frozenset("([{⟨⌈⌊"), frozenset(")]}⟩⌉⌋"), frozenset(",;:")


@lru_cache(maxsize=4_096)
def kind_of(char: str) -> Kind:
    """The kind of one character: `≤` is a relation, `∑` a large operator, a letter plain."""
    for kind, members in _KINDS:
        if char in members:
            return kind
    is_relation = (
        char in "=<>" or unicodedata.category(char) == "Sm" or "←" <= char <= "⇿" or "⟰" <= char <= "⟿"
    )
    return Kind.RELATION if is_relation and char not in _PLAIN else Kind.PLAIN


_KINDS = (
    (Kind.NAME, _LARGE),
    (Kind.BINARY, _BINARY),
    (Kind.OPEN, _OPEN),
    (Kind.CLOSE, _CLOSE),
    (Kind.COMMA, _COMMA),
)

NAMES = {name: name for name in (
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim ln log max min "
    "Pr sec sin sinh sup tan tanh argmax argmin"
).split()} | {"liminf": "lim inf", "limsup": "lim sup", "bmod": "mod", "mod": "mod"}  # fmt: skip
"""Operators with a name of letters, as they are shown."""

# What the library's table lacks, or shows in a way that fonts or readers do not know.
_OWN = dict(
    pair.split("=", 1)
    for pair in (
        "epsilon=ε varepsilon=ε phi=φ varphi=φ leqslant=≤ geqslant=≥ le=≤ ge=≥ ne=≠ bullet=• cdot=· cdots=⋯ "
        "dots=… ldots=… dotsc=… dotsb=⋯ prime=′ coloneqq=:= triangleq=≜ implies=⟹ iff=⟺ Re=Re Im=Im neg=¬ "
        "lnot=¬ land=∧ lor=∨ bot=⊥ models=⊨ owns=∋ ddagger=‡ ddag=‡ degree=° triangle=△ Box=□ clubsuit=♣ "
        "checkmark=✓ imath=ı jmath=ȷ restriction=↾ colon=: Join=⋈ leadsto=⇝ gets=← S=§ P=¶ pounds=£ euro=€ "
        "copyright=© vert=| lvert=| rvert=| Vert=‖ lVert=‖ rVert=‖ lbrack=[ rbrack=] lbrace={ rbrace=} "
        "backslash=∖ textbackslash=∖ textasciitilde=∼ textasciicircum=^ textdollar=$ textquotesingle=' "
        "textasciigrave=` textunderscore=_ textless=< textgreater=> textbar=| textbraceleft={ "
        "textbraceright=} textellipsis=… sim=∼ thicksim=∼ LaTeX=LaTeX TeX=TeX perp=⊥ top=⊤ intercal=⊺ hbar=ħ "
        "ell=ℓ wr=≀ to=→"
    ).split()
)


def symbol(name: str) -> str | None:
    """What a command without arguments prints, `alpha` say; `None` for one that is not known."""
    return _OWN.get(name) or _table().get(name)


@cache
def _table() -> dict[str, str]:
    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)
    from pylatexenc.latex2text import get_default_latex_context_db

    told = {spec.macroname: spec.simplify_repl for spec in get_default_latex_context_db().iter_macro_specs()}
    return {name: text for name, text in told.items() if isinstance(text, str) and _is_symbol(text)}


def _is_symbol(text: str) -> bool:
    return len(text) <= 2 and not text.isascii() and text.isprintable() and "%" not in text


# ---------------------------------------------------------------- letters

_ALPHABETS = {
    "mathbb": ("DOUBLE-STRUCK", "DOUBLE-STRUCK"),
    "mathds": ("DOUBLE-STRUCK", "DOUBLE-STRUCK"),
    "mathbbm": ("DOUBLE-STRUCK", "DOUBLE-STRUCK"),
    "Bbb": ("DOUBLE-STRUCK", "DOUBLE-STRUCK"),
    "mathcal": ("SCRIPT", "SCRIPT"),
    "mathscr": ("SCRIPT", "SCRIPT"),
    "cal": ("SCRIPT", "SCRIPT"),
    "mathfrak": ("FRAKTUR", "BLACK-LETTER"),
}
ALPHABETS = frozenset(_ALPHABETS)


def in_alphabet(alphabet: str, text: str) -> str:
    """Letters as `\\mathbb`, `\\mathcal` or `\\mathfrak` print them: R is ℝ. What has no such form stays."""
    return "".join(_styled(alphabet, char) for char in text)


@lru_cache(maxsize=1_024)
def _styled(alphabet: str, char: str) -> str:
    style, older = _ALPHABETS[alphabet]
    if not (char.isascii() and char.isalnum()):
        return char
    case = "DIGIT" if char.isdigit() else "CAPITAL" if char.isupper() else "SMALL"
    letter = unicodedata.name(char).rsplit(" ", 1)[1]
    for name in (f"{older} {case} {letter}", f"MATHEMATICAL {style} {case} {letter}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return char


_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307", '"': "\u0308",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "r": "\u030a", "c": "\u0327", "d": "\u0323", "b": "\u0331",
    "k": "\u0328", "t": "\u0361",
}  # fmt: skip
_MATH_ACCENTS = {
    "hat": "\u0302", "widehat": "\u0302", "check": "\u030c", "tilde": "\u0303", "widetilde": "\u0303",
    "bar": "\u0304", "overline": "\u0305", "vec": "\u20d7", "overrightarrow": "\u20d7", "dot": "\u0307",
    "ddot": "\u0308", "breve": "\u0306", "acute": "\u0301", "grave": "\u0300", "mathring": "\u030a",
    "underline": "\u0332", "underbar": "\u0332",
}  # fmt: skip
ACCENTS, MATH_ACCENTS = frozenset(_ACCENTS), frozenset(_MATH_ACCENTS)


def accented(accent: str, text: str) -> str:
    """A letter with the accent of text that a command puts on it: `'` and e are é."""
    return unicodedata.normalize("NFC", text[:1] + _ACCENTS[accent]) + text[1:]


_LINES = frozenset("\u0332\u0305")
_SPOKEN = {"widehat": "hat", "widetilde": "tilde", "overrightarrow": "vec"}


def math_accented(accent: str, text: str) -> str:
    """A symbol under its accent: x̂. A longer one is named, hat(x+y), but for a line over or under it."""
    mark = _MATH_ACCENTS[accent]
    bases = [char for char in text if not unicodedata.combining(char)]
    if len(bases) == 1:
        mark = "\u0304" if mark == "\u0305" else mark
        return unicodedata.normalize("NFC", text + mark)
    if mark in _LINES:
        return "".join(char + mark for char in text)
    return f"{_SPOKEN.get(accent, accent)}({text})" if text else ""


# ---------------------------------------------------------------- scripts

# Only what common fonts have: Android and iOS lack the rarer ones.
_SUPER = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδθφχ",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᶿᵠᵡ",
)
_SUB = str.maketrans("0123456789+-−=()aehijklmnoprstuvxβγρφχ,", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ,")
_RAISED = {"⊤": "ᵀ", "⊺": "ᵀ", "∘": "°", "∗": "*", "·": "˙"} | {char: char for char in "*′″‴⋆†‡°"}
RAISED_OR_LOWERED = "ʰ-ˣᴬ-ᵪᶜᶠᶻᶿ⁰-ₜⱼⱽ²³¹"
_CLEAR = re.compile(rf"\([^()]*\)|[^\W_{RAISED_OR_LOWERED}]+|\d+\.\d+|.", re.DOTALL)


def script(mark: str, text: str) -> tuple[str, bool]:
    """A super- or subscript (`^`, `_`), and whether only a space ends it: n², xᵢ, but n^(1−δ), p_gen."""
    if mark == "^" and text in _RAISED:
        return _RAISED[text], False
    table = _SUPER if mark == "^" else _SUB
    if text and text != "," and all(ord(char) in table for char in text):
        return text.translate(table), False
    if not text:
        return "", False
    return (mark + text, text[-1] != ")") if _CLEAR.fullmatch(text) else (f"{mark}({text})", False)
