"""Languages: their tags, their dates and numbers, and catalogs in which nothing is missing."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Message
from jinja2 import Environment, nodes

from digest.language import CATALOGS, ENGLISH, UnknownLanguageError, known_languages, language
from digest.model import Edition
from digest.rendering.renderer import Renderer
from tests.catalogs import ROOT, extracted, read, texts, updated
from tests.conformance.mails import mail, parsed, part_of
from tests.editions import EVERY, SENDER

DAY = date(2026, 3, 11)
OTHERS = ("de", "fr", "zh")
EVERYWHERE = ("en", *OTHERS)


# ---------------------------------------------------------------- tags


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("en", "en"),
        ("en-US", "en-US"),
        ("en-gb", "en-GB"),
        ("DE-at", "de-AT"),
        ("de_CH", "de-CH"),
        ("fr-CA", "fr-CA"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-CN"),
        ("ZH-HANS", "zh-Hans"),
        ("zh-hans-sg", "zh-Hans-SG"),
    ],
)
def test_a_tag_is_understood_however_it_is_written(tag: str, canonical: str) -> None:
    found = language(tag)

    assert found.tag == canonical
    assert language(canonical) == found
    assert found.direction == "ltr"


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "xx",
            "tlh",
            "ar",
            "",
            "deutsch",
            "de-",
            "de-XX",
            "und",
            "../de",
            "de-1996",
            "de@euro",
            "de\r\nX: y",
        ),
        *("zh-TW", "zh-HK", "zh-Hant", "zh-Hant-CN", "zh-Hant-SG", "en-Shaw"),
    ],
)
def test_a_language_without_a_catalog_or_in_another_script_is_unknown(tag: str) -> None:
    with pytest.raises(UnknownLanguageError):
        language(tag)


def test_a_tag_can_end_in_no_way_that_breaks_a_header() -> None:
    with pytest.raises(UnknownLanguageError):
        language("de.\r\nBcc: eve@example.org")


def test_languages_asked_for_at_once_are_one_and_the_same() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(language, ["fr-CH"] * 64))

    assert len(set(found)) == 1
    assert {one.say("Your picks") for one in found} == {"Votre sélection"}


def test_the_configuration_is_read_without_loading_babel() -> None:
    code = "import digest.config, digest.cli.main, sys; print('babel' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "False\n"


# ---------------------------------------------------------------- dates, numbers, lists


@pytest.mark.parametrize(
    ("tag", "long", "short", "last_year"),
    [
        ("en", "Wednesday, 11 March 2026", "11 Mar", "1 December 2025"),
        ("en-US", "Wednesday, March 11, 2026", "Mar 11", "December 1, 2025"),
        ("de", "Mittwoch, 11. März 2026", "11. März", "1. Dezember 2025"),
        ("fr", "mercredi 11 mars 2026", "11 mars", "1 décembre 2025"),
        ("zh", "2026年3月11日星期三", "3月11日", "2025年12月1日"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(
    tag: str, long: str, short: str, last_year: str
) -> None:
    spoken = language(tag)

    assert spoken.long_date(DAY) == long
    assert spoken.short_date(DAY) == short
    assert spoken.date_seen_from(DAY, date(2025, 12, 1)) == last_year.replace(" ", "\N{NO-BREAK SPACE}")
    assert "2026" not in spoken.date_seen_from(DAY, DAY)


@pytest.mark.parametrize(
    ("tag", "week", "over_two_months", "with_year", "weekday"),
    [
        ("en", "9–15 Mar", "30 Mar – 5 Apr", "9–15 Mar 2026", "Mon 9"),
        ("en-US", "Mar 9 – 15", "Mar 30 – Apr 5", "Mar 9 – 15, 2026", "9 Mon"),
        ("de", "9.–15. März", "30. März – 5. Apr.", "9.–15. März 2026", "Mo., 9."),
        ("fr", "9–15 mars", "30 mars – 5 avr.", "9–15 mars 2026", "lun. 9"),
        ("zh", "3月9日至15日", "3月30日至4月5日", "2026年3月9日至15日", "9日周一"),
    ],
)
def test_spans_of_days_are_written_as_the_language_writes_them(
    tag: str, week: str, over_two_months: str, with_year: str, weekday: str
) -> None:
    spoken, first, last = language(tag), date(2026, 3, 9), date(2026, 3, 15)
    thin = str.maketrans({"\N{THIN SPACE}": " "})

    assert spoken.dates(first, last).translate(thin) == week
    assert spoken.dates(date(2026, 3, 30), date(2026, 4, 5)).translate(thin) == over_two_months
    assert spoken.dates(first, last, year=True).translate(thin) == with_year
    assert spoken.weekday(first) == weekday
    assert spoken.dates(first, first) == spoken.short_date(first)


def test_a_region_has_its_own_words() -> None:
    january = date(2026, 1, 7)

    assert language("de").long_date(january) == "Mittwoch, 7. Januar 2026"
    assert language("de-AT").long_date(january) == "Mittwoch, 7. Jänner 2026"


@pytest.mark.parametrize(
    ("tag", "number", "names"),
    [
        ("en", "1,204", "a, b and c"),
        ("en-US", "1,204", "a, b, and c"),
        ("de", "1.204", "a, b und c"),
        ("fr", "1\N{NARROW NO-BREAK SPACE}204", "a, b et c"),
        ("zh", "1,204", "a、b和c"),
    ],
)
def test_numbers_and_lists_are_written_as_the_language_writes_them(tag: str, number: str, names: str) -> None:
    assert language(tag).number(1204) == number
    assert language(tag).listed(("a", "b", "c")) == names
    assert language(tag).listed(("a",)) == "a"


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("tag", "none", "one", "two"),
    [
        ("en", "0 votes", "1 vote", "2 votes"),
        ("de", "0 Stimmen", "1 Stimme", "2 Stimmen"),
        ("fr", "0 vote", "1 vote", "2 votes"),
        ("zh", "0 票", "1 票", "2 票"),
    ],
)
def test_the_number_decides_the_form(tag: str, none: str, one: str, two: str) -> None:
    said = [language(tag).count("{n} vote", "{n} votes", number) for number in range(3)]

    assert said == [none, one, two]


@pytest.mark.parametrize("tag", EVERYWHERE)
@pytest.mark.parametrize(
    "hostile", ["{0}", "{email}", "{email.__class__}", "%s %(n)d", "{", "}}", "\\N{DASH}"]
)
def test_what_stands_in_a_field_stays_text(tag: str, hostile: str) -> None:
    spoken = language(tag)

    assert hostile in spoken.say("follows {name}", name=hostile)
    assert hostile in spoken.count("{title} + {n} more", "{title} + {n} more", 3, title=hostile)


def test_english_is_said_as_it_stands_in_the_sources() -> None:
    assert ENGLISH.say("follows {name}", name="allenai") == "follows allenai"
    assert language("en") == ENGLISH


# ---------------------------------------------------------------- the catalogs


def entries(name: str) -> list[Message]:
    """What a catalog translates, without its head."""
    return [entry for entry in read(CATALOGS / f"{name}.po") if entry.id]


def sources(entry: Message) -> tuple[str, ...]:
    return tuple(entry.id) if isinstance(entry.id, list | tuple) else (entry.id,)


def fields(text: str) -> Counter[str]:
    parts = Formatter().parse(text)
    return Counter(f"{name}!{conversion}:{spec}" for _, name, spec, conversion in parts if name is not None)


def test_there_are_the_languages_that_are_promised() -> None:
    assert known_languages() == EVERYWHERE


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_catalog_has_all_sentences_of_the_sources_and_no_others(name: str) -> None:
    """`make catalogs` brings it there."""
    path = CATALOGS / f"{name}.po"

    assert path.read_bytes() == updated(path, extracted())


@pytest.mark.parametrize("name", OTHERS)
def test_every_sentence_is_translated_in_every_form(name: str) -> None:
    plurals = read(CATALOGS / f"{name}.po").num_plurals
    for entry in entries(name):
        assert all(text.strip() for text in texts(entry)), entry.id
        assert not entry.fuzzy, entry.id
        assert len(texts(entry)) == (plurals if isinstance(entry.id, tuple) else 1), entry.id


@pytest.mark.parametrize("name", OTHERS)
def test_a_translation_fills_in_what_its_source_does(name: str) -> None:
    for entry in entries(name):
        for text in (*sources(entry), *texts(entry)):
            assert fields(text) == fields(sources(entry)[0]), text


_LOOSE = {
    "de": r'["”«»]|\d %|\} %',
    "fr": r"[\"“”']|(?<![\u00a0\u202f])[:;!?»%]|«(?!\u202f)",
    "zh": r'[\u4e00-\u9fff）》”][,;:!?.]|"|[（，。：；] ',
}
"""Quotation marks of other languages, and stops with the wrong space before or after them."""


@pytest.mark.parametrize("name", OTHERS)
def test_quotation_marks_and_spaces_are_those_of_the_language(name: str) -> None:
    for entry in entries(name):
        for text in texts(entry):
            assert not re.search(_LOOSE[name], text), text
            assert text == text.strip(" \n")


def calls(path: Path) -> Iterator[ast.Call]:
    """What a module says to readers: `language.say(...)` and `language.count(...)`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr == "say" or (node.func.attr == "count" and len(node.args) == 3):
            yield node


