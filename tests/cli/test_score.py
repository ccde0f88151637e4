"""`digest score --jsonl`: the lines as `digest score --help` shows them, and what is wrong with lines."""

import io
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from digest.cli.score import Session, lines_of
from tests.desk import Desk
from tests.scoring.papers import SUBJECTS, papers_on

Line = Mapping[str, Any]


def said(
    title: str = "Moss on Stone", identifier: str = "a", abstract: str | None = "It is damp."
) -> dict[str, Any]:
    """A paper as a line names it."""
    return {"id": identifier, "title": title, "abstract": abstract}


def question(*candidates: Any, **fields: Any) -> dict[str, Any]:
    """Who cares for moss, asked about papers."""
    profile = {"keywords": [{"phrase": "moss", "weight": 5}]}
    return {"op": "score", "id": "t1", "profile": profile, "candidates": candidates or [said()]} | fields


def answers(*lines: Line | str | bytes) -> list[dict[str, Any]]:
    """What a session answers to lines; strings and bytes are said as they stand."""
    spoken = (line if isinstance(line, str | bytes) else json.dumps(line) for line in lines)
    found = Session().answers(line if isinstance(line, bytes) else line.encode() for line in spoken)
    return [dict(answer) for answer in found]


STORED = [said(one.title, one.id, one.abstract) for one in papers_on(*SUBJECTS, n=6)]
BACKGROUND = {"op": "background", "papers": STORED}
LIKED = [said(one.title, one.id, one.abstract) for one in papers_on("queues", n=2, prefix="liked")]


# ---------------------------------------------------------------- the lines


def test_a_question_is_answered_with_a_score_for_each_candidate_higher_for_better() -> None:
    (answer,) = answers(question(said(), said("Bells", "b"), said("Bells", "c", "Of moss.")))

    assert answer.keys() == {"id", "scores"}
    assert answer["id"] == "t1"
    assert 100 >= answer["scores"]["a"] > answer["scores"]["c"] > answer["scores"]["b"] >= 0
    assert all(isinstance(value, float) for value in answer["scores"].values())


def test_only_questions_are_answered_in_their_order(desk: Desk) -> None:
    lines = [{"op": "reset"}, BACKGROUND, question(id="one"), BACKGROUND, question(id=2), question(id=None)]

    result = desk.run("score", "--jsonl", stdin="".join(json.dumps(line) + "\n" for line in lines))

    assert result.exit_code == 0
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["one", 2, None]
    assert result.stderr == ""


def test_without_jsonl_the_command_says_what_to_do(empty: Desk) -> None:
    result = empty.run("score")

    assert result.exit_code == 2
    assert "--jsonl" in result.output


def test_papers_may_be_told_in_pieces() -> None:
    pieces = [{"op": "background", "papers": STORED[n : n + 7]} for n in range(0, len(STORED), 7)]
    asked = question(profile={"liked": LIKED}, candidates=STORED[:6])

    assert answers(*pieces, asked) == answers(BACKGROUND, asked)


def test_candidates_are_known_from_then_on() -> None:
    asked = question(profile={"liked": LIKED}, candidates=STORED[:6])

    _, after = answers(question(*STORED), asked)

    assert after == answers(BACKGROUND, asked)[0]


def test_a_reset_forgets_all_papers() -> None:
    asked = question(profile={"liked": LIKED}, candidates=STORED[:6])
    alone, known = answers(asked)[0], answers(BACKGROUND, asked)[0]

    assert answers(BACKGROUND, asked, {"op": "reset"}, asked) == [known, alone]
    assert alone != known


def test_a_reset_may_tell_papers_at_once() -> None:
    asked = question(profile={"liked": LIKED}, candidates=STORED[:6])

    assert answers(question(), {"op": "reset", "papers": STORED}, asked)[1:] == answers(BACKGROUND, asked)


def test_what_one_reader_likes_is_nothing_to_the_next_question() -> None:
    plain = question(*STORED[:6])
    judging = question(*STORED[:6], profile={"liked": LIKED, "disliked": STORED[8:10]})

    before, _, after = answers(BACKGROUND, plain, judging, plain)

    assert before == after


