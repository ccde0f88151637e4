"""The readers that are fuzzed, by the form they read, and what each begins with."""

from collections.abc import Callable, Iterable
from typing import Any

from digest.errors import FetchError, InputError
from digest.library.files import parse_library
from digest.model import Listing
from digest.sources import arxiv_feed, arxiv_list, arxiv_oai, arxiv_query, feed_pages
from digest.sources.pages import parse_page
from tests.hostile.layouts import FEW, LAYOUTS
from tests.hostile.outcome import wrongs
from tests.makers import NOW, TODAY
from tests.sources.contract import FIXTURES
from tests.sources.page_makers import api_answer, api_row, html_page

Reader = Callable[[bytes], object]
WHERE = "https://example.org/feed"


def read_page(data: bytes) -> object:
    """A saved page of any form, read as it is when somebody put it into the folder."""
    return parse_page(data, name="page", at=NOW, saved_on=TODAY)


def read_html(data: bytes) -> object:
    """A page of the web."""
    return read_page(b"<!doctype html>" + data)


def read_feed(data: bytes) -> object:
    """A feed of any kind."""
    return feed_pages.parse_feed(data, where=WHERE, at=NOW)


def read_rss(data: bytes) -> object:
    """arXiv's daily feed."""
    return _listing(arxiv_feed.parse_feed(data, at=NOW).papers)


def read_list(data: bytes) -> object:
    """arXiv's page of a day."""
    return _listing(arxiv_list.parse_list(data, category="cs.CL", at=NOW).papers)


def read_oai(data: bytes) -> object:
    """A page of arXiv's archive."""
    return _listing(arxiv_oai.parse_records(data, at=NOW).records)


def read_query(data: bytes) -> object:
    """arXiv's answer about one paper."""
    entry = arxiv_query.parse_answer(data, "2603.00001", at=NOW)
    return Listing(layout="query", entries=(entry,) if entry else ())


def _listing(papers: Iterable[Any]) -> Listing:
    return Listing(layout="arXiv", entries=tuple(one.entry for one in papers))


def read_library(data: bytes) -> object:
    """A reader's own file of papers, which has no lists: all that may come of it is papers."""
    return parse_library(data)


def seeds(form: str) -> list[bytes]:
    """Good pages of a form, from which bad ones are made."""
    return _SEEDS[form]() + [path.read_bytes() for path in sorted(FIXTURES.rglob(_FIXTURES.get(form, "-")))]


def attacked(reader: Reader, data: bytes) -> list[str]:
    """What is wrong with what a reader makes of some bytes; another exception than InputError or FetchError is raised."""
    try:
        return wrongs([reader(data)]) if reader is not read_library else _library_wrongs(reader(data))
    except (InputError, FetchError) as problem:
        return wrongs([problem])


def _library_wrongs(library: object) -> list[str]:
    return [] if len(str(library)) < 10**8 else ["a library without end"]


def _html_seeds() -> list[bytes]:
    row = api_row()
    card = (
        '<article><h3><a href="/papers/2603.00001">Tin Robots</a></h3><p>They pour &amp; wait.</p>'
        '<div class="leading-none">7</div><span>3 authors</span></article><time datetime="2026-03-11">Mar 11</time>'
    )
    whole = html_page({"dailyPapers": [row], "dateString": "2026-03-11", "periodType": "day"}, card)
    return [whole, html_page("nothing", card), f"<html><body>{card * 3}</body></html>".encode()]


def _text_seeds() -> list[bytes]:
    return [write(FEW).encode() for write in LAYOUTS.values()]


def _json_seeds() -> list[bytes]:
    row = api_row(githubRepo="https://example.org/x", ai_keywords=["tea"], organization={"name": "tea-lab"})
    return [api_answer(row, api_row("2603.00002", "Clouds")), b"{\"data\": [\"{'paper': {'id': '1'}}\"]}"]


