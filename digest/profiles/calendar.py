"""A profile's days against the calendar: a pause that was forgotten, days that nothing comes of."""

from collections.abc import Iterator
from datetime import date, timedelta

from digest.model import Every, Pause, Profile
from digest.outcome import in_full
from digest.profiles.findings import Finding
from digest.settings.values import WEEKDAYS

FORGOTTEN_AFTER = timedelta(days=30)


def check_calendar(profile: Profile, today: date) -> Iterator[Finding]:
    """What can be seen on the day it is where the reader lives."""
    if not profile.days:
        yield Finding(
            check="no-days",
            key="days",
            what="there are no days, so no edition is ever due",
            fix=f"Name some; for a while without, `digest pause {profile.name}` is better",
        )
    if profile.every is Every.WEEK and 1 < len(profile.days) < 7:
        first = WEEKDAYS[min(profile.days)]
        yield Finding(
            check="days-unused",
            key="days",
            what=f'with every = "week" the edition is on the first of them, "{first}"; the others do nothing',
            fix=f'`days = ["{first}"]` says the same',
        )
    if profile.pause:
        yield from _pause(profile.name, profile.pause, today)


def _pause(name: str, pause: Pause, today: date) -> Iterator[Finding]:
    if pause.until and pause.until <= today - FORGOTTEN_AFTER:
        yield Finding(
            check="pause-over",
            key="pause.until",
            what=f"the pause has been over since {in_full(pause.until)}",
            fix=f"`digest resume {name}` takes it out",
        )
    if pause.until is None and (pause.begins is None or pause.begins <= today - FORGOTTEN_AFTER):
        since = f"since {in_full(pause.begins)}" if pause.begins else "for an unknown time"
        yield Finding(
            check="pause-endless",
            key="pause",
            what=f"there have been no editions {since}, and the pause has no end",
            fix=f"`digest resume {name}` ends it; or name the first day with an edition again as until",
        )
