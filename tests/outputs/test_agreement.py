"""Mail, page, feed, JSON and BibTeX are of one edition: they cannot disagree."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import pytest
from bibtexparser.entrypoint import parse_string
from lxml import etree, html  # type: ignore[import-untyped]

from digest.model import Edition, NoteKind, SectionName
from digest.outputs.archive import make_day, open_press
from digest.outputs.page import Neighbours
from digest.rendering import phrases
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


# ---------------------------------------------------------------- the words, five ways


@dataclass
class Words:
    """What is said of a paper: sentences, whose they are, and what its score consists of."""

    title: str
    sentences: str = ""
    written_by: str = ""
    reasons: str = ""


_IN_HTML = {"excerpt": "sentences", "written": "written_by", "reasons": "reasons"}


def words_in_html(page: str) -> list[Words]:
    """Of every paper that has a heading."""
    found: list[Words] = []
    for element in html.fromstring(page).iter("h3", "p"):
        if element.tag == "h3":
            found.append(Words(squeezed(next(element.iter("a")).text_content())))
        for kind in _IN_HTML.keys() & (element.get("class") or "").split():
            setattr(found[-1], _IN_HTML[kind], squeezed(element.text_content()))
    return found


def squeezed(text: str) -> str:
    """Without white space, and without the quotation marks by which plain text sets off a title."""
    return re.sub(r"[\s\"“”„«»《》‹›]+", "", text)


def blocks(text: str, titles: list[str]) -> list[str]:
    """What stands between a title and the next, in their order."""
    rest, found = squeezed(text), []
    for title, following in zip_longest(titles, titles[1:]):
        _, there, rest = rest.partition(title)
        assert there
        found.append(rest.partition(following)[0] if following else rest)
    return found


@pytest.fixture(scope="module")
def page_words(made: Edition, files: Mapping[str, str]) -> list[Words]:
    """What the page says of the papers of its sections; it has room for all of it."""
    return words_in_html(files[".html"])[: len(made.shown)]


def test_the_mail_says_what_the_page_says(made: Edition, page_words: list[Words]) -> None:
    mail = words_in_html(PRESS.renderer.render(made, SENDER).html)[: len(made.shown)]

    if made is EVERY["forty"]:  # too many for a mail: its last cards shrink
        n_whole = sum(one == other for one, other in zip(mail, page_words, strict=True))
        assert n_whole > 10
        mail = [replace(one, sentences=one.sentences or other.sentences, reasons=one.reasons or other.reasons)
                for one, other in zip(mail, page_words, strict=True)]  # fmt: skip
    assert mail == page_words
    assert all(one.reasons for one in mail[: len(made.section(SectionName.PICKS))])


@pytest.mark.parametrize("of", ["mail", "archive"])
def test_the_text_says_what_the_page_says(
    of: str, made: Edition, files: Mapping[str, str], page_words: list[Words]
) -> None:
    text = files[".txt"] if of == "archive" else PRESS.renderer.render(made, SENDER).text

    for words, block in zip(page_words, blocks(text, [one.title for one in page_words]), strict=True):
        assert words.sentences in block
        assert words.reasons in block
        assert model_of(made, words.title) in block


def model_of(made: Edition, title: str) -> str:
    """Who wrote of it, if a language model did."""
    (pick,) = (one for one in made.shown if squeezed(shown_title(one.paper.title)) == title)
    return squeezed(pick.summary.model) if pick.summary else ""


def test_the_feed_says_what_the_page_says(files: Mapping[str, str], page_words: list[Words]) -> None:
    content = etree.fromstring(files[".atom"].encode()).findtext("{*}content")
    papers = [one for one in html.fragments_fromstring(content) if one.tag == "div"]

    for words, paper in zip(page_words, papers, strict=True):
        told = squeezed(paper.text_content())
        assert all(said in told for said in (words.sentences, words.written_by, words.reasons))


def picks_in_json(files: Mapping[str, str]) -> list[dict[str, Any]]:
    return [one for section in json.loads(files[".json"])["sections"] for one in section["picks"]]


def test_the_json_has_the_sentences_of_the_page(files: Mapping[str, str], page_words: list[Words]) -> None:
    for words, told in zip(page_words, picks_in_json(files), strict=True):
        if written := told.get("summary"):
            assert words.sentences
            assert written["model"] in words.written_by
        else:
            assert not words.written_by
        source = phrases.shown(written["text"] if written else told["abstract"] or "", 20_000)
        for sentence in words.sentences.split("…"):
            # Half a surrogate pair is a question mark in JSON.
            assert sentence.replace("?", "") in squeezed(source).replace("?", "")


def test_the_json_has_the_reasons_of_the_page(files: Mapping[str, str], page_words: list[Words]) -> None:
    for words, told in zip(page_words, picks_in_json(files), strict=True):
        named = reasons_of(words.reasons)
        largest = sorted(told["reasons"], key=lambda one: (-abs(one["points"]), one["about"]))
        assert not named or sum(points for points, _ in named) == told["score"]
        for (points, said), reason in zip(named[:5], largest, strict=False):  # what follows may be a sum
            assert points == reason["points"]
            assert squeezed(phrases.shown(reason["about"]).split(": ")[0])[:40] in said


def reasons_of(told: str) -> list[tuple[int, str]]:
    """`+85waiting(title)·−9video` in parts."""
    parts = re.findall(r"(?:^|·)([+−]\d+)(.*?)(?=·[+−]\d|$)", told)
    return [(int(points.replace("−", "-")), said) for points, said in parts]


def test_notes_are_told_everywhere(made: Edition, files: Mapping[str, str]) -> None:
    public = replace(made, notes=tuple(one for one in made.notes if one.kind is not NoteKind.LIKED))
    rendered = PRESS.renderer.render(public, SENDER)
    notes = [squeezed(note) for note in notes_in_html(rendered.html)]
    content = etree.fromstring(files[".atom"].encode()).findtext("{*}content")
    in_json = json.loads(files[".json"])["notes"]

    assert len(notes) == len(public.notes) == len(in_json)
    assert [squeezed(note) for note in notes_in_html(files[".html"])] == notes
    for text in (rendered.text, files[".txt"], html.fromstring(f"<div>{content}</div>").text_content()):
        assert all(note in squeezed(text) for note in notes)
    if made.profile.language == "en":
        assert [squeezed(phrases.shown(note, 400)) for note in in_json] == notes


def notes_in_html(page: str) -> list[str]:
    """Those in boxes."""
    boxes = html.fromstring(page).xpath("//*[contains(concat(' ', @class, ' '), ' note ')]")
    return [box.text_content() for box in boxes]


# ---------------------------------------------------------------- what only a mail may say


def test_nothing_in_an_archive_names_the_reader_or_unsubscribes_her(
    made: Edition, files: Mapping[str, str]
) -> None:
    for text in files.values():
        assert made.profile.email not in text
        assert SENDER.unsubscribe_url not in text
        assert "unsubscribe" not in text.lower()
