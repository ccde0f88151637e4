"""Kind `arxiv`: what arXiv announces each day in some categories.

This module is light: the readers of feeds and pages are imported when something is read.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field, StrictInt

from digest.errors import BusyError, DigestError, RefusedError
from digest.fetch.web import Form, Web
from digest.links import is_arxiv_id, paper_id
from digest.model import Entry, Listing
from digest.rhythm import A_DAY, A_MINUTE, Rhythm
from digest.settings.values import SourceTable, WebAddress
from digest.sources.arxiv_calendar import last_out, next_out
from digest.sources.arxiv_categories import Category
from digest.sources.protocol import Place, Wanted

MOST_CATEGORIES = 12
"""More are an archive, or a mistake: a feed has three, and arXiv asks for three seconds between requests."""
A_DAY_S = 86_400.0
"""For which arXiv asks not to repeat a question to its query API."""

RHYTHM = Rhythm(
    least=15 * A_MINUTE, fresh=30 * A_MINUTE, pace=A_DAY, announced=lambda at: (last_out(at), next_out(at))
)
"""A list is whole from its first minute on: nothing is asked again until the next one is due."""


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    once = tuple(dict.fromkeys(values))
    if not 1 <= len(once) <= MOST_CATEGORIES:
        raise ValueError(f"{len(once)} categories; name 1 to {MOST_CATEGORIES}, such as cs.CL")
    return once


class ArxivTable(SourceTable):
    """`[[sources]] kind = "arxiv"`."""

    kind: Literal["arxiv"]
    categories: Annotated[tuple[Category, ...], AfterValidator(_some)]
    announce: Annotated[
        tuple[Literal["new", "cross", "replace", "replace-cross"], ...], Field(min_length=1)
    ] = ("new", "cross")
    days_back: Annotated[StrictInt, Field(ge=0, le=20)] = 7
    feed_url: WebAddress = "https://rss.arxiv.org"
    site_url: WebAddress = "https://arxiv.org"
    api_url: WebAddress = "https://export.arxiv.org"
    oai_url: WebAddress = "https://oaipmh.arxiv.org/oai"


class Arxiv:
    """Reads the day's list by its feed, mends that from the site, and makes up for days that were missed."""

    Table = ArxivTable
    rhythm = RHYTHM

    def __init__(self, table: ArxivTable, place: Place) -> None:
        self.name = table.name or table.kind
        self.grows = False
        self._table = table
        self._tired_on: date | None = None
        """The day on which the query API asked to be left alone."""

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """One listing for the newest list and for each day missed; see `arxiv_daily`."""
        from digest.sources.arxiv_daily import Asked, read_lists
        from digest.sources.arxiv_paper import Announce

        table = self._table
        asked = Asked(
            categories=table.categories,
            announce=frozenset(map(Announce, table.announce)),
            days_back=table.days_back,
            feed_url=table.feed_url,
            site_url=table.site_url,
        )
        yield from read_lists(web, asked, wanted)

    def read_past(
        self, web: Web, since: date, until: date, *, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """The papers of days gone by, by OAI-PMH; see `arxiv_oai` on how well their days are known."""
        from digest.sources.arxiv_oai import Past, read_past
        from digest.sources.arxiv_paper import Announce

        announce = frozenset(map(Announce, self._table.announce))
        past = Past(categories=self._table.categories, announce=announce, since=since, until=until)
        yield from read_past(web, self._table.oai_url, past, at=at)

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        """One paper by its arXiv id; `None` for other ids, and for what arXiv does not know.

        Once the API said that it is asked too often, it is not asked again that day. Raises FetchError or
        InputError.
        """
        from digest.sources.arxiv_query import parse_answer

        identifier = paper_id(identifier) or identifier
        if not is_arxiv_id(identifier):
            return None
        url = f"{self._table.api_url}/api/query?id_list={quote(identifier, safe='/')}&max_results=1"
        if self._tired_on == at.date():
            raise BusyError("arXiv's query API was asked too often today; not asked again", where=url)
        try:
            data = web.get(url, form=Form.XML, good_for_s=A_DAY_S)
            return parse_answer(data, identifier, at=at, where=url)
        except BusyError:
            self._tired_on = at.date()
            raise
        except RefusedError as problem:
            if problem.status == 400:  # not an id, though it looks like one
                return None
            raise