def _feed_seeds() -> list[bytes]:
    item = "<title>Tin &lt;Robots&gt;</title><link>https://example.org/1</link>"
    rss = (
        f'<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>T</title>'
        f"<item>{item}<dc:creator>Ada</dc:creator><description><![CDATA[<p>n&lt;N</p>]]></description>"
        f'<guid isPermaLink="false">tea:1</guid><pubDate>Wed, 11 Mar 2026 00:00:00 GMT</pubDate></item></channel></rss>'
    )
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><entry><id>tea:1</id><title type="html">Tin</title>'
        '<link href="https://example.org/1"/><author><name>Ada</name></author><summary>They pour.</summary>'
        "<updated>2026-03-11T00:00:00Z</updated></entry></feed>"
    )
    return [rss.encode(), atom.encode()]


def _rss_seeds() -> list[bytes]:
    head = (
        '<?xml version="1.0"?><rss xmlns:arxiv="http://arxiv.org/schemas/atom" version="2.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>cs.CL updates on arXiv.org</title>'
        "<pubDate>Wed, 11 Mar 2026 00:00:00 -0400</pubDate>"
    )
    item = (
        "<item><title>Tin Robots Pour Tea</title><link>https://arxiv.org/abs/2603.00001</link><description>arXiv:2603.00001v1 "
        "Announce Type: new \nAbstract: They pour if n&lt;N.</description><guid>oai:arXiv.org:2603.00001v1</guid>"
        "<category>cs.CL</category><arxiv:announce_type>new</arxiv:announce_type>"
        "<dc:creator>Andr\\'e Example (Tea Lab, (Paris)), Ben Sample</dc:creator></item>"
    )
    return [
        f"{head}{item}{item.replace('new', 'cross')}</channel></rss>".encode(),
        f"{head}</channel></rss>".encode(),
    ]


def _list_seeds() -> list[bytes]:
    pair = (
        '<dt><a name=\'item1\'>[1]</a><a href ="/abs/2603.00001" title="Abstract">arXiv:2603.00001</a> (cross-list from cs.AI)'
        "</dt><dd><div class='meta'><div class='list-title mathjax'><span class='descriptor'>Title:</span>Tin Robots</div>"
        "<div class='list-authors'><a href=\"/a\">Ada Example</a>, <a href=\"/b\">Ben</a></div><div class='list-subjects'>"
        "<span class=\"primary-subject\">Computation (cs.CL)</span></div><p class='mathjax'>They pour n &lt; N.</p></div></dd>"
    )
    head = "<h1>Computation</h1><h3>Showing new listings for Wednesday, 11 March 2026</h3>"
    part = f"<h3>New submissions (showing 2 of 2 entries)</h3>{pair}{pair.replace('00001', '00002')}"
    empty = f"<html><body><div id='dlpage'>{head}<p>No updates today.</p></div></body></html>"
    return [
        f"<html><body><div id='dlpage'>{head}<dl id='articles'>{part}</dl></div></body></html>".encode(),
        empty.encode(),
    ]


def _oai_seeds() -> list[bytes]:
    record = (
        "<record><header><identifier>oai:arXiv.org:2603.00001</identifier><datestamp>2026-03-11</datestamp></header>"
        '<metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>2603.00001</id><created>2026-03-10</created><authors>'
        "<author><keyname>Example</keyname><forenames>Ada</forenames></author></authors><title>Tin Robots</title>"
        "<categories>cs.CL cs.AI</categories><doi>10.1000/X</doi><abstract>They pour.</abstract></arXiv></metadata></record>"
    )
    whole = '<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{}</OAI-PMH>'
    page = f"<ListRecords>{record}<resumptionToken>7|8</resumptionToken></ListRecords>"
    return [whole.format(page).encode(), whole.format('<error code="noRecordsMatch">none</error>').encode()]


def _query_seeds() -> list[bytes]:
    head = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom"><opensearch:totalResults>1</opensearch:totalResults>'
    )
    entry = (
        "<entry><id>http://arxiv.org/abs/2603.00001v1</id><title>Tin Robots</title><published>2026-03-10T00:00:00Z</published>"
        "<summary>They pour.</summary><author><name>Ada Example</name></author><arxiv:doi>10.1000/x</arxiv:doi></entry>"
    )
    return [f"{head}{entry}</feed>".encode(), f"{head.replace('>1<', '>0<')}</feed>".encode()]


