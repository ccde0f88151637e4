"""All that an edition's mail says, in words, before any layout."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from urllib.parse import quote

from digest.links import safe_link
from digest.model import Edition, Outcome, Pick, Profile, SectionName, Sender
from digest.rendering.cards import Card, Detail, make_card, shrink_card
from digest.rendering.phrases import counted, listed, long_date, short_date, shown, shown_title
from digest.text import MAX_TITLE, clean, shorten

HEADINGS = {
    SectionName.PICKS: "Your picks",
    SectionName.TRENDING: "Trending outside your interests",
    SectionName.EXPLORATION: "A step aside",
    SectionName.ALSO: "Also matched",
}
DETAILS = {
    SectionName.PICKS: Detail.FULL,
    SectionName.TRENDING: Detail.SHORT,
    SectionName.EXPLORATION: Detail.SHORT,
    SectionName.ALSO: Detail.LINE,
}
MAX_SUBJECT_TITLE = 60
MIN_SUBJECT_TITLE = 12
MAX_PREHEADER = 160
SHORT_RUN = 12
"""How many short cards stand between the full ones and the title lines of a mail that is too large."""
MAX_NOTES = 8
MAX_MISSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSection:
    """Cards under a heading; `name` is `picks`, `trending`, `exploration` or `also`."""

    name: SectionName
    heading: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All that a template may show, in words ready for reading and not yet escaped."""

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

    @property
    def n_cards(self) -> int:
        """How many cards the sections hold."""
        return sum(len(section.cards) for section in self.sections)


def make_letter(edition: Edition, sender: Sender) -> Letter:
    """The edition in words, with every card in the detail its section asks for."""
    notes = count(1)
    stop_at = clean(sender.unsubscribe_email or sender.address, MAX_TITLE)
    return Letter(
        subject=_subject(edition),
        preheader=_preheader(edition),
        from_name=shown(sender.name),
        day=long_date(edition.day),
        summary=_summary(edition),
        quiet=_quiet(edition),
        notes=tuple(shown(note, MAX_TITLE) for note in edition.notes[:MAX_NOTES]),
        sections=tuple(_sections(edition, notes)),
        misses=tuple(_misses(edition, notes)),
        looked_at=f"{_new_papers(edition)} scored; threshold {edition.profile.threshold}.",
        why=_why(edition.profile),
        change=f"To change it, edit {_file(edition.profile)}; days = [] pauses it.",
        unsubscribe_url=safe_link(sender.unsubscribe_url) or "",
        unsubscribe_mailto=f"mailto:{quote(stop_at, safe='@+')}?subject=unsubscribe",
        contact=shown(sender.contact, MAX_TITLE),
    )


def shrink(letter: Letter, steps: int) -> Letter:
    """The letter with its last `steps` cards short, and all of them but the first few title lines.

    So the best papers keep their abstracts longest. From `n_cards + SHORT_RUN` steps on, all are title lines.
    """
    numbers = count()
    short_from = letter.n_cards - steps
    line_from = short_from + SHORT_RUN

    def shrunk(card: Card) -> Card:
        number = next(numbers)
        if number >= line_from:
            return shrink_card(card, Detail.LINE)
        return shrink_card(card, Detail.SHORT) if number >= short_from else card

    sections = tuple(replace(s, cards=tuple(shrunk(card) for card in s.cards)) for s in letter.sections)
    return replace(letter, sections=sections)


def _sections(edition: Edition, notes: Iterator[int]) -> Iterator[CardSection]:
    for section in edition.sections:
        if section.picks:
            aside = _aside(edition.profile) if section.name is SectionName.EXPLORATION else ""
            cards = _cards(section.picks, section.name, edition.day, notes)
            yield CardSection(
                name=section.name,
                heading=HEADINGS[section.name],
                cards=tuple(replace(card, aside=aside) for card in cards),
            )


def _cards(picks: Iterable[Pick], name: SectionName, day: date, notes: Iterator[int]) -> Iterator[Card]:
    for place, pick in enumerate(picks, 1):
        number = place if name is SectionName.PICKS else 0
        yield make_card(pick, DETAILS[name], number, day, notes)


def _misses(edition: Edition, notes: Iterator[int]) -> Iterator[Card]:
    """Title lines of what was nearly shown; their twins would be news another day."""
    misses = (replace(pick, twins=()) for pick in edition.misses[:MAX_MISSES])
    return _cards(misses, SectionName.ALSO, edition.day, notes)


# ---------------------------------------------------------------- sentences


def _subject(edition: Edition) -> str:
    """One line: the best paper, how many more, the day."""
    day = short_date(edition.day)
    picks = edition.section(SectionName.PICKS)
    if not picks and (trending := edition.section(SectionName.TRENDING)):
        return f"Quiet day; trending: {_short_title(trending[0].paper.title)} · {day}"
    if not picks:
        return f"{_nothing(edition)} · {day}"
    more = f" + {len(picks) - 1:,} more" if len(picks) > 1 else ""
    return f"{_short_title(picks[0].paper.title)}{more} · {day}"


def _short_title(title: str) -> str:
    """A long title's part before the colon, if it says enough; else its beginning."""
    whole = shown_title(title)
    name = whole.split(": ")[0]
    is_enough = len(whole) > MAX_SUBJECT_TITLE and len(name) >= MIN_SUBJECT_TITLE
    return shorten(name if is_enough else whole, MAX_SUBJECT_TITLE)


def _nothing(edition: Edition) -> str:
    match edition.outcome:
        case Outcome.NO_LIST:
            return "No new list today"
        case Outcome.SOURCE_DOWN:
            return "No papers today: the source was out of reach"
        case _:
            return f"Quiet day: nothing above {edition.profile.threshold}"


def _preheader(edition: Edition) -> str:
    """What an inbox shows after the subject: the next titles, which are not in it."""
    following = [shown_title(pick.paper.title) for pick in edition.section(SectionName.PICKS)[1:4]]
    return shorten(" · ".join([_summary(edition), *following]), MAX_PREHEADER)


def _summary(edition: Edition) -> str:
    if picks := edition.section(SectionName.PICKS):
        return f"{len(picks):,} of {_new_papers(edition)} for you"
    return f"{_new_papers(edition)}, none for you today"


def _quiet(edition: Edition) -> str:
    """Why there are no picks, said kindly; empty if there are some."""
    if edition.section(SectionName.PICKS):
        return ""
    if edition.outcome in (Outcome.NO_LIST, Outcome.SOURCE_DOWN):
        return f"{_nothing(edition)}. What you would have read comes with a later edition."
    threshold = edition.profile.threshold
    reason = f"A quiet day: none of the {_new_papers(edition)} reached your threshold of {threshold}"
    if not edition.misses:
        return f"{reason}. Enjoy the quiet."
    best = edition.misses[0]
    return f"{reason}. The closest was “{shown_title(best.paper.title)}”, with {best.score.value}."


def _aside(profile: Profile) -> str:
    return f"Below your threshold of {profile.threshold}, but close to your taste and unlike the picks above."


def _why(profile: Profile) -> str:
    phrases = tuple(shown(interest.phrase) for interest in profile.interests)
    if len(phrases) > 4:
        phrases = (*phrases[:3], f"{len(phrases) - 3} more")
    asked = f"papers on {listed(phrases)}" if phrases else "it"
    return f"{shown(profile.email, MAX_TITLE)} gets this because {_file(profile)} asks for {asked}."


def _file(profile: Profile) -> str:
    return f"profiles/{shown(profile.name)}.toml"


def _new_papers(edition: Edition) -> str:
    return counted(edition.considered, "new paper")
