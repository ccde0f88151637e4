"""What every source is: something that lists papers."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from digest.errors import DigestError
from digest.fetch.web import Web
from digest.model import Entry, Listing
from digest.rhythm import GROWING, STEADY, Rhythm

NONE: Set[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a harvest asks of a source."""

    today: date
    """The day (UTC) whose list is wanted most."""
    at: datetime
    """The moment of the observations."""
    since: datetime | None = None
    """When this source was last read whole, without a problem; where it never was, a day before it was first
    tried. What came since is made up for, as far as the source can; what it cannot is told as a LostError.
    `None`: it was never tried."""
    known: Set[str] = NONE
    """Ids that this source's lists brought in the last days: a list of nothing else is an old one."""
    liked: tuple[tuple[str, ...], ...] = ()
    """Of each reader, the ids of the papers she likes, the latest last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a source is set up."""

    folder: Path
    """Relative paths are from here."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For secrets only."""


class Source(Protocol):
    """A place that lists papers; made of its table and its `Place`.

    Its class has three more things: `Table`, the model of its `[[sources]]` table (a `SourceTable`), and what
    follows here. It reads nothing and asks nothing before `read`.
    """

    name: str
    """By which the store, the records and the mail know it."""
    grows: bool
    """Whether the list of a day grows during that day, so that one that is short may only be early."""

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """Its lists, one by one, each a value or what went wrong with it.

        FetchError: it could not be got; LostError: it can be got no more. InputError, with the page's address
        in `where`: it was got, and is not what it was taken for, which is an alarm. A list without papers
        says in `quiet` why there are none, and in `by_calendar` whether that is known of the day, or is an
        alarm, too.
        """
        ...

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        """One paper by its id; `None` if this source does not know it. Raises FetchError or InputError."""
        ...


@runtime_checkable
class Member(Source, Protocol):
    """A source that answers nobody without a login."""

    def check_login(self) -> None:
        """Asks nobody. Raises ConfigurationError for what is lacking, or must not be sent there."""
        ...


@runtime_checkable
class Timed(Source, Protocol):
    """A source of which is known when it has something new."""

    rhythm: Rhythm


def rhythm_of(source: Source) -> Rhythm:
    """When a source is to be read, also of one that does not say."""
    if isinstance(source, Timed):
        return source.rhythm
    return GROWING if source.grows else STEADY


@runtime_checkable
class Archive(Source, Protocol):
    """A source that has the lists of past days, too."""

    def read_past(
        self, web: Web, since: date, until: date, *, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """The lists from one day to another, both included, each with its `day`; values as those of `read`.

        A day may have several listings, one a page, so that not all is in memory at once.
        """
        ...
