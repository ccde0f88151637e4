"""All that an edition's mail says, in words, before any layout."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from urllib.parse import quote

from digest.language import Language
from digest.links import safe_link
from digest.model import Candidate, Edition, Outcome, Pick, Profile, SectionName, Sender
from digest.rendering.cards import Card, Detail, PaperInWords, make_card, shrink_card
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
        day=language.long_date(edition.day),
        summary=_summary(edition, language),
        quiet=_quiet(edition, language),
        notes=tuple([shown(note_in_words(one, language), MAX_TITLE) for one in edition.notes[:MAX_NOTES]]),
        sections=tuple(_sections(edition, numbers, language, describe)),
        misses=tuple(_misses(edition, numbers, language, describe)),
        looked_at=_looked_at(edition, language),
        why=_why(profile, language),
        change=language.say(
            "To change it, edit {file}; to pause it, set days\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}[] there.",
            file=_file(profile),
        ),
        unsubscribe_url=safe_link(sender.unsubscribe_url) or "",
        unsubscribe_mailto=f"mailto:{quote(stop_at, safe='@+')}?subject=unsubscribe",
        contact=_contact(sender, language),
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
    """A mail's one line: the best paper, how many more, the day."""
    return f"{_topic(edition, language)} · {language.short_date(edition.day)}"


def _topic(edition: Edition, language: Language) -> str:
    found = edition.section(SectionName.PICKS) + edition.section(SectionName.LATE)
    if not found and (trending := edition.section(SectionName.TRENDING)):
        title = _short_title(trending[0].paper.title)
        return language.say("Quiet day; trending: {title}", title=title)
    if not found:
        return _nothing(edition, language)
    title, more = _short_title(found[0].paper.title), len(found) - 1
    return language.count("{title} + {n} more", "{title} + {n} more", more, title=title) if more else title


def _short_title(title: str) -> str:
    """A long title's part before the colon, if it says enough; else its beginning."""
    whole = shown_title(title)
    name = whole.split(": ")[0]
    is_enough = len(whole) > MAX_SUBJECT_TITLE and len(name) >= MIN_SUBJECT_TITLE
    return shorten(name if is_enough else whole, MAX_SUBJECT_TITLE)


def _nothing(edition: Edition, language: Language) -> str:
    match edition.outcome:
        case Outcome.NO_LIST:
            return language.say("No new list today")
        case Outcome.SOURCE_DOWN:
            return language.say("No papers today: the source was out of reach")
        case _:
            return language.say("Quiet day: nothing above {threshold}", threshold=edition.profile.threshold)


def _preheader(edition: Edition, language: Language) -> str:
    """What an inbox shows after the subject: the next titles, which are not in it."""
    found = edition.section(SectionName.PICKS) + edition.section(SectionName.LATE)
    following = [shown_title(pick.paper.title) for pick in found[1:4]]
    told = _summary(edition, language) or _nothing(edition, language)
    return shorten(" · ".join([told, *following]), MAX_PREHEADER)


def _summary(edition: Edition, language: Language) -> str:
    papers, n_late = _papers(edition, language), len(edition.section(SectionName.LATE))
    if not edition.considered:
        return ""
    if picks := edition.section(SectionName.PICKS):
        fields = {"number": language.number(len(picks)), "papers": papers}
        if not n_late:
            return language.say("{number} of {papers} for you", **fields)
        return language.count(
            "{number} of {papers} for you, and {n} that arrived late",
            "{number} of {papers} for you, and {n} that arrived late",
            n_late,
            **fields,
        )
    if n_late:
        return language.count(
            "{papers}: {n} for you, of an earlier list",
            "{papers}: {n} for you, of earlier lists",
            n_late,
            papers=papers,
        )
    return language.say("{papers}, none for you today", papers=papers)


def _quiet(edition: Edition, language: Language) -> str:
    """Why there are no picks, said kindly; empty if there are some."""
    if edition.section(SectionName.PICKS) or edition.section(SectionName.LATE):
        return ""
    if edition.outcome in (Outcome.NO_LIST, Outcome.SOURCE_DOWN):
        nothing = _nothing(edition, language)
        return language.say(
            "{nothing}. What you would have read comes with a later edition.", nothing=nothing
        )
    reason = language.say(
        "A quiet day: none of the {papers} reached your threshold of {threshold}.",
        papers=_papers(edition, language),
        threshold=edition.profile.threshold,
    )
    return f"{reason} {_closest(edition, language)}"


def _closest(edition: Edition, language: Language) -> str:
    if not edition.misses:
        return language.say("Enjoy the quiet.")
    best = edition.misses[0]
    title = shown_title(best.paper.title)
    return language.say("The closest was “{title}”, with {score}.", title=title, score=best.score.value)


def _aside(profile: Profile, language: Language) -> str:
    return language.say(
        "Below your threshold of {threshold}, but close to your taste and unlike the picks above.",
        threshold=profile.threshold,
    )


def _looked_at(edition: Edition, language: Language) -> str:
    if not edition.considered:
        return ""
    return language.say(
        "{papers} scored; threshold {threshold}.",
        papers=_papers(edition, language),
        threshold=edition.profile.threshold,
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


def _papers(edition: Edition, language: Language) -> str:
    """What was considered: `38 new papers`, or `210 papers (5 new)` with those of the days before."""
    if not edition.n_known:
        return language.count("{n} new paper", "{n} new papers", edition.considered)
    new = language.number(edition.considered - edition.n_known)
    return language.count("{n} paper ({new} new)", "{n} papers ({new} new)", edition.considered, new=new)
