"""The table of what words mean: what it knows, what it does not, and how it is made."""

import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from digest.scoring.meanings import LONGEST_WORD, Floats, WordTable, read_table, word_table

ROOT = Path(__file__).parents[2]
DATA = ROOT / "digest" / "scoring" / "data"


def nearness(one: str, other: str) -> float:
    """The cosine of two words' vectors."""
    first, second = word_table().of([one, other])
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@pytest.mark.parametrize(
    ("word", "related", "unrelated"),
    [
        ("retrieval", "search", "protein"),
        ("drug", "medicine", "compiler"),
        ("speech", "audio", "theorem"),
        ("molecule", "chemistry", "translation"),
        ("tumour", "cancer", "compiler"),
        ("galaxy", "telescope", "parsing"),
    ],
)
def test_related_words_are_nearer_than_unrelated_ones(word: str, related: str, unrelated: str) -> None:
    assert nearness(word, related) > nearness(word, unrelated) + 0.2


@pytest.mark.parametrize(
    ("one", "other"),
    [("summarisation", "summarization"), ("graphs", "graph"), ("Schrödinger", "SCHRODINGER")],
)
def test_two_spellings_of_a_word_are_near(one: str, other: str) -> None:
    assert nearness(one, other) > 0.8


def test_a_word_made_of_pieces_is_their_mean() -> None:
    table = WordTable(
        pieces={"super": 0, "##net": 1, "net": 2, "sup": 3, "##er": 4},
        longest=5,
        vectors=np.array([[10, 0], [0, 20], [7, 7], [1, 1], [1, 1]], np.int8),
        scales=np.array([1, 0.5, 1, 1, 1], np.float16),
    )

    assert table.of(["supernet", "net"]).tolist() == [[5, 5], [7, 7]]


def test_a_word_nobody_has_written_yet_has_a_vector() -> None:
    assert "hyperlearnable" not in word_table().pieces
    assert word_table().of(["hyperlearnable"]).any()


@pytest.mark.parametrize("word", ["注意", "обучение", "graph注意", "🤗", "", "!", "\x00", "a\nb"])
def test_what_the_table_cannot_spell_has_no_vector_and_harms_no_other(word: str) -> None:
    alone = word_table().of(["graph", "learning"])

    among = word_table().of(["graph", word, "learning"])

    assert not among[1].any()
    assert np.array_equal(among[[0, 2]], alone)


def test_no_words_are_no_rows() -> None:
    assert word_table().of([]).shape == (0, word_table().vectors.shape[1])


@pytest.mark.parametrize("letters", ["a", "ab", "z9", "ß", "\ufdfa"])  # the last folds to 18 letters
def test_hostile_words_cost_little(letters: str) -> None:
    words = [letters * 10_000, *(letters * LONGEST_WORD + str(number) for number in range(1_000))]
    begun = time.process_time()

    found = word_table().of(words)

    assert time.process_time() - begun < 1  # a tenth of it; the first word alone took minutes without a bound
    assert not found.any()


def test_a_word_of_the_longest_length_is_still_read() -> None:
    assert word_table().of(["a" * LONGEST_WORD]).any()
    assert not word_table().of(["a" * (LONGEST_WORD + 1)]).any()


def test_the_table_is_loaded_once() -> None:
    assert word_table() is word_table()


@pytest.mark.slow
def test_the_table_is_loaded_only_when_it_is_asked() -> None:
    code = "from digest.scoring import meanings; print(meanings.word_table.cache_info().currsize)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "0\n"


def test_the_licence_and_the_notice_lie_beside_the_table_and_tell_its_size() -> None:
    notice = (DATA / "NOTICE").read_text(encoding="utf-8")
    licence = (DATA / "LICENSE-APACHE-2.0").read_text(encoding="utf-8")

    assert (DATA / "words.npz").is_file()
    assert "all-MiniLM-L6-v2" in notice
    assert f"{len(word_table().pieces):,} of the 30,522 pieces" in notice
    assert f"a vector of {word_table().vectors.shape[1]} numbers" in notice
    assert "Apache License\n                           Version 2.0, January 2004" in licence


