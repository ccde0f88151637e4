"""What scoring costs: many profiles against a day's papers, beside one linear SVM a profile.

    python benchmarks/scoring.py [--quick] [--corpus FOLDER] [--profiles 5000] [--stored 10000] [--json FILE]

Papers and profiles are invented from a seed, so that any two runs measure the same; `--corpus` reads papers
from the JSON lines in a folder instead (.jsonl or .jsonl.gz with `title`, and `abstract` or `summary`). Every
case runs in a process of its own, on one core. What it prints:

  build      reading all papers, shared by all readers, at three sizes
  batch      all profiles at once against a day of 300 papers: with nothing else stored, and among all stored;
             half of the profiles, too, to see that cost grows with their number
  alone      readers one after the other, as `digest score --jsonl` answers them, with few and many papers
  svm        one LinearSVC a profile as arxiv-sanity-lite trains it (liked papers against all others, C=0.01,
             balanced classes, on the same TF-IDF), on a sample of the profiles that like a paper

The SVM's time is that of a sample, times the number of profiles; profiles without a liked paper, for which
it has no answer, are counted as costing it nothing.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digest.model import Interest, Paper
    from digest.scoring.corpus import Corpus
    from digest.scoring.taste import Taste

SEED = 20_240_501
DAY = 300
"""Papers of a day, as many as a busy list has in a week."""
Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is measured on what."""

    corpus: Path | None
    profiles: int
    stored: int
    sample: int
    """Profiles for the SVM, and readers one after the other."""


# ---------------------------------------------------------------- invented papers


def invented(n_papers: int) -> "list[Paper]":
    """Papers about invented subjects: each of two, among words that all use and a few that are rare."""
    from digest.model import Paper

    chance = random.Random(SEED)
    common, subjects, rare = (
        words(chance, 2_000),
        [words(chance, 120) for _ in range(200)],
        words(chance, 30_000),
    )
    names = [
        f"{first.title()} {last.title()}" for first, last in zip(words(chance, 4_000), rare, strict=False)
    ]
    papers = []
    for number in range(n_papers):
        own = (*chance.choices(subjects, k=2), common, common, rare)
        papers.append(
            Paper(
                id=f"paper:{number}",
                title=sentence(chance, own[:2], 8).rstrip(".").title(),
                abstract=" ".join(sentence(chance, own, chance.randint(10, 24)) for _ in range(9)),
                authors=tuple(chance.choices(names, k=chance.randint(1, 8))),
                source="invented",
            )
        )
    return papers


def words(chance: random.Random, wanted: int) -> list[str]:
    """Words that can be said, and mean nothing."""
    syllables = [first + vowel for first in "b d f g k l m n p r s t v z st tr".split() for vowel in "aeiou"]
    return [
        "".join(chance.choices(syllables, k=chance.randint(2, 4))) + chance.choice("nrslm")
        for _ in range(wanted)
    ]


def sentence(chance: random.Random, vocabularies: Sequence[list[str]], length: int) -> str:
    """Words of several vocabularies; the first of each stand in it most often, as Zipf found."""
    drawn = (chance.choice(vocabularies) for _ in range(length))
    said = (one[int(len(one) ** chance.random()) - 1] for one in drawn)
    return " ".join(said).capitalize() + "."


def read_corpus(folder: Path) -> "Iterator[Paper]":
    """The papers of a folder's JSON lines, each once."""
    from digest.model import Paper

    for number, line in enumerate(lines_of(folder)):
        said = json.loads(line)
        abstract = said.get("abstract") or said.get("summary")
        names = [one if isinstance(one, str) else one.get("name", "") for one in said.get("authors") or ()]
        identifier = str(said.get("id") or number)
        yield Paper(
            id=identifier, title=said["title"], abstract=abstract, authors=tuple(names), source="corpus"
        )


def lines_of(folder: Path) -> Iterator[str]:
    """All lines of a folder's files, in the order of their names."""
    for path in sorted(folder.rglob("*.jsonl*")):
        opened: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as lines:
            yield from lines


def papers_of(setting: Setting, most: int) -> "list[Paper]":
    """So many papers, or as many as there are."""
    if setting.corpus is None:
        return invented(most)
    kept = {paper.id: paper for paper in read_corpus(setting.corpus) if paper.title}
    return list(kept.values())[:most]


