"""Reasons and notes in words."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from digest.language import ENGLISH, language
from digest.model import Note, NoteKind, Reason, ReasonKind, SourceState, Where
from digest.wording import note_in_words, reason_in_words
from tests.makers import TODAY

EVERYWHERE = ("en", "de", "fr", "zh")
NOTES = (
    Note(kind=NoteKind.SOURCE, name="Hugging Face", day=TODAY),
    Note(kind=NoteKind.PARTIAL, name="Hugging Face", number=1_100, usual=4_800),
    Note(kind=NoteKind.EMBEDDING, day=TODAY),
    Note(kind=NoteKind.LIKED, detail="library.bib: cannot be read"),
)


def a_reason(kind: ReasonKind, where: Where | None = None, said: str = "") -> Reason:
    return Reason(kind=kind, about="Barlow {Twins}", where=where, said=said, points=7)


@pytest.mark.parametrize("kind", ReasonKind)
def test_a_reason_is_said_in_english_as_its_label_has_it(kind: ReasonKind) -> None:
    for where, said in product((None, *Where), ("", "SSL")):
        reason = a_reason(kind, where, said)

        assert reason_in_words(reason, ENGLISH) == reason.label


@pytest.mark.parametrize("tag", EVERYWHERE)
def test_every_kind_of_reason_is_told_from_the_others_in_every_language(tag: str) -> None:
    ways = (*product((None, Where.TITLE, Where.ABSTRACT), ("", "SSL")), (Where.NEAR, ""))
    phrases = [a_reason(ReasonKind.INTEREST, where, said) for where, said in ways]
    others = [a_reason(kind) for kind in (ReasonKind.AUTHOR, ReasonKind.LIKED, ReasonKind.DISLIKED)]

    told = [reason_in_words(one, language(tag)) for one in (*phrases, *others)]

    assert len(set(told)) == len(told)
    assert all("Barlow {Twins}" in one for one in told)


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("en", "self-supervised learning, as “SSL” (title)"),
        ("de", "self-supervised learning, als „SSL“ (Titel)"),
        ("fr", "self-supervised learning, sous la forme «\u202fSSL\u202f» (titre)"),
        ("zh", "self-supervised learning，即“SSL”（标题）"),
    ],
)
def test_the_readers_own_words_stay_as_they_are(tag: str, told: str) -> None:
    reason = Reason(
        kind=ReasonKind.INTEREST,
        about="self-supervised learning",
        said="SSL",
        where=Where.TITLE,
        points=3,
    )

    assert reason_in_words(reason, language(tag)) == told


@pytest.mark.parametrize("tag", EVERYWHERE)
def test_a_note_says_what_the_reader_should_know(tag: str) -> None:
    spoken = language(tag)
    source, partial, embedding, liked = (note_in_words(note, spoken) for note in NOTES)

    assert "Hugging Face" in source
    assert spoken.short_date(TODAY) in source
    assert spoken.short_date(TODAY) in embedding
    assert "Hugging Face" in partial
    assert spoken.number(1_100) in partial
    assert spoken.number(4_800) in partial
    assert liked == "library.bib: cannot be read."


@pytest.mark.parametrize("tag", EVERYWHERE)
def test_a_note_says_how_a_source_failed_and_which_list_is_used(tag: str) -> None:
    spoken, before = language(tag), TODAY - timedelta(days=3)
    bad = (SourceState.DOWN, SourceState.STALE, SourceState.STRANGE)
    failed = Note(kind=NoteKind.SOURCE, name="Hugging Face", day=TODAY)

    told = [note_in_words(replace(failed, state=one, last_good=before), spoken) for one in bad]
    never = [note_in_words(replace(failed, state=one), spoken) for one in bad]

    assert len({*told, *never, note_in_words(failed, spoken)}) == len(bad) + 2
    assert all("Hugging Face" in one and spoken.short_date(TODAY) in one for one in (*told, *never))
    assert all(spoken.short_date(before) in one for one in told)


@pytest.mark.parametrize("tag", EVERYWHERE)
def test_a_note_names_the_section_of_late_papers_as_its_heading_does(tag: str) -> None:
    spoken = language(tag)

    assert spoken.say("Arrived late") in note_in_words(NOTES[1], spoken)


@pytest.mark.parametrize("tag", EVERYWHERE)
def test_a_hostile_name_of_a_source_is_text(tag: str) -> None:
    note = Note(kind=NoteKind.SOURCE, name="{0} %s {name.__class__}", day=TODAY)

    assert "{0} %s {name.__class__}" in note_in_words(note, language(tag))
