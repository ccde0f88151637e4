"""What `digest check` says of changed templates, and that docs/templates.md is right about them."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from jinja2 import Environment

from digest.errors import ExitCode
from digest.model import SectionName
from digest.rendering.cards import Account, Card, Detail, Link, PaperInWords, Points, Twin
from digest.rendering.chart import Chart, Row
from digest.rendering.excerpt import Excerpt, Piece
from digest.rendering.letter import CardSection, Letter
from digest.rendering.templates import HEAD_STYLES, MAIL_TEMPLATES, STYLES, Templates
from digest.resources import shipped
from tests.desk import CONFIG, Desk

pytestmark = pytest.mark.slow  # each looks at many mails, or waits for a page

DOCUMENT = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")


@pytest.fixture
def tried(desk: Desk) -> Desk:
    """Ada's folder, with an empty folder of templates."""
    desk.write("config.toml", 'templates_dir = "mine"\n' + CONFIG.format(transport="maildir"))
    (desk.folder / "mine").mkdir()
    return desk


def as_shipped(name: str) -> str:
    return (shipped("templates") / name).read_text(encoding="utf-8")


def changed(desk: Desk, name: str, old: str, new: str = "") -> Path:
    """A shipped template with one thing changed, or with something at its end, in the folder of one's own."""
    source = as_shipped(name)
    assert old in source
    return desk.write(f"mine/{name}", source.replace(old, new) if old else source + new)


# ---------------------------------------------------------------- nothing to say


def test_the_shipped_templates_miss_nothing(tried: Desk) -> None:
    result = tried.run("check")

    assert result.exit_code == 0
    assert re.search(
        r"ok: templates render and miss nothing, a message of 40 papers has [\d,]+ bytes", result.stdout
    )
    assert result.stderr == ""


def test_copies_of_the_shipped_templates_miss_nothing(tried: Desk) -> None:
    for name in (*MAIL_TEMPLATES, STYLES, HEAD_STYLES):
        tried.write(f"mine/{name}", as_shipped(name))

    result = tried.run("check")

    assert (result.exit_code, result.stderr) == (0, "")


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("edition.html.j2", "letter.unsubscribe_mailto", "letter.why", "the HTML part has no mailto link"),
        (
            "edition.txt.j2",
            "letter.unsubscribe_url",
            "letter.why",
            "the text part has no link to the page where",
        ),
        ("card.html.j2", "paper.title", "paper.votes", "the HTML part does not name"),
        ("footnotes.txt.j2", "paper.link ", "paper.votes ", "the text part has no link to"),
        ("edition.html.j2", "letter.language", "'en'", "and is written in 'de'"),
        ("edition.css", "", "p { background: url(https://example.org/a.png) }", "loads something"),
        ("card.html.j2", "", f'<p class="{"x" * 2_500}"></p>', "bytes, though its cards are shrunk"),
    ],
)
def test_what_a_changed_template_misses_is_an_error_with_its_file(
    tried: Desk, name: str, old: str, new: str, said: str
) -> None:
    path = changed(tried, name, old, new)

    result = tried.run("check")

    (told,) = [line for line in result.stderr.splitlines() if said in line]
    assert result.exit_code == ExitCode.CONFIGURATION
    assert told.startswith(f"error: {path}: the ")
    assert "ok: templates" not in result.stdout
    assert "ok: way out" in result.stdout


def test_a_machine_s_words_must_carry_its_name(tried: Desk) -> None:
    changed(tried, "card.txt.j2", "card.written_by", "'somebody'")

    assert "the text part shows a machine-written summary without the name" in tried.run("check").stderr


def test_everything_that_is_missing_is_told_at_once_and_once(tried: Desk) -> None:
    tried.write("mine/edition.txt.j2", "{{ letter.day }}\n")

    result = tried.run("check")

    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == len(set(errors)) == 4
    assert all("mine/edition.txt.j2: the text part" in line for line in errors)
    assert all("(invented)" in line for line in errors)


def test_files_of_one_part_are_named_together(tried: Desk) -> None:
    changed(tried, "card.html.j2", "paper.title", "paper.votes")
    tried.write("mine/edition.css", as_shipped("edition.css"))
    tried.write("mine/card.txt.j2", as_shipped("card.txt.j2"))

    (told,) = [line for line in tried.run("check").stderr.splitlines() if "does not name" in line]

    assert f"{tried.folder}/mine/card.html.j2, edition.css: the HTML part" in told


def test_a_broken_template_is_told_with_file_and_line(tried: Desk) -> None:
    path = tried.write("mine/card.txt.j2", "\n{{ card.nothing }}")

    result = tried.run("check")

    assert result.exit_code == ExitCode.INPUT
    assert f"{path}:2: this template is broken" in result.stderr


