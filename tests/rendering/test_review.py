"""What a review of a rendered mail finds, and that it finds nothing where nothing is amiss."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest

from digest.model import Edition, Sender
from digest.rendering.renderer import Renderer
from digest.rendering.review import Lack, Part, review
from digest.rendering.samples import sample_editions
from tests.editions import EVERY, PLAIN_SENDER, SENDER
from tests.makers import NOW, edition, pick, reason

INVENTED = {**EVERY, **sample_editions(NOW)}
RICH = INVENTED["a rich day"]

Change = Callable[[str], str]


@cache
def renderer() -> Renderer:
    return Renderer()


@dataclass(frozen=True)
class Mail:
    """The two parts of one."""

    html: str
    text: str

    def lacks(self, edition: Edition = RICH, sender: Sender = SENDER) -> tuple[Lack, ...]:
        return review(edition, sender, html=self.html, text=self.text)


def mail_of(edition: Edition, sender: Sender) -> Mail:
    rendered = renderer().render(edition, sender)
    return Mail(rendered.html, rendered.text)


@cache
def rich_mail() -> Mail:
    return mail_of(RICH, SENDER)


def lacks_of(html: Change | None = None, text: Change | None = None) -> tuple[Lack, ...]:
    """Of the mail of a rich day, its parts changed; a change that changes nothing is no test."""
    mail = rich_mail()
    changed = Mail(html(mail.html) if html else mail.html, text(mail.text) if text else mail.text)
    assert changed != mail
    return changed.lacks()


def without(*words: str) -> Change:
    return lambda source: re.sub("|".join(map(re.escape, words)), "", source)


def in_any_spacing(words: str) -> re.Pattern[str]:
    """Finds them where lines are broken, or words tied."""
    return re.compile(r"\s+".join(map(re.escape, words.split())))


def adding(markup: str) -> Change:
    return lambda source: source.replace("</body>", f"{markup}</body>")


# ---------------------------------------------------------------- nothing amiss


@pytest.mark.slow
@pytest.mark.parametrize("name", INVENTED)
@pytest.mark.parametrize("sender", [SENDER, PLAIN_SENDER], ids=["with a page", "by mail only"])
def test_the_shipped_templates_miss_nothing(name: str, sender: Sender) -> None:
    assert mail_of(INVENTED[name], sender).lacks(INVENTED[name], sender) == ()


def test_every_invented_score_is_the_sum_of_its_reasons() -> None:
    told = [one for sample in sample_editions(NOW).values() for one in sample.shown]

    assert told
    assert all(one.score.value == sum(given.points for given in one.score.reasons) for one in told)


def test_an_empty_mail_misses_everything_and_breaks_nothing() -> None:
    lacks = Mail("", "").lacks()

    said = " ".join(map(str, lacks))
    assert f"the HTML part does not name {len(RICH.shown)} of {len(RICH.shown)} papers" in said
    assert "the text part has no mailto link to digest+stop@lab.example.org" in said
    assert [lack.is_grave for lack in lacks] == sorted((lack.is_grave for lack in lacks), reverse=True)


# ---------------------------------------------------------------- what is grave

SCRIPTED = [
    "<script>x()</script>",
    '<p onclick="x()">x</p>',
    '<!--[if mso]><p onmouseover="x()">x</p><![endif]-->',
]
LOADING = [
    '<img src="https://example.org/pixel.gif" width="1" height="1">',
    '<img srcset="//example.org/pixel.gif 2x">',
    '<link rel="stylesheet" href="https://example.org/a.css">',
    '<table background="https://example.org/a.png"></table>',
    "<p style=\"background: URL( 'https://example.org/a.png' )\">x</p>",
    "<style>@import 'https://example.org/a.css';</style>",
    "<style>@font-face { src: url(//example.org/a.woff2) }</style>",
    '<video poster="https://example.org/a.png"></video>',
    '<svg><image xlink:href="https://example.org/a.png"/></svg>',
    '<meta http-equiv="Refresh" content="0; url=https://example.org">',
    '<!--[if gte mso 9]><img src="https://example.org/pixel.gif"><![endif]-->',
]
FOREIGN = [
    '<form action="https://example.org"><input name="password"></form>',
    '<iframe src="https://example.org"></iframe>',
    '<iframe srcdoc="x"></iframe>',
    '<object data="data:text/html,x"></object>',
    '<embed src="https://example.org/a.swf">',
    "<frameset><frame></frameset>",
    "<applet></applet>",
    "<!--[if mso]><form></form><![endif]-->",
]
BAD_LINKS = ["javascript:x()", " java\nscript:x()", "data:text/html,x", "papers.html", "//example.org", ""]


@pytest.mark.parametrize("markup", SCRIPTED)
def test_a_script_is_found(markup: str) -> None:
    (lack,) = lacks_of(html=adding(markup))

    assert lack.is_grave
    assert "has a script" in lack.what


@pytest.mark.parametrize("markup", FOREIGN)
def test_what_takes_input_or_shows_another_page_is_found(markup: str) -> None:
    (lack,) = lacks_of(html=adding(markup))

    assert lack.is_grave
    assert "has an element that a mail must not have" in lack.what


@pytest.mark.parametrize("content", ["5", "0; url=https://example.org"])
def test_a_page_that_leads_elsewhere_by_itself_is_found(content: str) -> None:
    (lack,) = lacks_of(html=adding(f'<meta http-equiv="REFRESH" content="{content}">'))

    assert lack.is_grave
    assert "meta refresh" in lack.what


@pytest.mark.parametrize("markup", LOADING)
def test_whatever_loads_from_the_net_is_found(markup: str) -> None:
    (lack,) = lacks_of(html=adding(markup))

    assert lack.is_grave
    assert "loads something from the net" in lack.what
    assert "example.org" in lack.what or "refresh" in lack.what


@pytest.mark.parametrize(
    "markup", ['<img src="data:image/gif;base64,R0lGOD">', '<p style="color: red">x</p>']
)
def test_what_is_in_the_file_itself_may_be_shown(markup: str) -> None:
    assert lacks_of(html=adding(markup)) == ()


@pytest.mark.parametrize("address", BAD_LINKS)
def test_a_link_that_no_mail_must_have_is_found(address: str) -> None:
    (lack,) = lacks_of(html=adding(f'<a href="{address}">x</a>'))

    assert lack.is_grave
    assert "has a link that a mail must not have" in lack.what


@pytest.mark.parametrize("address", ["#top", "https://example.org/", "mailto:x@example.org"])
def test_other_links_are_welcome(address: str) -> None:
    assert lacks_of(html=adding(f'<a href="{address}">x</a>')) == ()


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("mailto:", "has no mailto link to digest+stop@lab.example.org"),
        ("https://lab.example.org/digest/stop/4f1a2b", "has no link to the page where a reader can stop"),
    ],
)
def test_each_part_needs_each_way_to_stop(gone: str, said: str) -> None:
    for part, lacks in ((Part.HTML, lacks_of(html=without(gone))), (Part.TEXT, lacks_of(text=without(gone)))):
        found = [lack for lack in lacks if said in lack.what]
        assert [(lack.part, lack.is_grave) for lack in found] == [(part, True)]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(RICH.shown)))
def test_a_paper_that_one_part_does_not_name_is_found(number: int) -> None:
    words = RICH.shown[number].paper.title.split("$")[0].split(":")[0].strip()
    gone = in_any_spacing(words)

    for part, lacks in (
        (Part.HTML, lacks_of(html=lambda html: gone.sub("A paper", html))),
        (Part.TEXT, lacks_of(text=lambda text: gone.sub("A paper", text))),
    ):
        (lack,) = lacks
        assert (lack.part, lack.is_grave) == (part, True)
        assert f"does not name “{words}" in lack.what


def test_a_paper_named_only_where_nobody_sees_it_is_not_named() -> None:
    title = RICH.shown[-1].paper.title
    html = in_any_spacing(title).sub("A paper", rich_mail().html)

    for unseen in (
        f'<p style="display:none">{title}</p>',
        f"<!-- {title} -->",
        f"<style>/* {title} */</style>",
    ):
        mail = replace(rich_mail(), html=adding(unseen)(html))
        (lack,) = mail.lacks()
        assert f"does not name “{title}”" in lack.what


def test_a_paper_without_its_link_is_found_in_the_part_that_lacks_it() -> None:
    link = "https://arxiv.org/abs/2603.90005"

    for part, lacks in ((Part.HTML, lacks_of(html=without(link))), (Part.TEXT, lacks_of(text=without(link)))):
        found = [lack for lack in lacks if "has no link to “What Everybody Reads”" in lack.what]
        assert [(lack.part, lack.is_grave) for lack in found] == [(part, True)]


def test_a_title_in_capitals_and_an_address_at_the_end_of_a_sentence_are_seen() -> None:
    title, link = in_any_spacing("What Everybody Reads"), "https://arxiv.org/abs/2603.90005"

    def shouted(source: str) -> str:
        return title.sub(lambda found: found.group().upper(), source)

    assert lacks_of(html=shouted) == ()
    assert lacks_of(text=lambda text: shouted(text).replace(link, f"({link}).")) == ()


def test_another_order_than_the_edition_s_is_found() -> None:
    two = edition(pick("2603.00001", "First Tea", reason()), pick("2603.00002", "Second Tea", reason()))
    mail = mail_of(two, PLAIN_SENDER)

    def swapped(source: str) -> str:
        return re.sub("First|Second", lambda found: "Second" if found[0] == "First" else "First", source)

    (lack,) = replace(mail, text=swapped(mail.text)).lacks(two, PLAIN_SENDER)

    assert (lack.part, lack.is_grave) == (Part.TEXT, True)
    assert "in another order" in lack.what


@pytest.mark.slow
@pytest.mark.parametrize("part", Part)
def test_a_weekly_mail_that_does_not_say_of_which_week_it_is_is_found(part: Part) -> None:
    week = INVENTED["a week"]
    mail = mail_of(week, SENDER)
    gone = without("4–10 Mar 2026")
    changed = Mail(gone(mail.html), mail.text) if part is Part.HTML else Mail(mail.html, gone(mail.text))

    (lack,) = changed.lacks(week)

    assert (lack.part, lack.is_grave) == (part, False)
    assert "does not say which days it looks back on (4–10 Mar 2026)" in lack.what


def test_a_machine_s_words_without_its_name_are_found() -> None:
    for part, lacks in (
        (Part.HTML, lacks_of(html=without("invented-7b"))),
        (Part.TEXT, lacks_of(text=without("invented-7b"))),
    ):
        (lack,) = lacks
        assert (lack.part, lack.is_grave) == (part, True)
        assert "machine-written" in lack.what


def test_an_html_part_that_mail_programs_clip_is_found() -> None:
    (lack,) = lacks_of(html=adding("x" * 90_000))

    assert lack.is_grave
    assert re.search(r"has \d+,\d{3} bytes", lack.what)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without(' lang="en"'), "does not say its language"),
        (lambda html: html.replace('lang="en"', 'lang="de"', 1), "says 'de' as its language"),
    ],
)
def test_the_language_must_be_said_and_be_right(change: Change, said: str) -> None:
    (lack,) = lacks_of(html=change)

    assert lack.is_grave
    assert said in lack.what


@pytest.mark.parametrize("mark", ["{{ card.title }}", "{% if card %}"])
def test_a_placeholder_that_is_left_is_found(mark: str) -> None:
    for lacks in (lacks_of(html=adding(mark)), lacks_of(text=lambda text: text + mark)):
        (lack,) = lacks
        assert lack.is_grave
        assert "placeholder" in lack.what


def test_a_paper_about_templates_may_say_so() -> None:
    about = edition(pick("2603.00001", "Filling {{ x }} and {% y %}", reason()))

    assert mail_of(about, PLAIN_SENDER).lacks(about, PLAIN_SENDER) == ()


@pytest.mark.parametrize("title", ["{\x00{ x }} waits", r"\{\{ x and \{% y", "{\u202e% x"])
def test_a_paper_that_says_so_once_it_is_cleaned_may_do_so(title: str) -> None:
    about = edition(pick("2603.00001", title, reason()))
    mail = mail_of(about, PLAIN_SENDER)

    assert re.search(r"\{[{%]", mail.text)
    assert mail.lacks(about, PLAIN_SENDER) == ()


@pytest.mark.parametrize(
    "title", [f"ftp://{'a' * 200}", f"x{'y' * 100}https://example.org", f"({'a' * 150}mailto:x@example.org)"]
)
def test_whatever_a_title_holds_the_shipped_lines_are_not_too_long(title: str) -> None:
    about = edition(pick("2603.00001", title, reason()))

    assert mail_of(about, PLAIN_SENDER).lacks(about, PLAIN_SENDER) == ()


# ---------------------------------------------------------------- what is unwise


@pytest.mark.parametrize(
    ("lacks", "part", "said"),
    [
        (lambda: lacks_of(html=without("94")), Part.HTML, "every pick's score"),
        (lambda: lacks_of(text=without("94")), Part.TEXT, "every pick's score"),
        (lambda: lacks_of(html=without("+85")), Part.HTML, "what the scores are made of"),
        (lambda: lacks_of(text=without("−9 ")), Part.TEXT, "what the scores are made of"),
        (lambda: lacks_of(html=without('<meta charset="utf-8">')), Part.HTML, "UTF-8"),
        (lambda: lacks_of(text=lambda text: f"{'wide ' * 15}\n{text}"), Part.TEXT, "a line of 75 columns"),
    ],
)
def test_what_is_unwise_is_found_too(lacks: Callable[[], tuple[Lack, ...]], part: Part, said: str) -> None:
    found = [lack for lack in lacks() if said in lack.what]

    assert [(lack.part, lack.is_grave) for lack in found] == [(part, False)]


def test_dark_mode_needs_its_colours_or_a_body_with_both() -> None:
    def lightened(html: str) -> str:
        return html.replace("prefers-color-scheme", "prefers-nothing")

    def bare(html: str) -> str:
        return re.sub(r"<body[^>]*>", "<body>", lightened(html))

    (lack,) = lacks_of(html=bare)

    assert not lack.is_grave
    assert "dark mode" in lack.what
    assert (
        lacks_of(
            html=lambda html: bare(html).replace(
                "<body>", '<body style="color: #111; background-color:#fff">'
            )
        )
        == ()
    )
    assert lacks_of(
        html=lambda html: bare(html).replace("<body>", '<body style="background-color:#fff">')
    ) == (lack,)


def test_an_address_may_be_as_long_as_it_is() -> None:
    long = f"https://example.org/{'x' * 100}"

    assert lacks_of(text=lambda text: f"{text}\n    [99] {long}\n") == ()


def test_an_edition_without_picks_needs_neither_papers_nor_scores() -> None:
    quiet: Edition = INVENTED["a quiet day"]
    mail = Mail(
        html='<html lang="en"><meta charset="utf-8"><body style="color:#111;background:#fff">'
        '<a href="mailto:digest@example.org">stop</a></body></html>',
        text="mailto:digest@example.org",
    )

    assert mail.lacks(quiet, PLAIN_SENDER) == ()
