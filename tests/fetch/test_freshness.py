"""Which pages may be kept, and for how long they are used without asking (RFC 9111)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.fetch.freshness import condition, fresh_until, is_good, page_of
from digest.fetch.memory import Page

NOW = datetime(2026, 8, 12, 6, 0, tzinfo=UTC)
A_DAY = 86_400


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "max-age=60"}, 60),
        ({"cache-control": "public, MAX-AGE = 60"}, 60),
        ({"cache-control": 'max-age="60"'}, 60),
        ({"cache-control": "max-age=60, s-maxage=10"}, 10),
        ({"cache-control": "max-age=60, max-age=600"}, 60),
        ({"cache-control": "max-age=60", "age": "20"}, 40),
        ({"cache-control": "max-age=60", "age": "60"}, 0),
        ({"cache-control": "max-age=99999999"}, A_DAY),
        ({"cache-control": "max-age=-1"}, 0),
        ({"cache-control": "max-age"}, 0),
        ({"cache-control": "no-cache, max-age=60"}, 0),
        ({"cache-control": "max-age=0"}, 0),
        ({"expires": "Wed, 12 Aug 2026 07:00:00 GMT"}, 3_600),
        ({"expires": "Wed, 12 Aug 2026 07:00:00 GMT", "date": "Wed, 12 Aug 2026 06:50:00 GMT"}, 600),
        ({"expires": "Wed, 12 Aug 2026 07:00:00 GMT", "cache-control": "max-age=5"}, 5),
        ({"expires": "0"}, 0),
        ({}, 0),
        ({"last-modified": "Mon, 10 Aug 2020 07:00:00 GMT"}, 0),
    ],
)
def test_a_page_is_fresh_for_as_long_as_its_server_says(headers: dict[str, str], seconds: float) -> None:
    assert fresh_until(headers, NOW) == (after(seconds) if seconds else None)


@pytest.mark.parametrize("cache_control", ["no-store", "private, max-age=60", 'private="x"', "No-Store"])
def test_what_is_not_to_be_kept_is_not(cache_control: str) -> None:
    assert page_of({"cache-control": cache_control, "etag": '"1"'}, b"x", NOW, good_for_s=60) is None


def test_a_page_that_never_could_be_used_again_is_not_kept() -> None:
    assert page_of({}, b"x", NOW, good_for_s=0) is None
    assert page_of({"vary": "*", "etag": '"1"'}, b"x", NOW, good_for_s=0) is None
    assert page_of({}, b"x", NOW, good_for_s=60) is not None


def test_a_page_is_asked_for_again_by_what_it_was_called() -> None:
    headers = {"etag": 'W/"1"', "last-modified": "Mon, 10 Aug 2026 07:00:00 GMT", "content-type": "text/html"}

    page = page_of(headers, b"x", NOW, good_for_s=0)

    assert page == Page(
        body=b"x",
        at=NOW,
        etag='W/"1"',
        last_modified="Mon, 10 Aug 2026 07:00:00 GMT",
        content_type="text/html",
    )
    assert condition(page) == {
        "If-None-Match": 'W/"1"',
        "If-Modified-Since": "Mon, 10 Aug 2026 07:00:00 GMT",
    }


@pytest.mark.parametrize("etag", ['"\u00e4"', '"\x00"', '"' + "x" * 500 + '"'])
def test_a_name_that_cannot_be_sent_back_is_none(etag: str) -> None:
    assert page_of({"etag": etag}, b"x", NOW, good_for_s=0) is None


def test_a_kept_page_will_do_while_it_is_fresh_or_young_enough() -> None:
    page = Page(body=b"x", at=NOW, fresh_until=after(60))

    assert is_good(page, after(59), good_for_s=0)
    assert not is_good(page, after(60), good_for_s=0)
    assert is_good(page, after(100), good_for_s=101)
    assert not is_good(page, after(100), good_for_s=100)


def test_a_page_that_a_wrong_clock_kept_is_asked_for_again() -> None:
    assert not is_good(Page(body=b"x", at=after(60), fresh_until=after(120)), NOW, good_for_s=999)
    assert not is_good(Page(body=b"x", at=NOW, fresh_until=after(9 * A_DAY)), after(2 * A_DAY), good_for_s=0)


@given(st.dictionaries(st.sampled_from(["cache-control", "expires", "age", "date", "vary"]), st.text()))
def test_any_headers_make_a_page_fresh_for_a_day_at_most(headers: dict[str, str]) -> None:
    until = fresh_until(headers, NOW)

    assert until is None or NOW < until <= after(A_DAY)
