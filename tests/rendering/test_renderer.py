"""What a mail shows of an edition, and what it never shows."""

import re
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from bs4 import BeautifulSoup, Comment, Doctype, Tag
from bs4.element import NavigableString
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.language import language
from digest.model import (
    Edition,
    Note,
    NoteKind,
    Observation,
    Outcome,
    Pick,
    Reason,
    ReasonKind,
    Section,
    SectionName,
    Sender,
)
from digest.outcome import name_of, told
from digest.rendering.renderer import MAX_HTML_BYTES, Rendered, Renderer
from digest.resources import shipped
from tests.makers import NOW, candidate, edition, interest, pick, profile, reason

RENDERER = Renderer()
SENDER = Sender(address="digest@example.org")


def rendered(shown: Edition, **fields: Any) -> Rendered:
    return RENDERER.render(shown, replace(SENDER, **fields))


def page(shown: Edition, **fields: Any) -> BeautifulSoup:
    return BeautifulSoup(rendered(shown, **fields).html, "lxml")


def words_of(element: Tag | BeautifulSoup) -> str:
    return " ".join(element.get_text(" ").split())


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def said(detail: str) -> Note:
    return Note(kind=NoteKind.LIKED, detail=detail)


def long_pick(number: int, words_in_title: int = 12) -> Pick:
    return pick(
        f"2603.{number:05d}",
        f"Paper {number}: " + "waiting " * words_in_title,
        reason("waiting (title)", 40, "waiting"),
        abstract="Waiting is measured in queues, in cafés and at bus stops. " * 80,
        authors=tuple(f"Author Number {n}" for n in range(40)),
        organization="The Institute of Queues",
        published=date(2026, 3, 10),
        trend=(41, 5, 60),
    )


FULL = edition(
    considered=38,
    sections=(
        Section(
            name=SectionName.PICKS,
            picks=(
                pick(
                    "2603.00001",
                    "Learning to Wait",
                    reason("waiting (title)", 47, "wait"),
                    Reason(kind=ReasonKind.AVOID, about="survey", points=-8),
                    authors=("Ada Byron", "Bo Lindqvist", "Cy Okafor", "Di", "Ed"),
                    organization="Northlight",
                    published=date(2026, 3, 10),
                    code_url="https://example.org/code",
                    trend=(41, 5, 60),
                ),
                pick("2603.00002", "Learning to Stop", reason("stopping", 36)),
            ),
        ),
        Section(name=SectionName.TRENDING, picks=(pick("2603.00003", "A Robot Folds", trend=(300, 1, 60)),)),
        Section(name=SectionName.ALSO, picks=(pick("2603.00004", "Also Waiting", reason("waiting", 35)),)),
    ),
    misses=(pick("2603.00005", "Nearly Waiting", reason("waiting", 34)),),
    notes=(said("The list of yesterday was used."),),
)
QUIET = replace(FULL, outcome=Outcome.QUIET, sections=())


# ---------------------------------------------------------------- the whole mail


def test_text_and_html_show_the_same_papers_in_the_same_order() -> None:
    mail = rendered(FULL)
    titles = [p.paper.title for p in (*FULL.shown, *FULL.misses)]
    in_html = [words_of(h) for h in BeautifulSoup(mail.html, "lxml").find_all("h3")]
    in_text = sorted(titles, key=mail.text.index)
    assert in_html == titles
    assert in_text == titles


def test_rendering_an_edition_twice_gives_the_same_bytes() -> None:
    assert rendered(FULL) == Renderer().render(FULL, SENDER)


def test_the_head_says_the_day_and_how_many_papers_there_are() -> None:
    mail = page(FULL)
    assert words_of(mail.h1 or mail) == "Wednesday, 11 March 2026"
    assert "2 of 38 new papers chosen" in words_of(mail)


def test_the_preheader_names_the_papers_that_the_subject_does_not() -> None:
    preheader = page(FULL).find(class_="preheader")
    assert isinstance(preheader, Tag)
    assert words_of(preheader) == "2 of 38 new papers chosen · Learning to Stop"
    assert "display:none" in str(preheader["style"])


def test_problems_of_the_sources_stand_in_both_parts() -> None:
    mail = rendered(FULL)
    assert "The list of yesterday was used." in mail.html
    assert "! The list of yesterday was used." in mail.text


