"""A summary by a language model in the mail: in place of the excerpt, and never without saying so."""

from dataclasses import replace
from pathlib import Path

from digest.model import Edition, Sender, Summary
from digest.rendering.renderer import Rendered, Renderer
from tests.makers import edition, pick, reason

SENDER = Sender(address="digest@example.org")
ABSTRACT = "We let agents wait. It is cheap."


def rendered(summary: Summary | None) -> Rendered:
    one = pick("2603.00001", "Learning to Wait", reason("waiting", 40, "agents"), abstract=ABSTRACT)
    return Renderer().render(edition(replace(one, summary=summary)), SENDER)


def test_a_summary_stands_in_place_of_the_excerpt_with_its_model_in_both_parts() -> None:
    mail = rendered(Summary(text="Programs that wait are cheap.", model="tiny-7b"))

    for part in (mail.html, " ".join(mail.text.split())):
        assert "Programs that wait are cheap." in part
        assert "achine-written summary" in part
        assert "tiny-7b" in part
        assert "We let agents wait" not in part
        assert "https://arxiv.org/abs/2603.00001" in part


def test_without_a_summary_nothing_speaks_of_machines() -> None:
    mail = rendered(None)

    assert "It is cheap" in mail.html
    assert "achine-written" not in mail.html + mail.text


def test_the_readers_words_are_marked_in_a_summary_too() -> None:
    mail = rendered(Summary(text="It says that agents wait.", model="tiny"))

    assert ">agents</span> wait" in mail.html


def test_a_summary_and_a_models_name_cannot_bring_markup() -> None:
    hostile = Summary(text='Agents <img src="https://evil.example/p.png"> wait.', model="<b>x</b>\n\nBcc: y")
    mail = rendered(hostile)

    assert "<img" not in mail.html
    assert "<b>+" in mail.html
    assert mail.html.count("<b>") == 1
    assert "\nBcc" not in mail.text


def test_a_template_that_knows_no_summaries_shows_the_authors_words(tmp_path: Path) -> None:
    own = "{% for card in letter.sections[0].cards %}{{ card.paper.title }}: {{ card.excerpt.text }}{% endfor %}"
    (tmp_path / "edition.txt.j2").write_text(own, encoding="utf-8")
    one = pick("2603.00001", "Learning to Wait", reason(), abstract=ABSTRACT)
    machine = Summary(text="Programs that wait are cheap.", model="tiny")

    mail = Renderer(tmp_path).render(edition(replace(one, summary=machine)), SENDER)

    assert mail.text == f"Learning to Wait: {ABSTRACT}\n"


def test_a_card_too_small_for_an_excerpt_has_no_summary_either() -> None:
    summary = Summary(text="Programs that wait are cheap. " * 10, model="tiny")
    picks = [
        replace(pick(f"2603.{n:05}", f"Waiting {n}", reason(), abstract=ABSTRACT), summary=summary)
        for n in range(70)
    ]
    many: Edition = edition(*picks)

    html = Renderer().render(many, SENDER).html

    assert len(html.encode()) <= 90_000
    assert html.count("Programs that wait") == 10 * html.count("achine-written summary")
    assert 0 < html.count("achine-written summary") < 70
