"""An archive: its files, its feed, and the folder they lie in."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree, html  # type: ignore[import-untyped]

from digest.errors import DigestError, InputError
from digest.model import Edition, Note, NoteKind, Sender
from digest.outputs.archive import day_of, folder_name, make_day, open_press
from digest.outputs.feed import MAX_ENTRIES, read_entry
from digest.outputs.folder import write_archive
from digest.outputs.page import Neighbours
from digest.outputs.templates import ARCHIVE_FILES
from digest.resources import shipped
from tests.editions import EVERY, EXTREME, ONE, QUIET, RICH, SENDER
from tests.makers import edition, pick, profile

PRESS = open_press(SENDER)
ATOM = {"a": "http://www.w3.org/2005/Atom"}
ALONE = Neighbours(earlier=None, later=None)
KINDS = {".atom", ".bib", ".html", ".json", ".txt"}


def on(day: int, made: Edition = ONE) -> Edition:
    """The edition of a day in March."""
    moved = timedelta(days=day - made.day.day)
    return replace(made, day=made.day + moved, at=made.at + moved)


def contents(folder: Path) -> Mapping[str, bytes]:
    """Every file beneath a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(folder: Path, *editions: Edition) -> None:
    """Write them one after the other, with nothing to complain of."""
    for one in editions:
        assert write_archive(folder, one, PRESS)[1] == ()


def feed(folder: Path) -> etree.Element:
    return etree.fromstring((folder / "ada" / "feed.xml").read_bytes())


def subjects(folder: Path) -> list[str]:
    page = html.fromstring((folder / "ada" / "index.html").read_bytes())
    return [link.get("href") for link in page.findall(".//ol/li/a")]


# ---------------------------------------------------------------- the folder


def test_an_edition_is_five_files_beside_a_list_and_a_feed(tmp_path: Path) -> None:
    page, problems = write_archive(tmp_path / "new" / "archive", ONE, PRESS)

    assert page == tmp_path / "new" / "archive" / "ada" / "2026-03-11.html"
    assert problems == ()
    assert set(contents(page.parent)) == {"index.html", "feed.xml", *(f"2026-03-11{kind}" for kind in KINDS)}


def test_writing_the_same_editions_again_changes_no_byte(tmp_path: Path) -> None:
    written(tmp_path, on(10), on(11, RICH), on(12))
    before = contents(tmp_path)

    written(tmp_path, on(11, RICH), on(10), on(12))

    assert contents(tmp_path) == before


def test_a_file_that_is_as_it_should_be_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path, on(10))
    before = {path: path.stat().st_ino for path in (tmp_path / "ada").iterdir()}

    written(tmp_path, on(10))

    assert {path: path.stat().st_ino for path in (tmp_path / "ada").iterdir()} == before


def test_the_order_of_writing_does_not_matter(tmp_path: Path) -> None:
    written(tmp_path / "one", on(10), on(11, RICH), on(12))
    written(tmp_path / "other", on(12), on(10), on(11, RICH))

    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_a_day_written_anew_replaces_that_day_only(tmp_path: Path) -> None:
    written(tmp_path, on(10), on(11, QUIET), on(12))
    before = contents(tmp_path)

    written(tmp_path, on(11, RICH))

    changed = {name for name, data in contents(tmp_path).items() if before.get(name) != data}
    assert changed == {f"ada/2026-03-11{kind}" for kind in KINDS} | {"ada/index.html", "ada/feed.xml"}


def test_the_list_has_every_edition_the_newest_first(tmp_path: Path) -> None:
    written(tmp_path, on(10), on(12), on(11, QUIET))

    assert subjects(tmp_path) == ["2026-03-12.html", "2026-03-11.html", "2026-03-10.html"]
    page = html.fromstring((tmp_path / "ada" / "index.html").read_bytes())
    assert "Quiet day: nothing reached 35 · 11 Mar" in " ".join(page.text_content().split())


