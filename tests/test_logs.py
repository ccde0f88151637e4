"""A line of the log is one line, whatever stands in it, and can be read back."""

import json
import shlex
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.logs import MAX_TRACE, MAX_VALUE, Level, Line, as_json, as_text
from digest.text import clean

AT = datetime(2026, 11, 22, 5, 10, 0, 123_456, tzinfo=UTC)


def line(**fields: str | int | None) -> Line:
    return Line(at=AT, event="sent", fields=fields)


def test_an_event_stands_behind_time_and_level_and_before_its_fields() -> None:
    told = Line(
        at=AT,
        event="sent",
        level=Level.WARNING,
        fields={"reader": "ada", "day": date(2026, 11, 22), "tries": 2, "held_up": None, "is_late": True},
    )

    assert as_text(told) == (
        "at=2026-11-22T05:10:00Z level=warning event=sent reader=ada day=2026-11-22 tries=2 is_late=true"
    )
    assert as_text(told, is_stamped=False) == "event=sent reader=ada day=2026-11-22 tries=2 is_late=true"
    assert json.loads(as_json(told)) == {
        "at": "2026-11-22T05:10:00Z",
        "level": "warning",
        "event": "sent",
        "reader": "ada",
        "day": "2026-11-22",
        "tries": 2,
        "is_late": True,
    }


def test_words_are_quoted_as_in_json() -> None:
    assert as_text(line(subject='Pouring "tea"'), is_stamped=False) == r'event=sent subject="Pouring \"tea\""'
    assert as_text(line(subject=""), is_stamped=False) == 'event=sent subject=""'


def test_a_title_can_neither_end_the_line_nor_pass_for_a_field() -> None:
    title = "Tea\nat=2026-01-01T00:00:00Z event=sent reader=eve\r\x1b[2K\u2028\x85more\u202e"

    told = as_text(line(subject=title), is_stamped=False)

    assert told.splitlines() == [told]
    assert shlex.split(told)[0] == "event=sent"
    assert len(shlex.split(told)) == 2
    assert not {"\x1b", "\u2028", "\u202e", "\r"} & set(told)


def test_a_traceback_keeps_its_lines_and_its_end() -> None:
    trace = "Traceback\n" + "x" * MAX_TRACE + "\nValueError: no\u202etea"

    told = as_text(line(trace=trace), is_stamped=False)

    assert told.splitlines() == [told]
    assert told.endswith(r'x\nValueError: no\u202etea"')
    assert json.loads(as_json(line(trace="a\n b")))["trace"] == "a\n b"


@given(st.text(max_size=300))
def test_whatever_a_value_is_it_comes_back_cleaned(value: str) -> None:
    told = as_text(line(subject=value), is_stamped=False)

    written = told.removeprefix("event=sent subject=")
    read = json.loads(written) if written.startswith('"') else written
    assert read == clean(value, MAX_VALUE)
    assert told.splitlines() == [told]
    assert json.loads(as_json(line(subject=value)))["subject"] == clean(value, MAX_VALUE)
    assert as_json(line(subject=value)).isascii()


@given(st.text(max_size=20))
def test_a_key_is_a_word(key: str) -> None:
    told = as_text(Line(at=AT, event="sent", fields={key: "x"}), is_stamped=False)

    assert len(told.split(" ")) == 2
    assert told.count("=") == 2


@pytest.mark.parametrize(
    "reply",
    [
        "RCPT 550 5.1.1 <ada.lovelace+tea@mail.example.org>: no such user",
        "ada.lovelace+tea@mail.example.org does not like mail",
        "\u00fcmit@b\u00fccher.example is unknown",
    ],
)
@pytest.mark.parametrize("key", ["reply", "trace"])
def test_a_servers_reply_shows_no_address(key: str, reply: str) -> None:
    both = as_text(line(**{key: reply})) + as_json(line(**{key: reply}))

    assert "@" not in both
    assert both.count("[address]") == 2


def test_addresses_are_found_in_linear_time() -> None:
    began = time.monotonic()

    as_text(line(trace="a" * 16_000))
    as_text(line(trace="a.@" * 5_000))

    assert time.monotonic() - began < 1