def test_liked_and_disliked_papers_need_not_be_known() -> None:
    liking, disliking = answers(
        BACKGROUND,
        question(*STORED[:6], profile={"liked": LIKED}),
        question(*STORED[:6], profile={"keywords": [{"phrase": "waiting queue"}], "disliked": LIKED}),
    )

    assert max(liking["scores"], key=liking["scores"].__getitem__) == STORED[0]["id"]
    assert all(0 <= value <= 100 for value in disliking["scores"].values())


def test_a_paper_liked_twice_is_liked_once() -> None:
    once, twice = answers(
        BACKGROUND,
        question(*STORED[:6], profile={"liked": LIKED[:1]}),
        question(*STORED[:6], profile={"liked": LIKED[:1] * 2}),
    )

    assert once == twice


def test_the_first_words_of_an_id_stand_until_a_reset() -> None:
    moss, bells = said("Moss", "a"), said("Bells", "a", "They ring.")

    in_one_line, then_other, after_reset = answers(
        question(moss, bells), question(bells), {"op": "reset"}, question(bells)
    )

    assert in_one_line["scores"].keys() == {"a"}
    assert in_one_line["scores"]["a"] > 30
    assert then_other["scores"]["a"] > 30
    assert after_reset["scores"]["a"] < 1


def test_numbers_as_ids_of_papers_are_answered_as_names() -> None:
    (answer,) = answers(question({"id": 7, "title": "Moss"}))

    assert answer["scores"].keys() == {"7"}


def test_what_a_line_leaves_out_is_empty() -> None:
    bare, no_candidates, no_profile = answers(
        '{"op": "score", "id": "bare"}',
        question(candidates=[]),
        {"op": "score", "id": "t2", "candidates": [{"id": "b"}, said(abstract=None)]},
    )

    assert bare == {"id": "bare", "scores": {}}
    assert no_candidates["scores"] == {}
    assert no_profile["scores"] == {"b": 0.0, "a": 0.0}


@pytest.mark.parametrize("phrase", ["", "   ", "the of", "\x00\x1b[2J", "🌿", "moss " * 5_000, "moss|(.*)+$"])
def test_any_text_may_be_a_phrase(phrase: str) -> None:
    (answer,) = answers(BACKGROUND, question(profile={"keywords": [{"phrase": phrase}]}))

    assert 0 <= answer["scores"]["a"] <= 100


# ---------------------------------------------------------------- lines that are wrong


@pytest.mark.parametrize(
    ("line", "identifier", "where"),
    [
        ("nonsense", None, "JSON"),
        ('{"op": "score", "id": "t1", "candidates": [', None, "JSON"),
        (b"\xff\xfe{}", None, "JSON"),
        ("[" * 50_000, None, "recursion"),
        ("[1]", None, "object"),
        ("3", None, "object"),
        ({"op": "fly", "id": "t1"}, "t1", "op"),
        ({"id": 5}, 5, "op"),
        ({"op": "fly", "id": 7.5}, 7.5, "op"),
        ('{"op": "score", "id": NaN}', None, "id"),
        ('{"op": "score", "id": 1e999}', None, "id"),
        (question(id={"a": 1}), None, "id"),
        (question({"title": "Moss"}), "t1", "candidates.0.id"),
        (question({"id": None}), "t1", "candidates.0.id"),
        (question(candidates={"id": "a"}), "t1", "candidates"),
        (question(profile={"keywords": ["moss"]}), "t1", "profile.keywords.0"),
        (question(profile={"liked": ["2104.14294"]}), "t1", "profile.liked.0"),
        ({"op": "background", "papers": [{"title": "x"}]}, None, "papers.0.id"),
        ('{"op": "score", "id": "\\ud800"}', "\ud800", "JSON"),
    ],
)
def test_a_wrong_line_is_answered_with_what_is_wrong_and_its_id(
    line: Line | str | bytes, identifier: object, where: str
) -> None:
    wrong, right = answers(line, question())

    assert wrong.keys() == {"id", "error"}
    assert wrong["id"] == identifier
    assert where in wrong["error"]
    assert len(wrong["error"]) < 300
    assert right["scores"]["a"] > 30


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), "much", None, [5]])
def test_a_weight_that_is_no_number_is_an_error(weight: Any) -> None:
    wrong, right = answers(question(profile={"keywords": [{"phrase": "moss", "weight": weight}]}), question())

    assert wrong["id"] == "t1"
    assert "profile.keywords.0.weight" in wrong["error"]
    assert right["scores"]