def test_a_page_leads_to_its_neighbours_also_to_one_that_came_later(tmp_path: Path) -> None:
    written(tmp_path, on(10), on(14), on(12))

    def links(day: int) -> dict[str, str]:
        page = html.fromstring((tmp_path / "ada" / f"2026-03-{day}.html").read_bytes())
        return {link.get("rel"): link.get("href") for link in page.findall(".//a[@rel]")}

    assert links(10) == {"next": "2026-03-12.html"}
    assert links(12) == {"prev": "2026-03-10.html", "next": "2026-03-14.html"}
    assert links(14) == {"prev": "2026-03-12.html"}


def test_every_link_of_a_page_to_a_file_leads_to_one(tmp_path: Path) -> None:
    written(tmp_path, on(10), on(11, RICH), on(12))
    folder = tmp_path / "ada"
    for page in folder.glob("*.html"):
        found = [link.get("href") for link in html.fromstring(page.read_bytes()).iter("a", "link")]
        near = [link for link in found if not urlsplit(link).scheme]

        assert near
        assert all((folder / link).is_file() for link in near)


def test_readers_have_folders_of_their_own(tmp_path: Path) -> None:
    written(tmp_path, ONE, replace(ONE, profile=replace(ONE.profile, name="bob")))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["ada", "bob"]


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../../etc", "a\\b", "a\x00b", ".hidden", "a:b"])
def test_no_readers_name_leads_out_of_the_archive(name: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"

    page, _ = write_archive(archive, edition(pick(), profile=profile(name=name)), PRESS)

    assert page.parent.parent == archive
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert not page.parent.name.startswith(".")


def test_different_readers_never_share_a_folder() -> None:
    names = ["a\udcff", "a%FF", "aÿ", "a", "A", "a.b", "a%2Fb", "a/b", "%2E", ".", "Ада", "a b", "a_b", "a+b"]

    assert len({folder_name(name) for name in names}) == len(names)


# ---------------------------------------------------------------- what others left there


def test_files_of_others_stay_as_they_are(tmp_path: Path) -> None:
    written(tmp_path, on(10))
    others = {
        "robots.txt": b"x",
        "2026-03-99.html": b"x",
        "2026-03-09.html.bak": b"x",
        "notes/2026-03-09.html": b"x",
    }
    for name, data in others.items():
        path = tmp_path / "ada" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    written(tmp_path, on(11))

    assert (
        others.items()
        <= {name.removeprefix("ada/"): data for name, data in contents(tmp_path).items()}.items()
    )


@pytest.mark.parametrize("name", ["index.html", "feed.xml"])
def test_a_list_or_feed_of_somebody_else_is_not_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / name).write_text("<p>My own page</p>", encoding="utf-8")
    before = contents(tmp_path)

    with pytest.raises(InputError, match="not Digest's") as caught:
        write_archive(tmp_path, ONE, PRESS)

    assert name in caught.value.where
    assert contents(tmp_path) == before


