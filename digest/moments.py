"""Moments and lengths of time in words, for those who run this."""

from datetime import UTC, datetime, timedelta


def in_utc(at: datetime) -> str:
    """`2026-08-21 06:10 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def lasting(time: timedelta) -> str:
    """`less than a minute`, `40 min`, `9 h 12 min`, `3 d 4 h`: never longer than it is."""
    minutes = time // timedelta(minutes=1)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if minutes < 1:
        return "less than a minute"
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min"
