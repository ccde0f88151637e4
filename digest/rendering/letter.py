"""All that an edition's mail says, in words, before any layout."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from urllib.parse import quote

from digest.language import Language
from digest.links import safe_link
from digest.model import Candidate, Edition, Every, Outcome, Pick, Profile, SectionName, Sender
from digest.outcome import chosen, name_of, told
from digest.rendering.cards import Card, Detail, PaperInWords, make_card, shrink_card
from digest.rendering.chart import Chart, make_chart
from digest.rendering.phrases import shown, shown_title
from digest.text import MAX_TITLE, clean, shorten
from digest.wording import note_in_words

DETAILS = {
    SectionName.PICKS: Detail.FULL,
    SectionName.TRENDING: Detail.SHORT,
    SectionName.EXPLORATION: Detail.SHORT,
    SectionName.LATE: Detail.FULL,
    SectionName.ALSO: Detail.LINE,
}
MAX_SUBJECT_TITLE = 60
MIN_SUBJECT_TITLE = 12
MAX_PREHEADER = 160
SHORT_RUN = 12
"""How many short cards stand between the full ones and the title lines of a mail that is too large."""
MAX_NOTES = 8
MAX_MISSES = 5

Describe = Callable[[Candidate], PaperInWords]
"""A paper in the words of the edition's language and day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSection:
    """Cards under a heading."""

    name: SectionName
    heading: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All that a template may show, in words ready for reading and not yet escaped."""

    language: str
    """BCP 47 tag."""
    direction: str
    """`ltr` or `rtl`."""
    subject: str
    preheader: str
    from_name: str
    day: str
    """The day, or `Your week in papers`, or `Your papers` after an absence."""
    summary: str
    quiet: str
    notes: tuple[str, ...]
    sections: tuple[CardSection, ...]
    misses: tuple[Card, ...]
    looked_at: str
    why: str
    change: str
    unsubscribe_url: str
    unsubscribe_mailto: str
    contact: str
    """A sentence; empty if nobody is named."""
    dates: str = ""
    """`2–8 Mar 2026`, that a weekly or monthly edition looks back on; `since 18 Feb` in a daily one after an
    absence, else empty."""
    chart: Chart | None = None
    """Of a weekly or monthly edition."""

    @property
    def cards(self) -> tuple[Card, ...]:
        """Those of all sections."""
        return tuple(card for section in self.sections for card in section.cards)

    @property
    def n_cards(self) -> int:
        """How many cards the sections hold."""
        return sum(len(section.cards) for section in self.sections)


def make_letter(edition: Edition, sender: Sender, language: Language, describe: Describe) -> Letter:
    """The edition in words, with every card in the detail its section asks for."""
    numbers = count(1)
    profile = edition.profile
    stop_at = clean(sender.unsubscribe_email or sender.address, MAX_TITLE)
    return Letter(
        language=language.tag,
        direction=language.direction,
        subject=subject_of(edition, language),
        preheader=_preheader(edition, language),
        from_name=shown(sender.name),
        day=_day(edition, language),
        summary=chosen(edition, language),
        quiet=_quiet(edition, language),
        notes=tuple([shown(note_in_words(one, language), MAX_TITLE) for one in edition.notes[:MAX_NOTES]]),
        sections=tuple(_sections(edition, numbers, language, describe)),
        misses=tuple(_misses(edition, numbers, language, describe)),
        looked_at=_looked_at(edition, language),
        why=_why(profile, language),
        change=language.say(
            "To change it, edit {file}; to pause it, put a table [pause] there, or run “{command}”.",
            file=_file(profile),
            command=f"digest pause {shown(profile.name)}",
        ),
        unsubscribe_url=safe_link(sender.unsubscribe_url) or "",
        unsubscribe_mailto=f"mailto:{quote(stop_at, safe='@+')}?subject=unsubscribe",
        contact=_contact(sender, language),
        dates=_dates(edition, language),
        chart=make_chart(edition, language),
    )


def shrink(letter: Letter, steps: int) -> Letter:
    """The letter with its last `steps` cards short, and all of them but the first few title lines.

    So the best papers keep their abstracts longest. From `n_cards + SHORT_RUN` steps on, all are title lines.
    """
    details = iter(details_after(letter.n_cards, steps))
    sections = tuple(
        replace(s, cards=tuple(shrink_card(card, next(details)) for card in s.cards)) for s in letter.sections
    )
    return replace(letter, sections=sections)


def details_after(n_cards: int, steps: int) -> tuple[Detail, ...]:
    """The most detail that each of so many cards may have after so many steps of shrinking."""
    n_full = max(n_cards - steps, 0)
    n_short = min(max(n_cards - steps + SHORT_RUN, 0), n_cards) - n_full
    kinds = ((Detail.FULL, n_full), (Detail.SHORT, n_short), (Detail.LINE, n_cards - n_full - n_short))
    return tuple(detail for detail, number in kinds for _ in range(number))


def _sections(
    edition: Edition, numbers: Iterator[int], language: Language, describe: Describe
) -> Iterator[CardSection]:
    for section in edition.sections:
        if section.picks:
            cards = tuple(_cards(section.picks, section.name, numbers, language, describe))
            if section.name is SectionName.EXPLORATION:
                aside = _aside(edition.profile, language)
                cards = tuple(card._replace(aside=aside) for card in cards)
            yield CardSection(name=section.name, heading=_heading(section.name, language), cards=cards)


def _heading(name: SectionName, language: Language) -> str:
    match name:
        case SectionName.PICKS:
            return language.say("Your picks")
        case SectionName.TRENDING:
            return language.say("Trending outside your interests")
        case SectionName.EXPLORATION:
            return language.say("A step aside")
        case SectionName.LATE:
            return language.say("Arrived late")
        case SectionName.ALSO:
            return language.say("Also matched")


def _cards(
    picks: Iterable[Pick],
    section: SectionName,
    numbers: Iterator[int],
    language: Language,
    describe: Describe,
) -> Iterator[Card]:
    detail = DETAILS[section]
    for pick in picks:
        paper = describe(pick.candidate)
        number = next(numbers)
        yield make_card(pick, paper, number=number, section=section, detail=detail, language=language)


def _misses(
    edition: Edition, numbers: Iterator[int], language: Language, describe: Describe
) -> Iterator[Card]:
    """Title lines of what was nearly shown; their twins would be news another day."""
    misses = (replace(pick, twins=()) for pick in edition.misses[:MAX_MISSES])
    return _cards(misses, SectionName.ALSO, numbers, language, describe)


# ---------------------------------------------------------------- sentences


def subject_of(edition: Edition, language: Language) -> str:
    """A mail's one line: the best paper, how many more, the day or the period."""
    return f"{_topic(edition, language)} · {_when(edition, language)}"


