"""Which day a reader has, and how it stands, in the words that mail, status and preview share."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from digest.model import Edition, Outcome, Profile, QuietDay
from digest.tex.prose import readable
from digest.text import shorten


def day_of(profile: Profile, now: datetime) -> date:
    """The reader's local date."""
    return now.astimezone(ZoneInfo(profile.timezone)).date()


def has_message(edition: Edition) -> bool:
    """Whether this edition goes out: with picks always, without them if the reader wants to know."""
    if edition.outcome is Outcome.READY:
        return True
    wanted = edition.profile.on_quiet_day
    return wanted is QuietDay.NOTE or (wanted is QuietDay.TRENDING and bool(edition.sections))


def reason_of(edition: Edition) -> str:
    """Why the day is as it is, in one sentence without its full stop."""
    if edition.outcome is Outcome.READY:
        return f"{len(edition.shown)} of {papers(edition)} chosen"
    if edition.outcome is Outcome.QUIET:
        return f"none of {papers(edition)} reached {edition.profile.threshold}{_best_miss(edition)}"
    if edition.outcome is Outcome.SOURCE_DOWN:
        return "a source could not be read, and there are no new papers"
    return "no source had a new paper"


def papers(edition: Edition) -> str:
    """What was considered: `1 new paper`, `38 new papers`, `210 papers (5 new)`."""
    noun = "paper" if edition.considered == 1 else "papers"
    if not edition.n_known:
        return f"{edition.considered} new {noun}"
    return f"{edition.considered} {noun} ({edition.n_new} new)"


def _best_miss(edition: Edition) -> str:
    if not edition.misses:
        return ""
    best = edition.misses[0]
    return f"; the closest was {shorten(readable(best.paper.title), 80)} with {best.score.value}"