def test_the_foot_says_what_was_looked_at_and_what_was_nearly_shown() -> None:
    mail = rendered(FULL)
    assert "2 of 38 new papers chosen; threshold 35." in mail.html
    assert "2 of 38 new papers chosen; threshold 35." in mail.text
    assert " 5. Nearly Waiting (34)" in mail.text


def test_the_foot_says_why_the_mail_comes_and_where_to_change_it() -> None:
    asked = profile(*(interest(p) for p in ("waiting", "stopping", "queues", "tea", "buses")))
    text = unwrapped(rendered(replace(FULL, profile=asked)).text)
    assert "because profiles/ada.toml asks for papers on waiting, stopping, queues and 2 more." in text


def test_the_foot_says_how_to_pause() -> None:
    text = unwrapped(rendered(FULL).text)

    assert "to pause it, put a table [pause] there, or run “digest pause ada”." in text


@pytest.mark.parametrize("tag", ["en", "de", "fr", "zh"])
@pytest.mark.parametrize("outcome", [Outcome.QUIET, Outcome.NO_LIST, Outcome.SOURCE_DOWN])
def test_a_note_says_the_outcome_in_the_words_of_the_record(tag: str, outcome: Outcome) -> None:
    quiet = replace(QUIET, outcome=outcome, profile=profile(language=tag))

    note, _, foot = rendered(quiet).text.rpartition("-- ")

    assert "".join(told(quiet, language(tag)).split()) in "".join(note.split())
    assert name_of(outcome, language(tag)) in foot


@pytest.mark.parametrize("tag", ["en", "de", "fr", "zh"])
def test_papers_are_promised_only_where_a_source_that_may_have_some_was_not_read(tag: str) -> None:
    promise = language(tag).say("What you would have read comes with a later edition.")

    def quiet(outcome: Outcome) -> str:
        return RENDERER.letter(replace(QUIET, outcome=outcome, profile=profile(language=tag)), SENDER).quiet

    assert promise in quiet(Outcome.SOURCE_DOWN)
    assert promise not in quiet(Outcome.NO_LIST)


def test_in_outlook_the_dates_of_a_heading_have_its_typeface() -> None:
    style = rendered(FULL).html.partition("<!--[if mso]><style>")[2].partition("</style>")[0]

    assert re.search(r"h1, h1 span, [^{]*\{font-family: 'Palatino", style)


def test_there_are_two_ways_out_where_there_is_a_web_part() -> None:
    links = [
        a["href"]
        for a in page(FULL, unsubscribe_url="https://example.org/stop").find_all("a", class_="foot-link")
    ]
    assert links == ["https://example.org/stop", "mailto:digest@example.org?subject=unsubscribe"]


def test_the_way_out_by_mail_goes_to_the_address_meant_for_it() -> None:
    mail = rendered(FULL, unsubscribe_email="stop+a&b?c@example.org")
    assert 'href="mailto:stop+a%26b%3Fc@example.org?subject=unsubscribe"' in mail.html
    assert "mailto:stop+a%26b%3Fc@example.org?subject=unsubscribe" in mail.text


# ---------------------------------------------------------------- subject


def test_the_subject_names_the_best_paper_how_many_more_and_the_day() -> None:
    assert rendered(FULL).subject == "Learning to Wait + 1 more · 11 Mar"
    assert rendered(edition(pick(title="Alone"))).subject == "Alone · 11 Mar"


def test_a_long_title_is_named_by_what_stands_before_its_colon() -> None:
    title = "The Waiting Game: " + "very long " * 10
    assert rendered(edition(pick(title=title))).subject == "The Waiting Game · 11 Mar"


def test_a_long_title_without_a_colon_is_cut_at_a_word() -> None:
    subject = rendered(edition(pick(title="waiting " * 20))).subject
    assert subject == "waiting waiting waiting waiting waiting waiting waiting… · 11 Mar"


def test_tex_in_a_title_is_readable_everywhere() -> None:
    mail = rendered(edition(pick(title="Waiting in $\\mathcal{O}(n^2)$")))
    assert all("Waiting in 𝒪(n²)" in part for part in (mail.subject, mail.text, mail.html))


