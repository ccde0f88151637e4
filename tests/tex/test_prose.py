"""TeX as a person reads it."""

import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.tex.prose import LONGEST, readable
from digest.text import title_key

FORMULAS = [
    # scripts
    (r"\lambda_k", "λₖ"),
    (r"\lambda_{k} \leq C k^{-2\alpha}", "λₖ ≤ C k⁻²ᵅ"),
    (r"n^{1-\epsilon}", "n^(1−ε)"),
    (r"n^{3/2}", "n^(3/2)"),
    (r"n^{0.5}", "n^0.5"),
    (r"10^{-3}", "10⁻³"),
    (r"x^23", "x²3"),
    (r"2^{2^n}", "2^(2ⁿ)"),
    (r"x_{t_i}", "x_(tᵢ)"),
    (r"x_i^2", "xᵢ²"),
    (r"x_{i,j}", "xᵢ,ⱼ"),
    (r"\mathbb{R}^d", "ℝᵈ"),
    (r"\mathbb{R}^{m\times n}", "ℝ^(m×n)"),
    (r"A^\top", "Aᵀ"),
    (r"A^{\mathsf{T}}B", "AᵀB"),
    (r"\theta^*", "θ*"),
    (r"90^{\circ}", "90°"),
    (r"f''(x)", "f″(x)"),
    (r"L_2", "L₂"),
    (r"\ell_p", "ℓₚ"),
    (r"\ell_2-norm", "ℓ₂-norm"),
    (r"p_\theta(x|y)", "p_θ(x|y)"),
    (r"p_{\theta}y", "p_θ y"),
    (r"p_{\theta y}", "p_θy"),
    (r"\theta_{\mathrm{old}}", "θ_old"),
    (r"k_BT", "k_B T"),
    (r"{}^{13}C", "¹³C"),
    # fractions and roots
    (r"\tfrac{1}{2}", "1/2"),
    (r"\frac12", "1/2"),
    (r"\dfrac{a+b}{c}", "(a+b)/c"),
    (r"\frac{1}{2n}", "1/(2n)"),
    (r"\frac{1}{2}x", "(1/2)x"),
    (r"2^{-\frac{1}{2}x}", "2^(−(1/2)x)"),
    (r"\frac{a}{b}^2", "(a/b)²"),
    (r"\log\frac{1}{\delta}", "log(1/δ)"),
    (r"1 - \frac{1}{e}", "1 − 1/e"),
    (r"\left( \frac{a}{b} \right)", "(a/b)"),
    (r"\sqrt{x}", "√x"),
    (r"\sqrt{x+y}", "√(x+y)"),
    (r"\sqrt{dk}", "√(dk)"),
    (r"\sqrt{n}k", "√n k"),
    (r"\sqrt[3]{x}", "∛x"),
    (r"\binom{n}{k}", "(n choose k)"),
    # relations, operators, signs
    (r"x\in[0,1]", "x ∈ [0,1]"),
    (r"\epsilon=0.1", "ε = 0.1"),
    (r"M\times S^1", "M × S¹"),
    (r"\alpha> 1/2", "α > 1/2"),
    (r"2\times 10^5", "2 × 10⁵"),
    (r"a-b", "a − b"),
    (r"-1", "−1"),
    (r"x=-1", "x = −1"),
    (r"1-exp(-x)", "1 − exp(−x)"),
    (r"10 \text{ or } n", "10 or n"),
    (r"(-1)^n", "(−1)ⁿ"),
    (r"x \to -\infty", "x → −∞"),
    (r"\sim 10", "∼10"),
    (r"\geq 95\%", "≥95%"),
    (r"a \not= b", "a ≠ b"),
    (r"a := b", "a := b"),
    (r"f: X \to Y", "f: X → Y"),
    (r"\{x : x > 0\}", "{x : x > 0}"),
    (r"<a,x>=0", "<a,x> = 0"),
    (r"p(x\mid y)", "p(x | y)"),
    (r"\|x\|", "‖x‖"),
    (r"\|x - y\|_2^2", "‖x − y‖₂²"),
    (r"a \equiv b \pmod{m}", "a ≡ b (mod m)"),
    # names
    (r"n \log n", "n log n"),
    (r"O(n\log n)", "O(n log n)"),
    (r"\log^3(n)", "log³(n)"),
    (r"\log_2 n", "log₂ n"),
    (r"\log\log n", "log log n"),
    (r"n/\log n", "n/log n"),
    (r"\max_{x \in X} f(x)", "max_(x∈X) f(x)"),
    (r"\sum_{i=1}^n x_i", "∑ᵢ₌₁ⁿ xᵢ"),
    (r"\operatorname{rank} A", "rank A"),
    (r"\operatorname*{argmax}_\theta", "argmax_θ"),
    (r"5\,\mathrm{GeV}", "5 GeV"),
    (r"\mathrm{KL}(p\|q)", "KL(p‖q)"),
    (r"\text{if } x", "if x"),
    (r"\mathrm{H}_2\mathrm{O}", "H₂O"),
    # letters
    (r"\mathcal{O}(n^2)", "𝒪(n²)"),
    (r"{\cal L}", "ℒ"),
    (r"\mathfrak{g}", "𝔤"),
    (r"\mathbf{x}_t", "xₜ"),
    (r"\hat{x}", "x̂"),
    (r"\tilde{O}(\sqrt{T})", "Õ(√T)"),
    (r"\bar x", "x̄"),
    (r"\hat{\beta}_j", "β̂ⱼ"),
    (r"\widehat{x+y}", "hat(x+y)"),
    (r"a_1,\ldots,a_n", "a₁,…,aₙ"),
    (r"a \cdot b", "a · b"),
    # what is not known, or not whole
    (r"\KL(p)", "KL(p)"),
    (r"\R^d", "Rᵈ"),
    (r"\foo{x} + y", "foo(x) + y"),
    (r"\frac{1", "frac(1)"),
    (r"x_{i", "xᵢ"),
    (r"x^", "x^"),
    (r"{{x}^{2}}}", "x²"),
]


