"""`digest send`: one pass for cron, systemd timers and hands: fetch, make, send, say how each day stands."""

import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from digest.cli import setup
from digest.cli.fetch import BUSY, fetch_all, is_all_down
from digest.cli.screen import complain, note, say, warn, working
from digest.cli.tiers import embed, summarise
from digest.cli.world import World
from digest.config import WEEKDAYS, Configuration
from digest.errors import DeliveryError, DigestError, ExitCode
from digest.model import DeliveryState, Edition, Outcome, Profile, Summary

if TYPE_CHECKING:
    from digest.store.database import Database
    from digest.transport.protocol import Transport

T = TypeVar("T")


@click.command()
@click.argument("profiles", nargs=-1, metavar="[PROFILE...]")
@click.option("--no-fetch", is_flag=True, help="Use what is stored; do not read the sources first.")
@click.pass_context
def send(ctx: click.Context, profiles: tuple[str, ...], no_fetch: bool) -> None:
    """Make today's editions and send them, once.

    For all readers, or those named. A reader whose `days` leave out today is passed over unless named. A
    second run of the same day sends nothing; a message that could not be sent waits and is tried again by
    the next run of the day. Exit code 6: a message was not delivered; 3: a profile could not be used;
    4: no source could be read.
    """
    from digest.store.lock import sole_writer

    world: World = ctx.obj
    loaded = setup.configuration(ctx)
    readers = setup.chosen_profiles(loaded, profiles)
    with (
        setup.open_store(loaded) as database,
        sole_writer(setup.store_path(loaded), waiting=lambda: note(BUSY)),
    ):
        all_down = not no_fetch and is_all_down(fetch_all(loaded, database, world))
        embed(loaded, database, world)
        all_well = _Round(loaded, database, world.now()).serve(readers, world, named=bool(profiles))
    if not all_well:
        sys.exit(ExitCode.DELIVERY)
    if loaded.problems and not profiles:
        sys.exit(ExitCode.CONFIGURATION)
    if all_down:
        sys.exit(ExitCode.INPUT)


