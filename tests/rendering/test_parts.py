"""Mails put together from forms say what their templates say, and templates that compute are filled each time."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.language import ENGLISH, language
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


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [HTML, TEXT])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_from_forms_says_what_its_templates_say(name: str, suffix: str) -> None:
    from_forms, from_templates = both_ways(part_of(SAMPLES[name], suffix), letter_of(SAMPLES[name]))
    assert from_forms == from_templates


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [HTML, TEXT])
def test_so_does_one_whose_cards_are_shrunk(suffix: str) -> None:
    for steps in (1, 9, 30, 60):
        letter = shrink(letter_of(SAMPLES["forty"]), steps)
        from_forms, from_templates = both_ways(part_of(SAMPLES["forty"], suffix), letter)
        assert from_forms == from_templates


ODD = [
    "",
    "<b>",
    "\ufdd00\ufdd1",
    "{{ 1 }}",
    "=\r\n",
    "=3D",
    "a\n\nb",
    "\u200b",
    "学",
    "机器学习",
    "C++(x)",
    "x ",
]
WORDS = st.sampled_from(ODD) | st.text(max_size=30)
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
    """A pick whose marked words stand in its abstract, often side by side."""
    reasons = tuple(draw(st.lists(REASONS, max_size=7)))
    said = [word for reason in reasons for word in reason.words]
    abstract = "".join(draw(st.lists(st.sampled_from([*said, "我们", " and ", ". "]), max_size=9)))
    one = pick(identifier, draw(WORDS), abstract=abstract or None, authors=(draw(WORDS),))
    summary = Summary(text=f"{draw(WORDS)}{abstract}", model="m") if draw(st.booleans()) else None
    score = Score(value=sum(reason.points for reason in reasons), reasons=reasons)
    return replace(one, score=score, summary=summary)


@st.composite
def drawn(draw: st.DrawFn) -> Edition:
    names = draw(st.lists(st.sampled_from(SectionName), unique=True, max_size=3))
    sections = tuple(Section(name=name, picks=(draw(picks(f"{name}:1")),)) for name in names)
    return edition(sections=sections, profile=profile(display_name="<i>"))


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.lists(drawn(), min_size=2, max_size=4))
def test_whatever_editions_say_the_forms_made_for_one_say_the_same_of_all(shown: list[Edition]) -> None:
    for suffix in (HTML, TEXT):
        part = Part(TEMPLATES, suffix, ENGLISH)
        for one in (*shown, shown[0]):
            letter = letter_of(one)
            from_forms = decode(part.encoded(letter)).rstrip("\n")
            assert from_forms == part.filled("edition", letter=letter).rstrip("\n")


def test_words_side_by_side_cost_another_paper_none_of_its_own() -> None:
    score = Score(value=40, reasons=(reason("x", 40, "机器", "学习"),))
    together, apart = (
        edition(replace(pick("1", "T", abstract=abstract), score=score))
        for abstract in ("我们研究机器学习系统。", "我们研究机器如何学习系统。")
    )
    renderer = Renderer()
    for one, told in ((together, ""), (apart, "如何"), (together, "")):
        assert f"机器</span>{told}<span" in renderer.render(one, SENDER).html


def test_a_summary_of_hardly_anything_but_the_reader_s_words_is_shown() -> None:
    one = pick("1", "T", reason("x", 40, "学"), abstract="a")
    mail = Renderer().render(edition(replace(one, summary=Summary(text="学 " * 499, model="m"))), SENDER)
    assert mail.html.count(">学</span>") == 499


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


@pytest.mark.slow
def test_the_order_of_readers_changes_no_mail() -> None:
    shown = [*SAMPLES.values()]
    alone = [Renderer().render(one, SENDER) for one in shown]
    renderer, order = Renderer(), list(range(len(shown)))
    random.Random(1).shuffle(order)
    together = {n: renderer.render(shown[n], SENDER) for n in order}
    assert [together[n] for n in range(len(shown))] == alone


# ---------------------------------------------------------------- templates that compute

TRIED = [
    ("account", "{{ account.score + 1 }}", "41"),
    ("account", "{% if account.score > 39 %}high{% endif %}", "high"),
    ("account", "{{ account.said | upper }}", "SCORE 40: +40 WAITING (TITLE)"),
    ("account", "{{ account.reasons[0].points }}", "+40"),
    ("account", "{{ account.reasons | map(attribute='points') | join }}", "+40"),
    ("account", "{{ account.score is number }}", "True"),
    ("account", "{{ show(account.reasons[0]) | upper }}", "+40 WAITING"),
    ("excerpt", "{{ excerpt.text | length }}", "35"),
    ("excerpt", "{{ excerpt.text | replace('wait', 'hurry') | wrap }}", "We study how to hurry."),
    (
        "excerpt",
        "{% for run in excerpt.runs %}<{{ run }}>{% endfor %}",
        "<We study how to wait. It is hard.>",
    ),
    ("card", "{{ 'first' if card.number == 1 }}", "first"),
    ("card", "{{ '%03d' | format(card.number) }}", "001"),
    ("card", "{{ card.score | abs }} {{ card.score ** 2 }}", "40 1600"),
    ("card", "{% for n in range(card.number) %}n{{ n }}{% endfor %}", "n0"),
    ("card", "{{ ['', 'first'][card.number] | default('more') }}", "first"),
    ("card", "{{ card.account.score }} {{ card.excerpt.text }}", "40 We study"),
    (
        "card",
        "{{ show(card.account) | wrap(6, '=') }}",
        "    = Score 40: +40",
    ),
    ("card", "{{ say('{a}{b}', a=card.number, b=card.score) }}", "140"),
    ("card", "{{ card.excerpt.text | wrap(indent=6) }}", "      We study"),
    ("edition", "{{ letter.summary ~ '!' }}", "1 of 30 new papers chosen!"),
    ("edition", "{{ letter.day.split()[0] }}", "Wednesday,"),
    ("edition", "{{ letter.n_cards }}{{ letter.cards | length }}", "11"),
    ("edition", "{{ letter.misses is sequence }}|{{ letter.subject is string }}", "True|True"),
    ("edition", "{{ show(letter.misses) }}{{ footnotes(letter.misses) }}end", "end"),
    ("edition", "{{ footnotes([letter.sections[0].cards[0]]) }}", "[1]"),
    ("edition", "{% for c in letter.sections[0].cards %}{{ c.paper.title }}{% endfor %}", "Learning"),
    ("edition", "{% set h %}{{ letter.day }}{% endset %}{{ '=' * (h | length) }}.", "=" * 24 + "."),
    ("edition", "{% macro m() %}{{ letter.day }}{% endmacro %}{{ m() | upper }}", "WEDNESDAY, 11"),
    ("edition", "{% filter upper %}{{ letter.day }}{% endfilter %}", "WEDNESDAY, 11"),
    ("edition", "{{ letter.subject | tojson }}", '"Learning to Wait'),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "source", "told"), TRIED)
def test_a_template_may_compute_with_what_is_one_reader_s_own(
    tmp_path: Path, name: str, source: str, told: str
) -> None:
    (tmp_path / f"{name}.txt.j2").write_text(source, encoding="utf-8")
    part = Part(Templates((tmp_path, shipped("templates"))), TEXT, ENGLISH)
    other = pick("2603.00002", "Another", reason("queues", 7))
    one = pick("2603.00001", "Learning to Wait", reason("waiting (title)", 40))
    for shown in (edition(one), edition(other, other), edition(one)):
        text = decode(part.encoded(letter_of(shown))).rstrip()
        assert text == part.filled("edition", letter=letter_of(shown)).rstrip()
    assert told in text


@pytest.mark.slow
def test_a_mail_of_cards_by_a_template_of_one_s_own_shrinks_as_far_as_it_has_to(tmp_path: Path) -> None:
    """Each card is there twice; or none is shown by its own template."""
    for source in (
        "{% for s in letter.sections %}{{ show(s.cards) }}{{ show(s.cards) }}{% endfor %}",
        "{% for s in letter.sections %}{% for c in s.cards %}<p>{{ c.excerpt.text if c.excerpt }}"
        "{{ '-' * (3000 if c.excerpt else 2000) }}</p>{% endfor %}{% endfor %}",
    ):
        (tmp_path / "edition.html.j2").write_text(f"<html><body>{source}</body></html>", encoding="utf-8")
        html = Renderer(tmp_path).render(SAMPLES["forty"], SENDER).html
        assert 85_000 < len(html.encode()) <= 90_000


@pytest.mark.parametrize("computed", [str, repr, len, list, hash, int, "{:>3}".format, lambda s: s == 1])
def test_a_slot_is_no_value(computed: object) -> None:
    assert callable(computed)
    with pytest.raises(ComputedError):
        computed(Slot("score", []))