def test_a_folder_that_is_not_there_is_told(tried: Desk) -> None:
    (tried.folder / "mine").rmdir()

    result = tried.run("check")

    assert result.exit_code == ExitCode.INPUT
    assert "there is no such folder of templates" in result.stderr


@pytest.mark.parametrize(
    ("name", "broken"), [("archive.html.j2", "\n{{ nope }}"), ("archive-index.html.j2", "\n{% if %}")]
)
def test_a_broken_template_of_the_archive_is_told_with_file_and_line(
    tried: Desk, name: str, broken: str
) -> None:
    path = tried.write(f"mine/{name}", broken)

    result = tried.run("check")

    assert result.exit_code == ExitCode.INPUT
    assert f"error: {path}:2: this template is broken" in result.stderr
    assert "ok: templates" not in result.stdout
    assert tried.run("preview", "--archive", str(tried.folder / "archive")).stderr.count(f"{path}:2") == 1


def test_a_feed_entry_that_is_no_xml_is_told_with_file_and_line(tried: Desk) -> None:
    path = changed(tried, "feed-entry.xml.j2", "</title>", "</titel>")

    assert (
        f"error: {path}:8: this template is broken: what it prints is not as it must be: it is not XML"
        in tried.run("check").stderr
    )


def test_what_only_an_archive_with_neighbours_prints_is_tried_too(tried: Desk) -> None:
    changed(tried, "archive-links.html.j2", "neighbours.later }}.html", "neighbours.gone }}.html")

    assert "has no attribute 'gone'" in tried.run("check").stderr


@pytest.mark.parametrize("name", ["card.html.j2", "archive.css"])
def test_a_folder_named_like_a_template_is_told_with_what_to_do(tried: Desk, name: str) -> None:
    path = tried.folder / "mine" / name
    path.mkdir()

    result = tried.run("check")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert f"error: {path}: this is named like a template, and is a folder. Put" in result.stderr


def test_a_link_to_nowhere_named_like_a_template_is_told(tried: Desk) -> None:
    path = tried.folder / "mine" / "card.html.j2"
    path.symlink_to("gone")

    assert f"error: {path}: this is named like a template, and is no file." in tried.run("check").stderr


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that nobody can read")
@pytest.mark.parametrize("name", ["card.html.j2", "parts/day.j2"])
def test_a_file_that_cannot_be_read_is_told_with_what_to_do(tried: Desk, name: str) -> None:
    path = tried.folder / "mine" / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/proc/self/mem")  # not even root reads its beginning

    result = tried.run("check")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert re.search(f"error: {path}: this file cannot be read .*Let it be read", result.stderr)
    assert "ok: way out" in result.stdout


# ---------------------------------------------------------------- warnings


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("account.html.j2", "show(reason)", "''", "the HTML part does not tell what the scores are made of"),
        ("account.txt.j2", "account.said", "''", "the text part does not tell every pick's score"),
        ("edition.txt.j2", "letter.why | wrap", "letter.why", "columns (its line"),
        ("edition.html.j2", 'charset="utf-8"', "", "does not say that it is UTF-8"),
    ],
)
def test_what_is_only_unwise_is_a_warning(tried: Desk, name: str, old: str, new: str, said: str) -> None:
    path = changed(tried, name, old, new)

    result = tried.run("check")

    (told,) = [line for line in result.stderr.splitlines() if said in line]
    assert result.exit_code == 0
    assert told.startswith(f"warning: {path}: ")


def test_a_file_that_no_template_uses_is_told(tried: Desk) -> None:
    files = {
        "edition.htm.j2": "; did you mean edition.html.j2?",
        "edition.txt": "; did you mean edition.txt.j2?",
        "old/card.html.j2": "; did you mean card.html.j2?",
        "replay.html.j2": "",
        "watch.html.j2": "",
        "notes": ". Templates are account.html.j2, ",
    }
    for name in files:
        tried.write(f"mine/{name}", "nothing")

    result = tried.run("check")

    assert result.exit_code == 0
    for name, hint in files.items():
        assert f"warning: {tried.folder}/mine/{name} is not used{hint}" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "/* not ended", "has a comment without its end (line"),
        ("padding: 0; }\n.outer", "padding: 0;\n.outer", "has a { without its } (line 4)"),
        ("padding: 0; }\n.outer", "padding: 0; }}\n.outer", "has a } too many (line 4)"),
    ],
)
def test_a_style_sheet_that_is_cut_off_is_told(tried: Desk, old: str, new: str, said: str) -> None:
    path = changed(tried, "edition.css", old, new)

    result = tried.run("check")

    assert result.exit_code == 0
    assert f"warning: {path} {said}" in result.stderr


