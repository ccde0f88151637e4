"""Mail, page, feed, JSON and BibTeX are of one edition: they cannot disagree."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

import pytest
from bibtexparser.entrypoint import parse_string
from lxml import etree, html  # type: ignore[import-untyped]

from digest.model import Edition, SectionName
from digest.outputs.archive import make_day, open_press
from digest.outputs.page import Neighbours
from digest.rendering.phrases import shown_title
from tests.editions import EVERY, SENDER

logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # it comments on `month = mar`
PRESS = open_press(SENDER)
ALONE = Neighbours(earlier=None, later=None)


@dataclass(frozen=True)
class Told:
    """What is told of a paper; one that merely trends has no score to tell."""

    title: str
    link: str
    score: int | None


@pytest.fixture(scope="module", params=EVERY)
def made(request: pytest.FixtureRequest) -> Edition:
    return EVERY[request.param]


@pytest.fixture(scope="module")
def files(made: Edition) -> Mapping[str, str]:
    return make_day(made, ALONE, PRESS)


@pytest.fixture(scope="module")
def shown(made: Edition) -> list[Told]:
    """The papers of the edition itself, in its order."""
    return [
        Told(
            title=" ".join(shown_title(pick.paper.title).split()),
            link=f"https://arxiv.org/abs/{pick.paper.id}",
            score=None if section.name is SectionName.TRENDING else min(pick.score.value, 100),
        )
        for section in made.sections
        for pick in section.picks
    ]


def told_in_html(page: str) -> list[Told]:
    """Every heading of a paper, its link, and the score that follows it."""
    found: list[Told] = []
    for element in html.fromstring(page).iter("h3", "td"):
        kinds = set((element.get("class") or "").split())
        text = " ".join(element.text_content().split())
        if element.tag == "h3":
            (link,) = element.iter("a")
            found.append(Told(" ".join(link.text_content().split()), link.get("href"), None))
        elif kinds & {"points", "score"} and text:
            found[-1] = Told(found[-1].title, found[-1].link, int(text))
    return found


def told_in_entry(entry: str) -> Iterator[Told]:
    """The same of an Atom entry: `Title (84)`, or a paragraph `Score 84: +57 ...` under the title."""
    content = etree.fromstring(entry.encode()).findtext("{http://www.w3.org/2005/Atom}content")
    for paper in html.fragments_fromstring(content):
        if paper.tag != "div":
            continue
        link = next(paper.iter("a"))
        said = [link.tail or "", *(one.text_content() for one in paper.findall("p"))]
        scores = [score for one in said if (score := _SCORE.match(one))]
        title = " ".join(link.text_content().split())
        yield Told(title, link.get("href"), int(scores[0][1]) if scores else None)


_SCORE = re.compile(r"[^\d:·,]{1,20}(\d+)\s*(?:[):：]|$)")


# ---------------------------------------------------------------- one edition, five ways


def test_the_mail_tells_the_editions_papers(made: Edition, shown: list[Told]) -> None:
    mail = told_in_html(PRESS.renderer.render(made, SENDER).html)

    assert mail[: len(shown)] == shown
    assert len(mail) == len(shown) + len(made.misses)


def test_the_page_tells_what_the_mail_tells(made: Edition, files: Mapping[str, str]) -> None:
    assert told_in_html(files[".html"]) == told_in_html(PRESS.renderer.render(made, SENDER).html)


def test_the_feed_tells_what_the_mail_tells(shown: list[Told], files: Mapping[str, str]) -> None:
    assert list(told_in_entry(files[".atom"])) == shown


def test_the_json_tells_what_the_mail_tells(shown: list[Told], files: Mapping[str, str]) -> None:
    told = json.loads(files[".json"])

    assert [
        Told(
            title=" ".join(shown_title(one["title"]).split()),
            link=next(iter(one["links"].values())),
            score=None if section["name"] == "trending" else min(one["score"], 100),
        )
        for section in told["sections"]
        for one in section["picks"]
    ] == shown


def test_subjects_agree(made: Edition, files: Mapping[str, str]) -> None:
    subject = PRESS.renderer.render(made, SENDER).subject

    assert json.loads(files[".json"])["subject"] == subject
    assert html.fromstring(files[".html"]).findtext("head/title") == subject
    assert etree.fromstring(files[".atom"].encode()).findtext("{*}title") == subject


def test_the_text_tells_every_paper_in_order_with_its_score(
    shown: list[Told], files: Mapping[str, str]
) -> None:
    rest = "".join(files[".txt"].split())  # long words are broken between lines
    for one, following in zip_longest(shown, shown[1:]):
        _, title, rest = rest.partition("".join(one.title.split()))
        assert title
        until_next = rest.partition("".join(following.title.split()))[0] if following else rest
        assert one.score is None or str(one.score) in re.findall(r"\d+", until_next)


def test_the_text_has_the_papers_addresses_in_order(shown: list[Told], files: Mapping[str, str]) -> None:
    links, wanted = re.findall(r"https://arxiv\.org/abs/\S+", files[".txt"]), [one.link for one in shown]

    assert [link for link in links if link in wanted] == wanted


def test_the_bibtex_cites_what_was_chosen(made: Edition, files: Mapping[str, str]) -> None:
    cited = parse_string(files[".bib"])

    assert not cited.failed_blocks
    assert [entry["url"] for entry in cited.entries] == [
        f"https://arxiv.org/abs/{pick.paper.id}"
        for name in (SectionName.PICKS, SectionName.LATE)
        for pick in made.section(name)
    ]


# ---------------------------------------------------------------- what only a mail may say


def test_nothing_in_an_archive_names_the_reader_or_unsubscribes_her(
    made: Edition, files: Mapping[str, str]
) -> None:
    for text in files.values():
        assert made.profile.email not in text
        assert SENDER.unsubscribe_url not in text
        assert "unsubscribe" not in text.lower()
