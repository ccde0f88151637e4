"""The newest lists of some categories of arXiv, and those that were missed.

The feed is read first. It may fail, be cut, be empty, or still be that of the day before; what it does not
settle is read from the pages of the site, which say how much they hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from digest.errors import DigestError, FetchError, InputError, StaleError
from digest.fetch.web import Form, Web
from digest.model import Entry, Listing
from digest.sources.arxiv_calendar import day_in_new_york, missed_days, why_no_list
from digest.sources.arxiv_feed import MOST_ITEMS, parse_feed
from digest.sources.arxiv_paper import Announce, Announced, ArxivList, is_in
from digest.sources.arxiv_site import Site, WholeList
from digest.sources.protocol import Wanted

TOGETHER = 3
"""So many categories are asked for in one feed; an archive goes alone, as it may fill one."""
CHECKED_FOR_S = 3 * 3600.0
"""A feed of nothing new is checked against the site, and again only after so many seconds."""
CATCHUP_DAYS = 90
"""Lists of longer ago are not on the site."""
_FIX = (
    "It is read again the next time. arXiv may be late, or have a holiday: "
    "https://info.arxiv.org/help/availability.html"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is read, and where."""

    categories: tuple[str, ...]
    announce: frozenset[Announce]
    days_back: int
    feed_url: str
    site_url: str


def read_lists(web: Web, asked: Asked, wanted: Wanted) -> Iterator[Listing | DigestError]:
    """The newest list, then those missed since the last good harvest, the latest first; one listing a day."""
    site = Site(web=web, url=asked.site_url, announce=asked.announce, at=wanted.at)
    yield from _Daily(site=site, asked=asked, wanted=wanted).read()


@dataclass(slots=True)
class _Day:
    """What was read of the list of one day, each paper once."""

    entries: dict[str, Entry] = field(default_factory=dict)
    layouts: set[str] = field(default_factory=set)
    lacking: int = 0

    def add(self, papers: Sequence[Announced], layout: str) -> None:
        for one in papers:
            self.entries.setdefault(one.entry.paper.id, one.entry)
        self.layouts.add(layout)


