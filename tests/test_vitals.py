"""How a service is, as supervisors are told."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.vitals import SILENT_FOR, Part, Vitals, Wellness, as_json, in_words, is_unseen, of_json

AT = datetime(2026, 11, 22, 5, 10, tzinfo=UTC)
WELL = Vitals(
    at=AT,
    pid=7,
    tick_s=60,
    readers=12,
    parts=(Part(name="harvest", ended_at=AT), Part(name="editions")),
    next_at=AT + timedelta(hours=2),
)
TORN = replace(WELL, parts=(Part(name="harvest", problem="the store is full"), Part(name="editions")))


def test_one_that_works_says_who_is_next() -> None:
    assert WELL.state is Wellness.OK
    assert in_words(WELL, AT) == "ok: 12 readers, next edition at 2026-11-22 07:10 UTC"
    assert in_words(replace(WELL, readers=1, next_at=None), AT) == "ok: 1 reader, no edition is due"


def test_an_overdue_edition_makes_it_late_and_not_failing() -> None:
    late = replace(WELL, overdue=("3 editions for 2026-11-22 overdue by 40 min",))

    assert late.state is Wellness.LATE
    assert in_words(late, AT) == "late: 3 editions for 2026-11-22 overdue by 40 min"


def test_a_part_that_hangs_or_could_not_do_its_work_makes_it_failing() -> None:
    hanging = replace(WELL, hanging=("deliver",), overdue=("3 editions overdue",))

    assert (TORN.state, hanging.state) == (Wellness.FAILING, Wellness.FAILING)
    assert in_words(TORN, AT) == "failing: harvest: the store is full"
    assert in_words(hanging, AT) == "failing: deliver hangs; 3 editions overdue"


def test_a_configuration_that_cannot_be_used_is_said_and_restarts_nothing() -> None:
    kept = replace(WELL, problem="config.toml: line 3")

    assert kept.state is Wellness.OK
    assert in_words(kept, AT) == "ok: config.toml: line 3"


def test_a_part_hangs_after_its_patience_and_half_an_hour_of_silence() -> None:
    silent = Part(name="deliver", silent_for=SILENT_FOR + timedelta(seconds=1))

    assert silent.hangs()
    assert not silent.hangs(timedelta(minutes=2))
    assert not replace(silent, silent_for=SILENT_FOR).hangs()


def test_three_ticks_and_a_minute_without_a_sign_of_life_are_too_many() -> None:
    assert not is_unseen(AT, 60, AT + timedelta(minutes=4))
    assert is_unseen(AT, 60, AT + timedelta(minutes=4, seconds=1))
    assert in_words(WELL, AT + timedelta(hours=1)) == (
        "failing: no sign of life since 2026-11-22 05:10 UTC (process 7)"
    )


def test_what_is_wrong_is_other_when_it_is_another_thing() -> None:
    assert not replace(WELL, at=AT + timedelta(hours=1), readers=13).is_other(WELL)
    assert TORN.is_other(WELL)
    assert replace(WELL, overdue=("1 edition overdue",)).is_other(WELL)
    assert replace(WELL, problem="broken").is_other(WELL)
    assert replace(WELL, tick_s=600).is_other(WELL)


@pytest.mark.parametrize(
    "vitals", [WELL, TORN, replace(WELL, next_at=None, hanging=("watch",), overdue=("Ä", "b"), problem="c")]
)
def test_it_comes_back_from_its_file(vitals: Vitals) -> None:
    assert of_json(as_json(vitals)) == vitals
    assert json.loads(as_json(vitals))["state"] == vitals.state.value


def test_one_that_ended_says_since_when_however_long_ago() -> None:
    ended = of_json(as_json(replace(TORN, has_ended=True)))

    assert in_words(ended, AT + timedelta(days=9)) == (
        "ended: not at work since 2026-11-22 05:10 UTC (process 7)"
    )


def test_no_address_gets_into_the_file_or_the_line() -> None:
    said = "relay main said: 550 <\u00fcmit@b\u00fccher.example> is unknown"
    given = replace(WELL, overdue=(said,), problem=said, parts=(Part(name="deliver", problem=said),))

    assert "@" not in as_json(given) + in_words(given, AT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '"ok"',
        "null",
        as_json(WELL).replace("2026-11-22T05:10:00+00:00", "noon"),
        "[" * 9_999,
    ],
)
def test_what_is_no_health_file_is_told_as_such(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        of_json(text)
