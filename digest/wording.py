"""Reasons and notes in a reader's language."""

from digest.language import Language
from digest.model import Note, NoteKind, Reason, ReasonKind, SourceState, Where

_STOPS = (".", "!", "?", "…")


def reason_in_words(reason: Reason, language: Language) -> str:
    """`self-supervised learning (title)`, `near redundancy`, `follows allenai`, `like Barlow Twins`."""
    match reason.kind:
        case ReasonKind.AUTHOR | ReasonKind.ORGANIZATION:
            return language.say("follows {name}", name=reason.about)
        case ReasonKind.LIKED:
            return language.say("like {title}", title=reason.about)
        case ReasonKind.DISLIKED:
            return language.say("like {title}, which you disliked", title=reason.about)
    return _phrase(reason, language)


def _phrase(reason: Reason, language: Language) -> str:
    if reason.where is Where.NEAR:
        return language.say("near {phrase}", phrase=reason.about)
    phrase = reason.about
    if reason.said:
        phrase = language.say("{phrase}, as “{alias}”", phrase=phrase, alias=reason.said)
    match reason.where:
        case Where.TITLE:
            return language.say("{phrase} (title)", phrase=phrase)
        case Where.ABSTRACT:
            return language.say("{phrase} (abstract)", phrase=phrase)
    return phrase


def note_in_words(note: Note, language: Language) -> str:
    """What a reader should know, in one sentence."""
    day = language.short_date(note.day) if note.day else ""
    match note.kind:
        case NoteKind.SOURCE:
            return _source(note, day, language)
        case NoteKind.PARTIAL:
            return language.say(
                "Today’s list of {name} was still short when this was written: {number} papers so far; "
                "{usual} are usual in the end. What comes later stands under “Arrived late” next time.",
                name=note.name,
                number=language.number(note.number),
                usual=language.number(note.usual),
            )
        case NoteKind.EMBEDDING:
            return language.say(
                "The embedding model was out of order on {day}: new papers are scored by words alone.",
                day=day,
            )
    return note.detail if note.detail.endswith(_STOPS) else f"{note.detail}."


def _source(note: Note, day: str, language: Language) -> str:
    """What is lacking of a source, and how old what is known of it may be."""
    if note.state is None or note.state.is_good:
        return language.say(
            "The source {name} could not be read completely on {day}, so papers may be missing.",
            name=note.name,
            day=day,
        )
    if note.last_good is None:
        return language.say(
            "The source {name} could not be read on {day}, and there is no earlier list of it.",
            name=note.name,
            day=day,
        )
    words = {"name": note.name, "day": day, "last_good": language.short_date(note.last_good)}
    if note.state is SourceState.STRANGE:
        return language.say(
            "What the source {name} gave on {day} could not be made sense of. Papers of its earlier lists, "
            "up to {last_good}, are still considered.",
            **words,
        )
    if note.state is SourceState.STALE:
        return language.say(
            "The source {name} had no new list on {day}, though one was due. Papers of its earlier lists, up "
            "to {last_good}, are still considered.",
            **words,
        )
    return language.say(
        "The source {name} could not be read on {day}. Papers of its earlier lists, up to {last_good}, are "
        "still considered.",
        **words,
    )
