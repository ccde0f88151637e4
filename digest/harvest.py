"""What the sources gave: their lists, what went wrong with them, and the pages that they came from."""

import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from digest.errors import DigestError, FetchError, FormError, InputError
from digest.fetch.web import NO_HEADERS, Form, Web
from digest.model import Listing
from digest.sources.protocol import Source, Wanted

MOST_REMEMBERED = 32_000_000
"""Bytes of a harvest's pages; of more, the latest."""
FAULT = "a fault in Digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What an address gave."""

    url: str
    data: bytes = field(repr=False)
    is_reply: bool = False
    """Whether something was posted there: a login's reply may hold a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvested:
    """What one source gave: its lists, and what went wrong with some or all of them."""

    source: str
    listings: tuple[Listing, ...]
    problems: tuple[DigestError, ...] = ()
    grows: bool = False
    """Whether the source's list of a day grows during that day."""
    pages: tuple[Page, ...] = ()
    """What it was read from, the latest last."""
    trace: str = ""
    """Of a fault of ours, whole; empty otherwise."""

    @property
    def papers(self) -> int:
        """How many different papers its lists name."""
        return len({entry.paper.id for one in self.listings for entry in one.entries})


def harvest(
    source: Source, web: Web, wanted: Wanted, tell: Callable[[str], None] = lambda _url: None
) -> Harvested:
    """Read one source whole; what goes wrong is a value, so that no source stops another.

    `tell` hears every address before it is asked.
    """
    witness = Witness(web, tell)
    found: list[Listing | DigestError] = []
    trace = ""
    try:
        found.extend(source.read(witness, wanted))
    except DigestError as problem:
        found.append(problem)
    except Exception:
        trace = traceback.format_exc()
        found.append(InputError(FAULT, where=source.name, fix="Please report the traceback"))
    return Harvested(
        source=source.name,
        listings=tuple(one for one in found if isinstance(one, Listing)),
        problems=tuple(one for one in found if isinstance(one, DigestError)),
        grows=source.grows,
        pages=witness.pages,
        trace=trace,
    )


@dataclass(frozen=True, slots=True)
class Stoppable:
    """A `Web` that is not asked any more once somebody is `stopping`; by `None` nobody ever is."""

    web: Web
    stopping: Event | None

    def get(
        self,
        url: str,
        *,
        form: Form = Form.ANY,
        headers: Mapping[str, str] = NO_HEADERS,
        good_for_s: float = 0,
    ) -> bytes:
        """As the web behind it."""
        self._go_on(url)
        return self.web.get(url, form=form, headers=headers, good_for_s=good_for_s)

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS, *, form: Form = Form.ANY
    ) -> bytes:
        """As the web behind it."""
        self._go_on(url)
        return self.web.post(url, body, headers, form=form)

    def _go_on(self, url: str) -> None:
        if self.stopping is not None and self.stopping.is_set():
            raise FetchError("not asked, as Digest is ending", where=url)


@dataclass(slots=True)
class Witness:
    """A `Web` that remembers what it gave, so that a page can be kept which nobody could read.

    An answer of another form than was asked for (a login page, a layout that changed) is such a page: it is
    an InputError here, not a FetchError.
    """

    web: Web
    tell: Callable[[str], None]
    remembered: deque[Page] = field(default_factory=deque)
    size: int = 0

    @property
    def pages(self) -> tuple[Page, ...]:
        """What is remembered, the latest last."""
        return tuple(self.remembered)

    def get(
        self,
        url: str,
        *,
        form: Form = Form.ANY,
        headers: Mapping[str, str] = NO_HEADERS,
        good_for_s: float = 0,
    ) -> bytes:
        """As the web behind it."""
        self.tell(url)
        with self._of_form(url):
            data = self.web.get(url, form=form, headers=headers, good_for_s=good_for_s)
        self._remember(Page(url=url, data=data))
        return data

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS, *, form: Form = Form.ANY
    ) -> bytes:
        """As the web behind it."""
        self.tell(url)
        with self._of_form(url, is_reply=True):
            data = self.web.post(url, body, headers, form=form)
        self._remember(Page(url=url, data=data, is_reply=True))
        return data

    @contextmanager
    def _of_form(self, url: str, *, is_reply: bool = False) -> Iterator[None]:
        try:
            yield
        except FormError as problem:
            self._remember(Page(url=url, data=problem.body, is_reply=is_reply))
            raise InputError(problem.what, where=url, fix=problem.fix) from None

    def _remember(self, page: Page) -> None:
        self.remembered.append(page)
        self.size += len(page.data)
        while self.size > MOST_REMEMBERED:
            self.size -= len(self.remembered.popleft().data)
