"""Mails put together from forms say what their templates say, and templates that compute are filled each time."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.language import language
from digest.model import Edition, Pick, Reason, ReasonKind, Score, Section, SectionName, Summary, Where
from digest.quoted import decode
from digest.rendering.cards import describe
from digest.rendering.letter import Letter, make_letter, shrink
from digest.rendering.parts import Part
from digest.rendering.renderer import Renderer
from digest.rendering.slots import ComputedError, Slot
from digest.rendering.templates import HTML, TEXT, Templates
from digest.resources import shipped
from tests.editions import SAMPLES, SENDER
from tests.makers import edition, pick, profile, reason

TEMPLATES = Templates((shipped("templates"),))


def letter_of(shown: Edition) -> Letter:
    spoken = language(shown.profile.language)
    return make_letter(shown, SENDER, spoken, lambda one: describe(one, shown.day, spoken))


def part_of(shown: Edition, suffix: str, templates: Templates = TEMPLATES) -> Part:
    return Part(templates, suffix, language(shown.profile.language))


def both_ways(part: Part, letter: Letter) -> tuple[str, str]:
    """What the forms give, the second time they are used, and what the template gives by itself."""
    part.encoded(letter)
    from_forms, from_template = decode(part.encoded(letter)), part.filled("edition", letter=letter)
    return from_forms.rstrip("\n"), from_template.rstrip("\n")  # a part has a last line end of its own


@pytest.mark.parametrize("suffix", [HTML, TEXT])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_from_forms_says_what_its_templates_say(name: str, suffix: str) -> None:
    from_forms, from_templates = both_ways(part_of(SAMPLES[name], suffix), letter_of(SAMPLES[name]))
    assert from_forms == from_templates


@pytest.mark.parametrize("suffix", [HTML, TEXT])
def test_so_does_one_whose_cards_are_shrunk(suffix: str) -> None:
    for steps in (1, 9, 30, 60):
        letter = shrink(letter_of(SAMPLES["forty"]), steps)
        from_forms, from_templates = both_ways(part_of(SAMPLES["forty"], suffix), letter)
        assert from_forms == from_templates


WORDS = st.text(max_size=30) | st.sampled_from(
    ["<b>", "\ufdd00\ufdd1", "{{ 1 }}", "=\r\n", "=3D", "a\n\nb", "\u200b"]
)
REASONS = st.builds(
    Reason,
    kind=st.sampled_from(ReasonKind),
    about=WORDS,
    points=st.integers(-20, 60),
    where=st.none() | st.sampled_from(Where),
    said=WORDS,
    words=st.lists(WORDS, max_size=3).map(tuple),
)


@st.composite
def picks(draw: st.DrawFn, identifier: str) -> Pick:
    reasons = tuple(draw(st.lists(REASONS, max_size=8)))
    one = pick(identifier, draw(WORDS), abstract=draw(st.none() | WORDS), authors=(draw(WORDS),))
    summary = Summary(text=draw(WORDS), model="m") if draw(st.booleans()) else None
    score = Score(value=sum(reason.points for reason in reasons), reasons=reasons)
    return replace(one, score=score, summary=summary)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_an_edition_says_its_forms_say_the_same(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(SectionName), unique=True))
    sections = tuple(
        Section(name=name, picks=(data.draw(picks(f"{name}:1")), data.draw(picks(f"{name}:2"))))
        for name in names
    )
    shown = edition(sections=sections, misses=(data.draw(picks("m")),), profile=profile(display_name="<i>"))
    for suffix in (HTML, TEXT):
        from_forms, from_templates = both_ways(part_of(shown, suffix), letter_of(shown))
        assert from_forms == from_templates


def test_two_readers_of_one_paper_do_not_see_each_other_s_words() -> None:
    renderer, one = Renderer(), pick("2603.00001", "Learning to Wait", abstract="Queues wait. Tea waits.")

    def read_by(name: str, word: str) -> Edition:
        score = Score(value=40, reasons=(reason(f"{word} (abstract)", 40, word),))
        return edition(replace(one, score=score), profile=profile(name=name, email=f"{name}@example.org"))

    mails = {name: renderer.render(read_by(name, word), SENDER) for name, word in TASTES.items()}
    again = {name: renderer.render(read_by(name, word), SENDER) for name, word in reversed(TASTES.items())}
    assert mails == again
    for name, word in TASTES.items():
        assert f"{word} (abstract)" in mails[name].text
        assert f">{word}</span>" in mails[name].html
        others = {*TASTES.values()} - {word}
        assert not any(f">{other}</span>" in mails[name].html for other in others)
        assert not any(f"{other} (abstract)" in mails[name].html + mails[name].text for other in others)
        assert not any(other in mails[name].html for other in {*TASTES} - {name})


TASTES = {"adalbert": "Queues", "boniface": "Tea", "cyprian": "waits"}


def test_the_order_of_readers_changes_no_mail() -> None:
    shown = [*SAMPLES.values()]
    alone = [Renderer().render(one, SENDER) for one in shown]
    renderer, order = Renderer(), list(range(len(shown)))
    random.Random(1).shuffle(order)
    together = {n: renderer.render(shown[n], SENDER) for n in order}
    assert [together[n] for n in range(len(shown))] == alone


# ---------------------------------------------------------------- templates that compute


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("account.txt.j2", "{{ account.score + 1 }}", "41"),
        ("account.txt.j2", "{% if account.score > 39 %}high{% endif %}", "high"),
        ("account.txt.j2", "{{ account.said | upper }}", "SCORE 40: +40 WAITING (TITLE)"),
        ("account.txt.j2", "{{ account.reasons[0].points }}", "+40"),
        ("account.txt.j2", "{{ account.reasons | map(attribute='points') | join }}", "+40"),
        ("excerpt.txt.j2", "{{ excerpt.text | length }}", "35"),
        ("excerpt.txt.j2", "{{ excerpt.text | replace('wait', 'hurry') | wrap }}", "We study how to hurry."),
        ("card.txt.j2", "{{ 'first' if card.number == 1 }}", "first"),
        ("card.txt.j2", "{{ '%03d' | format(card.number) }}", "001"),
        ("card.txt.j2", "{{ card.account.score }} {{ card.excerpt.text }}", "40 We study"),
        ("card.txt.j2", "{{ say('{a}{b}', a=card.number, b=card.score) }}", "140"),
        ("edition.txt.j2", "{{ letter.summary ~ '!' }}", "1 of 30 new papers for you!"),
        ("edition.txt.j2", "{{ letter.day.split()[0] }}", "Wednesday,"),
        (
            "edition.txt.j2",
            "{% for c in letter.sections[0].cards %}{{ c.paper.title }}{% endfor %}",
            "Learning",
        ),
    ],
)
def test_a_template_may_compute_with_what_is_one_reader_s_own(
    tmp_path: Path, name: str, source: str, told: str
) -> None:
    (tmp_path / name).write_text(source, encoding="utf-8")
    one = pick("2603.00001", "Learning to Wait", reason("waiting (title)", 40))
    renderer = Renderer(tmp_path)
    assert told in renderer.render(edition(one), SENDER).text
    assert told in renderer.render(edition(one), SENDER).text


@pytest.mark.parametrize("computed", [str, repr, len, list, hash, int, "{:>3}".format, lambda s: s == 1])
def test_a_slot_is_no_value(computed: object) -> None:
    assert callable(computed)
    with pytest.raises(ComputedError):
        computed(Slot("score", []))
