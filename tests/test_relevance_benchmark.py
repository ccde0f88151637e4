"""benchmarks/relevance.py: its measures by hand, and a run on an invented folder."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import relevance
from benchmarks.relevance import Cost, InProcess, Suite
from digest.scoring.recipe import DEFAULT
from tests.scoring.papers import SUBJECTS, papers_on

ROOT = Path(relevance.__file__).parent.parent


def numbers(*values: float) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.array(values, float)


# ---------------------------------------------------------------- measures


def test_ndcg_discounts_by_the_logarithm_of_the_place() -> None:
    ideal = 1 + 1 / math.log2(3)

    assert relevance.ndcg(numbers(1, 1, 0)) == pytest.approx(1.0)
    assert relevance.ndcg(numbers(0, 1, 1)) == pytest.approx((1 / math.log2(3) + 1 / 2) / ideal)
    assert relevance.ndcg(numbers(0, 0, 0)) == 0.0


def test_ndcg_looks_no_deeper_than_told_but_knows_what_would_have_been_best() -> None:
    assert relevance.ndcg(numbers(0, 0, 3), depth=2) == 0.0
    assert relevance.ndcg(numbers(1, 0, 3), depth=1) == pytest.approx(1 / 3)
    assert relevance.ndcg(numbers(*[0] * 9, 1, 1)) == pytest.approx(
        (1 / math.log2(11)) / (1 + 1 / math.log2(3))
    )


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ((3, 2, 1), (1, 0, 0), 1.0),
        ((1, 2, 3), (1, 0, 0), 0.0),
        ((2, 2, 2, 2), (1, 0, 0, 1), 0.5),
        ((5, 3, 3, 1), (0, 1, 0, 0), (0 + 0.5 + 1) / 3),
        ((5, 3, 3, 1), (1, 1, 0, 0), (1 + 1 + 0.5 + 1) / 4),
    ],
)
def test_auc_is_the_chance_to_stand_above_and_ties_count_half(
    scores: tuple[float, ...], labels: tuple[float, ...], expected: float
) -> None:
    assert relevance.auc(numbers(*scores), numbers(*labels)) == pytest.approx(expected)


@pytest.mark.parametrize("label", [0, 1])
def test_auc_of_only_one_kind_is_no_number(label: float) -> None:
    assert math.isnan(relevance.auc(numbers(1, 2), numbers(label, label)))


def test_average_precision_is_the_mean_of_the_precision_at_each_relevant_paper() -> None:
    assert relevance.average_precision(np.array([True, False, True])) == pytest.approx((1 + 2 / 3) / 2)
    assert relevance.average_precision(np.array([False, True])) == pytest.approx(0.5)
    assert relevance.average_precision(np.array([False, False])) == 0.0


def test_the_share_of_a_pool_leaves_its_first_two_places_undiscounted() -> None:
    pool = numbers(0, 1, 2, *[0] * 12)  # a fifth of 15 papers are three
    ideal = 2 + 1 / 1 + 0 / math.log2(3)

    assert relevance.ndcg_of_a_share(pool) == pytest.approx((0 + 1 + 2 / math.log2(3)) / ideal)
    assert relevance.ndcg_of_a_share(numbers(2, 1, *[0] * 8)) == 1.0
    assert relevance.ndcg_of_a_share(numbers(3, 1, *[0] * 3)) == 1.0
    assert relevance.ndcg_of_a_share(numbers(1, 0, 0)) == 0.0  # a fifth of three is none


def test_the_best_come_first_and_ties_by_a_chance_that_the_seed_decides() -> None:
    assert relevance.in_order([1, 3, 2], seed=0).tolist() == [1, 2, 0]
    orders = {tuple(relevance.in_order([1] * 5, seed).tolist()) for seed in range(20)}
    assert len(orders) > 10
    assert relevance.in_order([1] * 5, 3).tolist() == relevance.in_order([1] * 5, 3).tolist()


# ---------------------------------------------------------------- suites


class Known:
    """A scorer that knows the scores beforehand, and remembers what it was asked."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores, self.asked, self.stored = scores, [], []  # type: ignore[var-annotated]

    def store(self, papers: list[dict[str, str]]) -> None:
        self.stored = [one["id"] for one in papers]

    def score(self, name: str, profile: Mapping[str, Any], candidates: list[dict[str, str]]) -> list[float]:
        judged = {kind: [one["id"] for one in profile[kind]] for kind in ("liked", "disliked")}
        self.asked.append((name, judged))
        return [self.scores[one["id"]] for one in candidates]


def suite(*tasks: dict[str, Any], papers: str = "abcdefghijklmnopqrstuvwxyz") -> Suite:
    kept = {one: {"id": one, "title": one, "abstract": ""} for one in papers}
    return Suite("invented", kept, [{"keywords": [], "liked": [], "disliked": []} | task for task in tasks])


def test_of_what_experts_said_each_wrongly_ordered_pair_counts_by_how_far_they_lie_apart() -> None:
    tasks = (
        {"id": "gold-x-ada-1", "candidates": list("abc"), "labels": [5, 3, 1]},  # b and c stand wrong: 2 of 8
        {"id": "gold-x-ada-2", "candidates": list("de"), "labels": [4, 1]},  # level: 1.5 of 3
        {"id": "gold-x-bob-1", "candidates": list("ac"), "labels": [1, 2]},  # wrong: 1 of 1
        {"id": "gold-x-eve-1", "candidates": list("ab"), "labels": [2, 2]},  # says nothing
    )
    scorer, asked = Known({"a": 9, "b": 1, "c": 5, "d": 3, "e": 3}), suite(*tasks)

    found = relevance.measure_expertise(asked, relevance.asker(scorer, asked, Cost()), None)

    assert found == {"loss": pytest.approx(((2 + 1.5) / (8 + 3) + 1) / 2)}