# ---------------------------------------------------------------- random profiles


def tastes_of(papers: "Sequence[Paper]", wanted: int, n_liked: int | None = None) -> "list[Taste]":
    """Profiles in the papers' own words: 3 to 8 interests, 0 to 10 liked papers, some avoid and follow."""
    from digest.scoring.taste import Taste

    chance = random.Random(SEED)
    found = []
    for _ in range(wanted):
        named = chance.sample(papers, min(2 * (n_liked or 5), len(papers)))
        split = chance.randint(0, len(named)) if n_liked is None else n_liked
        found.append(
            Taste(
                interests=phrases(chance, papers, chance.randint(3, 8)),
                avoid=phrases(chance, papers, chance.choice([0, 0, 1, 2])),
                authors=tuple(chance.choice(one.authors) for one in named[:3] if one.authors),
                liked=tuple(named[:split]),
                disliked=tuple(named[split:]) if n_liked == 100 else (),
            )
        )
    return found


def phrases(chance: random.Random, papers: "Sequence[Paper]", wanted: int) -> "tuple[Interest, ...]":
    """One to three words that stand together in some paper."""
    from digest.model import Interest

    texts = [(one.abstract or one.title).split() for one in chance.choices(papers, k=wanted)]
    starts = [chance.randrange(max(len(text) - 3, 1)) for text in texts]
    said = {" ".join(text[at : at + chance.randint(1, 3)]) for text, at in zip(texts, starts, strict=True)}
    return tuple(Interest(phrase=one, weight=chance.randint(1, 10)) for one in sorted(said) if one)


# ---------------------------------------------------------------- cases


def build(setting: Setting, n_papers: int) -> Figures:
    """Reading so many papers."""
    from digest.scoring.corpus import read_papers
    from digest.scoring.meanings import word_table

    papers = papers_of(setting, n_papers)
    word_table()
    seconds, _ = timed(lambda: read_papers(papers))
    return {"papers": len(papers), "s": seconds, "peak MB": peak_mb()}


