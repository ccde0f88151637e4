"""Stored papers of days gone by, as the profile tools read them: once, and never to change anything."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from digest.cli import setup
from digest.cli.screen import working
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import StoreError
from digest.model import Candidate, Profile

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.pipeline import Reader, Shelf

    _DaysType = click.ParamType[int]
else:
    _DaysType = click.ParamType  # older clicks have no subscript here


class Span(_DaysType):
    """A number of days: `30d`, `6w`, or plain `30`."""

    name = "days"
    most = 3_660

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of days, or wrong usage."""
        found = re.fullmatch(r"(\d{1,5})([dw]?)", str(value))
        days = int(found[1]) * (7 if found[2] == "w" else 1) if found else 0
        if not 1 <= days <= self.most:
            self.fail(
                f"{value!r} is no number of days from 1 to {self.most:,}; write 30d, 6w or 30", param, ctx
            )
        return days


def load_papers(
    loaded: Configuration, profiles: Sequence[Profile], *, first: date, last: date, now: datetime
) -> "tuple[tuple[Candidate, ...], tuple[Reader, ...]]":
    """The papers that could first be seen from `first` to `last`, and the readers as those days began.

    Raises StoreError if there is no store, or it holds no paper of those days.
    """
    from digest.holdings import stored_reader
    from digest.profiles.past import seen_between

    place = setup.store_name(loaded)
    if not setup.has_store(loaded):
        raise StoreError("there is no store yet", where=place, fix="Run `digest fetch`")
    zone = ZoneInfo(profiles[0].timezone) if profiles else UTC
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        candidates = seen_between(_candidates(connection, first, now), first, last, zone)
        readers = tuple(stored_reader(connection, profile, day=first) for profile in profiles)
    if not candidates:
        fix = "Name other days, or run `digest fetch`"
        raise StoreError(f"no stored paper was first seen from {first} to {last}", where=place, fix=fix)
    return candidates, readers


def load_shelf(
    loaded: Configuration, profiles: Sequence[Profile], *, first: date, last: date, world: World
) -> "tuple[Shelf, tuple[Reader, ...]]":
    """The same with the papers read for scoring, once for all days and readers."""
    from digest.cli.tiers import embedding_model
    from digest.holdings import shelf_among_stored

    candidates, readers = load_papers(loaded, profiles, first=first, last=last, now=world.now())
    model = embedding_model(loaded, world)
    with (
        working(f"reading {len(candidates):,} papers of those days, and others to measure against ..."),
        setup.open_store_for_reading(loaded) as database,
        database.read() as connection,
    ):
        return shelf_among_stored(connection, candidates, now=world.now(), model=model), readers


def _candidates(connection: "Connection", first: date, now: datetime) -> tuple[Candidate, ...]:
    """A paper is never stored before its list's day begins anywhere on earth; two days are room for that."""
    from digest.store.papers import recent_candidates

    since = datetime.combine(first, time(), tzinfo=UTC) - timedelta(days=2)
    return recent_candidates(connection, since, now)
