"""Which two sentences a reader sees, and what is marked in them."""

import pytest

from digest.rendering.excerpt import MAX_EXCERPT, make_excerpt

ABSTRACT = "Tea is old. Queues are long. Buses are late. Queues for buses are longest."


def shown(abstract: str, *words: str) -> str:
    """The excerpt with its marks as square brackets."""
    excerpt = make_excerpt(abstract, words)
    assert excerpt is not None
    assert excerpt.text == "".join(piece.text for piece in excerpt.pieces)
    return "".join(f"[{p.text}]" if p.marked else p.text for p in excerpt.pieces)


def test_the_sentences_with_most_of_the_words_are_shown_in_their_own_order() -> None:
    assert shown(ABSTRACT, "queues", "buses") == "[Queues] are long. … [Queues] for [buses] are longest."


def test_without_words_the_first_two_sentences_are_shown() -> None:
    assert shown(ABSTRACT) == "Tea is old. Queues are long."


def test_a_tie_goes_to_the_earlier_sentence() -> None:
    assert shown(ABSTRACT, "late") == "Tea is old. … Buses are [late]."


def test_the_same_word_twice_counts_once() -> None:
    told = "Tea, tea, tea. Milk and tea. Bread. Milk in tea."
    assert shown(told, "tea", "milk") == "[Milk] and [tea]. … [Milk] in [tea]."


def test_words_are_marked_whole_and_phrases_before_their_parts() -> None:
    assert shown("The bus, busy buses, bus stop.", "bus", "bus stop") == "The [bus], busy buses, [bus stop]."


def test_scripts_without_spaces_are_marked_within_their_run() -> None:
    assert shown("我们等待公共汽车。", "等待") == "我们[等待]公共汽车。"


def test_words_that_look_like_patterns_are_only_words() -> None:
    assert shown("C++ (or not) waits.", "C++", "(or", ".*") == "[C++] [(or] not) waits."


def test_an_excerpt_is_bounded_and_its_best_sentence_has_the_first_claim() -> None:
    told = "Tea " + "and more tea " * 40 + "came. Queues matter. End."
    text = shown(told, "queues")
    assert len(text) <= MAX_EXCERPT + 2
    assert text.endswith("… [Queues] matter.")


def test_tex_is_readable_in_an_excerpt() -> None:
    assert shown("It takes $\\mathcal{O}(n^2)$ steps.") == "It takes 𝒪(n²) steps."


@pytest.mark.parametrize("abstract", ["", " ", "\x00"])
def test_no_abstract_is_no_excerpt(abstract: str) -> None:
    assert make_excerpt(abstract, ("tea",)) is None
