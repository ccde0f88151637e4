"""Cleaning, words and sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text import clean, compounds, sentences, shorten, title_key, words


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  two\r\n words\t here ", "two words here"),
        ("Subject\x00: \x92quoted\x1b[31m", "Subject: quoted[31m"),
        ("a\ud800b", "ab"),
        ("right\u202eto left\u2066", "rightto left"),
        ("e\u0301", "é"),
        ("zero\u200dwidth joiner stays", "zero\u200dwidth joiner stays"),
    ],
)
def test_clean_leaves_one_composed_line_without_controls(raw: str, cleaned: str) -> None:
    assert clean(raw, 100) == cleaned


def test_clean_cuts_at_a_word_and_says_so() -> None:
    assert clean("one two three four", 15) == "one two three…"


def test_a_cut_within_blanks_is_said_too_and_leading_blanks_are_no_text() -> None:
    assert clean("A" + " " * 1_300 + "tail", 300) == "A…"
    assert clean(" " * 1_300 + "tail", 300) == "tail"


def test_clean_of_ten_megabytes_is_as_long_as_asked() -> None:
    assert len(clean("word " * 2_000_000, 6_000)) <= 6_000


@given(st.text(), st.integers(2, 50))
def test_cleaned_text_is_bounded_single_line_and_stays_as_it_is(text: str, limit: int) -> None:
    once = clean(text, limit)

    assert len(once) <= limit
    assert not any(char < " " or "\x7f" <= char <= "\x84" for char in once)
    assert clean(once, limit) == once


@given(st.text(), st.integers(2, 50))
def test_shortened_text_keeps_its_beginning(text: str, limit: int) -> None:
    short = shorten(text, limit)

    assert short == text or text.startswith(short.removesuffix("…"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LLM$\\times$MapReduce: Long", "LLMtimesMapReduce: Long"),
        ("Schrödinger's Net", "SCHRODINGERS NET"),
        ("$L_2$ Norms", "L_2 norms"),
    ],
)
def test_two_spellings_of_a_title_have_one_key(one: str, other: str) -> None:
    assert title_key(one) == title_key(other) != ""


@pytest.mark.parametrize(
    ("text", "stems"),
    [
        ("Self-supervised learners", ["self", "supervis", "learner"]),
        ("LLMs and GPUs, cnns", ["llm", "and", "gpu", "cnn"]),
        ("大模型 GPT-4o", ["大", "模", "型", "gpt", "4o"]),
        ("snake_case", ["snake", "case"]),
    ],
)
def test_words_are_stems_without_hyphen_and_plural(text: str, stems: list[str]) -> None:
    assert [word.stem for word in words(text)] == stems


def test_a_compound_is_one_word_with_or_without_its_hyphen() -> None:
    assert [word.stem for word in compounds("Pre-training")] == [word.stem for word in words("pretraining")]


@given(st.text())
def test_every_word_is_where_it_says(text: str) -> None:
    for word in (*words(text), *compounds(text)):
        assert 0 <= word.start < word.end <= len(text)


def test_abbreviations_do_not_end_a_sentence() -> None:
    text = "We use it, e.g. This one. Smith et al. Did too! Is it 3.5 times faster? Yes."

    assert sentences(text) == (
        "We use it, e.g. This one.",
        "Smith et al. Did too!",
        "Is it 3.5 times faster?",
        "Yes.",
    )


@given(st.text(alphabet='aB .!?"。\n(', max_size=60))
def test_sentences_lose_no_letter(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
