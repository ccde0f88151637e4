"""RSS, RDF and Atom of any make: what is read, what is not believed, and what cannot break the reader."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from digest.errors import DigestError, InputError
from digest.model import Entry, Listing
from digest.sources.feed import FeedTable
from digest.sources.feed_pages import MAX_ENTRIES, canonical_id, is_feed, parse_feed
from digest.sources.feed_text import plain_text, split_names
from digest.sources.protocol import Wanted
from tests.makers import NOW
from tests.sources.arxiv_makers import answer as arxiv_answer
from tests.sources.arxiv_makers import atom as arxiv_atom
from tests.sources.arxiv_makers import feed as arxiv_feed
from tests.sources.arxiv_makers import found as arxiv_found
from tests.sources.arxiv_makers import row as arxiv_row
from tests.sources.contract import FIXTURES, FakeWeb, SourceContract, assert_clean, entries_of, opened

URL = "https://tea.example.org/feed"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<channel><title>Tea</title><link>https://tea.example.org/</link>"
)
FOOT = "</channel></rss>"


class TestRss(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "feed", "url": "https://tea.example.org/feed/"}
    folder = "feed_rss"


class TestAtom(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "feed", "url": "https://tea.example.org/reports.atom"}
    folder = "feed_atom"


class TestRdf(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "feed", "url": "https://letters.example.org/tea.rdf"}
    folder = "feed_rdf"


# ---------------------------------------------------------------- what is new of it


def item_of(day: str, number: int = 1) -> str:
    return (
        f"<item><title>Tea of the {number}. Kind</title><link>/{number}</link><pubDate>{day}</pubDate></item>"
    )


def read(folder: Path, feed: str, wanted: Wanted = TestRss.wanted) -> Listing | DigestError:
    (found,) = opened(folder, kind="feed", url=URL).read(FakeWeb({URL: feed.encode()}), wanted)
    return found


def titles(found: Listing | DigestError) -> list[str]:
    return [entry.paper.title for entry in entries_of([found])]


def test_entries_of_more_than_thirty_days_ago_are_no_news_and_those_of_no_date_are(tmp_path: Path) -> None:
    days = ("2026-03-01", "2026-02-09", "2026-02-08", "1995-01-01", "")
    feed = HEAD + "".join(item_of(day, n) for n, day in enumerate(days)) + FOOT

    found = read(tmp_path, feed)

    assert isinstance(found, Listing)
    assert titles(found) == [f"Tea of the {n}. Kind" for n in (0, 1, 4)]
    assert (found.warnings, found.quiet) == ((), "")


def test_entries_that_came_while_nothing_was_read_are_news_however_old(tmp_path: Path) -> None:
    feed = HEAD + item_of("2026-01-05", 1) + item_of("2025-12-20", 2) + FOOT

    found = read(tmp_path, feed, replace(TestRss.wanted, since=datetime(2026, 1, 1, 7, tzinfo=UTC)))

    assert titles(found) == ["Tea of the 1. Kind"]


def test_a_feed_of_old_entries_alone_says_so(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + item_of("2024-05-06") + item_of("2023-01-01", 2) + FOOT)

    assert isinstance(found, Listing)
    assert (found.entries, found.quiet) == ((), "nothing of it is newer than 2024-05-06")
    assert found.warnings == ("all of its 2 papers are from before 2026-02-09, and were left out",)


@pytest.mark.parametrize(
    ("known", "day", "is_quiet"),
    [
        (True, 11, False),
        (False, 11, True),
        (True, 8, True),
        (True, 9, True),
        (True, 7, True),
        (True, 6, False),
    ],
)
def test_a_feed_that_had_entries_and_has_none_amid_the_week_is_an_alarm(
    known: bool, day: int, is_quiet: bool, tmp_path: Path
) -> None:
    had = frozenset({"feed:x"}) if known else frozenset()
    wanted = replace(TestRss.wanted, today=date(2026, 3, day), known=had)

    found = read(tmp_path, HEAD + FOOT, wanted)

    assert isinstance(found, Listing if is_quiet else InputError)


# ---------------------------------------------------------------- arXiv's


def test_of_a_feed_of_arxiv_s_new_papers_are_read_under_its_day_and_new_versions_are_not() -> None:
    rows = [arxiv_row(1), arxiv_row(2, "replace"), arxiv_row(3, "cross"), arxiv_row(4, "replace-cross")]

    rss = parse_feed(arxiv_feed(rows), where=URL, at=NOW)
    atom = parse_feed(arxiv_atom(rows), where=URL, at=NOW)

    for listing in (rss, atom):
        assert [entry.paper.id for entry in listing.entries] == ["2603.10001", "2603.10003"]
        assert (listing.layout, listing.day) == ("arXiv feed", date(2026, 3, 11))


@pytest.mark.parametrize(
    ("rows", "why"),
    [([], "the feed has no entries"), ([arxiv_row(1, "replace")], "the feed has new versions only")],
)
def test_a_feed_of_arxiv_s_without_anything_new_says_why(rows: list[dict[str, Any]], why: str) -> None:
    assert parse_feed(arxiv_feed(rows), where=URL, at=NOW).quiet == why


@pytest.mark.parametrize(
    "error",
    [
        arxiv_answer(arxiv_found("", where="https://arxiv.org/api/errors#no_tea", title="Error")),
        HEAD.replace(">Tea<", '>Feed error for query "cs.XX"<').encode()
        + b"<item><title>Bad query</title></item>"
        + FOOT.encode(),
    ],
)
def test_an_error_in_the_form_of_a_feed_is_no_paper(error: bytes) -> None:
    with pytest.raises(InputError, match="an error, and no papers"):
        parse_feed(error, where=URL, at=NOW)


# ---------------------------------------------------------------- its table


def test_it_is_called_after_its_host_and_its_address_is_kept_to_the_letter(tmp_path: Path) -> None:
    page = (FIXTURES / "feed_rss" / "feed.xml").read_bytes()
    web = FakeWeb({"https://tea.example.org/feed/": page})

    source = opened(tmp_path, kind="feed", url="https://tea.example.org/feed/")

    assert (source.name, source.grows) == ("tea.example.org", False)
    assert opened(tmp_path, kind="feed", url=URL, name="Tea").name == "Tea"
    assert list(source.read(web, TestRss.wanted))
    assert web.asked == ["https://tea.example.org/feed/"]


@pytest.mark.parametrize(
    "url", ["", "tea.example.org", "file:///etc/passwd", "https://ada:secret@tea.example.org/"]
)
def test_an_address_that_is_none_or_holds_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        FeedTable(kind="feed", url=url)

    assert "secret" not in raised.value.errors()[0]["msg"]


def test_what_parses_is_loaded_when_there_is_something_to_parse() -> None:
    code = "import sys, digest.sources.feed, digest.sources.saved, digest.sources.huggingface; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"feedparser", "bs4", "lxml", "httpx"} & set(loaded.split())


# ---------------------------------------------------------------- one entry


def parsed(text: str | bytes) -> Listing:
    return parse_feed(text if isinstance(text, bytes) else text.encode(), where=URL, at=NOW)


def item(inner: str, title: str = "Tin Robots Pour Tea") -> Entry:
    (entry,) = parsed(f"{HEAD}<item><title>{title}</title>{inner}</item>{FOOT}").entries
    return entry


@pytest.mark.parametrize(
    ("inner", "day"),
    [
        ("<pubDate>Wed, 11 Mar 2026 08:00:00 GMT</pubDate>", date(2026, 3, 11)),
        ("<pubDate>Wed, 11 Mar 2026</pubDate>", date(2026, 3, 11)),
        ("<pubDate>11 March 2026</pubDate>", date(2026, 3, 11)),
        ("<pubDate>2026-03-11T08:00:00Z</pubDate>", date(2026, 3, 11)),
        ("<pubDate>2026-03-11 08:00:00</pubDate>", date(2026, 3, 11)),
        ("<dc:date>2026-03-11</dc:date>", date(2026, 3, 11)),
        ("<pubDate>Sat, 01 Jan 9999 00:00:00 GMT</pubDate>", None),
        ("<pubDate>Mon, 01 Jan 0001 00:00:00 GMT</pubDate>", None),
        ("<pubDate>31 Feb 2026</pubDate>", None),
        ("<pubDate>soon</pubDate>", None),
        ("", None),
    ],
)
def test_dates_of_many_forms_are_read_and_those_that_cannot_be_are_left_open(
    inner: str, day: date | None
) -> None:
    assert item(inner).paper.published == day


def test_a_date_that_says_nothing_is_told_and_no_date_is_not() -> None:
    assert (
        "“soon”" in parsed(f"{HEAD}<item><title>Tea</title><pubDate>soon</pubDate></item>{FOOT}").warnings[0]
    )
    assert parsed(f"{HEAD}<item><title>Tea</title></item>{FOOT}").warnings == ()


@pytest.mark.parametrize(
    ("inner", "names"),
    [
        ("<dc:creator>Ada B</dc:creator><dc:creator>Ben C</dc:creator>", ("Ada B", "Ben C")),
        ("<dc:creator>Ada B, Ben C</dc:creator>", ("Ada B", "Ben C")),
        ("<author>ada@example.org (Ada B)</author>", ("Ada B",)),
        ("<author>ada@example.org (Ada B), ben@example.org (Ben C)</author>", ("Ada B", "Ben C")),
        ("<author>ada@example.org</author>", None),
        ("<author>Ada B &lt;ada@example.org&gt;</author>", ("Ada B",)),
        ("<dc:creator>Ren&amp;eacute; B</dc:creator>", ("René B",)),
        ("<dc:contributor>An Editor</dc:contributor>", None),
        ("<dc:creator> </dc:creator>", None),
        ("", None),
    ],
)
def test_authors_are_read_one_by_one_or_from_one_text(inner: str, names: tuple[str, ...] | None) -> None:
    paper = item(inner).paper

    assert paper.authors == names
    assert paper.n_authors == (len(names) if names else None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ada B, Ben C and Dora D", ["Ada B", "Ben C", "Dora D"]),
        ("Ada B, Ben C, and Dora D", ["Ada B", "Ben C", "Dora D"]),
        ("Ada B (Tea Institute, Hall 2), Ben C", ["Ada B", "Ben C"]),
        ("Example, Ada; Sample, Ben", ["Ada Example", "Ben Sample"]),
        ("Example, A., Sample, B. C.", ["A. Example", "B. C. Sample"]),
        ("Example, Ada", ["Ada Example"]),
        ("Ada B & Ben C", ["Ada B", "Ben C"]),
        ("Ada Brand", ["Ada Brand"]),
        ("", []),
    ],
)
def test_a_text_of_names_is_taken_apart(text: str, names: list[str]) -> None:
    assert split_names(text) == names


@pytest.mark.parametrize(
    ("inner", "identifier", "aliases"),
    [
        ("<link>https://arxiv.org/abs/2603.00001v3</link>", "2603.00001", ()),
        ("<guid>oai:arXiv.org:2603.00001v1</guid>", "2603.00001", ()),
        ("<dc:identifier>doi:10.5555/TEA.1</dc:identifier>", "10.5555/tea.1", ()),
        ("<link>https://doi.org/10.5555/Tea.1</link>", "10.5555/tea.1", ()),
        (
            "<link>https://arxiv.org/abs/2603.00001</link><dc:identifier>10.5555/tea.1</dc:identifier>",
            "2603.00001",
            ("10.5555/tea.1",),
        ),
        (
            "<guid>https://www.medrxiv.org/content/10.1101/2026.03.01.26000001v2.full</guid>",
            "10.1101/2026.03.01.26000001",
            (),
        ),
        ("", "title:tinrobotspourtea", ()),
    ],
)
def test_the_best_id_that_it_names_is_the_paper_s_and_others_are_its_aliases(
    inner: str, identifier: str, aliases: tuple[str, ...]
) -> None:
    paper = item(inner).paper

    assert (paper.id, paper.aliases) == (identifier, aliases)


@pytest.mark.parametrize(
    "name", ["https://tea.example.org/2026/488", "10 things", "urn:isbn:1", "", "doi:", "x" * 9_000]
)
def test_what_names_no_arxiv_id_or_doi_is_none(name: str) -> None:
    assert canonical_id(name) is None


def test_without_one_its_id_is_made_of_its_guid_or_link_and_not_of_its_title() -> None:
    first = item("<guid>7</guid><link>https://tea.example.org/a</link>").paper.id
    renamed = item("<guid>7</guid><link>https://tea.example.org/b</link>", title="Another").paper.id
    other = item("<link>https://tea.example.org/b</link>").paper.id

    assert first.startswith("feed:")
    assert first == renamed != other


def test_wherever_it_was_got_from_a_feed_gives_the_same_ids() -> None:
    text = f"{HEAD}<item><title>Tea</title><guid>7</guid></item>{FOOT}".encode()

    (fetched,) = parse_feed(text, where=URL, at=NOW).entries
    (saved,) = parse_feed(text, where="/home/ada/feed.xml", at=NOW).entries

    assert fetched.paper.id == saved.paper.id


def test_a_link_that_several_papers_share_is_no_id() -> None:
    shared = "<link>https://doi.org/10.5555/journal</link>"

    listing = parsed(
        f"{HEAD}<item><title>One</title>{shared}</item><item><title>Two</title>{shared}</item>"
        f"<item><title>Three</title><guid>3</guid>{shared}</item><item><title>Three</title><guid>3</guid>{shared}</item>{FOOT}"
    )

    one, two, three = (entry.paper.id for entry in listing.entries)
    assert (one, two) == ("title:one", "title:two")
    assert three.startswith("feed:")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://[", "", "https://e.org/a b"])
def test_a_link_that_is_not_safe_is_left_out(link: str) -> None:
    assert item(f"<link>{link}</link>").paper.url in (None, URL)


def test_of_a_teaser_and_the_whole_the_longer_is_the_abstract() -> None:
    head = HEAD.replace("<rss ", '<rss xmlns:content="http://purl.org/rss/1.0/modules/content/" ')
    inner = "<description>Vol. 1</description><content:encoded>&lt;p&gt;We pour tea from a height.&lt;/p&gt;</content:encoded>"

    (entry,) = parsed(f"{head}<item><title>Tea</title>{inner}</item>{FOOT}").entries

    assert entry.paper.abstract == "We pour tea from a height."


def test_an_entry_with_nothing_but_a_title_is_one() -> None:
    entry = item("")

    assert (entry.paper.title, entry.paper.abstract, entry.paper.authors) == (
        "Tin Robots Pour Tea",
        None,
        None,
    )
    assert (entry.observation.listed_on, entry.paper.source) == (None, "feed")


def test_entries_without_a_title_are_left_out_and_that_is_told() -> None:
    listing = parsed(
        f"{HEAD}<item><title>Tea</title></item><item><link>https://tea.example.org/2</link></item>{FOOT}"
    )

    assert [entry.paper.title for entry in listing.entries] == ["Tea"]
    assert listing.warnings == ("1 entries without a title were left out",)


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("n<N and p<0.05 and x<y to z>w", "n<N and p<0.05 and x<y to z>w"),
        ("if a<b and c>d", "if a<b and c>d"),
        ("<p>one<p>two<br/>three", "one two three"),
        ("H<sub>2</sub>O is <b class='x'>wet</b>", "H2O is wet"),
        ("the <s> token and <think>aloud</think>", "the <s> token and <think>aloud</think>"),
        ("tea &amp;amp; milk &lt;p&gt;", "tea &amp; milk <p>"),
        ('<a href="https://e.org/?a>b" title=\'"\'>here</a>', "here"),
        ("a<!-- <p>not shown</p> -->b<!-- open", "a b<!-- open"),
        ("a<script>if (a < b) alert(1)</script>b", "a b"),
        ("<jats:p>We <jats:italic>pour</jats:italic>.</jats:p>", "We pour."),
        ("a & b &c; &#955; &#xD800;", "a & b &c; λ"),
    ],
)
def test_html_becomes_text_and_what_is_no_markup_stays(html: str, text: str) -> None:
    assert plain_text(html, 300, is_html=True) == text


def test_plain_text_is_not_decoded() -> None:
    assert plain_text("&amp; is written &amp;amp;", 300, is_html=False) == "&amp; is written &amp;amp;"


@given(st.text(alphabet="ab<>/!-&;= \"'p", max_size=80))
def test_text_without_tags_keeps_all_its_letters(text: str) -> None:
    shown = plain_text(text, 300, is_html=False)

    if "<" not in text:
        assert shown == " ".join(text.split())
    assert shown.count("b") <= text.count("b")


# ---------------------------------------------------------------- feeds


def test_an_empty_feed_with_a_head_is_quiet() -> None:
    assert parsed(HEAD + FOOT).quiet == "the feed has no entries"


@pytest.mark.parametrize(
    "text",
    [
        "<!doctype html><html><head><title>Log in</title></head><body><p>Log in</p></body></html>",
        "<rss version='2.0'><channel></channel></rss>",
        HEAD,
        HEAD + "<item><title></title></item>" + FOOT,
        "<opml><head><title>Feeds</title></head></opml>",
        "Rate exceeded.",
        '{"items": []}',
    ],
)
def test_what_is_no_feed_or_breaks_off_at_once_is_an_alarm(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parsed(text)

    assert raised.value.where == URL


@pytest.mark.parametrize(
    ("version", "root"),
    [
        ("rss091u", '<rss version="0.91">'),
        (
            "rss091n",
            '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91">',
        ),
        ("rss092", '<rss version="0.92">'),
        ("rss20", '<rss version="2.0">'),
    ],
)
def test_old_feeds_are_read_too(version: str, root: str) -> None:
    listing = parsed(
        f'<?xml version="1.0"?>{root}<channel><title>Tea</title><item><title>Cups</title></item></channel></rss>'
    )

    assert [entry.paper.title for entry in listing.entries] == ["Cups"]
    assert listing.layout == f"feed ({version})"


def test_a_broken_feed_gives_what_can_be_read_and_tells() -> None:
    listing = parsed(
        f"{HEAD}<item><title>Salt & Tea</title><description>a < b</description></item><item><title>Cups</title></item>"
    )

    assert [entry.paper.title for entry in listing.entries] == ["Salt & Tea", "Cups"]
    assert "not well-formed" in listing.warnings[0]


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "koi8-r", "shift_jis"])
def test_its_charset_changes_nothing(charset: str) -> None:
    title = {"koi8-r": "Чай", "shift_jis": "お茶"}.get(charset, "Thé")
    text = HEAD.replace("UTF-8", charset) + f"<item><title>{title}</title></item>" + FOOT

    (entry,) = parsed(text.encode(charset)).entries

    assert entry.paper.title == title


def test_only_so_many_entries_are_read_and_that_is_told() -> None:
    many = "".join(f"<item><title>Cup {n}</title></item>" for n in range(MAX_ENTRIES + 5))

    listing = parsed(HEAD + many + FOOT)

    assert len(listing.entries) == MAX_ENTRIES
    assert listing.warnings == (f"only the first {MAX_ENTRIES} of its {MAX_ENTRIES + 5} entries were read",)


@pytest.mark.parametrize(
    ("data", "feed"),
    [
        (b"<rss version='2.0'>", True),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?>\n<!-- tea -->\n<feed xmlns='x'>", True),
        ("<?xml version='1.0'?><feed>".encode("utf-16"), True),
        (b"<rdf:RDF xmlns='x'>", True),
        (b"<?xml version='1.0'?><html>", False),
        (b"<feedback>", False),
        (b"The <rss> element", False),
        (b"", False),
    ],
)
def test_a_feed_is_known_by_how_it_begins(data: bytes, feed: bool) -> None:
    assert is_feed(data) is feed


def test_a_feed_that_names_a_file_or_an_address_does_not_open_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text(HEAD + "<item><title>Secret</title></item>" + FOOT, encoding="utf-8")

    for data in (str(secret).encode(), b"https://tea.example.org/feed"):
        with pytest.raises(InputError):
            parsed(data)


# ---------------------------------------------------------------- hostile


def in_item(inner: str) -> str:
    return f"{HEAD}<item><title>Tea</title>{inner}</item>{FOOT}"


HOSTILE: dict[str, Callable[[int], str]] = {
    "items": lambda n: HEAD + "<item><title>Tea</title></item>" * n + FOOT,
    "deep": lambda n: in_item("<a>" * n + "</a>" * n),
    "deep and open": lambda n: HEAD + "<item><title>" + "<a>" * n,
    "open items": lambda n: HEAD + "<item><title>a" * n,
    "huge text": lambda n: in_item("<description>" + "x y " * 20 * n + "</description>"),
    "huge CDATA": lambda n: in_item("<description><![CDATA[" + "n<N and " * 5 * n + "]]></description>"),
    "open CDATA": lambda n: HEAD + "<item><title><![CDATA[" * n,
    "subjects": lambda n: in_item("".join(f"<category>tea {k}</category>" for k in range(n))),
    "other subjects": lambda n: in_item(
        "".join(f"<dc:subject><![CDATA[{k}]]></dc:subject>" for k in range(n))
    ),
    "subject terms": lambda n: in_item("".join(f'<category term="{k}"/>' for k in range(n))),
    "a long name": lambda n: in_item("<author>" + "a." * 20 * n + "</author>"),
    "a name in pieces": lambda n: in_item("<dc:creator>" + "a.<!-- > -->" * n + "</dc:creator>"),
    "a long editor": lambda n: HEAD + "<managingEditor>" + "a." * 20 * n + "</managingEditor>" + FOOT,
    "names": lambda n: in_item("<dc:creator>Ada B</dc:creator>" * n),
    "brackets": lambda n: in_item("<dc:creator>" + "(" * n + ",</dc:creator>"),
    "namespaces": lambda n: "".join(f'<x{k}:a xmlns:x{k}="u{k}">' for k in range(n)).join(("<rss>", "")),
    "links": lambda n: in_item("<link>/doi/10.</link>" * n),
    "comments": lambda n: in_item("<description>&lt;p&gt;" + "&lt;!--" * n + "</description>"),
    "scripts": lambda n: in_item("<description>" + "&lt;script" * n + "</description>"),
    "attributes": lambda n: in_item("<description>" + "&lt;b a=" * n + "</description>"),
    "open attributes": lambda n: '<rss><channel><item a="' * n,
    "brackets only": lambda n: "<rss><channel>" + "<" * n,
    "references": lambda n: HEAD + "<item><title>" + "&#99999999999;&#xD800;&#0;" * n,
    "one reference": lambda n: HEAD + "<item><title>&#" + "9" * n + ";",
    "dates": lambda n: in_item("<pubDate>" + "2026-" * n + "</pubDate>"),
    "times": lambda n: in_item("<pubDate>" + "1:" * n + "</pubDate>"),
    "XHTML": lambda n: (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><title type="xhtml">'
        + "<div><b>" * n
    ),
    "base64": lambda n: (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title type="image/png">'
        + "QUJD" * 20 * n
        + "</title></entry></feed>"
    ),
    "bases": lambda n: in_item('<a xml:base="x/y/">' * n),
    "sources": lambda n: in_item('<source url="x"><a>b</a></source>' * n),
}


@pytest.mark.slow
@pytest.mark.parametrize("attack", HOSTILE)
def test_no_feed_takes_long_or_breaks_the_reader(attack: str) -> None:
    data = HOSTILE[attack](40_000).encode()
    started = perf_counter()

    read_or_refuse(data)

    assert perf_counter() - started < 10  # under 2 s where this was written


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_small_attack_breaks_nothing(attack: str) -> None:
    read_or_refuse(HOSTILE[attack](300).encode())


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://tea.example.org/x.dtd"> %p;]>',
    ],
)
def test_a_document_type_of_its_own_is_refused(doctype: str) -> None:
    with pytest.raises(InputError, match="document type"):
        parsed(
            f"<?xml version='1.0'?>{doctype}<rss version='2.0'><channel><title>&b;&f;</title></channel></rss>"
        )


def read_or_refuse(data: bytes) -> None:
    """Fails the test by any exception but the one that is meant for people."""
    with suppress(InputError):
        listing = parsed(data)
        assert listing.entries or listing.quiet
        for entry in listing.entries:
            assert_clean(entry)


PAGES = [(FIXTURES / name / "feed.xml").read_bytes() for name in ("feed_rss", "feed_atom", "feed_rdf")]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=["RSS", "Atom", "RDF"])
def test_a_feed_cut_off_anywhere_is_read_or_refused(page: bytes) -> None:
    for end in range(0, len(page), max(1, len(page) // 300)):
        read_or_refuse(page[:end])


@pytest.mark.slow
@given(st.sampled_from(PAGES), st.data())
def test_a_feed_with_anything_put_into_it_is_read_or_refused(page: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(page)))
    gone = data.draw(st.integers(0, 40))
    pieces = [
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"&#x110000;",
        b"&#99999;",
        b"&",
        b"<",
        b"\x00",
        b"\xff\xfe",
        b"<svg><title>",
        b"<source>",
        b"<image>",
        b"<author>",
        b"<item>",
        b"</item>",
        b' xmlns:dc="x"',
        b' type="xhtml"',
        b' mode="base64"',
        b"<x:y>",
    ]
    put = data.draw(st.binary(max_size=20) | st.sampled_from(pieces))

    read_or_refuse(page[:place] + put + page[place + gone :])


@given(
    st.lists(
        st.sampled_from(
            "<rss> </rss> <channel> </channel> <item> </item> <title> </title> <link> </link> <guid> <author> </author> <name> </name> <content> </content> <source> </source> <image> </image> <feed> <entry> </entry> <summary> </summary> <category/> <dc:creator> </dc:creator> <textinput> <svg> </svg> <width> x &amp; &lt; &#0; <![CDATA[x]]> <!DOCTYPE <?pi?> <a/b".split()
        ),
        max_size=30,
    )
)
def test_any_order_of_tags_is_read_or_refused(tags: list[str]) -> None:
    read_or_refuse(("<rss><channel><title>t</title>" + " ".join(tags)).encode())