# ---------------------------------------------------------------- days without picks


def test_a_quiet_day_says_why_and_names_the_best_miss() -> None:
    mail = rendered(QUIET)
    told = (
        "A quiet day: none of 38 new papers reached the threshold of 35; "
        "the closest was “Nearly Waiting”, with 34."
    )
    assert mail.subject == "Quiet day: nothing reached 35 · 11 Mar"
    assert told in unwrapped(mail.text)
    assert told in words_of(BeautifulSoup(mail.html, "lxml"))


def test_a_quiet_day_may_still_show_what_trends() -> None:
    trending = FULL.sections[1:2]
    mail = rendered(replace(QUIET, sections=trending))
    assert "A Robot Folds" in mail.text
    assert "A Robot Folds" in mail.html


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({"outcome": Outcome.NO_LIST}, "No list: nothing new to choose from · 11 Mar"),
        ({"outcome": Outcome.SOURCE_DOWN}, "Source down: nothing new to choose from · 11 Mar"),
        ({"considered": 0, "misses": ()}, "Quiet day: nothing reached 35 · 11 Mar"),
        ({"misses": ()}, "Quiet day: nothing reached 35 · 11 Mar"),
        (
            {"sections": (Section(name=SectionName.PICKS, picks=()),)},
            "Quiet day: nothing reached 35 · 11 Mar",
        ),
    ],
)
def test_every_kind_of_empty_day_has_its_words(fields: dict[str, Any], subject: str) -> None:
    mail = rendered(replace(QUIET, **fields))
    assert mail.subject == subject
    assert "Your picks" not in mail.html
    assert "YOUR PICKS" not in mail.text


# ---------------------------------------------------------------- a card


def test_the_reasons_shown_add_up_to_the_score_shown() -> None:
    many = tuple(reason(f"phrase {n}", points) for n, points in enumerate((20, 13, -7, 9, 8, 6, 5, 4, -1, 0)))
    mail = page(edition(pick("2603.00001", "Waiting", *many)))
    shown = words_of(mail.find(class_="reasons") or mail).replace("−", "-")
    score = int(words_of(mail.find(class_="points") or mail))
    assert sum(int(n) for n in re.findall(r"(?:^|· )([+-]\d+) ", shown)) == score == 57
    assert "smaller reasons" in shown


def test_points_taken_away_carry_a_true_minus_sign() -> None:
    mail = rendered(FULL)
    assert "Score 39: +47 waiting (title) · −8 survey" in mail.text
    assert "+47 waiting (title) · −8 survey" in words_of(BeautifulSoup(mail.html, "lxml"))


def liked(title: str, *words: str) -> Edition:
    return edition(pick("1", "Waiting", Reason(kind=ReasonKind.LIKED, about=title, points=12, words=words)))


@pytest.mark.parametrize("title", ["Barely Twins", "Barely Twins: Redundancy Without Any Te…"])
def test_a_liked_paper_stands_in_italics_with_the_words_it_shares(title: str) -> None:
    mail = rendered(liked(title, "redundancy", "invariance"))
    reasons = BeautifulSoup(mail.html, "lxml").find(class_="reasons")
    assert isinstance(reasons, Tag)
    assert [words_of(em) for em in reasons.find_all("em")] == ["Barely Twins"]
    assert unwrapped(reasons.get_text()) == "+12 like Barely Twins: redundancy, invariance"
    assert "Score 12: +12 like “Barely Twins”: redundancy, invariance" in mail.text


def test_a_disliked_paper_costs_points_by_name() -> None:
    against = Reason(
        kind=ReasonKind.DISLIKED,
        about="A “Dull” Paper",
        points=-8,
        words=("queues",),
    )
    mail = rendered(edition(pick("1", "Waiting", reason("waiting (title)", 40), against)))
    said = "−8 like “A “Dull” Paper”, which you disliked: queues"
    assert said in unwrapped(mail.text)
    assert [em.get_text() for em in BeautifulSoup(mail.html, "lxml").find_all("em")] == ["A “Dull” Paper"]
    assert "−8 like A “Dull” Paper, which you disliked: queues" in unwrapped(
        BeautifulSoup(mail.html, "lxml").get_text()
    )