# ---------------------------------------------------------------- docs/word-table/make.py


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = spec_from_file_location("word_table_make", ROOT / "docs" / "word-table" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for the types of their fields
    spec.loader.exec_module(module)
    return module


class Invented:
    """An encoder for which a text is the mean of hidden vectors of its words, each known by itself."""

    names = ("[PAD]", "[CLS]", "[SEP]", "the", ",", "é", "graph", "net", "##s", "milk", "tea", "leaf", "cup")

    def __init__(self) -> None:
        hidden = np.random.default_rng(0).normal(size=(len(self.names), 6))
        hidden[: self.names.index("graph")] = 0  # says nothing
        self._hidden = hidden.astype(np.float32)

    def pieces(self, text: str) -> list[int]:
        return [1, *map(self.names.index, text.split()), 2]

    def vectors(self, texts: Sequence[list[int]]) -> Floats:
        said = np.array([self._hidden[text].sum(axis=0) for text in texts])
        return np.asarray(said / np.maximum(np.linalg.norm(said, axis=1, keepdims=True), 1e-9), np.float32)


TEXTS = [
    "graph net ##s the",
    "milk tea cup",
    "tea leaf , the cup",
    "net ##s graph",
    "milk cup the",
    "leaf graph é",
]


def test_making_a_table_of_the_same_texts_gives_the_same_bytes(make: ModuleType, tmp_path: Path) -> None:
    for name in ("one", "two"):
        lesson = make.encoded(Invented(), TEXTS)
        make.write(tmp_path / name, lesson.names, make.distilled(lesson))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_texts_weighted_pieces_come_near_what_the_encoder_makes_of_it(make: ModuleType) -> None:
    lesson = make.encoded(Invented(), TEXTS)

    told = make.weighted(lesson) @ make.distilled(lesson)

    usual = lesson.whole - lesson.whole.mean(axis=0)
    assert np.allclose(told @ told.T, usual @ usual.T, atol=0.1)  # the axes are turned, the likenesses stay
    assert not np.allclose(usual @ usual.T, 0, atol=0.5)


def test_a_texts_weights_sum_to_one_and_words_that_say_nothing_have_none(make: ModuleType) -> None:
    weights = make.weighted(make.encoded(Invented(), TEXTS)).toarray()

    assert np.allclose(weights.sum(axis=1), 1)
    assert not weights[:, [Invented.names.index(name) for name in ("[CLS]", "[SEP]", "the", ",")]].any()
    assert weights[3, Invented.names.index("graph")] < weights[3, Invented.names.index("net")]  # the rarer


def test_the_correction_is_the_ridge_regression_that_could_be_solved_at_once(make: ModuleType) -> None:
    weights = make.weighted(make.encoded(Invented(), TEXTS))
    left = np.random.default_rng(2).normal(size=(len(TEXTS), 4))

    found = make.correction(weights, left)

    dense = weights.toarray()
    wanted = np.linalg.solve(dense.T @ dense + make.PIECE_RIDGE * np.eye(dense.shape[1]), dense.T @ left)
    assert np.allclose(found, wanted)


def test_only_pieces_of_plain_letters_are_kept_and_the_rest_of_digest_reads_them(
    make: ModuleType, tmp_path: Path
) -> None:
    rows = np.random.default_rng(1).normal(size=(len(Invented.names), 6)).astype(np.float32)

    make.write(tmp_path / "words.npz", Invented.names, rows)

    table = read_table(tmp_path / "words.npz")
    assert list(table.pieces) == ["the", "graph", "net", "##s", "milk", "tea", "leaf", "cup"]
    found = table.of(["graph", "nets"])
    wanted = np.stack([rows[6], (rows[7] + rows[8]) / 2])
    assert np.allclose(found, wanted, atol=0.02)


def test_texts_are_read_from_both_kinds_of_files_and_each_once(make: ModuleType, tmp_path: Path) -> None:
    line = '{"title": "Tea", "abstract": "With milk."}\n'
    (tmp_path / "one.jsonl").write_text(line + '{"title": "Leaf", "summary": "Green."}\n', encoding="utf-8")
    (tmp_path / "two.jsonl.gz").write_bytes(make.gzip.compress(line.encode()))

    assert make.read_texts(tmp_path) == ["Leaf. Green.", "Tea. With milk."]


def test_texts_are_drawn_by_a_lot_that_does_not_change(make: ModuleType) -> None:
    texts = [f"{number}." for number in range(100)]

    assert make.chosen(texts, 10) == make.chosen(texts, 20)[:10]
    assert make.chosen(texts, 10) != texts[:10]


def test_a_folder_without_papers_or_with_a_broken_line_is_told(make: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"holds neither \*\.jsonl nor"):
        make.read_texts(tmp_path)

    (tmp_path / "one.jsonl").write_text('{"title": "Tea"}\n{"title":\n', encoding="utf-8")
    with pytest.raises(SystemExit, match=r"one\.jsonl, line 2 is no JSON"):
        make.read_texts(tmp_path)
