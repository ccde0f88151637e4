"""Plain text that stays within its columns."""

from hypothesis import given
from hypothesis import strategies as st

from digest.rendering.columns import TEXT_COLUMNS, columns, wrap


def test_a_label_hangs_before_the_first_line() -> None:
    assert wrap("tea " * 20, 4, "1.").splitlines() == [" 1. " + " ".join(["tea"] * 17), "    tea tea tea"]


def test_an_address_is_never_broken() -> None:
    address = "https://example.org/" + "x" * 90
    assert wrap(f"see {address} there", 2).splitlines() == ["  see", f"  {address}", "  there"]


def test_chinese_characters_take_two_columns_and_combining_marks_none() -> None:
    assert (columns("等待"), columns("e\u0301"), columns("tea")) == (4, 1, 3)


def test_a_word_wider_than_the_line_is_broken_up() -> None:
    assert [columns(line) for line in wrap("等" * 50).splitlines()] == [72, 28]


def test_empty_text_is_an_empty_line() -> None:
    assert wrap("") == ""


@given(text=st.text(max_size=300), indent=st.integers(2, 8), label=st.sampled_from(["", "-", "12.", "1000."]))
def test_no_line_is_too_wide_and_no_word_is_lost(text: str, indent: int, label: str) -> None:
    lines = wrap(text.replace("://", ""), indent, label).splitlines()
    assert all(columns(line) <= TEXT_COLUMNS for line in lines)
    kept = "".join("".join(lines).removeprefix(" " * max(indent - 1 - len(label), 0) + label).split())
    assert kept == "".join(text.replace("://", "").split())
