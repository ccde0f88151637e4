"""JSON from strangers: a value or an InputError, in bounded time and memory."""

import contextlib
import json
import tracemalloc
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import InputError
from digest.sources.json import Fields, read_json
from digest.sources.rows import MOST_WARNINGS, Row, entries_of
from tests.makers import entry

MEGABYTE = 1_000_000


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_json_is_read_as_it_is_with_or_without_a_mark(value: object) -> None:
    written = json.dumps(value).encode()

    assert read_json(written, where="x") == read_json(b"\xef\xbb\xbf" + written, where="x") == value


@given(st.binary(max_size=100))
def test_any_bytes_are_a_value_or_an_input_error(data: bytes) -> None:
    try:
        json.loads(data.decode())
    except (ValueError, RecursionError):
        with contextlib.suppress(InputError):  # bytes that are no UTF-8 are mended
            read_json(data, where="x")
    else:
        assert repr(read_json(data, where="x")) == repr(json.loads(data))  # NaN is not equal to itself


@pytest.mark.parametrize(("data", "what"), [(b"", "empty"), (b" \n ", "empty"), (b"{", "not valid JSON")])
def test_what_is_none_says_so(data: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read_json(data, where="x")


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 20 * MEGABYTE,
        b'{"a":' * 4 * MEGABYTE,
        b"[" + b"[]," * 7 * MEGABYTE + b"[]]",
        b"[" + b"{}," * 7 * MEGABYTE + b"{}]",
        b"[" + b"9999," * 4 * MEGABYTE + b"1]",
        b"[" * 100_000 + b"]" * 100_000,
        b"9" * 10 * MEGABYTE,
    ],
    ids=["open lists", "open objects", "lists", "objects", "numbers", "deep", "a number"],
)
def test_what_is_built_to_use_up_memory_is_refused_before_it_does(data: bytes) -> None:
    started = process_time()
    tracemalloc.start()

    with pytest.raises(InputError):
        read_json(data, where="x")

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * len(data) + MEGABYTE
    assert process_time() - started < 5


def test_rows_of_which_none_is_an_entry_are_an_error_and_no_rows_are_none() -> None:
    assert entries_of([], where="x") == ((), ())

    with pytest.raises(InputError, match="none of its 2 entries is a paper; the first, entry 1: no title"):
        entries_of([Row(entry=None, problems=("no title",)), Row(entry=None)], where="x")


def test_warnings_are_counted_where_there_are_too_many() -> None:
    rows = [Row(entry=entry()), *(Row(entry=None, problems=("no id",)) for _ in range(90))]

    _, warnings = entries_of(rows, where="x")

    assert len(warnings) == MOST_WARNINGS + 1
    assert warnings[-1] == "and 40 more problems"


def test_a_field_that_is_null_or_missing_is_no_problem() -> None:
    fields = Fields({"text": None, "day": None, "link": None, "names": None})

    assert [fields.text("text", 9), fields.day("day"), fields.link("link"), fields.names("names")] == [
        None,
        None,
        None,
        (),
    ]
    assert fields.text("missing", 9) is None
    assert fields.problems == []


def test_names_may_be_texts_or_objects_and_two_people_may_share_one() -> None:
    fields = Fields({"authors": [{"name": "Ada"}, "Ben", {"name": 7}, None, "", "Ada", "Zoe"]})

    assert fields.names("authors", most=6) == ("Ada", "Ben", "Ada")