BROKEN = {
    "empty": b"",
    "cut off": b'<?xml version="1.0"?><entry xmlns="http://www.w3.org/2005/Atom"><id>x</id>',
    "another root": b'<feed xmlns="http://www.w3.org/2005/Atom"/>',
    "no title": b'<entry xmlns="http://www.w3.org/2005/Atom"><id>x</id><updated>2026-03-10T00:00:00Z</updated></entry>',
    "no moment": b'<entry xmlns="http://www.w3.org/2005/Atom"><id>x</id><title>x</title><summary>x</summary>'
    b"<updated>yesterday</updated></entry>",
    "no zone": b'<entry xmlns="http://www.w3.org/2005/Atom"><id>x</id><title>x</title><summary>x</summary>'
    b"<updated>2026-03-10T00:00:00</updated></entry>",
    "bomb": b'<!DOCTYPE entry [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><entry xmlns="http://www.w3.org/2005/Atom">'
    b"<id>x</id><title>&b;</title><summary>x</summary><updated>2026-03-10T00:00:00Z</updated></entry>",
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_entry_is_named_and_all_others_are_written(data: bytes, tmp_path: Path) -> None:
    written(tmp_path, on(9), on(10), on(11))
    (tmp_path / "ada" / "2026-03-10.atom").write_bytes(data)

    _, (problem,) = write_archive(tmp_path, on(12), PRESS)

    assert problem.where.endswith("2026-03-10.atom")
    assert "--day 2026-03-10" in problem.fix
    assert (tmp_path / "ada" / "2026-03-10.atom").read_bytes() == data
    assert subjects(tmp_path) == [f"2026-03-{day}.html" for day in ("12", "11", "10", "09")]
    assert len(feed(tmp_path).findall("a:entry", ATOM)) == 3


@pytest.mark.parametrize(
    ("kind", "data"), [(".atom", None), (".html", None), (".html", b"<p>mine</p>"), (".html", b"\xff")]
)
def test_a_neighbour_that_is_missing_or_strange_is_named_once(
    kind: str, data: bytes | None, tmp_path: Path
) -> None:
    written(tmp_path, on(10), on(11))
    path = tmp_path / "ada" / f"2026-03-10{kind}"
    path.unlink() if data is None else path.write_bytes(data)

    _, (problem,) = write_archive(tmp_path, on(11, RICH), PRESS)

    assert problem.where == str(path)
    assert path.exists() == (data is not None)
    assert ("2026-03-10.html" in subjects(tmp_path)) == (tmp_path / "ada" / "2026-03-10.html").exists()


def test_a_day_that_was_broken_can_be_written_again(tmp_path: Path) -> None:
    written(tmp_path, on(10), on(11))
    (tmp_path / "ada" / "2026-03-10.atom").write_bytes(b"")
    sound = contents(tmp_path)["ada/2026-03-10.html"]

    written(tmp_path, on(10))

    assert len(feed(tmp_path).findall("a:entry", ATOM)) == 2
    assert contents(tmp_path)["ada/2026-03-10.html"] == sound


def test_a_folder_that_is_a_file_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "ada").write_text("a file", encoding="utf-8")

    with pytest.raises(DigestError, match="archive cannot be"):
        write_archive(tmp_path, ONE, PRESS)


def test_an_archive_that_cannot_be_written_to_keeps_what_it_had(tmp_path: Path) -> None:
    written(tmp_path, on(10))
    before = contents(tmp_path)
    (tmp_path / "ada" / "2026-03-11.bib").mkdir()  # stands in the way

    with pytest.raises(DigestError, match=r"archive cannot be written"):
        write_archive(tmp_path, on(11), PRESS)

    assert before["ada/index.html"] == contents(tmp_path)["ada/index.html"]
    assert not [name for name in os.listdir(tmp_path / "ada") if name.endswith(".part")]


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("2026-03-11.html", date(2026, 3, 11)),
        ("2026-03-11.html.html", None),
        ("2026-03-11.json", None),
        ("2026-02-30.html", None),
        ("٢٠٢٦-03-11.html", None),
        ("index.html", None),
        ("2026-W11-3.html", None),
    ],
)
def test_days_are_known_by_their_names(name: str, day: date | None) -> None:
    assert day_of(name, ".html") == day


# ---------------------------------------------------------------- the feed


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_every_edition_is_a_sound_entry_of_a_sound_feed(name: str, tmp_path: Path) -> None:
    written(tmp_path, on(10), on(11, EVERY[name]))
    root = feed(tmp_path)

    assert root.tag == f"{{{ATOM['a']}}}feed"
    for element in (root, *root.findall("a:entry", ATOM)):
        for required in ("id", "title", "updated", "author"):  # RFC 4287, 4.1.1 and 4.1.2
            assert len(element.findall(f"a:{required}", ATOM)) == 1
        moment = datetime.fromisoformat(element.findtext("a:updated", namespaces=ATOM))
        assert moment.utcoffset() is not None  # RFC 3339, 5.6
        assert element.findtext("a:author/a:name", namespaces=ATOM)
        assert len(element.findall("a:link[@rel='alternate']", ATOM)) == 1
    contents = root.findall("a:entry/a:content", ATOM)
    assert [one.get("type") for one in contents] == ["html", "html"]
    assert not any(len(one) for one in contents)


