"""What every memory of the client has to keep to."""

import os
from datetime import timedelta

import pytest

from digest.fetch.memory import Hold, Memory, Page
from tests.makers import NOW

URL = "https://papers.example/list"
MUCH = 10_000_000
PAGE = Page(
    body=b"papers about tea" * 100,
    at=NOW,
    fresh_until=NOW + timedelta(hours=1),
    etag='W/"1"',
    last_modified="Mon, 10 Aug 2026 07:00:00 GMT",
    content_type="text/html; charset=utf-8",
)


class MemoryContract:
    """Inherit it, and give an empty `memory`."""

    def test_a_page_comes_back_as_it_was(self, memory: Memory) -> None:
        memory.remember(URL, PAGE)

        assert memory.page(URL, MUCH) == PAGE
        assert memory.page(f"{URL}/other", MUCH) is None

    @pytest.mark.parametrize("body", [b"", b"\0" * 1_000, bytes(range(256))])
    def test_a_body_of_any_bytes_is_kept_whole(self, memory: Memory, body: bytes) -> None:
        memory.remember(URL, Page(body=body, at=NOW))

        assert memory.page(URL, MUCH) == Page(body=body, at=NOW)

    def test_the_last_page_takes_the_place_of_the_one_before(self, memory: Memory) -> None:
        newer = Page(body=b"newer", at=NOW + timedelta(minutes=1))

        memory.remember(URL, PAGE)
        memory.remember(URL, newer)

        assert memory.page(URL, MUCH) == newer

    def test_a_page_that_did_not_change_is_as_young_as_its_last_answer(self, memory: Memory) -> None:
        later = NOW + timedelta(days=1)
        memory.remember(URL, PAGE)

        memory.renew(URL, later, None)
        memory.renew(f"{URL}/other", later, None)

        renewed = memory.page(URL, MUCH)
        assert renewed is not None
        assert (renewed.body, renewed.etag, renewed.at, renewed.fresh_until) == (
            PAGE.body,
            PAGE.etag,
            later,
            None,
        )
        assert memory.page(f"{URL}/other", MUCH) is None

    def test_a_body_larger_than_is_wanted_is_not_there(self, memory: Memory) -> None:
        memory.remember(URL, PAGE)

        assert memory.page(URL, len(PAGE.body)) == PAGE
        assert memory.page(URL, len(PAGE.body) - 1) is None

    def test_what_stays_large_when_packed_is_not_kept(self, memory: Memory) -> None:
        memory.remember(URL, Page(body=os.urandom(5_100_000), at=NOW))

        assert memory.page(URL, MUCH) is None

    def test_an_address_too_long_to_be_looked_up_is_not_kept(self, memory: Memory) -> None:
        long = f"{URL}?{'x' * 5_000}"

        memory.remember(long, PAGE)

        assert memory.page(long, MUCH) is None

    def test_a_host_is_held_off_until_it_said(self, memory: Memory) -> None:
        memory.hold_off("papers.example", NOW + timedelta(hours=1), "429")
        memory.hold_off("arxiv.org", NOW, "")

        assert memory.hold("papers.example") == Hold(until=NOW + timedelta(hours=1), why="429")
        assert memory.hold("arxiv.org") == Hold(until=NOW, why="")
        assert memory.hold("other.example") is None

    def test_the_last_word_of_a_host_counts(self, memory: Memory) -> None:
        memory.hold_off("papers.example", NOW + timedelta(hours=1), "429")
        memory.hold_off("papers.example", NOW + timedelta(minutes=1), "503")

        assert memory.hold("papers.example") == Hold(until=NOW + timedelta(minutes=1), why="503")

    def test_our_own_spacing_never_takes_the_place_of_what_a_host_said(self, memory: Memory) -> None:
        refused = Hold(until=NOW + timedelta(hours=1), why="429")
        memory.hold_off("papers.example", refused.until, refused.why)

        memory.hold_off("papers.example", NOW + timedelta(seconds=1), "")
        turn = memory.turn("papers.example", NOW, timedelta(seconds=1))

        assert memory.hold("papers.example") == refused
        assert turn == NOW  # whether it may be asked at all is not for the spacing to say

    def test_turns_come_one_after_another(self, memory: Memory) -> None:
        spacing = timedelta(seconds=3)

        turns = [memory.turn("arxiv.org", NOW, spacing) for _ in range(3)]
        late = memory.turn("arxiv.org", NOW + timedelta(minutes=1), spacing)

        assert turns == [NOW, NOW + spacing, NOW + 2 * spacing]
        assert late == NOW + timedelta(minutes=1)
        assert memory.turn("other.example", NOW, spacing) == NOW