def test_weights_beyond_a_profiles_count_as_its_most_and_none_as_no_interest() -> None:
    def told(weight: float) -> Any:
        (answer,) = answers(question(profile={"keywords": [{"phrase": "moss", "weight": weight}]}))
        return answer["scores"]

    assert told(11) == told(1e300) == told(10) != told(1)
    assert told(0) == told(-1) == {"a": 0.0}


def test_null_stands_for_nothing() -> None:
    empty = {"keywords": None, "liked": None, "disliked": None}
    papers = [{"id": "a", "title": None, "abstract": None}]

    found = answers(*(question(*papers, profile=profile) for profile in (None, empty)))

    assert [answer["scores"] for answer in found] == [{"a": 0.0}] * 2


@pytest.mark.parametrize("weight", [0.001, 1, 10])
def test_a_weight_in_range_is_none(weight: float) -> None:
    assert "scores" in answers(question(profile={"keywords": [{"phrase": "moss", "weight": weight}]}))[0]


def test_a_wrong_line_changes_nothing() -> None:
    wrong = {"op": "background", "papers": [said("Bells", "new"), {"title": "no id"}]}

    assert answers(BACKGROUND, wrong, question())[1:] == answers(BACKGROUND, question())


def test_empty_lines_are_passed_over(desk: Desk) -> None:
    lines = f"\n  \r\n\t\n{json.dumps(question())}\r\n\n"

    result = desk.run("score", "--jsonl", stdin=lines)

    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["t1"]


def test_the_last_line_needs_no_end(desk: Desk) -> None:
    assert json.loads(desk.run("score", "--jsonl", stdin=json.dumps(question())).stdout)["id"] == "t1"


def test_no_input_is_no_error(desk: Desk) -> None:
    result = desk.run("score", "--jsonl", stdin="")

    assert (result.exit_code, result.stdout) == (0, "")


def test_a_line_of_a_megabyte_is_read() -> None:
    (answer,) = answers(question(said(abstract="Moss grows slowly. " * 60_000)))

    assert answer["scores"]["a"] > 30


def test_a_line_that_is_too_long_is_one_wrong_line_and_the_next_is_read() -> None:
    stream = io.BytesIO(b"a" * 25 + b"\n" + b"b" * 9 + b"\n" + b"c" * 10 + b"\n" + b"d" * 30)

    assert list(lines_of(stream, longest=10)) == [b"a" * 10, b"b" * 9 + b"\n", b"c" * 10, b"d" * 10]


# ---------------------------------------------------------------- as a process


@contextmanager
def running(**environment: str) -> Iterator[tuple[Any, "Queue[bytes]"]]:
    """The program, and the lines it answers as they come."""
    process = subprocess.Popen(
        [sys.executable, "-m", "digest", "score", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    assert process.stdout
    assert process.stdin
    came: Queue[bytes] = Queue()
    reader = Thread(target=lambda: deque(map(came.put, process.stdout or ()), maxlen=0), daemon=True)
    reader.start()
    try:
        yield process, came
    finally:
        process.stdin.close()
        ended = process.wait(timeout=20)
        reader.join(timeout=20)
        process.stdout.close()
    assert ended == 0


@pytest.mark.slow
def test_every_answer_comes_before_the_next_question_whatever_the_locale() -> None:
    with running(PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C", PYTHONIOENCODING="latin-1") as (
        process,
        came,
    ):
        for identifier, line in (
            ("苔", json.dumps(question(said("Moss", "苔藓"), id="苔"), ensure_ascii=False)),
            (None, "nonsense"),
            ("last", json.dumps(question(id="last"))),
        ):
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            assert json.loads(came.get(timeout=30))["id"] == identifier
        assert came.empty()