def _when(edition: Edition, language: Language) -> str:
    """`11 Mar`, `week of 2 Mar`, `2 Feb – 1 Mar`."""
    period = edition.period
    if period is None:
        return language.short_date(edition.day)
    if period.every is Every.WEEK and not edition.since:
        return language.say("week of {date}", date=language.short_date(period.first))
    return language.dates(period.first, period.last)


def _day(edition: Edition, language: Language) -> str:
    """A mail's heading: `Wednesday, 11 March 2026`, or `Your week in papers`; three weeks are no week."""
    if edition.period is None:
        return language.long_date(edition.day)
    if edition.since:
        return language.say("Your papers")
    if edition.period.every is Every.WEEK:
        return language.say("Your week in papers")
    return language.say("Your month in papers")


def _dates(edition: Edition, language: Language) -> str:
    if period := edition.period:
        return language.dates(period.first, period.last, year=True)
    return language.say("since {date}", date=language.short_date(edition.since)) if edition.since else ""


def _topic(edition: Edition, language: Language) -> str:
    found = edition.section(SectionName.PICKS) + edition.section(SectionName.LATE)
    if not found and (trending := edition.section(SectionName.TRENDING)):
        return _trending(edition, _short_title(trending[0].paper.title), language)
    if not found:
        return _nothing(edition, language)
    title, more = _short_title(found[0].paper.title), len(found) - 1
    return language.count("{title} + {n} more", "{title} + {n} more", more, title=title) if more else title


def _trending(edition: Edition, title: str, language: Language) -> str:
    match edition.profile.every:
        case Every.DAY:
            return language.say("Quiet day; trending: {title}", title=title)
        case Every.WEEK:
            return language.say("Quiet week; trending: {title}", title=title)
        case Every.MONTH:
            return language.say("Quiet month; trending: {title}", title=title)


