"""Text in LaTeX's spelling, as BibTeX files hold it; nothing in it can end a field or run a command."""

import re
from collections.abc import Callable
from functools import cache
from itertools import accumulate

from digest.rendering.phrases import shown_title


def title_in_latex(title: str) -> str:
    """A title as BibTeX wants it: formulas as they were written, words with capitals of their own in braces.

    Styles lower what is not in braces. A formula that may do more than set symbols is made readable instead.
    """
    told, maths = _without_maths(title)
    words = shown_title(told).split(" ")
    is_kept = _has_capitals if _is_sentence_case(words) else _has_own_capitals
    escaped = " ".join([_word(words[0], _has_own_capitals), *(_word(word, is_kept) for word in words[1:])])
    return _PLACE.sub(lambda match: f"{{${maths[ord(match.group()) - _FIRST_PLACE]}$}}", escaped)


def _without_maths(title: str) -> tuple[str, list[str]]:
    """The title with a character of private use in place of each formula, and the formulas."""
    maths: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if len(maths) == _PLACES or not _is_harmless(match[1]):
            return match[0]
        maths.append(match[1])
        return chr(_FIRST_PLACE + len(maths) - 1)

    return _MATHS.sub(keep, _PLACE.sub("", title)), maths


_FIRST_PLACE, _PLACES = 0xE000, 64
_PLACE = re.compile(f"[{chr(_FIRST_PLACE)}-{chr(_FIRST_PLACE + _PLACES - 1)}]")
_MATHS = re.compile(r"\$(?=[^\s$])([^$]{1,300}?)(?<=\S)\$(?!\d)")


def _is_harmless(tex: str) -> bool:
    """Whether a formula only sets symbols, and its braces pair; other commands read and write files.

    `^^5c` is another way to write a backslash (The TeXbook, chapter 8).
    """
    depths = tuple(accumulate((char == "{") - (char == "}") for char in tex))
    return "^^" not in tex and _HARMLESS.fullmatch(tex) is not None and min(depths) == depths[-1] == 0


_COMMANDS = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma
tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar
nabla partial infty emptyset mathcal mathbb mathbf mathrm mathsf mathfrak mathit boldsymbol text hat widehat
bar overline tilde widetilde vec dot frac tfrac sqrt sum prod int log ln exp sin cos tan min max inf sup lim
det dim ker deg Pr arg leq le geq ge neq ne approx sim simeq equiv propto ll gg in notin subset subseteq cup
cap setminus forall exists to rightarrow leftarrow leftrightarrow Rightarrow mapsto times cdot cdots ldots
dots pm mp circ otimes oplus ast star langle rangle lfloor rfloor lceil rceil mid parallel perp left right
prime dagger quad
"""
_HARMLESS = re.compile(
    r"(?:[A-Za-z0-9 +\-*/=<>().,:;!|\[\]'^_{}]|\\[,;:! |]|\\(?:"
    + "|".join(_COMMANDS.split())
    + r")(?![A-Za-z]))+"
)


def _word(word: str, is_kept: Callable[[str], bool]) -> str:
    before, core, after = _CORE.fullmatch(word).groups()  # type: ignore[union-attr]  # it matches anything
    escaped = in_latex(core)
    if is_kept(core) or r"\ensuremath" in escaped:
        escaped = f"{{{escaped}}}"
    opening = in_latex(before).replace("''", "``") if core else in_latex(before)
    return f"{opening}{escaped}{in_latex(after)}"


_CORE = re.compile(r"([\W_]*)(.*?)([\W_]*)", re.DOTALL)


def _has_own_capitals(word: str) -> bool:
    parts = re.split(r"[-‐‑–/]", word)
    lone = len(parts) > 1 and any(len(part) == 1 and part.isupper() for part in parts)
    return lone or any(any(char.isupper() for char in part[1:]) for part in parts)


def _has_capitals(word: str) -> bool:
    return any(char.isupper() for char in word)


def _is_sentence_case(words: list[str]) -> bool:
    """Whether most of a title's longer words begin small, so that those with capitals are names."""
    longer = [word for word in words[1:] if len(word) > 3 and word[0].isalpha()]
    return sum(word[0].islower() for word in longer) * 2 > len(longer)


def in_latex(text: str) -> str:
    """Plain text, its special characters escaped, accents and symbols as commands; other scripts in UTF-8."""
    plain = _OPENING.sub("``", text).translate(_SPECIAL)
    return plain if plain.isascii() else str(_encoder().unicode_to_latex(plain))


_OPENING = re.compile(r'(?<![^\s(\[{])"(?=\w)')
# `\{` would still count as a brace for BibTeX.
_SPECIAL = str.maketrans(
    {char: f"\\{char}" for char in "&%$#_"}
    | {
        "\\": r"{\textbackslash}",
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
        "~": r"{\textasciitilde}",
        "^": r"{\textasciicircum}",
        "<": r"{\textless}",
        ">": r"{\textgreater}",
        "|": r"{\textbar}",
        '"': "''",
    }
)


@cache
def _encoder():  # type: ignore[no-untyped-def]  # pylatexenc carries no types
    from pylatexenc.latexencode import UnicodeToLatexEncoder

    return UnicodeToLatexEncoder(
        non_ascii_only=True,
        unknown_char_policy="keep",
        unknown_char_warning=False,
        replacement_latex_protection="braces-all",
    )
