"""The newest lists of some categories of arXiv, and those that were missed.

The feed is read first. It may fail, be cut, be empty, or still be that of the day before; what it does not
settle is read from the pages of the site, which say how much they hold.
"""

from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date

from digest.errors import DigestError, FetchError, InputError, LostError, StaleError
from digest.fetch.web import Form, Web
from digest.model import Entry, Listing
from digest.sources.arxiv_calendar import day_in_new_york, missed_days, newest_list, why_no_list
from digest.sources.arxiv_categories import is_in
from digest.sources.arxiv_feed import MOST_ITEMS, parse_feed
from digest.sources.arxiv_paper import Announce, Announced, ArxivList
from digest.sources.arxiv_site import NotAskedError, Site, WholeList
from digest.sources.protocol import Wanted

TOGETHER = 3
"""So many categories are asked for in one feed; an archive goes alone, as it may fill one."""
MOST_SHOWN = 5
"""Warnings that are told with a problem."""
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
    """The newest list, then those missed since the last whole harvest, the latest first; a listing a day."""
    site = Site(web=web, url=asked.site_url, announce=asked.announce, at=wanted.at)
    yield from _Daily(site=site, asked=asked, wanted=wanted, known=set(wanted.known)).read()


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
    known: set[str]
    """The papers of earlier lists, those made up for included."""
    _days: dict[date, _Day] = field(default_factory=dict)
    _warnings: list[str] = field(default_factory=list)
    _problems: list[DigestError] = field(default_factory=list)
    _unasked: list[str] = field(default_factory=list)
    """Categories that were not asked for."""

    # ------------------------------------------------------------ days

    def read(self) -> Iterator[Listing | DigestError]:
        """The list that is due now, or why there is none; then those missed, and what is not made up for.

        The feeds are asked first, as they matter most, and judged last: one that still has the list of a day
        that was missed can be told only by that list.
        """
        feeds = {group: self._feed(group) for group in _groups(self.asked.categories)}
        made_up = list(self._made_up())
        today = day_in_new_york(self.wanted.at)
        why = why_no_list(today)
        for group, feed in feeds.items():
            if why:
                self._read_unexpected(feed, group, today)
            else:
                self._read_expected(feed, group, today)
        if self._unasked:
            what = f"not asked for {', '.join(self._unasked)}: arXiv did not answer just before"
            self._problems.append(FetchError(what, where=self.site.newest_url(self._unasked[0])))
        yield from self._given(today, why)
        yield from made_up

    def _made_up(self) -> Iterator[Listing | DigestError]:
        """The lists of the days that were missed; those that cannot be had are one problem, or two."""
        missed = self._missed()
        asked, lost = missed[: self.asked.days_back], missed[self.asked.days_back :]
        failed: dict[date, FetchError] = {}
        for day in asked:
            for category in self.asked.categories:
                found = self.site.of_day(category, day)
                if isinstance(found, FetchError):
                    failed.setdefault(day, found)
                else:
                    self._keep(found)
            self.known.update(*(one.entries for one in self._days.values()))
            yield from self._given(day, why_no_list(day), is_whole=day not in failed)
        if failed:
            first = next(iter(failed.values()))
            fix = f'It is tried again the next time; "digest fetch --since {min(failed)}" asks another way.'
            yield FetchError(f"{_lists_of(failed)} missed: {first.what}", where=first.where, fix=fix)
        if lost:
            what = f"{_lists_of(lost)} missed, and not made up for: days_back is {self.asked.days_back}"
            yield LostError(what, where=self.site.url, fix=f'Run "digest fetch --since {min(lost)}".')

    def _missed(self) -> Sequence[date]:
        """The days since the last whole harvest, the latest first.

        Where there was none, the day of the newest list, unless that is today's.
        """
        at = self.wanted.at
        if self.wanted.since is not None:
            return missed_days(self.wanted.since, at)[::-1]
        newest = newest_list(at)
        return (newest,) if newest < day_in_new_york(at) else ()

    def _given(self, day: date, why: str, *, is_whole: bool = True) -> Iterator[Listing | DigestError]:
        """What was collected, the newest list first, and what went wrong; then it begins anew.

        That there is nothing on a day that should have a list is believed of pages only, which say so.
        """
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
        if not full and not problems and is_whole:
            kinds = " or ".join(kind for kind in Announce if kind in self.asked.announce)
            quiet = why or f"arXiv lists nothing {kinds} of {', '.join(self.asked.categories)} on {day}"
            yield Listing(
                layout="arXiv", entries=(), day=day, warnings=warnings, quiet=quiet, by_calendar=bool(why)
            )
            warnings = ()
        if problems and warnings:
            problems, warnings = (_with(problems[0], warnings), *problems[1:]), ()
        self._warnings.extend(warnings)  # of a day of which nothing could be had; the next one tells of them
        yield from problems

    # ------------------------------------------------------------ the feed

    def _read_expected(self, feed: ArxivList | DigestError, group: tuple[str, ...], due: date) -> None:
        """The list of a day that has one: by the feed, and by a page for each category it does not settle."""
        if isinstance(feed, DigestError):
            for category in group:
                self._replace(category, feed, due)
            return
        doubtful = self._doubtful(feed, group, due)
        self._keep_feed(feed, group, doubtful, due)
        for category in doubtful:
            self._keep_or_name(category, self._current(category, due))

    def _read_unexpected(self, feed: ArxivList | DigestError, group: tuple[str, ...], today: date) -> None:
        """What the feed has on a day that has no list, or may have none: nothing, if all is well."""
        if isinstance(feed, NotAskedError):
            self._unasked.extend(group)
        elif isinstance(feed, DigestError):
            self._problems.append(feed)
        else:
            self._keep_feed(feed, group, group, today)

    def _feed(self, group: tuple[str, ...]) -> ArxivList | DigestError:
        url = f"{self.asked.feed_url}/rss/{'+'.join(group)}"
        data = self.site.get(url, Form.XML)
        if isinstance(data, DigestError):
            return data
        try:
            feed = parse_feed(data, at=self.wanted.at, where=url)
        except InputError as problem:
            return problem
        if feed.papers and not any(_concerns(one, each) for one in feed.papers for each in group):
            return InputError(f"a feed without any paper of {', '.join(group)}", where=url)
        return feed

    def _doubtful(self, feed: ArxivList, group: tuple[str, ...], due: date) -> tuple[str, ...]:
        """The categories of which the feed has nothing new: there is nothing, or the feed is an old one.

        Of several categories, only a paper's first counts: one that is listed in two, and new in one of them,
        says nothing of the other. What was read whole that day was settled then.
        """
        if len(feed.papers) >= MOST_ITEMS:
            self._warnings.append(
                f"The feed of {', '.join(group)} has {len(feed.papers)} papers, the most it can hold, and "
                "what is new falls off first; the site's pages were read, too"
            )
            return group
        if feed.day and feed.day < due:
            return group
        since, chosen = self.wanted.since, self._chosen(feed)
        if since is not None and day_in_new_york(since) >= due:
            settled = chosen
        else:
            settled = [one for one in chosen if not self._is_known(one)]
        is_of = _is_own if len(group) > 1 else _concerns
        return tuple(category for category in group if not any(is_of(one, category) for one in settled))

    def _keep_feed(self, feed: ArxivList, group: Sequence[str], doubtful: Sequence[str], today: date) -> None:
        """The feed's papers; of doubtful categories new ones only: an old list, too, says today."""
        self._warnings.extend(feed.warnings)
        sure = [one for one in group if one not in doubtful]
        kept = [
            one
            for one in self._chosen(feed)
            if not self._is_known(one)
            or (
                any(_concerns(one, each) for each in sure)
                and not any(_is_own(one, each) for each in doubtful)
            )
        ]
        if kept:
            self._day(feed.day or today).add(kept, "arXiv RSS")

    def _chosen(self, feed: ArxivList) -> list[Announced]:
        return [one for one in feed.papers if one.announce in self.asked.announce]

    def _is_known(self, paper: Announced) -> bool:
        return paper.entry.paper.id in self.known

    # ------------------------------------------------------------ the site's pages

    def _replace(self, category: str, feed: DigestError, due: date) -> None:
        """The list of a category whose feed has failed."""
        found = self._current(category, due)
        if isinstance(found, NotAskedError):
            self._unasked.append(category)
            if not isinstance(feed, NotAskedError):
                self._add(feed)
        elif isinstance(found, DigestError):
            self._problems.append(_both(feed, found))
        else:
            self._keep(found)
            if isinstance(feed, InputError):
                self._add(feed)
            else:
                told = f"The feed failed ({feed}); the list of {category} was read in its place"
                self._warnings.append(told)

    def _add(self, problem: DigestError) -> None:
        """Once, however many categories it is about."""
        if problem not in self._problems:
            self._problems.append(problem)

    def _current(self, category: str, due: date) -> WholeList | DigestError:
        """The list of the day that is due: the site's newest, else the one it has for that day."""
        newest = self.site.newest(category)
        if isinstance(newest, DigestError) or newest.day == due:
            return newest
        past = self.site.of_day(category, due)
        if newest.day > due:
            self._keep(newest)
            return past
        if isinstance(past, WholeList) and past.papers:
            return past
        what = f"the list of {category} is still that of {newest.day}, where that of {due} is due"
        return StaleError(what, where=self.site.newest_url(category), fix=_FIX)

    def _keep_or_name(self, category: str, found: WholeList | DigestError) -> None:
        if isinstance(found, NotAskedError):
            self._unasked.append(category)
        else:
            self._keep(found)

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


