"""`digest send`: one pass for cron, systemd timers and hands: fetch, make, send, say how each day stands."""

import sys
import traceback
from datetime import date
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.fetch import fetch_all, is_all_down
from digest.cli.screen import complain, say, working
from digest.cli.world import World
from digest.config import WEEKDAYS, Configuration
from digest.errors import DeliveryError, DigestError, ExitCode
from digest.model import DeliveryState, Profile

if TYPE_CHECKING:
    from digest.outbox import Sent
    from digest.pipeline import Shelf
    from digest.rendering.renderer import Renderer
    from digest.store.database import Database
    from digest.transport.protocol import Transport


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
    world: World = ctx.obj
    loaded = setup.configuration(ctx)
    readers = setup.chosen_profiles(loaded, profiles)
    with setup.open_store(loaded) as database:
        all_down = not no_fetch and is_all_down(fetch_all(loaded, database, world))
        endings = _Round(loaded, database, world, named=bool(profiles)).send_to(readers)
    if not all(endings):
        sys.exit(ExitCode.DELIVERY)
    if loaded.problems and not profiles:
        sys.exit(ExitCode.CONFIGURATION)
    if all_down:
        sys.exit(ExitCode.INPUT)


class _Round:
    """One pass over the readers, with what they share."""

    def __init__(self, loaded: Configuration, database: "Database", world: World, *, named: bool) -> None:
        from digest.holdings import stored_shelf

        self._loaded, self._database, self._named = loaded, database, named
        self._now = world.now()
        self._renderer: Renderer = setup.renderer(loaded)
        self._transport: Transport = setup.transport(loaded, world)
        with working("scoring papers"), database.read() as connection:
            self._shelf: Shelf = stored_shelf(
                connection, window_days=loaded.settings.window_days, now=self._now
            )

    def send_to(self, readers: tuple[Profile, ...]) -> list[bool]:
        """Whether each reader's day stands well."""
        try:
            return [self._send(reader) for reader in readers]
        finally:
            self._transport.close()

    def _send(self, profile: Profile) -> bool:
        """One reader's day; whatever goes wrong with it stops no other, and a bug is still a traceback."""
        try:
            return self._day(profile)
        except DeliveryError:
            raise
        except DigestError as problem:
            say(f"{profile.name}: failed")
            complain(problem)
        except Exception:
            say(f"{profile.name}: failed, by a fault in Digest; please report what follows")
            traceback.print_exc()
        return False

    def _day(self, profile: Profile) -> bool:
        from digest.holdings import stored_reader
        from digest.outbox import deliver, enqueue_edition, expire_older
        from digest.pipeline import day_of, make_edition, make_message
        from digest.store.deliveries import has_message

        day = day_of(profile, self._now)
        if day.weekday() not in profile.days and not self._named:
            say(f"{profile.name}: none today ({WEEKDAYS[day.weekday()]} is not among this reader's days)")
            return True
        for given_up in expire_older(self._database, profile.name, day, self._now):
            say(f"{profile.name}: gave up the edition of {given_up.delivery.day}: {given_up.attempt.reply}")
        with self._database.read() as connection:
            exists = has_message(connection, profile.name, day)
            reader = stored_reader(connection, profile, day=day)
        if not exists:
            edition = make_edition(reader, self._shelf, day=day, now=self._now)
            message = make_message(edition, self._renderer, self._loaded.settings.mail.sender())
            enqueue_edition(self._database, edition, message, self._now)
        return self._report(
            profile, day, deliver(self._database, profile.name, day, self._transport, self._now)
        )

    def _report(self, profile: Profile, day: date, sent: "Sent | None") -> bool:
        from digest.store.deliveries import days

        if sent and sent.attempt.state is DeliveryState.SENT:
            say(f"{profile.name}: sent to {profile.email}: {sent.delivery.message.subject}")
            return True
        if sent:
            say(f"{profile.name}: {_NOT_SENT[sent.attempt.state]}: {sent.attempt.reply}")
            return False
        with self._database.read() as connection:
            state = days(connection, [profile.name], since=day)[0]
        say(f"{profile.name}: {state.outcome.value} ({state.reason}); nothing to send")
        return True


_NOT_SENT = {
    DeliveryState.QUEUED: "not sent yet, the next run tries again",
    DeliveryState.FAILED: "refused for good; its papers come again in the next edition",
    DeliveryState.UNKNOWN: "unknown whether it arrived, so it will not be sent again",
}
