"""The gallery's page and its pictures agree, and what mail programs do to a page is done."""

import re
from pathlib import Path

from docs.gallery.clients import as_in_word, without_scheme, without_style
from docs.gallery.make import pictures

GALLERY = Path(__file__).parent.parent / "docs" / "gallery"
FRONT = "front"
"""The picture of the README."""


def test_the_gallerys_page_shows_every_picture_once() -> None:
    shown = re.findall(r"\]\(([\w-]+)\.webp\)", (GALLERY / "README.md").read_text(encoding="utf-8"))

    assert sorted([*shown, FRONT]) == sorted(picture.name for picture in pictures())


def test_no_picture_is_left_over_or_missing_and_all_are_small() -> None:
    files = {path.stem: path.stat().st_size for path in GALLERY.glob("*.webp")}

    assert files.keys() == {picture.name for picture in pictures()}
    assert sum(files.values()) < 2_900_000


def test_word_keeps_the_padding_of_cells_and_no_other() -> None:
    page = '<table><tr><td style="padding: 8px; color: red"><p style="padding: 9px; margin: 1px">x</p></td></tr></table>'

    word = as_in_word(page)

    assert "padding: 8px" in word
    assert "padding: 9px" not in word
    assert "margin: 1px" in word


def test_word_gives_the_cells_of_a_row_one_padding_at_the_top() -> None:
    word = as_in_word('<table><tr><td style="padding-top: 8px">a</td><td>b</td></tr></table>')

    assert word.count("padding-top: 8px") >= 2


def test_word_reads_the_comments_that_are_for_it_and_not_what_is_for_others() -> None:
    word = as_in_word(
        "<!--[if mso]><p>for Word</p><![endif]--><!--[if !mso]><!--><p>for others</p><!--<![endif]-->"
    )

    assert "<p>for Word</p>" in word
    assert "for others" not in word


def test_word_has_no_media_queries_and_keeps_the_rules_beside_them() -> None:
    word = as_in_word(
        "<style>@media (max-width: 9px) { a { color: red } b { color: blue } } i { color: green }</style>"
    )

    assert "red" not in word
    assert "blue" not in word
    assert "green" in word


def test_a_page_without_its_scheme_says_nothing_of_dark_colours() -> None:
    head = (
        '<meta name="color-scheme" content="light dark"><style>@media (prefers-color-scheme: dark) {}</style>'
    )

    assert "color-scheme" not in without_scheme(head)
    assert without_style(f"{head}<p>x</p>") == "<p>x</p>"
