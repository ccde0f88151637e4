"""Kind `feed`: any RSS, RDF or Atom feed."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from digest.errors import DigestError, FetchError, InputError
from digest.fetch.web import Form, Web
from digest.links import safe_link
from digest.model import Listing
from digest.rhythm import STEADY
from digest.settings.values import SourceTable
from digest.sources.missed import first_news, only_news
from digest.sources.protocol import Place, Wanted

# What parses a feed is imported when there is one: it loads feedparser.


def _feed_address(text: str) -> str:
    """To the letter: a feed may be at `/feed/` and not at `/feed`."""
    if not safe_link(text):
        raise ValueError(f"{text[:200]!r} is not an http(s) address")
    parts = urlsplit(text)
    if parts.username or parts.password:
        raise ValueError("holds a name or password, which would be shown wherever the feed is named")
    return text


class FeedTable(SourceTable):
    """`[[sources]] kind = "feed"`."""

    kind: Literal["feed"]
    url: Annotated[str, AfterValidator(_feed_address)]


class Feed:
    """Reads one feed; by the name of its host if it has no other."""

    Table = FeedTable
    rhythm = STEADY

    def __init__(self, table: FeedTable, place: Place) -> None:
        self.name = table.name or urlsplit(table.url).hostname or table.url
        self.grows = False
        self._url = table.url

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """What is new in the feed, which may have the entries of years; or what went wrong."""
        from digest.sources.feed_pages import parse_feed

        try:
            listing = parse_feed(web.get(self._url, form=Form.XML), where=self._url, at=wanted.at)
        except (FetchError, InputError) as problem:
            yield problem
            return
        if not listing.entries and wanted.known and _is_amid_the_week(wanted.today):
            yield InputError("the feed has no entries any more, in the middle of a week", where=self._url)
            return
        yield only_news(listing, first_news(wanted))

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> None:
        """A feed cannot be asked for one paper."""


def _is_amid_the_week(today: date) -> bool:
    """Whether it is no weekend, nor was one the day before: some feeds are emptied at each midnight."""
    return 1 <= today.weekday() <= 4
