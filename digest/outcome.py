"""How a reader's day stands, in the words that the mail, the record, `digest status` and previews share."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType

from digest.language import ENGLISH, Language
from digest.model import Edition, NoteKind, Outcome, Pause, Profile, QuietDay, SectionName
from digest.schedule import A_DAY, MOST_DAYS, local_day, period_of
from digest.tex.prose import readable
from digest.text import MAX_TITLE, clean, shorten
from digest.wording import note_in_words

MAX_CLOSEST = 80
MAX_LACKS = 3
"""So many lists that lacked something are told of in a reason; of more, only their number."""

MEANINGS = MappingProxyType(
    {
        Outcome.READY: "the message waits, or is going out",
        Outcome.SENT: "the message was taken by the reader's server, or stands in its folder",
        Outcome.QUIET: "no paper reached the reader's threshold",
        Outcome.NO_LIST: "no source had a new paper",
        Outcome.NOT_READY: "waits until wait_until for a list that is not whole",
        Outcome.SOURCE_DOWN: "a source could not be read, and there was no new paper",
        Outcome.PAUSED: "the reader wanted none",
        Outcome.FAILED: "refused, bounced, suppressed, or could not be made",
        Outcome.UNKNOWN: "may have arrived: the connection was lost while it went out",
        Outcome.EXPIRED: (
            "not made or not sent in time; its papers come in the next edition, "
            f"if that is within {MOST_DAYS} days"
        ),
    }
)
"""What each outcome says of a day, for those who run this."""

SETTLED = frozenset({Outcome.QUIET, Outcome.NO_LIST, Outcome.SOURCE_DOWN, Outcome.PAUSED, Outcome.EXPIRED})
"""What ends a day without a message."""


def day_of(profile: Profile, now: datetime) -> date:
    """The reader's local date."""
    return local_day(profile.timezone, now)


def has_message(edition: Edition) -> bool:
    """Whether this edition goes out: with picks always, without them if the reader wants to know."""
    if edition.outcome is Outcome.READY:
        return True
    wanted = edition.profile.on_quiet_day
    return wanted is QuietDay.NOTE or (wanted is QuietDay.TRENDING and bool(edition.sections))


# ---------------------------------------------------------------- words


def name_of(outcome: Outcome, language: Language = ENGLISH) -> str:
    """An outcome's one name: in English the word of the record, `no list` for `no_list`."""
    return _names(language)[outcome]


@lru_cache(maxsize=16)
def _names(language: Language) -> Mapping[Outcome, str]:
    return {
        # Translators: how a reader's day stands, as the others from here to "expired".
        Outcome.READY: language.say("ready"),
        Outcome.SENT: language.say("sent"),
        Outcome.QUIET: language.say("quiet"),
        Outcome.NO_LIST: language.say("no list"),
        Outcome.NOT_READY: language.say("not ready"),
        Outcome.SOURCE_DOWN: language.say("source down"),
        Outcome.PAUSED: language.say("paused"),
        Outcome.FAILED: language.say("failed"),
        Outcome.UNKNOWN: language.say("unknown"),
        Outcome.EXPIRED: language.say("expired"),
    }


def told(edition: Edition, language: Language = ENGLISH) -> str:
    """How an edition came out and why, in one sentence without its full stop; of its lists, see its notes."""
    match edition.outcome:
        case Outcome.READY:
            fields = {"chosen": chosen(edition, language), "threshold": edition.profile.threshold}
            return language.say("{chosen}; threshold {threshold}", **fields)
        case Outcome.QUIET:
            return _quiet(edition, language)
        case Outcome.SOURCE_DOWN:
            return language.say("a source could not be read, and there are no new papers")
    if edition.n_had:
        return language.say("no source had a paper that was not had before")
    return language.say("no source had a new paper")


def reason_of(edition: Edition) -> str:
    """The same in English for the record, and what its lists lacked, without the last full stop."""
    kinds = (NoteKind.SOURCE, NoteKind.PARTIAL)
    lacks = [note_in_words(one, ENGLISH) for one in edition.notes if one.kind in kinds]
    more = [f"{len(lacks) - MAX_LACKS} more sources lacked something."] if len(lacks) > MAX_LACKS else []
    sentences = [f"{told(edition)}.", *lacks[:MAX_LACKS], *more]
    return " ".join(sentences).removesuffix(".")


def chosen(edition: Edition, language: Language = ENGLISH) -> str:
    """What an edition picked of how many papers; empty if it looked at none."""
    papers, n_late = considered(edition, language), len(edition.section(SectionName.LATE))
    if not edition.considered:
        return ""
    if picks := edition.section(SectionName.PICKS):
        fields = {"number": language.number(len(picks)), "papers": papers}
        if not n_late:
            return language.say("{number} of {papers} chosen", **fields)
        return language.count(
            "{number} of {papers} chosen, and {n} that arrived late",
            "{number} of {papers} chosen, and {n} that arrived late",
            n_late,
            **fields,
        )
    if n_late:
        return language.count(
            "{papers}: {n} chosen, of an earlier list",
            "{papers}: {n} chosen, of earlier lists",
            n_late,
            papers=papers,
        )
    return language.say("{papers}, none chosen", papers=papers)


def considered(edition: Edition, language: Language = ENGLISH) -> str:
    """What was looked at: `38 new papers`, or `210 papers (5 new)` with those of the days before."""
    if not edition.n_known:
        return language.count("{n} new paper", "{n} new papers", edition.considered)
    new = language.number(edition.considered - edition.n_known)
    return language.count("{n} paper ({new} new)", "{n} papers ({new} new)", edition.considered, new=new)


def paused(pause: Pause, day: date, reader: str) -> str:
    """Until when a reader who wanted no edition on a day wants none, in English: the reason of such a day."""
    if pause.until is None:
        return f"paused until `digest resume {reader}`"
    return f"paused until {in_full(pause.until)}"


def in_full(day: date) -> str:
    """In English: `Mon 4 January 2027`."""
    return f"{day:%a} {day.day} {day:%B %Y}"


def comes_again(profile: Profile, day: date, following: date) -> str:
    """What becomes of the papers of a day without an edition, in English, given the day of the next one."""
    period, looks_back_to = period_of(profile, day), following - MOST_DAYS * A_DAY
    if looks_back_to < (period.first if period else day - A_DAY):
        return "its papers come in the next edition"
    if looks_back_to < day:
        return f"those of its papers that are not older than {MOST_DAYS} days come in the next edition"
    return f"its papers do not come any more: an edition looks back {MOST_DAYS} days at most"


def _quiet(edition: Edition, language: Language) -> str:
    fields = {"papers": considered(edition, language), "threshold": edition.profile.threshold}
    if not edition.misses:
        return language.count(
            "{papers} did not reach the threshold of {threshold}",
            "none of {papers} reached the threshold of {threshold}",
            edition.considered,
            **fields,
        )
    best = edition.misses[0]
    title = clean(readable(best.paper.title[: 4 * MAX_TITLE]), MAX_TITLE)
    return language.count(
        "{papers} did not reach the threshold of {threshold}: “{title}”, with {score}",
        "none of {papers} reached the threshold of {threshold}; the closest was “{title}”, with {score}",
        edition.considered,
        title=shorten(title, MAX_CLOSEST),
        score=best.score.value,
        **fields,
    )