@pytest.mark.parametrize(("tex", "shown"), FORMULAS)
def test_a_formula_is_shown_as_it_is_read(tex: str, shown: str) -> None:
    assert readable(f"of ${tex}$.") == f"of {unicodedata.normalize('NFC', shown)}."


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"in $\mathcal{O}(n^2)$ time", "in 𝒪(n²) time"),
        (r"$k$-NN and $\alpha$-fair", "k-NN and α-fair"),
        (r"Free$^2$Guide, CO$_2$", "Free²Guide, CO₂"),
        (r"LLM$\times$MapReduce", "LLM×MapReduce"),
        ("$γ-$MoD", "γ-MoD"),
        (r"$\sim$10 of $>$100", "∼10 of >100"),
        ("$n<N$ and $p<0.05$", "n < N and p < 0.05"),
        (r"\( O(n^3) \) and \[x\] and $$y^2$$", "O(n³) and x and y²"),
        ("$a$$b$", "ab"),
        (r"a formula $ x_i $ with blanks", "a formula xᵢ with blanks"),
        (r"$C(\epsilon)&gt;0$", "C(ε) > 0"),
        ("unclosed $x", "unclosed $x"),
        ("plain  text", "plain  text"),
        # prices
        ("costs $5 and $10", "costs $5 and $10"),
        ("costs $5 for $n$ and $3 for $m_2$", "costs $5 for n and $3 for m₂"),
        ("less ($US388, p = 0.03) than ($US636)", "less ($US388, p = 0.03) than ($US636)"),
        (r"costs \$5, or \$10", "costs $5, or $10"),
        ("for 1$: cheap repair, $200k", "for 1$: cheap repair, $200k"),
        # accents
        (r"Andr\'e and M\"uller", "André and Müller"),
        (r"\v{S}koda, \c{c}, {\o}re, na\"{\i}ve, It\^o, Stra\ss e", "Škoda, ç, øre, naïve, Itô, Straße"),
        (r"the user\'s choice", "the user's choice"),
        # commands between words
        (r"30\% of \textbf{all} \emph{x} \& $x_{i}$", "30% of all x & xᵢ"),
        (r"{\em and} {\it so on}", "and so on"),
        (r"as shown \cite{a,b}, by~\citet[p.~3]{c}.", "as shown, by."),
        (r"we propose \method, a \textsc{New} \Way{}", "we propose method, a New Way"),
        (r"\ie{} and \unknown{kept} (\eg, x) \etc.", "i.e. and kept (e.g., x) etc."),
        (r"360{\deg}, {\Delta}G, 2.3\times faster", "360°, ΔG, 2.3× faster"),
        (r"is~new, ~3x \name~faster", "is new, ~3x name faster"),
        (r"\url{https://a.org/b\_c} \href{https://x}{here}\footnote{Yes.}", "https://a.org/b_c here (Yes.)"),
        (r"``quoted'' -- \LaTeX", "“quoted” – LaTeX"),
        (r"in \mathcal{O}(n) and \frac{1}{2}", "in 𝒪(n) and 1/2"),
    ],
)
def test_tex_in_a_text_is_shown_as_a_person_reads_it(tex: str, shown: str) -> None:
    assert readable(tex) == shown