def batch(setting: Setting, n_stored: int) -> Figures:
    """All profiles against a day's papers, at once; nothing is known of any of them before."""
    papers = papers_of(setting, n_stored)
    corpus, tastes = corpus_of(papers), tastes_of(papers, setting.profiles)
    score_day(corpus, tastes[:2])  # what is imported late
    forget()
    half, _ = timed(lambda: score_day(corpus, tastes[: len(tastes) // 2]))
    forget()
    whole, _ = timed(lambda: score_day(corpus, tastes))
    day = min(DAY, len(papers))
    return {
        "papers": len(papers),
        "s for half": half,
        "s": whole,
        "pairs a second": len(tastes) * day / whole,
        "peak MB": peak_mb(),
    }


def forget() -> None:
    """What is remembered of phrases and texts, so that nothing is found ready."""
    from digest.scoring import literal, phrases, reasons
    from digest.text import stem

    for remembered in (
        literal.field_of,
        reasons._as_written,
        literal.name_key,
        phrases.phrase,
        phrases._piece,
        stem,
    ):
        remembered.cache_clear()


def corpus_of(papers: "Sequence[Paper]") -> "Corpus":
    """All of them, read."""
    from digest.scoring.corpus import read_papers

    return read_papers(papers)


def score_day(corpus: "Corpus", tastes: "Sequence[Taste]") -> None:
    """The first papers for all readers, as an edition would want them."""
    import numpy as np

    from digest.scoring.literal import Index
    from digest.scoring.scope import Scope
    from digest.scoring.scorer import score_all

    rows = np.arange(min(DAY, len(corpus.papers)))
    scope = Scope(corpus, None if len(corpus.papers) <= DAY else rows)
    score_all(scope, Index(scope, rows), tastes)


def alone(setting: Setting, n_liked: int) -> Figures:
    """Readers one after the other, from a line to an answer, 200 candidates each."""
    from digest.cli.score import RequestLine, Session

    papers = papers_of(setting, setting.stored)
    tastes, chance, session = tastes_of(papers, setting.sample, n_liked), random.Random(SEED), Session()
    session.answer(RequestLine.model_validate({"op": "background", "papers": list(map(as_line, papers))}))
    lines = [asked(taste, chance.sample(papers, min(200, len(papers)))) for taste in tastes]
    list(session.answers(lines[:1]))
    first, _ = timed(lambda: list(session.answers(lines)))
    again, _ = timed(lambda: list(session.answers(lines)))
    per_reader = 1000 / len(lines)
    return {"ms a reader": first * per_reader, "ms again": again * per_reader, "peak MB": peak_mb()}


def as_line(paper: "Paper") -> dict[str, str]:
    """A paper, as a line says it."""
    return {"id": paper.id, "title": paper.title, "abstract": paper.abstract or ""}


def asked(taste: "Taste", candidates: "Sequence[Paper]") -> bytes:
    """A line that asks."""
    profile = {
        "keywords": [{"phrase": one.phrase, "weight": one.weight} for one in taste.interests],
        "liked": list(map(as_line, taste.liked)),
        "disliked": list(map(as_line, taste.disliked)),
    }
    line = {"op": "score", "id": "1", "profile": profile, "candidates": list(map(as_line, candidates))}
    return json.dumps(line).encode()


def svm(setting: Setting, n_stored: int) -> Figures:
    """One linear SVM a profile: seconds for each that likes a paper, training and scoring the day."""
    import numpy as np
    from scipy import sparse
    from sklearn.svm import LinearSVC

    papers = papers_of(setting, n_stored)
    corpus, tastes = corpus_of(papers), tastes_of(papers, setting.profiles)
    liking = [taste for taste in tastes if taste.liked and len(taste.liked) < len(papers)]
    matrix = sparse.csr_matrix(corpus.views.weights).astype(float)

    def train() -> None:
        for taste in liking[: setting.sample]:
            wanted = np.zeros(len(papers))
            wanted[[corpus.rows[paper.id] for paper in taste.liked]] = 1
            machine = LinearSVC(class_weight="balanced", max_iter=10_000, tol=1e-6, C=0.01)
            machine.fit(matrix, wanted).decision_function(matrix[:DAY])

    seconds, _ = timed(train)
    each = seconds / len(liking[: setting.sample])
    return {
        "ms a profile": 1000 * each,
        "s for all": each * len(liking),
        "sample": len(liking[: setting.sample]),
    }


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor time, which others on the machine disturb least."""
    begun = time.process_time()
    done = work()
    return time.process_time() - begun, done


def peak_mb() -> float:
    """The most memory this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---------------------------------------------------------------- the whole


def by_itself(case: Callable[[Setting, int], Figures], setting: Setting, number: int) -> Figures:
    """A case in a process of its own, so that its memory is its own."""
    print(f"{case.__name__} {number} ...", file=sys.stderr, flush=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(case, (setting, number))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small, in seconds: only that it runs")
    parser.add_argument("--corpus", type=Path, help="a folder of JSON lines, instead of invented papers")
    parser.add_argument("--profiles", type=int, help="default 5000")
    parser.add_argument("--stored", type=int, help="papers, default 10000")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    given = parser.parse_args()
    setting = Setting(
        corpus=given.corpus,
        profiles=given.profiles or (200 if given.quick else 5_000),
        stored=given.stored or (400 if given.quick else 10_000),
        sample=5 if given.quick else 50,
    )
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    figures = measure(setting)
    for title, found in figures.items():
        print(
            f"{title:34}"
            + "  ".join(f"{name} {value:,.{2 if value < 100 else 0}f}" for name, value in found.items())
        )
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def measure(setting: Setting) -> dict[str, Figures]:
    """All cases."""
    figures: dict[str, Figures] = {}
    for n_papers in (setting.stored // 2, setting.stored, 2 * setting.stored):
        figures[f"build, {n_papers} papers"] = by_itself(build, setting, n_papers)
    for n_stored in (DAY, setting.stored):
        case = f"{setting.profiles} x {DAY} of {n_stored}"
        ours, theirs = by_itself(batch, setting, n_stored), by_itself(svm, setting, n_stored)
        figures[f"{case}, Digest"] = ours
        figures[f"{case}, SVM"] = theirs | {"times Digest": theirs["s for all"] / ours["s"]}
    for n_liked, name in ((10, "10 liked"), (100, "100 liked, 100 disliked")):
        figures[f"alone, {name}"] = by_itself(alone, setting, n_liked)
    return figures


if __name__ == "__main__":
    main()
