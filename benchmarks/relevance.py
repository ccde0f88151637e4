"""How good the picks are: the scorer against what real readers saved, judged and screened.

    python benchmarks/relevance.py FOLDER [--suites cula,gold] [--limit 50] [--ablate] [--json FILE]

FOLDER holds one sub-folder a suite, each with `papers.jsonl` (id, title, abstract) and `tasks.jsonl`
(profile, candidates, labels), or `streams.jsonl` for papers that come in days. `digest score --jsonl` runs
as a process of its own and is given every paper of a suite as stored, unlabelled; then each task is one
question. `--command` measures another program that speaks the same lines. `--ablate` measures the parts of
Digest's scorer instead: each is left out in turn, in this process (the table of docs/relevance.md).
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from digest.cli.score import RequestLine, Session
from digest.scoring.recipe import DEFAULT, LEFT_OUT, Recipe

Task = dict[str, Any]
Floats = NDArray[np.float64]
SHOWN = 10
"""Papers shown a day in a stream, and the depth of nDCG."""


class Scorer(Protocol):
    """What is measured: it is told the stored papers, then asked."""

    def store(self, papers: list[dict[str, str]]) -> None:
        """Forget all, then store these."""
        ...

    def score(self, name: str, profile: Mapping[str, Any], candidates: list[dict[str, str]]) -> list[float]:
        """A score for each candidate."""
        ...


class Program:
    """A program that speaks JSON lines."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def store(self, papers: list[dict[str, str]]) -> None:
        """In pieces, as a line has its limits."""
        self._say({"op": "reset"})
        for start in range(0, len(papers), 500):
            self._say({"op": "background", "papers": papers[start : start + 500]})

    def score(self, name: str, profile: Mapping[str, Any], candidates: list[dict[str, str]]) -> list[float]:
        """One line there, one back."""
        self._say({"op": "score", "id": name, "profile": profile, "candidates": candidates})
        assert self._process.stdout
        answer = json.loads(self._process.stdout.readline())
        if answer.get("id") != name or "scores" not in answer:
            sys.exit(f"asked for {name}, answered {answer}")
        return [float(answer["scores"][paper["id"]]) for paper in candidates]

    def close(self) -> None:
        """Wait for its end, so that its memory can be told."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _say(self, line: Mapping[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._process.stdin.flush()


class InProcess:
    """Digest's scorer with a recipe of one's own."""

    def __init__(self, recipe: Recipe) -> None:
        self._session = Session(recipe)

    def store(self, papers: list[dict[str, str]]) -> None:
        """As the program does."""
        self._session.answer(RequestLine(op="reset"))
        self._session.answer(RequestLine.model_validate({"op": "background", "papers": papers}))

    def score(self, name: str, profile: Mapping[str, Any], candidates: list[dict[str, str]]) -> list[float]:
        """As the program does."""
        said = {"op": "score", "id": name, "profile": profile, "candidates": candidates}
        answer = self._session.answer(RequestLine.model_validate(said))
        assert answer
        return [answer["scores"][paper["id"]] for paper in candidates]


# ---------------------------------------------------------------- measures


def in_order(scores: Iterable[float], seed: int) -> NDArray[np.intp]:
    """Best first, ties at random."""
    found = np.fromiter(scores, float)
    return np.lexsort((np.random.default_rng(seed).random(len(found)), -found))


def ndcg(gains: Floats, depth: int = SHOWN) -> float:
    """Normalised discounted cumulative gain of relevance in the order shown (Järvelin & Kekäläinen 2002)."""
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    ideal = np.sort(gains)[::-1][:depth]
    best = float(ideal @ discounts[: len(ideal)])
    return float(gains[:depth] @ discounts[: len(gains[:depth])]) / best if best else 0.0


def auc(scores: Floats, labels: Floats) -> float:
    """The chance that a relevant paper stands above one that is not (ties count half)."""
    relevant, others = scores[labels > 0], scores[labels <= 0]
    if not len(relevant) or not len(others):
        return float("nan")
    others = np.sort(others)
    above = np.searchsorted(others, relevant, "left") + np.searchsorted(others, relevant, "right")
    return float(above.mean() / 2 / len(others))


def average_precision(relevant: NDArray[np.bool_]) -> float:
    """The mean of the precision at each relevant paper."""
    precision = np.cumsum(relevant) / np.arange(1, len(relevant) + 1)
    return float(precision[relevant].mean()) if relevant.any() else 0.0


def ndcg_of_a_share(gains: Floats, share: float = 0.2) -> float:
    """CSFCube's measure (Mysore 2021): over the first part of the pool, the first two places undiscounted."""
    depth = int(share * len(gains))
    discounts = 1 / np.concatenate([[1.0], np.log2(np.arange(2, max(depth, 1) + 1))])[:depth]
    best = float(np.sort(gains)[::-1][:depth] @ discounts)
    return float(gains[:depth] @ discounts) / best if best else 0.0