def test_ids_are_tags_that_never_change(tmp_path: Path) -> None:
    written(tmp_path, on(10), on(11, RICH), on(11, ONE))

    ids = [element.text for element in feed(tmp_path).iter(f"{{{ATOM['a']}}}id")]

    assert ids == [
        "tag:papers.lab.example.org,2026:ada/feed",
        "tag:papers.lab.example.org,2026-03-11:ada",
        "tag:papers.lab.example.org,2026-03-10:ada",
    ]


def test_a_tag_has_only_what_a_tag_may_have() -> None:
    press = open_press(Sender(address="d@example.org", list_id="My_List.Example.org"))
    strange = edition(pick(), profile=profile(name="a b/ä,:<"))

    entry = make_day(strange, ALONE, press)[".atom"]

    assert "<id>tag:my-list.example.org,2026-03-11:a%20b%2F%C3%A4%2C%3A%3C</id>" in entry


def test_a_feed_has_the_newest_editions_and_their_moment(tmp_path: Path) -> None:
    first = on(1)
    editions = [
        replace(first, day=first.day + timedelta(days=n), at=first.at + timedelta(days=n)) for n in range(33)
    ]

    written(tmp_path, *reversed(editions))

    updated = [one.text for one in feed(tmp_path).iterfind("a:entry/a:updated", ATOM)]
    assert len(updated) == MAX_ENTRIES
    assert updated == sorted(updated, reverse=True)
    assert feed(tmp_path).findtext("a:updated", namespaces=ATOM) == updated[0] == editions[-1].at.isoformat()
    assert len(subjects(tmp_path)) == 33


def test_an_entry_is_read_back_as_it_was_made() -> None:
    text = make_day(RICH, ALONE, PRESS)[".atom"]

    entry = read_entry(text.encode(), RICH.day)

    assert (entry.title, entry.updated) == ("One Afternoon of Video Is Enough + 9 more · 11 Mar", RICH.at)
    assert entry.summary == "8 of 1,204 new papers chosen, and 2 that arrived late"


# ---------------------------------------------------------------- what is hostile, and what is personal


def test_a_hostile_edition_puts_no_markup_of_its_own_into_pages_or_feed(tmp_path: Path) -> None:
    written(tmp_path, on(10), on(11, EXTREME))
    folder = tmp_path / "ada"
    content = feed(tmp_path).findtext("a:entry/a:content", namespaces=ATOM)
    pages = [(folder / name).read_text(encoding="utf-8") for name in ("2026-03-11.html", "index.html")]

    for markup in (content, *pages):
        elements = list(html.fromstring(f"<div>{markup}</div>" if markup is content else markup).iter())
        tags = {element.tag for element in elements if isinstance(element.tag, str)}
        assert not tags & {"script", "img", "marquee", "iframe", "object", "form", "input"}
        for element in elements:
            assert not [name for name in element.attrib if name.startswith("on")]
            assert not (element.get("href") or "").lower().startswith(("javascript", "data"))
    assert "*{display:none}" not in "".join(html.fromstring(pages[0]).xpath("//style/text()"))


