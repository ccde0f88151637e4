"""The operator told of what needs a person; what goes wrong with that stops nothing, and is said."""

import asyncio
import traceback
from typing import TYPE_CHECKING

from digest.cli import setup
from digest.cli.screen import note as show
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.alarm import Alarm
    from digest.store.database import Database
    from digest.transport.protocol import Relay


def call_a_person(
    loaded: Configuration,
    database: "Database",
    world: World,
    alarms: "Sequence[Alarm]",
    *,
    alike: "Sequence[Alarm]" = (),
) -> tuple[str, ...]:
    """Tell the operator of alarms that were `take`n, and keep how that went; of those `alike`, only this.

    Returns what went wrong with it, each once.
    """
    from digest.alarm import note

    told = _sounded(loaded, world, alarms)
    problems = tuple(dict.fromkeys(problem for each in told for problem in each))
    with database.begin() as connection:
        for alarm, each in (*zip(alarms, told, strict=True), *((one, problems) for one in alike)):
            note(connection, alarm, world.now(), each)
    return problems


def call_without_record(loaded: Configuration, world: World, alarm: "Alarm") -> tuple[str, ...]:
    """The same where the store cannot be used: whoever calls remembers that it did."""
    return _sounded(loaded, world, [alarm])[0]


def _sounded(loaded: Configuration, world: World, alarms: "Sequence[Alarm]") -> "Sequence[tuple[str, ...]]":
    """All at once; a fault of ours is told like any other. Who is told by a command needs no relay."""
    from digest.alarm import sound

    channels, now = setup.channels(loaded, world), world.now()
    relays: tuple[Relay, ...] = ()
    unusable: tuple[str, ...] = ()
    if channels.email:
        try:
            relays = setup.relays(loaded, world)
        except ConfigurationError as problem:
            unusable = (str(problem),)

    async def tell() -> list[tuple[str, ...]]:
        return await asyncio.gather(*(sound(alarm, channels, relays, now) for alarm in alarms))

    try:
        return [(*unusable, *problems) for problems in asyncio.run(tell())]
    except Exception as problem:
        show(traceback.format_exc())
        return [(f"a fault in telling you of it ({type(problem).__name__})",)] * len(alarms)
