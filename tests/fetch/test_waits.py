"""How long a server asks to be left alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.fetch.waits import asked_wait_s, moment_in_words, spent_wait_s

NOW = datetime(2026, 8, 12, 6, 0, tzinfo=UTC)
A_DAY = 86_400.0


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("999999999999", A_DAY),
        ("Wed, 12 Aug 2026 06:05:00 GMT", 300.0),
        ("Wednesday, 12-Aug-26 06:05:00 GMT", 300.0),
        ("Wed Aug 12 06:05:00 2026", 300.0),
        ("Tue, 11 Aug 2026 06:05:00 GMT", 0.0),
        ("Fri, 12 Aug 2999 06:05:00 GMT", A_DAY),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str, seconds: float) -> None:
    assert asked_wait_s({"retry-after": retry_after}, NOW) == seconds


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "1e9", "٣", "Wed, 99 Foo 2026", "9" * 1_000])
def test_what_is_no_wait_is_none(value: str) -> None:
    assert asked_wait_s({"retry-after": value}, NOW) is None


def test_without_retry_after_the_rate_limit_says_how_long() -> None:
    headers = {"ratelimit": '"api";r=0;t=55'}

    assert asked_wait_s(headers, NOW) == 55
    assert asked_wait_s(headers | {"retry-after": "7"}, NOW) == 7


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        ('"api";r=0;t=55', 55),
        ('"api"; r=0; t=55', 55),
        ('"api";r=1;t=55', 0),
        ('"api";r=400;t=10, "pages";r=0;t=200', 200),
        ('"api";r=0', 0),
        ("", 0),
        ('"api";r=0;t=999999999', A_DAY),
    ],
)
def test_no_requests_left_means_to_wait(limit: str, seconds: float) -> None:
    assert spent_wait_s({"ratelimit": limit}) == seconds


@given(st.text(), st.text())
def test_any_header_is_some_wait_of_a_day_at_most(retry_after: str, limit: str) -> None:
    headers = {"retry-after": retry_after, "ratelimit": limit}

    assert 0 <= (asked_wait_s(headers, NOW) or 0) <= A_DAY
    assert 0 <= spent_wait_s(headers) <= A_DAY


def test_a_moment_of_another_day_is_said_with_its_date() -> None:
    assert moment_in_words(NOW + timedelta(hours=8, minutes=5), NOW) == "14:05 UTC"
    assert moment_in_words(NOW + timedelta(hours=20), NOW) == "2026-08-13 02:00 UTC"