def test_an_interest_that_begins_like_a_liked_paper_is_no_title() -> None:
    assert page(edition(pick("1", "W", reason("like charges (title)", 40)))).find("em") is None


@pytest.mark.parametrize("title", ["<em>", "” · +99 you", "", "like ”"])
def test_no_liked_title_makes_markup_or_breaks_a_card(title: str) -> None:
    mail = page(liked(title, "<b>", title))
    assert len(mail.find_all("em")) <= 1
    assert [words_of(b) for b in mail.find_all("b")] == ["+12"]
    assert words_of(mail.find(class_="points") or mail) == "12"


def with_twins(one: Pick, *titles: str) -> Pick:
    twins = tuple(candidate(f"2603.1{n:04d}", title) for n, title in enumerate(titles))
    return replace(one, twins=twins)


def test_a_twin_is_named_and_linked_on_the_card() -> None:
    mail = rendered(edition(with_twins(pick("2603.00001", "Learning to Wait"), "Waiting, Learned")))
    twins = BeautifulSoup(mail.html, "lxml").find(class_="twins")
    assert isinstance(twins, Tag)
    assert words_of(twins) == "Also, almost the same: Waiting, Learned"
    assert [a["href"] for a in twins.find_all("a")] == ["https://arxiv.org/abs/2603.10000"]
    assert "Also, almost the same: Waiting, Learned\n" in mail.text
    assert "    Almost the same: https://arxiv.org/abs/2603.10000" in mail.text


def test_of_many_twins_three_are_named_and_all_are_counted() -> None:
    mail = rendered(edition(with_twins(pick("2603.00001", "One"), *"ABCDE")))
    told = "Also, almost the same: A; B; C and 2 more"
    assert told in mail.text
    assert told in unwrapped(BeautifulSoup(mail.html, "lxml").get_text())


def test_a_twin_of_the_same_title_is_told_apart_by_its_id() -> None:
    text = rendered(edition(with_twins(pick("2603.00001", "Learning to Wait"), "Learning to wait"))).text
    assert "Learning to wait (2603.10000)" in unwrapped(text)


def test_twins_are_named_in_every_section_and_not_among_the_misses() -> None:
    twin = with_twins(pick("2603.00001", "One"), "Another One")
    sections = tuple(Section(name=name, picks=(twin,)) for name in SectionName)
    mail = rendered(edition(sections=sections, misses=(twin,)))
    assert len(BeautifulSoup(mail.html, "lxml").find_all(class_="twins")) == len(sections)
    assert mail.text.count("Also, almost the same: Another One") == len(sections)


def test_a_step_aside_says_why_it_is_there_and_what_its_score_is() -> None:
    aside = Section(
        name=SectionName.EXPLORATION, picks=(pick("2603.00009", "Tides", reason("waiting (abstract)", 28)),)
    )
    mail = rendered(replace(FULL, sections=(*FULL.sections[:2], aside, *FULL.sections[2:])))
    told = "Below your threshold of 35, but close to your taste and unlike the picks above."
    for part in (unwrapped(mail.text), words_of(BeautifulSoup(mail.html, "lxml"))):
        assert part.count(told) == 1
        assert part.index(told) > part.index("Tides")
        assert "+28 waiting (abstract)" in part
    assert "A STEP ASIDE" in mail.text
    assert mail.subject == "Learning to Wait + 1 more · 11 Mar"


@pytest.mark.parametrize("points", [0, 1, 39, 100])
def test_the_bar_is_as_long_as_the_score(points: int) -> None:
    mail = page(edition(pick("2603.00001", "Waiting", reason("waiting", points))))
    widths = [td["width"] for td in mail.find_all("td", class_=re.compile("bar-"))]
    assert widths == [f"{points}%", f"{100 - points}%"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"authors": ("A", "B", "C", "D")}, "A, B, C, D"),
        ({"authors": tuple("ABCDEFGHIJ")}, "A, B, C and 7 others"),
        ({"authors": ("A", "B"), "n_authors": 10}, "A, B and 8 others"),
        ({"n_authors": 10}, "10 authors"),
        ({"n_authors": 1, "organization": "Northlight"}, "1 author|Northlight"),
        ({"published": date(2026, 3, 10)}, "10 March"),
        ({"organization": "Northlight", "published": date(2026, 3, 10)}, "Northlight · 10 March"),
        ({"authors": ("A",), "published": date(2025, 12, 31)}, "A|31 December 2025"),
    ],
)
def test_the_lines_of_authors_and_where_they_are_from(fields: dict[str, Any], line: str) -> None:
    told = page(edition(pick(**fields))).find_all(class_="byline")
    assert [unwrapped(one.get_text("|")) for one in told] == [line]


