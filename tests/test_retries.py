"""What may pass is tried again after 5, 15, 30, 60, then every 120 minutes, never all at the same moment."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.retries import next_try
from tests.makers import NOW


@pytest.mark.parametrize(
    ("deferrals", "minutes"), [(0, 5), (1, 15), (2, 30), (3, 60), (4, 120), (5, 120), (400, 120)]
)
def test_the_pauses_grow_up_to_two_hours(deferrals: int, minutes: int) -> None:
    assert next_try(deferrals, NOW, 0.5) - NOW == timedelta(minutes=minutes)


def test_chance_moves_a_try_by_a_fifth_either_way() -> None:
    assert next_try(1, NOW, 0.0) - NOW == timedelta(minutes=12)
    assert next_try(1, NOW, 1.0) - NOW == timedelta(minutes=18)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_no_try_is_earlier_than_four_minutes_nor_later_than_144(deferrals: int, chance: float) -> None:
    wait = next_try(deferrals, NOW, chance) - NOW

    assert timedelta(minutes=4) <= wait <= timedelta(minutes=144)