def _short_title(title: str) -> str:
    """A long title's part before the colon, if it says enough; else its beginning."""
    whole = shown_title(title)
    name = whole.split(": ")[0]
    is_enough = len(whole) > MAX_SUBJECT_TITLE and len(name) >= MIN_SUBJECT_TITLE
    return shorten(name if is_enough else whole, MAX_SUBJECT_TITLE)


def _nothing(edition: Edition, language: Language) -> str:
    match edition.outcome:
        case Outcome.NO_LIST:
            return language.say("No list: nothing new to choose from")
        case Outcome.SOURCE_DOWN:
            return language.say("Source down: nothing new to choose from")
        case _:
            return _nothing_reached(edition, language)


def _nothing_reached(edition: Edition, language: Language) -> str:
    threshold = edition.profile.threshold
    match edition.profile.every:
        case Every.DAY:
            return language.say("Quiet day: nothing reached {threshold}", threshold=threshold)
        case Every.WEEK:
            return language.say("Quiet week: nothing reached {threshold}", threshold=threshold)
        case Every.MONTH:
            return language.say("Quiet month: nothing reached {threshold}", threshold=threshold)


def _preheader(edition: Edition, language: Language) -> str:
    """What an inbox shows after the subject: the next titles, which are not in it."""
    found = edition.section(SectionName.PICKS) + edition.section(SectionName.LATE)
    following = [shown_title(pick.paper.title) for pick in found[1:4]]
    first = chosen(edition, language) or _nothing(edition, language)
    opening = [_day(edition, language)] if edition.period else []
    return shorten(" · ".join([*opening, first, *following]), MAX_PREHEADER)


def _quiet(edition: Edition, language: Language) -> str:
    """Why there are no picks, said kindly and as the record has it; empty if there are some."""
    if edition.outcome is Outcome.READY:
        return ""
    reason = told(edition, language)
    if edition.outcome is Outcome.QUIET:
        sentence = _calm(edition, reason, language)
        return sentence if edition.misses else " ".join((sentence, language.say("Enjoy the quiet.")))
    empty = language.say("An empty edition: {reason}.", reason=reason)
    if edition.outcome is Outcome.SOURCE_DOWN:
        # There is something to come only where a list could not be read.
        return " ".join((empty, language.say("What you would have read comes with a later edition.")))
    return empty


def _calm(edition: Edition, reason: str, language: Language) -> str:
    match edition.profile.every:
        case Every.DAY:
            return language.say("A quiet day: {reason}.", reason=reason)
        case Every.WEEK:
            return language.say("A quiet week: {reason}.", reason=reason)
        case Every.MONTH:
            return language.say("A quiet month: {reason}.", reason=reason)


def _aside(profile: Profile, language: Language) -> str:
    return language.say(
        "Below your threshold of {threshold}, but close to your taste and unlike the picks above.",
        threshold=profile.threshold,
    )


def _looked_at(edition: Edition, language: Language) -> str:
    """The outcome as the record has it; of a quiet day, whose reason stands above, by its name."""
    if edition.outcome is Outcome.READY:
        return language.say("{reason}.", reason=told(edition, language)) if edition.considered else ""
    return language.say(
        "{day}: {outcome}.", day=language.short_date(edition.day), outcome=name_of(edition.outcome, language)
    )


def _why(profile: Profile, language: Language) -> str:
    fields = {"email": shown(profile.email, MAX_TITLE), "file": _file(profile)}
    phrases = tuple([shown(interest.phrase) for interest in profile.interests])
    if not phrases:
        return language.say("{email} gets this because {file} asks for it.", **fields)
    if len(phrases) > 4:
        others = language.count("{n} more", "{n} more", len(phrases) - 3)
        phrases = (*phrases[:3], others)
    return language.say(
        "{email} gets this because {file} asks for papers on {phrases}.",
        phrases=language.listed(phrases),
        **fields,
    )


def _contact(sender: Sender, language: Language) -> str:
    contact = shown(sender.contact, MAX_TITLE)
    return language.say("Questions: {contact}", contact=contact) if contact else ""


def _file(profile: Profile) -> str:
    return f"profiles/{shown(profile.name)}.toml"