def test_a_paper_of_which_nothing_is_known_is_a_title_a_score_and_a_search() -> None:
    mail = page(edition(pick("source:1", "Bare & Bold", abstract=None)))
    assert [words_of(h) for h in mail.find_all("h3")] == ["Bare & Bold"]
    assert mail.find(class_=["byline", "from", "excerpt", "reasons"]) is None
    assert words_of(mail.find(class_="votes") or mail) == ""
    links = [str(a["href"]) for a in mail.find_all("a", href=re.compile("^https"))]
    assert set(links) == {"https://arxiv.org/search/?searchtype=title&query=Bare%20%26%20Bold"}


def test_votes_are_shown_with_their_meaning() -> None:
    assert "41 votes, top 5 % of its list day" in rendered(FULL).text
    assert "41 votes, top 5 % of its list day" in words_of(page(FULL))


def test_votes_without_a_meaning_are_shown_plainly_and_stars_apart() -> None:
    seen = Observation(at=NOW, upvotes=1, comments=3, stars=1204)
    one = pick()
    observed = replace(one, candidate=replace(one.candidate, observation=seen))
    assert "1 vote · 3 comments · 1,204 stars for the code" in rendered(edition(observed)).text


def test_the_reader_s_words_are_marked_in_html() -> None:
    mail = page(edition(pick("2603.00001", "Q", reason("queues", 40, "queues"), abstract="Of queues <b>.")))
    assert [words_of(m) for m in mail.find_all(class_="mark")] == ["queues"]


def test_links_come_from_the_paper_and_its_id_and_none_comes_twice() -> None:
    one = pick(
        url="https://arxiv.org/abs/2603.00001",
        code_url="https://example.org/c",
        project_url="https://example.org/c",
    )
    links = page(edition(one)).find_all("a", class_="accent")
    assert [words_of(a) for a in links][:5] == ["Abstract", "PDF", "HTML", "Hugging Face", "Code"]
    assert len({str(a["href"]) for a in links}) == len(links)


# ---------------------------------------------------------------- hostile papers


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "{{ 7*7 }}", "{% raw %}", "a & b &lt; c", '" onload="x']
)
def test_markup_and_template_code_in_a_title_are_only_text(title: str) -> None:
    mail = rendered(
        edition(pick(title=title, authors=(title,), organization=title, abstract=title), notes=(said(title),))
    )
    assert [words_of(h) for h in BeautifulSoup(mail.html, "lxml").find_all("h3")] == [title]
    assert BeautifulSoup(mail.html, "lxml").find("script") is None
    assert title in mail.text


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", 'https://e.org/"onx=', "file:///etc/passwd"]
)
def test_a_link_that_is_not_safe_is_no_link(url: str) -> None:
    hostile = pick("source:1", "Waiting", url=url, code_url=url, project_url=url)
    mail = rendered(edition(hostile), unsubscribe_url=url)
    links = [str(a["href"]) for a in BeautifulSoup(mail.html, "lxml").find_all("a")]
    search = "https://arxiv.org/search/?searchtype=title&query=Waiting"
    assert set(links) == {search, "mailto:digest@example.org?subject=unsubscribe"}
    assert url not in mail.text


def test_no_line_end_or_control_character_reaches_the_subject() -> None:
    subject = rendered(edition(pick(title="Wait\r\nBcc: x@example.org\x00\u2028now"))).subject
    assert subject == "Wait Bcc: x@example.org now · 11 Mar"