@pytest.mark.parametrize("styles", ["", ".gone { color: red }", "} .page { color: red"])
def test_a_style_sheet_that_styles_nothing_is_told(tried: Desk, styles: str) -> None:
    path = tried.write("mine/edition.css", styles)

    result = tried.run("check")

    assert result.exit_code == 0
    assert f"warning: {path} styles nothing that the templates use" in result.stderr


def test_braces_in_words_and_comments_are_none(tried: Desk) -> None:
    path = changed(tried, "edition.css", "", """/* { */ .x::before { content: "}"; quotes: '{\\'' "'" }""")

    assert str(path) not in tried.run("check").stderr


def test_a_part_that_an_own_template_includes_is_used_and_what_editors_leave_is_let_be(tried: Desk) -> None:
    changed(tried, "edition.txt.j2", "{{ letter.day | wrap }}", '{% include "parts/day.j2" %}')
    tried.write("mine/parts/day.j2", "{{ letter.day | wrap }}\n")
    for name in ("edition.txt.j2~", ".edition.txt.j2.swp", "#edition.txt.j2#", ".git/config"):
        tried.write(f"mine/{name}", "nothing")

    assert tried.run("check").stderr == ""


# ---------------------------------------------------------------- docs/templates.md


def table(head: str) -> list[list[str]]:
    """The rows of the document's table whose first column is headed so."""
    _, _, after = DOCUMENT.partition(f"| {head} |")
    rows = after.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_document_names_every_template_of_the_mail() -> None:
    named = [name for row in table("file") for name in names(row[0])]

    assert sorted(named) == sorted([*MAIL_TEMPLATES, STYLES, HEAD_STYLES])


def of(kind: type) -> set[str]:
    """What a template can ask of a value."""
    shown = [name for name in vars(kind) if isinstance(vars(kind)[name], property)]
    told = getattr(kind, "_fields", None) or [field.name for field in fields(kind)]
    return {*shown, *told}


def test_the_document_names_every_value_that_templates_get() -> None:
    has = {row[0].replace("`", ""): set(names(row[1])) for row in table("value")}

    assert has == {
        "letter": of(Letter),
        "a section of letter.sections": of(CardSection) | {str(name) for name in SectionName},
        "card": of(Card) | {str(detail) for detail in Detail},
        "card.paper": of(PaperInWords) | of(Link),
        "a twin of card.twins": of(Twin),
        "account": of(Account),
        "reason": of(Points),
        "excerpt": of(Excerpt) | of(Piece),
        "chart": of(Chart) | of(Row),
    }


def test_the_document_names_every_filter_and_test_of_ours() -> None:
    used = [name for row in table("in a template") for name in names(row[0].replace("\\|", "|"))]
    environment = Templates((shipped("templates"),))._environment

    assert {name.split(" | ")[1].partition("(")[0] for name in used if " | " in name} == (
        environment.filters.keys() - Environment().filters.keys()
    )
    assert {name.split(" is ")[1] for name in used if " is " in name} == (
        environment.tests.keys() - Environment().tests.keys()
    )


def html_of(desk: Desk) -> str:
    """The HTML part of a preview, of templates that miss nothing."""
    desk.run("preview", "--html", str(desk.folder / "mail.html"))
    assert desk.run("check").stderr == ""
    return (desk.folder / "mail.html").read_text(encoding="utf-8")


def test_the_document_s_other_accent_colour_is_one(tried: Desk) -> None:
    for row in table("in"):
        (name,), (old,), (new,) = map(names, row)
        changed(tried, name, old, new)

    html = html_of(tried)

    assert all(colour in html for colour in ("#8a3b12", "#e8b48f"))
    assert not any(colour in html for colour in ("#0b615b", "#7dcac0"))


def test_the_document_s_mail_without_score_bars_hides_each(tried: Desk) -> None:
    ((name,), (old,), (new,)) = map(names, table("in a copy of")[0])
    changed(tried, name, old, new)

    bars = re.findall(r'<td class="bar"[^>]*>', html_of(tried))

    assert bars
    assert all("display:none" in bar for bar in bars)


def test_the_document_s_account_has_a_line_for_each_reason(tried: Desk) -> None:
    (source,) = re.findall(r"```html\n(.*?)```", DOCUMENT, re.DOTALL)
    tried.write("mine/account.html.j2", source)

    assert re.search(r"\((?:title|abstract)\)<br>\s*<b>[+−]\d+</b>", html_of(tried))