# ---------------------------------------------------------------- suites


@dataclass
class Cost:
    """Time spent in the scorer."""

    tasks: int = 0
    seconds: float = 0.0
    store_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """One folder: its papers, its questions."""

    name: str
    papers: dict[str, dict[str, str]]
    tasks: list[Task]

    def profile(self, task: Task, liked: Iterable[str] = (), disliked: Iterable[str] = ()) -> Task:
        """As the scorer is told it, with what was judged meanwhile."""
        return {
            "keywords": task["keywords"],
            "liked": [self.papers[one] for one in (*task["liked"], *liked)],
            "disliked": [self.papers[one] for one in (*task["disliked"], *disliked)],
        }


def load_lines(file: Path) -> list[Task]:
    """A JSON object a line."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]


def load_suite(folder: Path) -> Suite:
    """Read a folder."""
    papers = load_lines(folder / "papers.jsonl")
    file = next(path for name in ("tasks", "streams") if (path := folder / f"{name}.jsonl").exists())
    kept = {one["id"]: {key: one.get(key) or "" for key in ("id", "title", "abstract")} for one in papers}
    return Suite(folder.name, kept, load_lines(file))


def limited(tasks: list[Task], most: int | None) -> list[Task]:
    """The first tasks of each group."""
    groups: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        groups[task["group"]].append(task)
    return [task for group in groups.values() for task in group[:most]]


Ask = Callable[[str, Task, list[str]], Floats]


def asker(scorer: Scorer, suite: Suite, cost: Cost) -> Ask:
    """A question put, its answer timed."""

    def ask(name: str, profile: Task, candidates: list[str]) -> Floats:
        begun = time.perf_counter()
        found = scorer.score(name, profile, [suite.papers[one] for one in candidates])
        cost.seconds += time.perf_counter() - begun
        cost.tasks += 1
        return np.asarray(found)

    return ask


def measure_pools(suite: Suite, ask: Ask, limit: int | None) -> dict[str, float]:
    """Readers' saved papers among others: nDCG@10 and AUC of each group, and their means."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for n, task in enumerate(limited(suite.tasks, limit)):
        scores, labels = ask(task["id"], suite.profile(task), task["candidates"]), np.asarray(task["labels"])
        found[task["group"]].append((ndcg(labels[in_order(scores, n)].astype(float)), auc(scores, labels)))
    means = {group: np.nanmean(values, axis=0) for group, values in sorted(found.items())}
    groups = {f"{group} nDCG@10": float(mean[0]) for group, mean in means.items()}
    overall = np.mean(list(means.values()), axis=0)
    return {"nDCG@10": float(overall[0]), "AUC": float(overall[1])} | groups


def measure_expertise(suite: Suite, ask: Ask, _limit: int | None) -> dict[str, float]:
    """Researchers' own statements: the weight of wrongly ordered pairs (Stelmakh 2023); less is better."""
    readers: dict[str, list[tuple[Floats, Floats]]] = defaultdict(list)
    for task in suite.tasks:
        said = np.asarray(task["labels"], float)
        scores = ask(task["id"], suite.profile(task), task["candidates"])
        readers[task["id"].split("-")[2]].append((scores, said))
    losses = [loss for pools in readers.values() if (loss := _wrongly_ordered(pools)) is not None]
    return {"loss": float(np.mean(losses))}


def _wrongly_ordered(pools: list[tuple[Floats, Floats]]) -> float | None:
    wrong = whole = 0.0
    for scores, said in pools:
        for i, j in combinations(range(len(said)), 2):
            weight, agreement = abs(said[i] - said[j]), (said[i] - said[j]) * (scores[i] - scores[j])
            whole += weight
            wrong += weight if agreement < 0 else weight / 2 if agreement == 0 else 0.0
    return wrong / whole if whole else None


