"""When to try again what may pass by itself."""

from datetime import datetime, timedelta

MINUTES = (5, 15, 30, 60, 120)
"""After the first failure, the second, ...; after all further ones as after the last."""
JITTER = 0.2


def next_try(deferrals: int, now: datetime, chance: float) -> datetime:
    """When a message is due again that failed in a way that may pass, after `deferrals` earlier ones.

    `chance`, 0 to 1, moves it by up to a fifth either way: what failed together must not come back together.
    """
    minutes = MINUTES[min(deferrals, len(MINUTES) - 1)]
    return now + timedelta(minutes=minutes * (1 - JITTER + 2 * JITTER * chance))
