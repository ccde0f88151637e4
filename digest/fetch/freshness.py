"""For how long a page may be used again, and how to ask whether it changed: RFC 9111 and 9110, 13.

The store may serve several readers and processes, so it keeps to what is asked of a shared cache.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from digest.fetch.memory import Page
from digest.fetch.waits import A_DAY_S, http_date
from digest.text import clean

_DIRECTIVE = re.compile(r'([a-z-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,"]*)))?', re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,12}")
_VALIDATOR_LIMIT = 500


def page_of(headers: Mapping[str, str], body: bytes, now: datetime, *, good_for_s: float) -> Page | None:
    """An answer as it may be remembered; `None` if it may not, or never could be of use."""
    told = _directives(headers)
    if {"no-store", "private"} & told.keys() or headers.get("vary", "").strip() == "*":  # 5.2.2.5, .7; 4.1
        return None
    page = Page(
        body=body,
        at=now,
        fresh_until=fresh_until(headers, now),
        etag=_validator(headers, "etag"),
        last_modified=_validator(headers, "last-modified"),
        content_type=clean(headers.get("content-type", ""), 200),
    )
    return page if page.etag or page.last_modified or page.fresh_until or good_for_s > 0 else None


def fresh_until(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Until when the server need not be asked (RFC 9111, 4.2), at most a day; `None` if it must be."""
    told = _directives(headers)
    if "no-cache" in told:  # 5.2.2.4
        return None
    left_s = _lifetime_s(headers, told, now) - _seconds(headers.get("age", ""))
    return now + timedelta(seconds=min(left_s, A_DAY_S)) if left_s > 0 else None


def is_good(page: Page, now: datetime, *, good_for_s: float) -> bool:
    """Whether a remembered page will do without asking; one from the future is a wrong clock's."""
    age_s = (now - page.at).total_seconds()
    is_fresh = page.fresh_until is not None and now < page.fresh_until and age_s <= A_DAY_S
    return age_s >= 0 and (is_fresh or age_s < good_for_s)


def condition(page: Page) -> dict[str, str]:
    """The headers that ask for a page only if it changed (RFC 9110, 13.1.2 and 13.1.3)."""
    named = {"If-None-Match": page.etag, "If-Modified-Since": page.last_modified}
    return {name: value for name, value in named.items() if value}


def _lifetime_s(headers: Mapping[str, str], told: Mapping[str, str], now: datetime) -> float:
    """The first that is given (RFC 9111, 4.2.1); nothing is guessed from Last-Modified."""
    for name in ("s-maxage", "max-age"):
        if name in told:
            return _seconds(told[name])
    expires = http_date(headers.get("expires", ""))
    if expires is None:
        return 0.0
    return (expires - (http_date(headers.get("date", "")) or now)).total_seconds()


def _directives(headers: Mapping[str, str]) -> dict[str, str]:
    """Of Cache-Control, by name; of one that stands twice, the first (RFC 9111, 4.2.1)."""
    found: dict[str, str] = {}
    for name, quoted, plain in _DIRECTIVE.findall(headers.get("cache-control", "")[:1_000]):
        found.setdefault(name.lower(), quoted or plain)
    return found


def _seconds(text: str) -> float:
    return float(text) if _SECONDS.fullmatch(text.strip()) else 0.0


def _validator(headers: Mapping[str, str], name: str) -> str:
    """As it came, if it can be sent back; a part of one would be another."""
    value = headers.get(name, "").strip()
    fits = value.isascii() and value.isprintable() and len(value) <= _VALIDATOR_LIMIT
    return value if fits else ""