def measure_one_liked(suite: Suite, ask: Ask, _limit: int | None) -> dict[str, float]:
    """One liked paper, graded candidates: MAP and NDCG at a fifth of the pool, in percent."""
    found = []
    for n, task in enumerate(suite.tasks):
        scores = ask(task["id"], suite.profile(task), task["candidates"])
        grades = np.asarray(task["labels"], float)[in_order(scores, n)]
        found.append((average_precision(grades >= 2), ndcg_of_a_share(grades)))
    precision, gain = 100 * np.mean(found, axis=0)
    return {"MAP": float(precision), "NDCG%20": float(gain)}


def measure_feedback(suite: Suite, ask: Ask, limit: int | None) -> dict[str, float]:
    """Days of papers of which the ten best are shown and judged: the share caught of what could be."""
    found = []
    for stream in suite.tasks[:limit]:
        judged: tuple[list[str], list[str]] = ([], [])
        caught = catchable = 0
        for n, day in enumerate(stream["days"]):
            profile = suite.profile(stream, *judged[::-1])
            labels = np.asarray(day["labels"])
            scores = ask(f"{stream['id']}-{n}", profile, day["candidates"])
            shown = in_order(scores, n)[:SHOWN]
            caught += int(labels[shown].sum())
            catchable += min(int(labels.sum()), SHOWN)
            for place in shown:
                judged[int(labels[place] > 0)].append(day["candidates"][place])
        found.append(caught / max(catchable, 1))
    return {"caught": float(np.mean(found))}


MEASURES = {"gold": measure_expertise, "csfcube": measure_one_liked, "feedback": measure_feedback}


def measure(
    folder: Path, scorer: Scorer, names: list[str], limit: int | None, cost: Cost
) -> dict[str, float]:
    """Every figure of every suite there is."""
    figures: dict[str, float] = {}
    for name in (name for name in names if (folder / name).is_dir()):
        suite = load_suite(folder / name)
        begun = time.perf_counter()
        scorer.store(list(suite.papers.values()))
        cost.store_s[name] = time.perf_counter() - begun
        found = MEASURES.get(name, measure_pools)(suite, asker(scorer, suite, cost), limit)
        figures |= {f"{name} {figure}": value for figure, value in found.items()}
        tell(f"{name}: {', '.join(f'{figure} {value:.3f}' for figure, value in found.items())}")
    return figures


def tell(line: str) -> None:
    """Progress, beside the answer."""
    print(line, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- tables


def print_table(columns: Mapping[str, Mapping[str, float]]) -> None:
    """One row a figure, one column a scorer."""
    figures = list(next(iter(columns.values())))
    width = max(map(len, figures))
    print(f"{'':{width}} " + " ".join(f"{name:>12}" for name in columns))
    for figure in figures:
        print(f"{figure:{width}} " + " ".join(f"{column[figure]:12.4f}" for column in columns.values()))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--suites", default="cula,cult,gold,csfcube,feedback")
    parser.add_argument("--limit", type=int, help="tasks a group, for a quick look")
    parser.add_argument(
        "--ablate", action="store_true", help="leave out each part of Digest's scorer in turn"
    )
    parser.add_argument("--only", help="with --ablate: these parts, by name, comma between")
    parser.add_argument("--command", help="another program that speaks the lines")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    given = parser.parse_args()
    names = given.suites.split(",")
    if given.ablate:
        chosen = given.only.split(",") if given.only else list(LEFT_OUT)
        recipes = {"default": DEFAULT} | {name: LEFT_OUT[name] for name in chosen}
        columns = {}
        for name, recipe in recipes.items():
            tell(f"-- {name}")
            columns[name] = measure(given.folder, InProcess(recipe), names, given.limit, Cost())
    else:
        columns = {"digest": measure_program(given.folder, given.command, names, given.limit)}
    print_table(columns)
    if given.json:
        given.json.write_text(json.dumps(columns, indent=1), encoding="utf-8")


def measure_program(
    folder: Path, command: str | None, names: list[str], limit: int | None
) -> dict[str, float]:
    """Figures and costs of a process."""
    program = Program(command.split() if command else [sys.executable, "-m", "digest", "score", "--jsonl"])
    cost = Cost()
    figures = measure(folder, program, names, limit, cost)
    program.close()
    figures["ms a reader"] = 1000 * cost.seconds / max(cost.tasks, 1)
    figures["peak MB"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return figures


if __name__ == "__main__":
    main()
