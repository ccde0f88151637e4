"""A source read whole: what it gave, what went wrong, and from which pages."""

from collections.abc import Iterator

import pytest

from digest.errors import DigestError, FetchError, FormError, InputError
from digest.fetch.web import Web
from digest.harvest import MOST_REMEMBERED, Harvested, Page, harvest
from digest.model import Entry, Listing
from digest.sources.protocol import Wanted
from tests.makers import NOW, TODAY, entry
from tests.sources.contract import FakeWeb

WANTED = Wanted(today=TODAY, at=NOW)


class Says:
    """A source that gives what a test gave it, reads what it is told to, and may break."""

    name = "kettle"
    grows = False

    def __init__(self, *results: Listing | DigestError, then: Exception | None = None, **asks: bytes) -> None:
        self.results, self.then, self.asks = results, then, asks

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        for name, body in self.asks.items():
            if body:
                web.post(f"https://kettle.example/{name}", body)
            else:
                web.get(f"https://kettle.example/{name}")
        yield from self.results
        if self.then:
            raise self.then

    def read_paper(self, web: Web, identifier: str, *, at: object) -> Entry | None:
        return None


def answers(**bodies: bytes) -> FakeWeb:
    return FakeWeb({f"https://kettle.example/{name}": body for name, body in bodies.items()})


def page(*entries: Entry) -> Listing:
    return Listing(layout="test", entries=entries)


def read(source: Says, web: FakeWeb | None = None) -> Harvested:
    return harvest(source, web or answers(), WANTED)


def test_what_goes_wrong_in_a_source_is_a_value_and_the_rest_is_kept() -> None:
    harvested = read(Says(page(entry()), InputError("odd"), then=FetchError("gone")))

    assert len(harvested.listings) == 1
    assert [problem.what for problem in harvested.problems] == ["odd", "gone"]
    assert harvested.trace == ""


def test_a_fault_in_a_source_is_a_value_with_its_traceback_and_the_rest_is_kept() -> None:
    harvested = read(Says(page(entry()), then=ZeroDivisionError("no tea left")))

    assert len(harvested.listings) == 1
    (problem,) = harvested.problems
    assert isinstance(problem, InputError)
    assert "fault in Digest" in problem.what
    assert "ZeroDivisionError: no tea left" in harvested.trace


def test_the_pages_that_it_got_are_remembered_and_what_was_posted_is_told_apart() -> None:
    web = answers(first=b"one", login=b"token", second=b"two")

    harvested = read(Says(page(entry()), first=b"", login=b"who", second=b""), web)

    assert harvested.pages == (
        Page(url="https://kettle.example/first", data=b"one"),
        Page(url="https://kettle.example/login", data=b"token", is_reply=True),
        Page(url="https://kettle.example/second", data=b"two"),
    )


def test_of_more_pages_than_can_be_remembered_the_latest_are() -> None:
    half = bytes(MOST_REMEMBERED // 2)
    web = answers(first=half, second=half, third=b"tea", huge=bytes(MOST_REMEMBERED + 1))

    kept = read(Says(first=b"", second=b"", third=b""), web).pages
    none = read(Says(first=b"", huge=b""), web).pages

    assert [one.url[-6:] for one in kept] == ["second", "/third"]
    assert none == ()


@pytest.mark.parametrize("login", [b"", b"who"])
def test_an_answer_of_another_form_is_an_alarm_and_its_page_is_remembered(login: bytes) -> None:
    url = "https://kettle.example/list"
    other = FormError("HTML where JSON was asked for", where=url, body=b"<h1>Log in</h1>")

    harvested = read(Says(list=login), FakeWeb({url: other}))

    (problem,) = harvested.problems
    assert isinstance(problem, InputError)
    assert (problem.what, problem.where) == (other.what, url)
    assert harvested.pages == (Page(url=url, data=b"<h1>Log in</h1>", is_reply=bool(login)),)


def test_a_paper_that_two_lists_name_is_one_paper() -> None:
    both = read(Says(page(entry("2603.00001"), entry("2603.00002")), page(entry("2603.00001"))))

    assert both.papers == 2


def test_every_address_is_told_before_it_is_asked() -> None:
    told: list[str] = []

    harvest(Says(first=b"", gone=b""), answers(first=b"one"), WANTED, told.append)

    assert told == ["https://kettle.example/first", "https://kettle.example/gone"]
