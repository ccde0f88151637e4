"""How a day stands, in the words that mail, record and commands share."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from digest.language import ENGLISH, language
from digest.model import Every, Note, NoteKind, Outcome, Pause, Section, SectionName, SourceState
from digest.outcome import MAX_CLOSEST, MAX_LACKS, MEANINGS, comes_again, name_of, paused, reason_of, told
from digest.wording import note_in_words
from tests.makers import TODAY, edition, pick, profile, reason

EVERYWHERE = ("en", "de", "fr", "zh")
SENT = edition(pick(), considered=210, n_new=38)
MISS = pick("2", "Pouring Tea with $\\mathcal{O}(n)$ Robots", reason(points=31))
QUIET = edition(outcome=Outcome.QUIET, considered=38, sections=(), misses=(MISS,))
ENDS = (Outcome.READY, Outcome.QUIET, Outcome.NO_LIST, Outcome.SOURCE_DOWN)
DOWN = Note(
    kind=NoteKind.SOURCE,
    name="huggingface",
    day=TODAY,
    state=SourceState.DOWN,
    last_good=TODAY - timedelta(days=1),
)
SHORT = Note(kind=NoteKind.PARTIAL, name="arxiv", number=12, usual=31)


def test_an_edition_with_picks_says_how_many_of_how_many() -> None:
    assert told(SENT) == "1 of 210 papers (38 new) chosen; threshold 35"


def test_what_trends_beside_the_picks_is_not_counted_as_chosen() -> None:
    trending = Section(name=SectionName.TRENDING, picks=(pick("9"), pick("8")))

    assert told(replace(SENT, sections=(*SENT.sections, trending))) == told(SENT)


def test_what_arrived_late_is_counted_by_itself() -> None:
    late = Section(name=SectionName.LATE, picks=(pick("9"), pick("8")))

    both, alone = replace(SENT, sections=(*SENT.sections, late)), replace(SENT, sections=(late,))

    assert told(both) == "1 of 210 papers (38 new) chosen, and 2 that arrived late; threshold 35"
    assert told(alone) == "210 papers (38 new): 2 chosen, of earlier lists; threshold 35"


def test_a_quiet_day_names_what_came_closest() -> None:
    assert told(QUIET) == (
        "none of 38 new papers reached the threshold of 35; "
        "the closest was “Pouring Tea with 𝒪(n) Robots”, with 31"
    )
    assert told(replace(QUIET, misses=())) == "none of 38 new papers reached the threshold of 35"


def test_one_paper_is_not_said_to_be_none_of_one() -> None:
    one = replace(QUIET, considered=1)

    assert told(replace(one, misses=())) == "1 new paper did not reach the threshold of 35"
    assert told(one) == (
        "1 new paper did not reach the threshold of 35: “Pouring Tea with 𝒪(n) Robots”, with 31"
    )


@pytest.mark.parametrize("tag", EVERYWHERE)
def test_that_all_papers_were_had_before_is_not_called_no_new_paper(tag: str) -> None:
    nothing = edition(outcome=Outcome.NO_LIST, considered=0, sections=())

    assert told(replace(nothing, n_had=20), language(tag)) != told(nothing, language(tag))


@pytest.mark.parametrize(
    ("every", "day", "following", "what"),
    [
        (Every.DAY, TODAY, TODAY + timedelta(days=73), "its papers come in the next edition"),
        (Every.DAY, TODAY, TODAY + timedelta(days=75), "its papers do not come any more: an edition looks"),
        (Every.MONTH, TODAY, TODAY + timedelta(days=35), "its papers come in the next edition"),
        (Every.MONTH, TODAY, TODAY + timedelta(days=63), "those of its papers that are not older than 75"),
        (Every.MONTH, TODAY, TODAY + timedelta(days=91), "its papers do not come any more: an edition looks"),
    ],
)
def test_papers_of_a_missed_day_are_promised_only_where_the_next_edition_looks_back_so_far(
    every: Every, day: date, following: date, what: str
) -> None:
    assert comes_again(profile(every=every), day, following).startswith(what)


def test_a_hostile_title_stays_one_short_line() -> None:
    hostile = pick("2", "{0} %s\n\x1b[2J\u202e" + "tea " * 5_000, reason(points=31))

    line = told(replace(QUIET, misses=(hostile,)))

    assert "{0} %s" in line
    assert not {"\n", "\x1b", "\u202e"} & set(line)
    assert len(line) < MAX_CLOSEST + 120


@pytest.mark.parametrize("tag", EVERYWHERE)
def test_every_end_is_told_from_the_others_in_every_language(tag: str) -> None:
    spoken = language(tag)

    ends = [told(replace(QUIET, outcome=one, sections=SENT.sections), spoken) for one in ENDS]

    assert len(set(ends)) == len(ENDS)
    assert spoken is ENGLISH or not set(ends) & {told(replace(QUIET, outcome=one)) for one in ENDS}


@pytest.mark.parametrize("tag", EVERYWHERE)
def test_every_outcome_has_one_name_of_its_own_in_every_language(tag: str) -> None:
    names = [name_of(one, language(tag)) for one in Outcome]

    assert len({*names}) == len(Outcome)


def test_the_english_names_are_the_words_of_the_record() -> None:
    assert {one: name_of(one) for one in Outcome} == {one: one.value.replace("_", " ") for one in Outcome}


def test_every_outcome_is_explained() -> None:
    assert MEANINGS.keys() == set(Outcome)


def test_the_record_says_what_lists_lacked_in_the_words_of_the_mail() -> None:
    lacking = replace(QUIET, notes=(DOWN, SHORT, Note(kind=NoteKind.EMBEDDING, day=TODAY)))

    sentences = (told(QUIET) + ".", note_in_words(DOWN, ENGLISH), note_in_words(SHORT, ENGLISH))
    assert reason_of(lacking) == " ".join(sentences).removesuffix(".")
    assert "up to 10 Mar" in reason_of(lacking)


def test_of_many_lists_that_lacked_something_only_a_few_are_told() -> None:
    lacking = replace(QUIET, notes=(SHORT,) * (MAX_LACKS + 40))

    assert reason_of(lacking).count("arxiv") == MAX_LACKS
    assert reason_of(lacking).endswith("40 more sources lacked something")


@pytest.mark.parametrize(
    ("until", "words"),
    [
        (None, "paused until `digest resume ada`"),
        (date(2027, 1, 4), "paused until Mon 4 January 2027"),
    ],
)
def test_a_day_of_a_pause_says_until_when(until: date | None, words: str) -> None:
    assert paused(Pause(until=until), TODAY, "ada") == words
