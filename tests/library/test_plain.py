"""TeX and HTML as plain text."""

import pytest

from digest.library.plain import plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{BERT}-like Pre-Training of {Deep} Waiting", "BERT-like Pre-Training of Deep Waiting"),
        (r"M{\"u}ller, Erd{\H{o}}s, {\L}ukasz, na\"{\i}ve, \v{C}ech", "Müller, Erdős, Łukasz, naïve, Čech"),
        (r"{\em Thus} \emph{waiting} is \textbf{very {\it hard}}", "Thus waiting is very hard"),
        (r"Waiting in $\mathcal{O}(n^2)$ at 5\% for \$10 \& more", "Waiting in 𝒪(n²) at 5% for $10 & more"),
        ("pre--post waiting, ``long''", "pre–post waiting, “long”"),
        (r"\begin{itemize}\item one \item two\end{itemize}", "one two"),
    ],
)
def test_tex_is_read(written: str, shown: str) -> None:
    assert plain(written, 300, is_tex=True) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<jats:p>We wait.</jats:p><jats:p>And see.</jats:p>", "We wait. And see."),
        ("H<sub>2</sub>O &amp; <i>patience</i>", "H2O & patience"),
        ("if a < b and c > d", "if a < b and c > d"),
        ("{keep} the $5 and C:\\path", "{keep} the $5 and C:\\path"),
    ],
)
def test_html_is_taken_away_and_nothing_else(written: str, shown: str) -> None:
    assert plain(written, 300) == shown


def test_what_reorders_or_hides_text_is_taken_away() -> None:
    assert plain("safe\u202etxet\x00\x1b[31m", 300) == "safetxet[31m"


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["$", "\\", "{", "<", "<p ", "\\a{", "$a", "\\'", "&", "--", "\\begin{"])
def test_text_made_to_be_slow_is_read_within_its_bound(unit: str) -> None:
    assert len(plain(unit * 1_000_000, 6_000, is_tex=True)) <= 6_000
