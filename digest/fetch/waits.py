"""How long a server asks to be left alone."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

A_DAY_S = 86_400.0
"""The longest wait that is believed."""
_LIMIT = re.compile(r"\br=(\d{1,9})\b[^,]{0,100}?;\s*t=(\d{1,9})\b")
_SECONDS = re.compile(r"[0-9]{1,12}")


def asked_wait_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait before trying again, up to a day; `None` if the server does not say.

    Retry-After (RFC 9110, 10.2.3), else the `t=` of RateLimit (draft-ietf-httpapi-ratelimit-headers).
    """
    asked = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(asked):
        return min(float(asked), A_DAY_S)
    if (moment := http_date(asked)) is not None:
        return min(max((moment - now).total_seconds(), 0.0), A_DAY_S)
    limits = _LIMIT.findall(_rate_limit(headers))
    return min(max(float(reset) for _, reset in limits), A_DAY_S) if limits else None


def spent_wait_s(headers: Mapping[str, str]) -> float:
    """Seconds, up to a day, until a server that says that no requests are left has some again; else 0."""
    spent = (float(reset) for left, reset in _LIMIT.findall(_rate_limit(headers)) if int(left) == 0)
    return min(max(spent, default=0.0), A_DAY_S)


def http_date(text: str) -> datetime | None:
    """A moment as HTTP writes it (RFC 9110, 5.6.7); `None` if it is none."""
    try:
        moment = parsedate_to_datetime(text[:100])
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def moment_in_words(until: datetime, now: datetime) -> str:
    """`14:05 UTC`, with the date if that is another."""
    there = until.astimezone(UTC)
    form = "%H:%M UTC" if there.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M UTC"
    return there.strftime(form)


def _rate_limit(headers: Mapping[str, str]) -> str:
    return headers.get("ratelimit", "")[:500]