def test_an_enormous_abstract_and_title_cost_no_room() -> None:
    huge = pick(title="wait " * 200_000, abstract="waiting" * 200_000, authors=("a" * 1_000_000,))
    assert len(rendered(edition(huge)).html.encode()) < 15_000


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(title=st.text(min_size=1, max_size=80), word=st.text(max_size=12))
def test_whatever_a_paper_says_the_mail_is_one_page_with_one_card(title: str, word: str) -> None:
    one = pick(
        "source:1", title, reason(word or "x", 40, word), abstract=f"{title}. {word} {title}", authors=(word,)
    )
    mail = rendered(edition(one))
    headings = BeautifulSoup(mail.html, "lxml").find_all(["h1", "h2", "h3"])
    assert [h.name for h in headings] == ["h1", "h2", "h3", "h2"]
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", mail.subject + mail.text + mail.html.replace("\n", "")
    )
    assert "\n" not in mail.subject


# ---------------------------------------------------------------- size


def test_a_usual_edition_is_not_shrunk() -> None:
    eight = page(edition(*(long_pick(n) for n in range(8))))
    assert len(eight.find_all(class_="excerpt")) == 8


@pytest.mark.slow
@pytest.mark.parametrize(("picks", "words_in_title"), [(40, 12), (40, 35), (100, 12)])
def test_many_picks_fit_and_none_is_dropped(picks: int, words_in_title: int) -> None:
    many = [long_pick(n, words_in_title) for n in range(picks)]
    mail = rendered(edition(*many))
    shown = BeautifulSoup(mail.html, "lxml")
    assert len(mail.html.encode()) <= MAX_HTML_BYTES
    assert len(shown.find_all("h3")) == picks
    assert all(f"Paper {n}: " in mail.text for n in range(picks))


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.data())
def test_whatever_is_picked_fits_and_every_pick_is_there(data: st.DataObject) -> None:
    numbers = st.integers(1, 60)
    n_picks = data.draw(numbers)
    drawn = [
        with_twins(
            long_pick(n, data.draw(st.integers(0, 40))),
            *("Twin " + "等" * data.draw(numbers) for _ in range(data.draw(st.integers(0, 5)))),
        )
        for n in range(n_picks)
    ]
    sections = tuple(
        Section(name=name, picks=tuple(drawn[n :: len(SectionName)])) for n, name in enumerate(SectionName)
    )
    mail = rendered(edition(sections=sections, notes=(said("wait " * data.draw(numbers)),)))
    shown = BeautifulSoup(mail.html, "lxml")
    assert len(mail.html.replace("\n", "\r\n").encode()) <= MAX_HTML_BYTES
    assert len(shown.find_all("h3")) == n_picks
    assert all(re.search(rf"Paper {n}:\s", mail.text) for n in range(n_picks))


def test_five_twins_on_each_of_forty_picks_fit_and_are_all_counted() -> None:
    titles = [f"Twin {n}: " + "waiting " * 35 for n in range(5)]
    mail = rendered(edition(*(with_twins(long_pick(n, 35), *titles) for n in range(40))))
    shown = BeautifulSoup(mail.html, "lxml")
    assert len(mail.html.encode()) <= MAX_HTML_BYTES
    assert len(shown.find_all("h3")) == 40
    counted = [words_of(p).endswith(("and 2 more", "5 papers")) for p in shown.find_all(class_="twins")]
    assert counted == [True] * 40


def test_cards_shrink_from_the_last_one_upwards_and_no_more_than_needed() -> None:
    mail = rendered(edition(*(long_pick(n) for n in range(40))))
    cards = BeautifulSoup(mail.html, "lxml").find_all("table", class_=["card", "slim"])
    kinds = ["full" if card.find(class_="excerpt") else str(card["class"][0]) for card in cards]
    full, short = kinds.count("full"), kinds.count("card")
    assert kinds == ["full"] * full + ["card"] * short + ["slim"] * (40 - full - short)
    assert full > 0
    assert MAX_HTML_BYTES - 5_000 < len(mail.html.encode()) <= MAX_HTML_BYTES


@pytest.mark.slow
def test_two_hundred_picks_are_all_there_though_they_are_too_many() -> None:
    shown = page(edition(*(long_pick(n, 30) for n in range(200))))
    assert len(shown.find_all("h3")) == 200
    assert shown.find(class_="card") is None


# ---------------------------------------------------------------- plain text