@pytest.mark.slow
def test_whatever_is_said_stands_where_it_can_be_found_for_the_catalogs() -> None:
    said = 0
    for path in (ROOT / "digest").rglob("*.py"):
        for call in calls(path) if "cli" not in path.parts else ():
            sentences = call.args[: 1 if len(call.args) == 1 else 2]
            assert all(isinstance(one, ast.Constant) for one in sentences), f"{path}:{call.lineno}"
            said += 1
    assert said


def test_whatever_a_template_says_can_be_found_for_the_catalogs() -> None:
    found = 0
    for path in (ROOT / "templates").glob("*.j2"):
        for call in Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            name = call.node.name if isinstance(call.node, nodes.Name) else ""
            sentences = call.args[: {"say": 1, "count": 2}.get(name, 0)]
            assert all(isinstance(one, nodes.Const) for one in sentences), f"{path}:{call.lineno}"
            found += bool(sentences)
    assert found


# ---------------------------------------------------------------- editions


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def spoken_in(tag: str, edition: Edition) -> Edition:
    return replace(edition, profile=replace(edition.profile, language=tag))


def english(name: str) -> set[str]:
    """Pieces of two words or more of what a catalog says differently."""
    found = set()
    for entry in entries(name):
        translated = " ".join(texts(entry))
        for source in sources(entry):
            pieces = (piece.strip(" ,.:;()“”") for piece, *_ in Formatter().parse(source))
            found |= {one for one in pieces if len(one) > 6 and " " in one and one not in translated}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("sample", EVERY)
@pytest.mark.parametrize("name", OTHERS)
def test_an_edition_says_nothing_in_english_of_its_own(name: str, sample: str, renderer: Renderer) -> None:
    message = parsed(mail(spoken_in(name, EVERY[sample]), SENDER, renderer).data)
    page = re.sub(r"<style.*?</style>|<[^>]*>", " ", part_of(message, "html"), flags=re.DOTALL)

    for said in (str(message["Subject"]), part_of(message, "plain"), unescape(page)):
        flat = " ".join(said.split())
        assert [one for one in english(name) if one in flat or one.upper() in flat] == []


@pytest.mark.parametrize(
    ("asked", "tag"), [("en", "en"), ("DE-at", "de-AT"), ("fr", "fr"), ("zh", "zh-Hans"), ("zh-CN", "zh-CN")]
)
def test_a_mail_says_which_language_it_is_in(asked: str, tag: str, renderer: Renderer) -> None:
    message = parsed(mail(spoken_in(language(asked).tag, EVERY["rich"]), SENDER, renderer).data)

    assert message["Content-Language"] == tag
    assert f'<html lang="{tag}" dir="ltr">' in part_of(message, "html")