def _library_seeds() -> list[bytes]:
    bib = rb'@string{v = "J"} @article{a, title = {{T}in $x^2$ {\"u}}, author = {L, A and {\'E} Z}, journal = v, doi={10.1000/x}}'
    csl = b'[{"title": "Tin", "DOI": "10.1000/x", "author": [{"given": "A", "family": "L"}], "note": "arXiv:2104.14294"}]'
    return [bib, csl, b"2104.14294\n10.1000/x\n"]


_SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "html": _html_seeds,
    "text": _text_seeds,
    "json": _json_seeds,
    "feed": _feed_seeds,
    "rss": _rss_seeds,
    "list": _list_seeds,
    "oai": _oai_seeds,
    "query": _query_seeds,
    "library": _library_seeds,
}
_FIXTURES = {"html": "*.html", "feed": "*.xml"}
READERS: dict[str, Reader] = {
    "html": read_html,
    "text": read_page,
    "json": read_page,
    "feed": read_feed,
    "rss": read_rss,
    "list": read_list,
    "oai": read_oai,
    "query": read_query,
    "library": read_library,
}
WORDS: dict[str, tuple[str, ...]] = {
    "html": (
        '<article>', '</article>', 'data-target="DailyPapers"', ' data-props="', '<h3>', '<a href="/papers/',
        '<time datetime="', '<p>', '<!--', '-->', '<![CDATA[', '<?', '&#', '&quot;', '<svg>', '<template>',
        '<table>', '<script>', '<div class="leading-none">', ' authors', '"dailyPapers":[', '"paper":{',
    ),
    "text": (
        "\n### [", "](https://huggingface.co/papers/", "][1]", "[1]: ", " authors", "·", "Mar 3, 2025 ",
        "Daily Papers", "Trending Papers", "Get trending papers in your email inbox!", "Subscribe",
        "byAK and the research community", "https://huggingface.co/login", "Upvote", "GitHub ", "Submitted by",
        "Published on ", "#community", "![", "May 296", "\\\n", "2603.00001", "\r", "\u2028", "©",
    ),
    "json": ('"paper":{', '"id":', '"title":', '"authors":[', '"data":', '\\u', "1e400", "NaN", "'", "null"),
    "feed": (
        "<item>", "</item>", "<entry>", "<![CDATA[", "]]>", "<!DOCTYPE", "<!ENTITY", "&lt;", "&#", "<dc:creator>",
        "<guid", "<link", "<description>", "<pubDate>", 'xmlns="', 'type="xhtml"', "<rdf:RDF", "prism:doi", "10.1000/",
    ),
    "rss": (
        "<item>", "</item>", "<title>", "arXiv:2603.00001v1 Announce Type: ", "new", "cross", "replace-cross", "Abstract: ",
        "<dc:creator>", "<guid>", "<category>", "<skipDays>", "<!DOCTYPE", "<!ENTITY", "<![CDATA[", "]]>", "&#", "\\'e", "(", ")", ", ",
    ),
    "list": (
        "<dt>", "</dt>", "<dd>", "</dd>", "<h3>", '<a href="/abs/2603.00001">', "(showing 2 of 9 entries)", "Cross submissions",
        "Replacement submissions", "<div class='list-title'>", "<div class='list-authors'>", "<p class='mathjax'>", "<!--", "<?",
        "<span class='descriptor'>", "No updates today", "Total of 9 entries", "Wednesday, 11 March 2026", "<svg>", "<table>",
    ),
    "oai": (
        "<record>", "</record>", "<header", ' status="deleted"', "<metadata>", "<arXiv", "<id>", "<created>", "<author>", "<keyname>",
        "<resumptionToken>", "<error", ' code="', "badResumptionToken", "<!DOCTYPE", "<!ENTITY", "<![CDATA[", "2026-03-11", "<doi>",
    ),
    "query": (
        "<entry>", "</entry>", "<id>", "http://arxiv.org/abs/", "<title>", "Error", "<author>", "<arxiv:affiliation>",
        "<opensearch:totalResults>", "0", "<!DOCTYPE", "<!ENTITY", "<published>", "<![CDATA[",
    ),
    "library": ("@article{", "@string{", "@comment{", "title = {", " and ", "\\\"", "{\\", "$", "#", "eprint = {", '"'),
}  # fmt: skip
"""What a form is made of: a fuzzer puts these in, too."""