def test_a_hostile_title_cannot_fake_the_links_to_neighbours(tmp_path: Path) -> None:
    fake = edition(pick(title="<!--neighbours-->gone<!--/neighbours-->"))

    written(tmp_path, on(10, fake), on(11, fake))

    page = (tmp_path / "ada" / "2026-03-10.html").read_text(encoding="utf-8")
    assert page.count("<!--neighbours-->") == page.count('rel="next"') == 2
    assert "&lt;!--neighbours--&gt;gone" in page


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    page = html.fromstring(make_day(RICH, ALONE, PRESS)[".html"])

    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert not page.xpath("//script | //img | //link[@rel='stylesheet']")


def test_the_text_ends_where_the_mails_signature_begins() -> None:
    told = make_day(RICH, ALONE, PRESS)[".txt"]

    assert "\n-- \n" not in told
    assert told.rstrip().endswith(f"https://arxiv.org/abs/{RICH.misses[-1].paper.id}")


PERSONAL = ("ada@example.org", "digest+stop", "stop/4f1a2b", "profiles/ada", "unsubscribe", "Ottoline")
ALL_OF_THE_FOOT = """Mine: {{ letter.why }} {{ letter.change }} {{ letter.contact }}
{{ letter.unsubscribe_url }} {{ letter.unsubscribe_mailto }}
"""


def test_no_template_of_ones_own_can_tell_who_the_reader_is_and_how_her_mail_is_stopped(
    tmp_path: Path,
) -> None:
    links = "{{ links | safe }}"
    for name, source in {
        "edition.txt.j2": ALL_OF_THE_FOOT,
        "archive.html.j2": ALL_OF_THE_FOOT + links,
        "feed-content.html.j2": ALL_OF_THE_FOOT,
    }.items():
        (tmp_path / name).write_text(source, encoding="utf-8")

    files = make_day(ONE, ALONE, open_press(SENDER, tmp_path))

    assert all("Mine:" in files[kind] for kind in (".txt", ".html", ".atom"))
    assert not [(kind, word) for kind, text in files.items() for word in PERSONAL if word in text]


def test_notes_on_the_readers_own_files_are_not_published(tmp_path: Path) -> None:
    private = Note(kind=NoteKind.LIKED, detail="/home/ada/secret.bib cannot be read")
    public = Note(kind=NoteKind.SOURCE, name="the Wednesday list", day=ONE.day)

    written(tmp_path, replace(ONE, notes=(private, public)))

    told = contents(tmp_path)
    assert not [name for name, data in told.items() if b"secret" in data or b"/home/ada" in data]
    for kind in (".html", ".txt", ".json", ".atom"):
        assert b"the Wednesday list" in told[f"ada/2026-03-11{kind}"]


def test_a_profile_whose_name_is_not_utf_8_has_an_archive(tmp_path: Path) -> None:
    made = edition(pick(), profile=profile(name="ad\udcff"))

    page, problems = write_archive(tmp_path, made, PRESS)

    assert (page.parent.name, problems) == ("ad%FF", ())
    assert "2026:ad%FF/feed" in (page.parent / "feed.xml").read_text(encoding="utf-8")


def test_a_reader_without_a_name_has_no_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without a name"):
        write_archive(tmp_path, edition(pick(), profile=profile(name="")), PRESS)

    assert not contents(tmp_path)


def test_a_neighbours_links_stay_in_its_own_language(tmp_path: Path) -> None:
    german = replace(ONE, profile=replace(ONE.profile, language="de"))

    written(tmp_path, on(10, german), on(11), on(12, german))

    pages = [(tmp_path / "ada" / f"2026-03-{day}.html").read_text(encoding="utf-8") for day in (10, 11, 12)]
    assert ["All editions" in page for page in pages] == [False, True, False]
    assert "11.\N{NO-BREAK SPACE}März&nbsp;→" in pages[0]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<html lang=xx>", "not known: xx"),
        ("<html lang='de_!'>", "not known: de_!"),
        ("<html>", "does not say"),
        ("<p lang=de>x", "does not say"),
        ("", "cannot be used"),
        ("<!-- -->", "cannot be used"),
        ("\0", "cannot be used"),
    ],
)
def test_a_neighbour_without_a_language_that_is_known_is_named(page: str, said: str, tmp_path: Path) -> None:
    written(tmp_path, on(10))
    (tmp_path / "ada" / "2026-03-10.html").write_text(page, encoding="utf-8")

    _, (problem,) = write_archive(tmp_path, on(11), PRESS)

    assert said in problem.what


