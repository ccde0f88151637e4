"""The pages of arXiv's site that hold whole lists: read to their end, and counted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from digest.errors import BusyError, DigestError, FetchError, InputError, MissingError, RefusedError
from digest.fetch.web import Form, Web
from digest.sources.arxiv_list import ListPage, parse_list, part_of
from digest.sources.arxiv_paper import Announce, Announced

MAX_PAGES = 5
"""Of a list."""
PAGE_SIZE = 2_000
MOST_FAILURES = 2
"""So many answers in a row that did not come end it: the site is down."""


class NotAskedError(FetchError):
    """A page that was not asked for, as the site was down or busy just before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeList:
    """A list with all its pages: the wanted papers, and what went wrong with some."""

    day: date
    papers: tuple[Announced, ...]
    lacking: int = 0
    """How many it says that it has, and could not be read."""
    warnings: tuple[str, ...] = ()
    problems: tuple[DigestError, ...] = ()


@dataclass(slots=True, kw_only=True)
class Site:
    """Asks arXiv, and remembers whether it answers at all."""

    web: Web
    url: str
    announce: frozenset[Announce]
    at: datetime
    _failures: int = 0

    def get(self, url: str, form: Form) -> bytes | DigestError:
        """A page, or why it could not be got; nothing is asked of a site that is down."""
        if self._failures >= MOST_FAILURES:
            return NotAskedError("not asked for: arXiv did not answer just before", where=url)
        try:
            data = self.web.get(url, form=form)
        except (FetchError, InputError) as problem:
            self._failures = self._failures_after(problem)
            return problem
        self._failures = 0
        return data

    def _failures_after(self, problem: DigestError) -> int:
        """One that answers is up; one that asks for fewer requests gets none."""
        if isinstance(problem, BusyError):
            return MOST_FAILURES
        return 0 if isinstance(problem, MissingError | RefusedError | InputError) else self._failures + 1

    def newest(self, category: str) -> WholeList | DigestError:
        """The list that was announced last; from 20:00 in New York on, that of tomorrow."""
        base = self.newest_url(category)
        return self._whole(
            category, lambda _, shown: f"{base}?skip={shown}&show={PAGE_SIZE}" if shown else base
        )

    def newest_url(self, category: str) -> str:
        """The address of that list."""
        return f"{self.url}/list/{category}/new"

    def of_day(self, category: str, day: date) -> WholeList | DigestError:
        """The list of one of the last 90 days."""
        base = f"{self.url}/catchup/{category}/{day.isoformat()}?abs=True"
        whole = self._whole(category, lambda number, _: f"{base}&page={number + 1}")
        if isinstance(whole, WholeList) and whole.day != day:
            return InputError(
                f"has the list of {whole.day} in place of that of {day}", where=f"{base}&page=1"
            )
        return whole

    def _whole(self, category: str, url_of: Callable[[int, int], str]) -> WholeList | DigestError:
        """All pages of a list; an address is made of a page's number, and of how many papers came before."""
        pages: list[ListPage] = []
        papers: dict[tuple[str, Announce], Announced] = {}  # a paper may stand in two parts of a list
        shown = 0
        for number in range(MAX_PAGES):
            page = self._page(category, url_of(number, shown))
            if isinstance(page, DigestError):
                return self._counted(pages, papers, where=url_of(0, 0), problem=page) if pages else page
            if pages and page.day != pages[0].day:
                break
            known = len(papers)
            papers.update({(one.entry.paper.id, one.announce): one for one in page.papers})
            pages.append(page)
            shown += sum(page.shown.values()) or len(page.papers)
            if shown >= pages[0].total or len(papers) == known:
                break
        return self._counted(pages, papers, where=url_of(0, 0))

    def _page(self, category: str, url: str) -> ListPage | DigestError:
        data = self.get(url, Form.HTML)
        if isinstance(data, DigestError):
            return data
        try:
            return parse_list(data, category=category, at=self.at, where=url)
        except InputError as problem:
            return problem

    def _counted(
        self,
        pages: Sequence[ListPage],
        papers: Mapping[tuple[str, Announce], Announced],
        *,
        where: str,
        problem: DigestError | None = None,
    ) -> WholeList:
        """The wanted papers of a list, and whether they are as many as it says; `problem`: a later page's."""
        parts = {part_of(kind) for kind in self.announce}
        found = Counter(part_of(one.announce) for one in papers.values())
        stated = {part: max(page.totals.get(part, 0) for page in pages) for part in parts}
        number = sum(found[part] for part in parts)
        lacking = sum(max(said - found[part], 0) for part, said in stated.items())
        if lacking and not problem:
            what = f"has {number} entries where it says {number + lacking}"
            problem = InputError(what, where=where, fix="It may be cut off, or its layout may have changed.")
        return WholeList(
            day=pages[0].day,
            papers=tuple(one for one in papers.values() if one.announce in self.announce),
            lacking=lacking,
            warnings=tuple(warning for page in pages for warning in page.warnings),
            problems=(problem,) if problem else (),
        )
