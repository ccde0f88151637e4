"""Signs of life of a service's parts."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.cli.pulses import Pulses

AT = datetime(2026, 11, 22, 5, 10, tzinfo=UTC)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulses(clock: Clock) -> Pulses:
    return Pulses(("harvest", "editions"), clock)


def silent_s(pulses: Pulses) -> dict[str, float]:
    return {part.name: part.silent_for.total_seconds() for part in pulses.parts(60)}


def test_one_that_rests_is_silent_from_when_its_tick_should_have_come(pulses: Pulses, clock: Clock) -> None:
    clock.now_s += 60
    rested = silent_s(pulses)
    clock.now_s += 5

    assert rested == {"harvest": 0, "editions": 0}
    assert silent_s(pulses) == {"harvest": 5, "editions": 5}


def test_one_at_work_is_silent_since_its_last_sign(pulses: Pulses, clock: Clock) -> None:
    with pulses.at_work("harvest"):
        clock.now_s += 70
        pulses.sign("harvest")
        clock.now_s += 5

        assert silent_s(pulses) == {"harvest": 5, "editions": 15}
        assert pulses.working() == ("harvest",)
        pulses.sign_here()
        assert silent_s(pulses)["harvest"] == 0
    assert pulses.working() == ()


def test_a_sign_in_a_thread_where_nobody_works_is_nobodys(pulses: Pulses, clock: Clock) -> None:
    clock.now_s += 65

    pulses.sign_here()

    assert silent_s(pulses) == {"harvest": 5, "editions": 5}


def test_a_part_is_awaited_until_it_ended_once_and_while_it_is_at_work_but_not_for_ever(
    pulses: Pulses, clock: Clock
) -> None:
    new = pulses.is_awaited("harvest", 10)
    with pulses.at_work("harvest"):
        at_work = pulses.is_awaited("harvest", 10)
        clock.now_s += 8
        pulses.sign("harvest")
        clock.now_s += 2
        too_long = pulses.is_awaited("harvest", 10)

    assert (new, at_work, too_long) == (True, True, False)
    assert not pulses.is_awaited("harvest", 10)


def test_one_that_never_begins_is_not_awaited_for_ever(pulses: Pulses, clock: Clock) -> None:
    clock.now_s += 10

    assert not pulses.is_awaited("harvest", 10)


def test_a_problem_stands_until_it_is_over(pulses: Pulses) -> None:
    pulses.ill("harvest", "no tea")
    pulses.ill("harvest", "no cup")
    ill = pulses.parts(60)[0]
    pulses.well("harvest", AT)
    well = pulses.parts(60)[0]

    assert (ill.problem, ill.ended_at) == ("no cup", None)
    assert (well.problem, well.ended_at) == ("", AT)


def test_a_problem_is_news_when_it_begins_changes_and_each_hour(pulses: Pulses, clock: Clock) -> None:
    news = []
    for problem, later_s in (("no tea", 0), ("no tea", 60), ("no cup", 60), ("no cup", 3_599), ("no cup", 1)):
        clock.now_s += later_s
        news.append(pulses.ill("harvest", problem))

    assert news == [True, False, True, False, True]
    assert (pulses.well("harvest", AT), pulses.well("harvest", AT)) == (True, False)
    assert pulses.ill("harvest", "no cup")


def test_what_fails_in_a_part_ends_its_work(pulses: Pulses) -> None:
    with pytest.raises(ValueError, match="spilt"), pulses.at_work("harvest"):
        raise ValueError("spilt")

    assert pulses.working() == ()
    assert silent_s(pulses)["harvest"] == timedelta().total_seconds()
