"""Kind `feed`: any RSS, RDF or Atom feed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from digest.errors import DigestError, FetchError, InputError
from digest.fetch.web import Form, Web
from digest.links import safe_link
from digest.model import Listing
from digest.settings.values import SourceTable
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

    def __init__(self, table: FeedTable, place: Place) -> None:
        self.name = table.name or urlsplit(table.url).hostname or table.url
        self.grows = False
        self._url = table.url

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """What the feed has now, of whatever day, or what went wrong."""
        from digest.sources.feed_pages import parse_feed

        try:
            yield parse_feed(web.get(self._url, form=Form.XML), where=self._url, at=wanted.at)
        except (FetchError, InputError) as problem:
            yield problem

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> None:
        """A feed cannot be asked for one paper."""