def test_where_text_is_known_to_be_tex_its_braces_are_read_without_a_command() -> None:
    assert readable("{GPU}~{Nets} of $\\{x\\}$", is_tex=True) == "GPU Nets of {x}"
    assert readable("{GPU}~{Nets}") == "{GPU}~{Nets}"


def _visible(tex: str) -> list[str]:
    """The letters and digits of a formula beside its commands."""
    return sorted(char for char in re.sub(r"\\[A-Za-z]+", "", tex) if char.isalnum())


def _letters(shown: str) -> list[str]:
    return list(unicodedata.normalize("NFKD", shown).replace("ɑ", "α").replace("∛", "3√"))


@pytest.mark.parametrize("tex", [tex for tex, _ in FORMULAS])
def test_no_letter_or_digit_of_a_formula_is_lost(tex: str) -> None:
    letters = _letters(readable(f"${tex}$"))

    for char in _visible(tex):
        assert char in letters
        letters.remove(char)


_PARTS = st.recursive(
    st.sampled_from(["x", "n", "7", r"\alpha", r"\ell", "Q", r"\mathrm{old}"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda t: rf"\frac{{{t[0]}}}{{{t[1]}}}"),
        st.tuples(inner, inner).map(lambda t: f"{t[0]}^{{{t[1]}}}"),
        st.tuples(inner, inner).map(lambda t: f"{t[0]}_{{{t[1]}}}"),
        st.tuples(inner, st.sampled_from(["+", "-", r"\leq ", " ", r"\log "]), inner).map("".join),
        inner.map(lambda i: rf"\sqrt{{{i}}}"),
        inner.map(lambda i: rf"\hat{{{i}}}"),
        inner.map(lambda i: rf"\left({i}\right)"),
    ),
    max_leaves=8,
)


@given(_PARTS)
def test_no_letter_is_lost_however_a_formula_is_built(tex: str) -> None:
    letters = _letters(readable(f"${tex}$"))

    for char in _visible(tex.replace(r"\alpha", "α")):
        assert char in letters
        letters.remove(char)


_COMMANDS = (
    "textbackslash textdollar frac sqrt text begin end hat cite footnote url href left operatorname mathbb "
    "unknown not em o c"
)
_TEX = st.lists(
    st.one_of(
        st.sampled_from("\\${}^_[]()'`\"~%&#|<>-+= ab1.,:\n\x00\x92"),
        st.sampled_from(_COMMANDS.split()).map("\\{}".format),
        st.sampled_from(["$$", r"\(", r"\)", r"\$", r"\'", "$x$", "&gt;", "word", "5"]),
    ),
    max_size=30,
).map("".join)


@given(_TEX)
@example(r"\$x\$")
@example(r"\textdollar x\textdollar")
def test_what_was_made_readable_stays_as_it_is(tex: str) -> None:
    once = readable(tex)

    assert readable(once) == once
    if "$" in tex or "\\" in tex:
        assert "\\" not in once
        assert not any(unicodedata.category(char) == "Cc" for char in once)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert readable(readable(text)) == readable(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "hostile",
    [
        "$" * LONGEST,
        "$x" * (LONGEST // 2),
        "\\" * LONGEST,
        "\\sqrt{" * (LONGEST // 6),
        ("$" + "\\sqrt{" * 160 + "$") * 90,
        ("$" + "\\sqrt[" * 160 + "$") * 90,
        ("$" + "\\text{" * 120 + "}" * 120 + "$") * 90,
        ("$" + "x^{" * 300 + "$") * 80,
        ("$x" + "^2" * 400 + "$") * 90,
        ("$" + "\\hat" * 200 + "$") * 90,
        "\\footnote{" * 9_000 + "}" * 9_000,
        "\\alpha" + "{" * 90_000,
        "\\(" * (LONGEST // 2),
        "\\cite[" * 16_000,
        "\\alpha" + " " * 90_000,
        "$\\x" * 3_500_000,
    ],
    ids=lambda hostile: hostile[:12],
)
def test_hostile_tex_costs_no_more_than_its_length(hostile: str) -> None:
    started = time.process_time()

    shown = readable(hostile)

    assert time.process_time() - started < 2
    assert readable(shown) == shown


@pytest.mark.parametrize("broken", ["\\frac", "Waiting is \\sqrt", "\\href", "\\verb", "[" * 300 + "\\alpha"])
def test_a_command_without_its_argument_shows_its_name_or_sign(broken: str) -> None:
    assert readable(broken) == broken.replace("\\alpha", "α").replace("\\", "")


def test_the_key_of_a_title_does_not_read_its_tex() -> None:
    assert title_key(r"LLM$\times$X $\alpha_{2}$") == "llmtimesxalpha2"
