"""A memory that lasts as long as the process."""

import os
import zlib

import pytest

from digest.fetch.memory import Forgetful, Memory, Page, packed, unpacked
from tests.fetch.memory_contract import MUCH, MemoryContract
from tests.makers import NOW


@pytest.fixture
def memory() -> Memory:
    return Forgetful()


class TestForgetful(MemoryContract):
    pass


@pytest.mark.slow
def test_the_oldest_pages_go_when_it_is_full() -> None:
    memory = Forgetful()
    for number in range(6):
        memory.remember(f"https://papers.example/{number}", Page(body=os.urandom(4_000_000), at=NOW))

    kept = [memory.page(f"https://papers.example/{number}", MUCH) is not None for number in range(6)]

    assert kept == [False, False, True, True, True, True]


@pytest.mark.parametrize(
    "data", [b"", b"no zlib", zlib.compress(b"papers" * 99)[:-4], zlib.compress(b"\0" * 100_000_000)]
)
def test_a_broken_or_huge_body_is_none(data: bytes) -> None:
    assert unpacked(data, 1_000_000) is None


def test_a_packed_body_is_unpacked() -> None:
    data = packed(b"papers")

    assert data is not None
    assert unpacked(data, 6) == b"papers"
