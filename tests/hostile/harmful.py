"""Sources that do each harm there is, to see that it is seen."""

import ctypes
from pathlib import Path

from digest.model import Entry, Listing, Observation, Paper
from tests.makers import NOW
from tests.sources.contract import FakeWeb, Found, SourceContract


class Harmful(SourceContract):
    """Reads one page, and then does harm."""

    def web(self) -> FakeWeb:
        return FakeWeb({"https://example.org/": b'[{"title": "Tin"}]'})

    def read(self, tmp_path: Path, web: FakeWeb) -> Found:
        web.get("https://example.org/")
        return self.harm(web)

    def harm(self, web: FakeWeb) -> Found:
        """What it does."""
        return []


class Raises(Harmful):
    def harm(self, web: FakeWeb) -> Found:
        raise ZeroDivisionError


class Recurses(Harmful):
    def harm(self, web: FakeWeb) -> Found:
        return self.harm(web)


class Grows(Harmful):
    def harm(self, web: FakeWeb) -> Found:
        return [bytes(8_000_000_000)]  # type: ignore[list-item]


class Dawdles(Harmful):
    def harm(self, web: FakeWeb) -> Found:
        while True:
            pass


class Dies(Harmful):
    def harm(self, web: FakeWeb) -> Found:
        ctypes.string_at(0)
        return []


class Lies(Harmful):
    def harm(self, web: FakeWeb) -> Found:
        return [None]  # type: ignore[list-item]


class Dirties(Harmful):
    def harm(self, web: FakeWeb) -> Found:
        paper = Paper(id="tea:1", title="Tin\x00", source="tea")
        return [Listing(layout="tea", entries=(Entry(paper=paper, observation=Observation(at=NOW)),))]


class Asks(Harmful):
    def harm(self, web: FakeWeb) -> Found:
        if "https://example.org/1" not in web.answers and type(web) is not FakeWeb:
            for number in range(1_000):
                web.get(f"https://example.org/?page={number}")
        return []
