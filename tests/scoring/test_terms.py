"""Terms: which words and pairs of words stand in which paper, and how often."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.scoring.terms import Matrix, Terms, count_terms, learn_terms


def counted(terms: Terms, counts: Matrix, row: int = 0) -> dict[str, int]:
    """The terms of a row by name."""
    line = counts.toarray()[row]
    return {terms.name(int(column)): int(line[column]) for column in np.flatnonzero(line)}


def terms_of(*texts: tuple[str, str]) -> list[dict[str, int]]:
    terms, counts = learn_terms(texts)
    return [counted(terms, counts, row) for row in range(len(texts))]


def test_a_word_of_the_title_counts_twice_and_one_of_the_abstract_once() -> None:
    assert terms_of(("Moss", "Moss and fern"))[0] == {"moss": 3, "fern": 1}


def test_two_spellings_of_a_word_are_one_term_and_the_first_is_kept() -> None:
    terms, counts = learn_terms([("Queues", "queue queueing")])

    assert counted(terms, counts) == {"queue": 4}
    assert terms.spellings == ("Queues",)


def test_words_that_say_nothing_of_a_subject_are_no_terms() -> None:
    assert terms_of(("The", "We propose a novel method for moss, and it is based on the fern"))[0] == {
        "moss": 1,
        "fern": 1,
    }


def test_a_pair_is_a_term_once_two_papers_say_it() -> None:
    in_one = terms_of(("", "damp moss"), ("", "moss"))
    in_two = terms_of(("", "damp moss"), ("", "damp mosses"))

    assert "damp moss" not in in_one[0]
    assert in_two == [{"damp": 1, "moss": 1, "damp moss": 1}] * 2


def test_a_pair_that_one_paper_says_twice_is_no_term() -> None:
    assert terms_of(("", "damp moss, damp moss"), ("", "fern"))[0] == {"damp": 2, "moss": 2}


@pytest.mark.parametrize("apart", ["damp. Moss", "damp! Moss", "damp: moss", "damp; moss", "damp of moss"])
def test_a_pair_does_not_reach_across_a_stop_or_an_empty_word(apart: str) -> None:
    assert "damp moss" not in terms_of(("", apart), ("", apart), ("", "damp moss"))[0]


def test_the_end_of_the_title_makes_no_pair_with_the_abstract_nor_with_its_own_beginning() -> None:
    twice = terms_of(("fern damp", "moss"), ("fern damp", "moss"))

    assert twice[0] == {"fern": 2, "damp": 2, "fern damp": 2, "moss": 1}


def test_one_papers_end_makes_no_pair_with_the_next_ones_beginning() -> None:
    terms, _ = learn_terms([("", "damp"), ("", "moss"), ("", "damp"), ("", "moss")])

    assert len(terms.pairs) == 0


@pytest.mark.parametrize("hyphen", "-‐‑")
def test_a_word_with_a_hyphen_counts_in_its_parts_and_whole(hyphen: str) -> None:
    first, second = terms_of(("", f"pre{hyphen}training"), ("", "pretraining"))

    assert first == {"pre": 1, "train": 1, "pretrain": 1}
    assert second == {"pretrain": 1}


def test_other_texts_are_counted_in_known_terms_only() -> None:
    terms, _ = learn_terms([("", "damp moss"), ("", "damp moss")])

    counts = count_terms(terms, [("", "damp moss on unheard-of granite"), ("granite", ""), ("", "")])

    assert counts.shape == (3, len(terms))
    assert counted(terms, counts) == {"damp": 1, "moss": 1, "damp moss": 1}
    assert counts.toarray()[1:].sum() == 0


def test_counting_what_was_learned_counts_the_same() -> None:
    texts = [("Damp moss", "Moss is damp moss. Pre-training ferns."), ("Damp moss", "fern"), ("", "")]
    terms, learned = learn_terms(texts)

    assert (count_terms(terms, texts) != learned).nnz == 0


@pytest.mark.parametrize("texts", [[], [("", "")], [("", ""), ("", "")], [("!?.", "— … ©")]])
def test_papers_without_words_have_no_terms(texts: list[tuple[str, str]]) -> None:
    terms, counts = learn_terms(texts)

    assert len(terms) == 0
    assert counts.shape == (len(texts), 0)
    assert count_terms(terms, [("Moss", "")]).shape == (1, 0)


def test_scripts_without_spaces_are_read_character_by_character_in_pairs() -> None:
    first, _ = terms_of(("", "深度学习"), ("", "深度"))

    assert first == {"深": 1, "度": 1, "学": 1, "习": 1, "深 度": 1}


def test_accents_case_and_compatibility_forms_do_not_matter() -> None:
    assert terms_of(("", "Schrödinger SCHRODINGER ﬁnder finder"))[0] == {"schroding": 2, "finder": 2}


@pytest.mark.parametrize(
    "text",
    [
        "moss\x00\x1b[31m\x07 fern",
        "moss \U0001f33f fern 👩‍👩‍👧‍👦",
        "moss \u202efern\u202c \u200f",
        "moss -‐‑ --- fern-",
        "_moss_ __fern__",
        "moss, fern",
    ],
)
def test_hostile_marks_between_words_leave_the_words(text: str) -> None:
    assert {"moss", "fern"} <= terms_of(("", text))[0].keys()


def test_a_word_of_6000_characters_and_right_to_left_words_are_words_like_any() -> None:
    found = terms_of(("", "x" * 6000 + " שלום עולם"), ("", "שלום עולם"))

    assert len(found[0]) == 4
    assert found[1] == {"שלום": 1, "עולם": 1, "שלום עולם": 1}


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60)), max_size=6))
def test_any_text_is_counted_the_same_when_learned_and_when_known(texts: list[tuple[str, str]]) -> None:
    terms, learned = learn_terms(texts)

    assert learned.shape == (len(texts), len(terms))
    assert (count_terms(terms, texts) != learned).nnz == 0
    assert all(" " not in word and word.isalnum() for word in terms.words)
    assert list(terms.words.values()) == list(range(len(terms.words)))
