"""Templates of one's own, whole or broken."""

from pathlib import Path

import pytest

from digest.errors import DigestError, InputError
from digest.model import Sender
from digest.rendering.renderer import Rendered, Renderer
from digest.rendering.templates import inline_styles
from digest.resources import shipped
from tests.makers import edition, pick

SENDER = Sender(address="digest@example.org")


def rendered_with(folder: Path, **files: str) -> Rendered:
    """An edition through a folder of templates; `html` stands for `edition.html.j2`, and so on."""
    names = {"html": "edition.html.j2", "text": "edition.txt.j2", "css": "edition.css", "head": "head.css"}
    for kind, source in files.items():
        (folder / names[kind]).write_text(source, encoding="utf-8")
    return Renderer(folder).render(edition(pick(title="Tea & Waiting")), SENDER)


# ---------------------------------------------------------------- overriding


def test_a_template_of_one_s_own_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    mail = rendered_with(tmp_path, text="{{ letter.day }}: {{ letter.sections[0].cards[0].paper.title }}\n")
    assert mail.text == "Wednesday, 11 March 2026: Tea & Waiting\n"
    assert "Your picks" in mail.html


def test_a_style_sheet_of_one_s_own_is_inlined_into_the_shipped_template(tmp_path: Path) -> None:
    mail = rendered_with(tmp_path, css=".title { color: #123456 }")
    assert "color:#123456" in mail.html


def test_an_html_template_of_one_s_own_is_escaped_and_may_loop_between_rows(tmp_path: Path) -> None:
    source = (
        "<html><body><table>{% for card in letter.sections[0].cards %}"
        "<tr><td>{{ card.paper.title }}</td></tr>{% endfor %}</table></body></html>"
    )
    mail = rendered_with(tmp_path, html=source, css="td { color: red }")
    assert '<table><tr><td style="color:red">Tea &amp; Waiting</td></tr></table>' in mail.html


def test_a_part_that_an_own_template_includes_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "card.j2").write_text("<b>{{ letter.sections[0].cards[0].paper.title }}</b>")
    mail = rendered_with(tmp_path, html='<html><body>{% include "card.j2" %}</body></html>')
    assert "<b>Tea &amp; Waiting</b>" in mail.html


# ---------------------------------------------------------------- broken


def error_of(folder: Path, **files: str) -> DigestError:
    with pytest.raises(InputError) as caught:
        rendered_with(folder, **files)
    return caught.value


@pytest.mark.parametrize("kind", ["html", "text", "head"])
def test_a_syntax_error_is_told_with_file_and_line(tmp_path: Path, kind: str) -> None:
    error = error_of(tmp_path, **{kind: "<p>\n\n{% if %}\n"})
    assert error.where == f"{next(tmp_path.iterdir())}:3"


def test_an_unknown_name_is_told_with_the_line_as_written_though_inlining_moves_lines(tmp_path: Path) -> None:
    source = "<!doctype html>\n\n<html>\n<body\n class='x'>\n<p>{{ letter.nothing }}</p></body></html>\n"
    error = error_of(tmp_path, html=source)
    assert error.where == f"{tmp_path / 'edition.html.j2'}:6"
    assert "'nothing'" in error.what


def test_a_missing_part_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    error = error_of(tmp_path, text='\n{% include "gone.j2" %}')
    assert error.where == f"{tmp_path / 'edition.txt.j2'}:2"
    assert "gone.j2" in error.what


def test_any_other_failure_within_a_template_is_told_too(tmp_path: Path) -> None:
    error = error_of(tmp_path, text="\n\n{{ 1 // 0 }}")
    assert error.where == f"{tmp_path / 'edition.txt.j2'}:3"


def test_a_template_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "edition.txt.j2").write_bytes(b"caf\xe9")
    assert error_of(tmp_path).where == str(tmp_path / "edition.txt.j2")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        Renderer(tmp_path / "gone")


# ---------------------------------------------------------------- inlining


def test_template_tags_pass_the_inliner_wherever_they_stand() -> None:
    source = (
        "<html><head><title>{{ a }}</title><style data-css-inline='keep'>{{ b }}</style></head><body>"
        "<p {% if c > 1 %}dir='auto'{% endif %} title=\"{{ d & 'x' }}\">{{ e }}</p></body></html>"
    )
    inlined = inline_styles(source, "p { color: red }")
    for tag in (
        "<title>{{ a }}</title>",
        "{{ b }}</style>",
        "{% if c > 1 %}",
        "title=\"{{ d & 'x' }}\"",
        ">{{ e }}</p>",
    ):
        assert tag in inlined
    assert "jinja" not in inlined
    assert "color:red" in inlined


def test_the_shipped_templates_have_no_layout_that_mail_clients_lack() -> None:
    of_mail = ("edition.html.j2", "edition.css", "head.css")
    sources = "".join((shipped("templates") / name).read_text(encoding="utf-8") for name in of_mail)
    assert not any(
        word in sources for word in ("display: flex", "display: grid", "var(--", "@font-face", "<img")
    )