# ---------------------------------------------------------------- templates of one's own

ARCHIVE_TEMPLATES = [name for name in ARCHIVE_FILES if name.endswith(".j2")]


def test_every_shipped_file_of_an_archive_is_known() -> None:
    found = [path.name for kind in ("archive*", "feed*") for path in shipped("templates").glob(kind)]

    assert sorted(found) == sorted(ARCHIVE_FILES)


def broken_by(folder: Path, name: str, source: str | bytes) -> InputError:
    """What an archive of this template ends with."""
    (folder / "own").mkdir()
    (folder / "own" / name).write_bytes(source if isinstance(source, bytes) else source.encode())
    with pytest.raises(InputError) as caught:
        write_archive(folder / "archive", ONE, open_press(SENDER, folder / "own"))
    assert not (folder / "archive").exists()
    assert caught.value.fix
    return caught.value


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHIVE_TEMPLATES)
@pytest.mark.parametrize(
    "source", ["\n\n{{ nope }}", "\n\n{% if %}", '\n\n{% include "gone.j2" %}', "\n\n{{ 1 // 0 }}"]
)
def test_a_broken_template_is_told_with_file_and_line(name: str, source: str, tmp_path: Path) -> None:
    told = broken_by(tmp_path, name, source)

    assert told.where == f"{tmp_path / 'own' / name}:3"
    assert "this template is broken" in told.what


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHIVE_FILES)
def test_a_template_that_is_not_utf_8_is_told_with_its_file(name: str, tmp_path: Path) -> None:
    assert str(tmp_path / "own" / name) in broken_by(tmp_path, name, b"\xff\xfe").where


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "source", "line", "said"),
    [
        ("feed-entry.xml.j2", "{# An entry. #}\n<entry>\n<id>{{ id }}</title>\n</entry>", ":3", "it is not XML"),
        ("feed-entry.xml.j2", "{{ letter.subject }}", ":1", "it is not XML"),
        ("feed-entry.xml.j2", '<feed xmlns="http://www.w3.org/2005/Atom"/>', "", "not an Atom entry"),
        ("feed-entry.xml.j2", '<entry xmlns="http://www.w3.org/2005/Atom"/>', "", "it has no title"),
        ("feed.xml.j2", "<feed>\n", ":2", "it is not XML"),
        ("feed.xml.j2", "<rss/>", "", "not an Atom feed"),
        ("feed.xml.j2", '<feed xmlns="http://www.w3.org/2005/Atom"/>', "", "it has no id"),
        ("archive-index.html.j2", "<h1>All</h1>", "", 'does not print name="generator" content="Digest"'),
        ("archive-links.html.j2", "none", "", "not between <!--neighbours-->"),
        ("archive.html.j2", "{{ links }}", "", "does not print {{ links | safe }}"),
    ],
)  # fmt: skip
def test_what_could_not_be_read_again_is_told_before_it_is_written(
    name: str, source: str, line: str, said: str, tmp_path: Path
) -> None:
    told = broken_by(tmp_path, name, source)

    assert said in told.what
    assert told.where == f"{tmp_path / 'own' / name}{line}"


def test_a_template_of_ones_own_changes_the_page(tmp_path: Path) -> None:
    own = tmp_path / "templates"
    own.mkdir()
    (own / "archive-links.html.j2").write_text("<!--neighbours-->MINE<!--/neighbours-->", encoding="utf-8")
    press = open_press(SENDER, own)

    assert "MINE" in make_day(ONE, ALONE, press)[".html"]