@dataclass(frozen=True, slots=True)
class _Round:
    """One pass over the readers: every message is made and stored before the first one is sent."""

    loaded: Configuration
    database: "Database"
    now: datetime

    def serve(self, readers: Iterable[Profile], world: World, *, named: bool) -> bool:
        """Whether every reader's day stands well."""
        well = self._settle()
        today = [(reader, day) for reader in readers if (day := self._due(reader, named=named))]
        made = self._make(today, world)
        return self._deliver(made, world) and well and len(made) == len(today)

    def _settle(self) -> bool:
        """Tell of messages that an earlier run was sending when it was killed."""
        from digest.outbox import settle

        cut_off = settle(self.database, self.now)
        for one in cut_off:
            warn(f"{one.profile}: the edition of {one.day} was cut off on its way out; it may have arrived")
        return not cut_off

    def _due(self, profile: Profile, *, named: bool) -> date | None:
        """The day to serve this reader, or `None` on a day that is not among the reader's."""
        from digest.pipeline import day_of

        day = day_of(profile, self.now)
        if day.weekday() in profile.days or named:
            return day
        say(f"{profile.name}: none today ({WEEKDAYS[day.weekday()]} is not among this reader's days)")
        return None

    def _make(self, today: Sequence[tuple[Profile, date]], world: World) -> list[tuple[Profile, date]]:
        """Put a message for each reader's day into the outbox; the days for which that went well."""
        decide = self._decider(world)
        decided = [
            (reader, day, editions)
            for reader, day in today
            if (editions := _alone(reader, partial(decide, reader, day))) is not None
        ]
        made = [edition for _, _, editions in decided for edition in editions]
        queue = self._queuer(summarise(self.loaded, self.database, made, world))
        return [
            (reader, day) for reader, day, editions in decided if _alone(reader, partial(queue, editions))
        ]

    def _decider(self, world: World) -> Callable[[Profile, date], tuple[Edition, ...]]:
        """What decides a reader's edition of a day; none if the day has its message already."""
        from digest.cli.tiers import embedding_model
        from digest.holdings import stored_reader, stored_shelf
        from digest.outbox import expire_older
        from digest.pipeline import make_edition
        from digest.store.deliveries import has_message

        names = {source.name for source in setup.sources(self.loaded)}
        embeds = self.loaded.settings.embedding is not None
        with working("scoring papers"), self.database.read() as connection:
            days, model = self.loaded.settings.window_days, embedding_model(self.loaded, world)
            shelf = stored_shelf(connection, names, window_days=days, now=self.now, model=model)

        def decide(profile: Profile, day: date) -> tuple[Edition, ...]:
            for old in expire_older(self.database, profile.name, day, self.now):
                say(f"{profile.name}: gave up the edition of {old.delivery.day}: {old.attempt.reply}")
            with self.database.read() as connection:
                if has_message(connection, profile.name, day):
                    return ()
                reader = stored_reader(connection, profile, day=day, embeds=embeds)
            return (make_edition(reader, shelf, day=day, now=self.now),)

        return decide

    def _queuer(self, written: Mapping[str, Summary]) -> Callable[[tuple[Edition, ...]], bool]:
        """What puts the messages of decided editions into the outbox."""
        from digest.outbox import enqueue_edition
        from digest.pipeline import make_message
        from digest.tiers import with_summaries

        renderer, sender = setup.renderer(self.loaded), setup.sender(self.loaded)

        def queue(editions: tuple[Edition, ...]) -> bool:
            for decided in editions:
                edition = with_summaries(decided, written)
                message = make_message(edition, renderer, sender)
                enqueue_edition(self.database, edition, message, self.now)
            return True

        return queue

    def _deliver(self, made: list[tuple[Profile, date]], world: World) -> bool:
        """Send what waits; whether all of it went out.

        A way out that nobody can use ends the round, and so do FEW failures in a row that may pass: each
        would cost every further reader a long wait.
        """
        transport = setup.transport(self.loaded, world)
        well: list[bool] = []
        passing = 0
        try:
            for profile, day in made:
                end = _alone(profile, partial(self._send, profile, day, transport))
                well.append(end is not None and end.is_well)
                passing = passing + 1 if end and end.may_pass else 0
                if passing == FEW:
                    break
        except DeliveryError as problem:
            complain(problem)
        finally:
            transport.close()
        if left := ", ".join(reader.name for reader, _ in made[len(well) :]):
            say(f"nothing can be sent now; the next run tries again: {left}")
        return all(well) and len(well) == len(made)

    def _send(self, profile: Profile, day: date, transport: "Transport") -> "_End":
        """Send this reader's message if it waits, and say how the day stands."""
        from digest.outbox import deliver
        from digest.store.deliveries import days

        sent = deliver(self.database, profile.name, day, transport, self.now)
        if sent and sent.attempt.state is DeliveryState.SENT:
            message = sent.delivery.message
            say(f"{profile.name}: sent to {message.envelope.recipient}: {message.subject}")
            return _End(is_well=True)
        if sent:
            say(f"{profile.name}: {_NOT_SENT[sent.attempt.state]}: {sent.attempt.reply}")
            return _End(is_well=False, may_pass=sent.attempt.state is DeliveryState.QUEUED)
        with self.database.read() as connection:
            (state,) = (one for one in days(connection, [profile.name], since=day) if one.day == day)
        say(f"{profile.name}: {state.outcome.value} ({state.reason}); nothing to send")
        return _End(is_well=state.outcome not in (Outcome.FAILED, Outcome.UNKNOWN))


@dataclass(frozen=True, slots=True)
class _End:
    """How a reader's day stands after this run, and whether what failed in it may pass by itself."""

    is_well: bool
    may_pass: bool = False


FEW = 5
_NOT_SENT = {
    DeliveryState.QUEUED: "not sent yet, the next run tries again",
    DeliveryState.FAILED: "refused for good; its papers come again in the next edition",
    DeliveryState.UNKNOWN: "unknown whether it arrived, so it will not be sent again",
}


def _alone(profile: Profile, step: Callable[[], T]) -> T | None:
    """One reader's step; whatever goes wrong with it stops no other, and a bug is still a traceback."""
    try:
        return step()
    except DeliveryError:
        raise
    except DigestError as problem:
        say(f"{profile.name}: failed")
        complain(problem)
    except Exception:
        say(f"{profile.name}: failed, by a fault in Digest; please report what follows")
        traceback.print_exc()
    return None