def _is_own(paper: Announced, category: str) -> bool:
    """Whether it is a paper's first category."""
    return bool(paper.categories) and is_in(paper.categories[0], category)


def _lists_of(days: Collection[date]) -> str:
    """`the list of 2026-03-09 was`, `the lists of 3 days, 2026-03-05 to 2026-03-09, were`."""
    first, last = min(days), max(days)
    if first == last:
        return f"the list of {first} was"
    return f"the lists of {len(days)} days, {first} to {last}, were"


def _with(problem: DigestError, warnings: Sequence[str]) -> DigestError:
    """A problem that tells of warnings, too, where no list is there to carry them."""
    told = copy(problem)
    more = f"; and {len(warnings) - MOST_SHOWN} more" if len(warnings) > MOST_SHOWN else ""
    told.what += f" (and: {'; '.join(warnings[:MOST_SHOWN])}{more})"
    return told


def _both(feed: DigestError, page: DigestError) -> DigestError:
    """That neither feed nor page helped: an alarm if one of them is, or stale if only the page is."""
    is_page = isinstance(page, InputError) and not isinstance(feed, InputError)
    main, other = (page, feed) if is_page else (feed, page)
    kind = next(one for one in (StaleError, InputError, FetchError) if isinstance(main, one))
    why = "" if other.what == main.what else f": {other.what}"
    what = f"{main.what}; nor did its {'feed' if is_page else 'page'} help{why}"
    return kind(what, where=main.where, fix=main.fix)