@dataclass(slots=True, kw_only=True)
class _Daily:
    """Collects what is read, and gives it away a day at a time."""

    site: Site
    asked: Asked
    wanted: Wanted
    _days: dict[date, _Day] = field(default_factory=dict)
    _warnings: list[str] = field(default_factory=list)
    _problems: list[DigestError] = field(default_factory=list)

    # ------------------------------------------------------------ days

    def read(self) -> Iterator[Listing | DigestError]:
        """The list that is due now, or why there is none; then those missed, as many as are made up for."""
        today = day_in_new_york(self.wanted.at)
        missed, lost = self._missed(today)
        if lost:
            self._warnings.append(
                f"The lists from {lost[-1]} to {lost[0]} were missed, too, and not made up for: "
                f"days_back is {self.asked.days_back}"
            )
        why = why_no_list(today)
        for group in _groups(self.asked.categories):
            if why:
                self._read_unexpected(group, today)
            else:
                self._read_expected(group, today)
        yield from self._given(today, why)
        for day in missed:
            for category in self.asked.categories:
                self._keep(self.site.of_day(category, day))
            yield from self._given(day, why_no_list(day))

    def _missed(self, today: date) -> tuple[Sequence[date], Sequence[date]]:
        """The days since the last good harvest, the latest first: those made up for, and the rest."""
        since = self.wanted.since
        if since is None:
            return (), ()
        earliest = today - timedelta(days=CATCHUP_DAYS)
        days = missed_days(max(since, earliest), self.wanted.at)[::-1]
        return days[: self.asked.days_back], days[self.asked.days_back :]

    def _given(self, day: date, why: str) -> Iterator[Listing | DigestError]:
        """What was collected, the newest list first, and what went wrong; then it begins anew."""
        days, warnings, problems = self._days, tuple(self._warnings), tuple(self._problems)
        self._days, self._warnings, self._problems = {}, [], []
        full = [(one, found) for one, found in days.items() if found.entries]
        for one, found in sorted(full, key=lambda pair: pair[0], reverse=True):
            yield Listing(
                layout=", ".join(sorted(found.layouts)),
                entries=tuple(found.entries.values()),
                warnings=warnings,
                day=one,
                expected=len(found.entries) + found.lacking,
            )
            warnings = ()
        if not full and not problems:
            kinds = " or ".join(kind for kind in Announce if kind in self.asked.announce)
            quiet = why or f"arXiv lists nothing {kinds} of {', '.join(self.asked.categories)} on {day}"
            yield Listing(layout="arXiv", entries=(), day=day, warnings=warnings, quiet=quiet)
        yield from problems

    # ------------------------------------------------------------ the feed

    def _read_expected(self, group: tuple[str, ...], due: date) -> None:
        """The list of a day that has one: by the feed, and by a page for each category it does not settle."""
        feed = self._feed(group)
        if isinstance(feed, DigestError):
            for category in group:
                self._replace(category, feed, due)
            return
        doubtful = self._doubtful(feed, group, due)
        self._keep_feed(feed, [one for one in group if one not in doubtful], due)
        for category in doubtful:
            self._check(category, feed, due)

    def _read_unexpected(self, group: tuple[str, ...], today: date) -> None:
        """What the feed has on a day that has no list, or may have none: nothing, if all is well."""
        feed = self._feed(group)
        if isinstance(feed, DigestError):
            self._problems.append(feed)
        else:
            self._keep_feed(feed, (), today)

    def _feed(self, group: tuple[str, ...]) -> ArxivList | DigestError:
        url = f"{self.asked.feed_url}/rss/{'+'.join(group)}"
        data = self.site.get(url, Form.XML)
        if isinstance(data, DigestError):
            return data
        try:
            return parse_feed(data, at=self.wanted.at, where=url)
        except InputError as problem:
            return problem

    def _doubtful(self, feed: ArxivList, group: tuple[str, ...], due: date) -> tuple[str, ...]:
        """The categories of which the feed has nothing new: there is nothing, or the feed is an old one."""
        if len(feed.papers) >= MOST_ITEMS:
            self._warnings.append(
                f"The feed of {', '.join(group)} has {len(feed.papers)} papers, the most it can hold, and "
                "what is new falls off first; the site's pages were read, too"
            )
            return group
        if feed.day and feed.day < due:
            return group
        new = [one for one in self._chosen(feed) if not self._is_known(one)]
        return tuple(category for category in group if not any(_concerns(one, category) for one in new))

    def _keep_feed(self, feed: ArxivList, sure: Sequence[str], today: date) -> None:
        """The feed's papers; of categories that are not sure, new ones only: an old list, too, says today."""
        self._warnings.extend(feed.warnings)
        chosen = self._chosen(feed)
        kept = [
            one for one in chosen if not self._is_known(one) or any(_concerns(one, each) for each in sure)
        ]
        if kept:
            self._day(feed.day or today).add(kept, "arXiv RSS")

    def _chosen(self, feed: ArxivList) -> list[Announced]:
        return [one for one in feed.papers if one.announce in self.asked.announce]

    def _is_known(self, paper: Announced) -> bool:
        return paper.entry.paper.id in self.wanted.known

    # ------------------------------------------------------------ the site's pages

    def _replace(self, category: str, feed: DigestError, due: date) -> None:
        """The list of a category whose feed has failed."""
        found = self._current(category, due)
        if isinstance(found, DigestError):
            self._problems.append(_both(feed, found))
            return
        self._keep(found)
        if not isinstance(feed, InputError):
            self._warnings.append(f"The feed failed ({feed}); the list of {category} was read in its place")
        elif feed not in self._problems:
            self._problems.append(feed)

    def _check(self, category: str, feed: ArxivList, due: date) -> None:
        """The list of a category of which the feed has nothing new.

        Where that was so when a harvest of the same day went well, a site that is down is no reason to worry.
        """
        found = self._current(category, due, good_for_s=CHECKED_FOR_S)
        is_had = self.wanted.since is not None and self.wanted.since >= due
        if isinstance(found, FetchError) and is_had:
            self._warnings.append(f"The feed has nothing new of {category}, and was not checked: {found}")
            own = [one for one in self._chosen(feed) if _concerns(one, category)]
            self._day(feed.day or due).add(own, "arXiv RSS")
        else:
            self._keep(found)

    def _current(self, category: str, due: date, *, good_for_s: float = 0) -> WholeList | DigestError:
        """The list of the day that is due: the site's newest, else the one it has for that day."""
        newest = self.site.newest(category, good_for_s=good_for_s)
        if isinstance(newest, DigestError) or newest.day == due:
            return newest
        past = self.site.of_day(category, due, good_for_s=good_for_s)
        if newest.day > due:
            self._keep(newest)
            return past
        if isinstance(past, WholeList) and past.papers:
            return past
        what = f"the list of {category} is still that of {newest.day}, where that of {due} is due"
        return StaleError(what, where=self.site.newest_url(category), fix=_FIX)

    def _keep(self, found: WholeList | DigestError) -> None:
        if isinstance(found, DigestError):
            self._problems.append(found)
            return
        self._warnings.extend(found.warnings)
        self._problems.extend(found.problems)
        day = self._day(found.day)
        day.add(found.papers, "arXiv list")
        day.lacking += found.lacking

    def _day(self, day: date) -> _Day:
        return self._days.setdefault(day, _Day())


def _groups(categories: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Which are asked for in one feed."""
    yield from ((one,) for one in categories if "." not in one)
    classes = [one for one in categories if "." in one]
    for start in range(0, len(classes), TOGETHER):
        yield tuple(classes[start : start + TOGETHER])


def _concerns(paper: Announced, category: str) -> bool:
    """Whether a paper is of a category, as far as it tells."""
    return not paper.categories or any(is_in(one, category) for one in paper.categories)


def _both(feed: DigestError, page: DigestError) -> DigestError:
    """That neither feed nor page helped: an alarm if one of them is, or stale if only the page is."""
    is_page = isinstance(page, InputError) and not isinstance(feed, InputError)
    main, other = (page, feed) if is_page else (feed, page)
    kind = next(one for one in (StaleError, InputError, FetchError) if isinstance(main, one))
    return kind(f"{main.what}; nor did {other.where} help: {other.what}", where=main.where, fix=main.fix)