def test_pools_are_measured_by_group_and_each_group_counts_the_same() -> None:
    tasks = [
        *({"id": f"k{n}", "group": "kw", "candidates": list("ab"), "labels": [1, 0]} for n in range(3)),
        {"id": "l0", "group": "liked", "candidates": list("ab"), "labels": [0, 1]},
    ]
    scorer, asked = Known({"a": 2, "b": 1}), suite(*tasks)
    cost = Cost()

    found = relevance.measure_pools(asked, relevance.asker(scorer, asked, cost), limit=2)

    assert [name for name, _ in scorer.asked] == ["k0", "k1", "l0"]
    assert cost.tasks == 3
    assert found == pytest.approx(
        {
            "nDCG@10": (1 + 1 / math.log2(3)) / 2,
            "AUC": 0.5,
            "kw nDCG@10": 1,
            "liked nDCG@10": 1 / math.log2(3),
        }
    )


def test_one_liked_paper_is_measured_in_percent_and_grades_from_2_on_are_relevant() -> None:
    candidates = list("abcdefghij")
    task = {"id": "c", "candidates": candidates, "labels": [1, 3, 2, *[0] * 7]}
    scorer, asked = Known({one: -place for place, one in enumerate(candidates)}), suite(task)

    found = relevance.measure_one_liked(asked, relevance.asker(scorer, asked, Cost()), None)

    assert found == pytest.approx({"MAP": 100 * (1 / 2 + 2 / 3) / 2, "NDCG%20": 100 * (1 + 3) / (3 + 2)})


def test_what_a_stream_showed_is_judged_the_next_day_and_what_was_not_shown_stays_unknown() -> None:
    first, second = list("abcdefghijkl"), list("mnop")
    days = [
        {"candidates": first, "labels": [1, *[0] * 9, 1, 1]},  # k and l stand below the ten
        {"candidates": second, "labels": [0, 0, 0, 1]},
    ]
    scorer = Known({one: -place for place, one in enumerate("abcdefghijklmnop")})
    asked = suite({"id": "s", "liked": ["z"], "disliked": ["y"], "days": days})

    found = relevance.measure_feedback(asked, relevance.asker(scorer, asked, Cost()), None)

    assert found == {"caught": pytest.approx(2 / 4)}
    assert scorer.asked == [
        ("s-0", {"liked": ["z"], "disliked": ["y"]}),
        ("s-1", {"liked": ["z", "a"], "disliked": ["y", *"bcdefghij"]}),
    ]


# ---------------------------------------------------------------- a folder


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Readers of moss and of queues, in the layout that is measured."""
    papers = papers_on(*SUBJECTS, n=4)
    liked = {name: f"liked-{name}-0" for name in SUBJECTS}
    stored = [*papers, *papers_on(*SUBJECTS, prefix="liked")]
    rows = [{"id": one.id, "title": one.title, "abstract": one.abstract, "date": "2026"} for one in stored]
    rows.append({"id": "bare", "title": None})
    pool = [one.id for one in papers]

    def task(name: str, number: int, **fields: Any) -> dict[str, Any]:
        labels = [2 * int(f"-{name}-" in one) for one in pool]
        said = {"keywords": [{"phrase": SUBJECTS[name][0], "weight": 5}], "disliked": []}
        identifier = f"suite-x-{name}-{number}"
        return (
            said | {"id": identifier, "liked": [liked[name]], "candidates": pool, "labels": labels} | fields
        )

    readers = [task(name, 0) for name in ("moss", "queues")]
    pools = [one | {"group": "both", "labels": [min(label, 1) for label in one["labels"]]} for one in readers]
    days = [{"candidates": one["candidates"], "labels": one["labels"]} for one in pools[:1]] * 2
    for name, kept in {"cula": pools, "gold": readers, "csfcube": readers}.items():
        write_lines(tmp_path / name / "papers.jsonl", rows)
        write_lines(tmp_path / name / "tasks.jsonl", kept)
    write_lines(tmp_path / "feedback" / "papers.jsonl", rows)
    write_lines(tmp_path / "feedback" / "streams.jsonl", [pools[0] | {"days": days}])
    return tmp_path


LEAVES_FILES_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""`load_suite` leaves it to the collector to close what it read."""


@LEAVES_FILES_OPEN
def test_a_folder_is_measured_and_readers_of_one_subject_get_it(folder: Path) -> None:
    names = ["cula", "missing", "gold", "csfcube", "feedback"]
    cost = Cost()

    figures = relevance.measure(folder, InProcess(DEFAULT), names, None, cost)

    assert cost.tasks == 2 + 2 + 2 + 2
    assert cost.store_s.keys() == {"cula", "gold", "csfcube", "feedback"}
    assert figures["cula nDCG@10"] > 0.9
    assert figures["cula AUC"] > 0.9
    assert figures["gold loss"] < 0.1
    assert figures["csfcube MAP"] > 90
    assert figures["feedback caught"] > 0.9


@pytest.mark.slow
@LEAVES_FILES_OPEN
def test_the_program_prints_what_the_process_measured(folder: Path, tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "relevance.py"), str(folder), "--suites", "cula"]

    ran = subprocess.run(
        [*command, "--limit", "1", "--json", str(written)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    figures = json.loads(written.read_text(encoding="utf-8"))["digest"]
    inside = relevance.measure(folder, InProcess(DEFAULT), ["cula"], 1, Cost())
    assert {name: figures[name] for name in inside} == pytest.approx(inside)
    assert figures["ms a reader"] > 0
    assert 10 < figures["peak MB"] < 2000
    assert "cula nDCG@10" in ran.stdout