def test_no_line_of_the_text_is_wider_than_72_columns_but_for_addresses() -> None:
    mail = rendered(
        edition(*(long_pick(n, 35) for n in range(3)), pick(title="等" * 90), notes=(said("wait " * 50),))
    )
    wide = [
        line
        for line in mail.text.splitlines()
        if len(line) > 72 and "://" not in line and "mailto:" not in line
    ]
    assert wide == []


def test_the_text_has_no_entities_and_no_markup() -> None:
    mail = rendered(edition(pick(title="Tea & Waiting <now>", abstract="It's 'so'.")))
    assert "Tea & Waiting <now>" in mail.text
    assert not re.search(r"&\w+;|&#|</", mail.text)


def test_every_paper_in_the_text_has_a_number_and_under_it_a_footnote_with_its_addresses() -> None:
    text = rendered(FULL).text
    papers = re.findall(r"^ ?(\d+)\. \w", text, re.MULTILINE)
    addresses = dict(re.findall(r"^\[(\d+)\] (https://\S+)$", text, re.MULTILINE))
    assert papers == list(addresses) == ["1", "2", "3", "4", "5"]
    assert addresses["4"] == "https://arxiv.org/abs/2603.00004"
    assert "\n    Code: https://example.org/code\n" in text


# ---------------------------------------------------------------- HTML for every client


def test_dark_and_narrow_rules_stay_in_the_head() -> None:
    head = rendered(FULL).html.partition("</head>")[0]
    assert "@media (prefers-color-scheme: dark)" in head
    assert "@media (max-width: 480px)" in head
    assert 'name="color-scheme"' in head


def test_every_text_stands_in_a_cell_or_paragraph_that_names_its_colour() -> None:
    body = page(FULL, contact="Ada").body
    assert body is not None
    texts = [t for t in body.find_all(string=True) if t.strip() and not isinstance(t, Comment | Doctype)]
    bare = [str(text) for text in texts if not any(map(names_colour, up_to_the_cell(text)))]
    assert len(texts) > 20
    assert bare == []


def names_colour(tag: Tag) -> bool:
    return re.search(r"(?:^|;)color:", str(tag.get("style", ""))) is not None


def up_to_the_cell(text: NavigableString) -> list[Tag]:
    """What a text stands in, up to the cell of a card or of the whole mail."""
    around = list(text.parents)
    cells = (n for n, tag in enumerate(around) if tag.name == "td")
    return around[: next(cells, 0) + 1]


def test_every_table_is_for_layout_only_and_nothing_is_loaded() -> None:
    mail = page(FULL)
    assert {t.get("role") for t in mail.find_all("table")} == {"presentation"}
    assert mail.find_all(["img", "link", "script", "iframe"]) == []
    assert "url(" not in str(mail)


def test_the_page_has_a_language_a_direction_and_headings_in_order() -> None:
    mail = page(FULL)
    assert mail.html is not None
    assert (mail.html["lang"], mail.html["dir"]) == ("en", "ltr")
    levels = [int(h.name[1]) for h in mail.find_all(["h1", "h2", "h3"])]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


def test_names_in_other_scripts_decide_their_own_direction() -> None:
    mail = page(edition(pick(authors=("נועה ברק", "陈思远", "Sofía Ås"))))
    assert [words_of(s) for s in mail.find_all("span", dir="auto")] == ["נועה ברק", "陈思远"]


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio of two `#rrggbb` colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("sheet", ["edition.css", "head.css"])
def test_text_has_contrast_enough_in_light_and_dark(sheet: str) -> None:
    css = (shipped("templates") / sheet).read_text().partition("prefers-color-scheme")
    rules = dict(re.findall(r"\.([a-z-]+) \{ ([^}]*)\}", css[2] or css[0]))
    page_colour = re.findall(r"background-color: (#\w{6})", rules["page"])[0]
    box_colour = re.findall(r"background-color: (#\w{6})", rules["box"])[0]
    mark = re.findall(r"#\w{6}", rules["mark"])
    pairs = [
        (re.findall(r"#\w{6}", rules[role])[0], page_colour)
        for role in ("ink", "text", "soft", "accent")
        if role in rules
    ]
    pairs += [(re.findall(r"#\w{6}", rules["text"])[0], box_colour), (mark[0], mark[1])]
    assert len(pairs) >= 5
    assert min(contrast(*pair) for pair in pairs) >= 4.5
