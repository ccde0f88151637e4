"""How a reader's day stands, in the words that mail, status and preview share."""

from digest.model import Edition, Outcome, QuietDay
from digest.tex.prose import readable
from digest.text import shorten


def has_message(edition: Edition) -> bool:
    """Whether this edition goes out: with picks always, without them if the reader wants to know."""
    if edition.outcome is Outcome.READY:
        return True
    wanted = edition.profile.on_quiet_day
    return wanted is QuietDay.NOTE or (wanted is QuietDay.TRENDING and bool(edition.sections))


def reason_of(edition: Edition) -> str:
    """Why the day is as it is, in one sentence without its full stop."""
    if edition.outcome is Outcome.READY:
        return f"{len(edition.shown)} of {papers(edition.considered)} chosen"
    if edition.outcome is Outcome.QUIET:
        return (
            f"none of {papers(edition.considered)} reached {edition.profile.threshold}{_best_miss(edition)}"
        )
    if edition.outcome is Outcome.SOURCE_DOWN:
        return "a source could not be read, and there are no new papers"
    return "no source had a new paper"


def papers(number: int) -> str:
    """`1 new paper`, `38 new papers`."""
    return f"{number} new paper" + ("" if number == 1 else "s")


def _best_miss(edition: Edition) -> str:
    if not edition.misses:
        return ""
    best = edition.misses[0]
    return f"; the closest was {shorten(readable(best.paper.title), 80)} with {best.score.value}"
