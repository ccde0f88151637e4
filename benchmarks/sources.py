"""What reading a source's pages costs: papers a second and peak memory, at 1, 10 and 100 times the size.

    python benchmarks/sources.py [--quick] [--papers 20] [--json FILE] [FORMAT...]

The pages are invented, each with as many papers of distinct ids as are asked for, in the form that the
source's server gives them. Every case is read in a process of its own on one core, some times over, and the
fastest counts. What it prints:

  papers     read of the page, and the page's size
  a second   papers read in a second of processor time
  peak MB    memory that the reading took, beyond the page itself and the libraries that read it
  growth     the exponent of the time between 10 and 100 times: 1 is linear, 2 quadratic
"""

import argparse
import json
import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

AT = datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
DAY = date(2026, 3, 11)
TIMES = (1, 10, 100)
LEAST_S = 0.4
QUICK_S = 0.05
"""A page is read again until this much time has passed."""
ABSTRACT = "We study how tin robots learn to pour tea, and to wait until it is cool. " * 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one case came to."""

    papers: int
    kilobytes: int
    papers_per_s: float
    peak_mb: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A form of page: how one is written for some numbers of papers, and how many papers are read of it."""

    page: Callable[[range], str]
    read: Callable[[bytes], int]


# ---------------------------------------------------------------- pages


def title(number: int) -> str:
    """Each paper has its own."""
    return f"Tin Robots Pour Tea Number {number} Without Spilling"


def rows(make: Callable[[int], Any]) -> Callable[[range], list[Any]]:
    """A row a paper."""
    return lambda numbers: [make(number) for number in numbers]


def _huggingface(number: int) -> dict[str, Any]:
    paper = {
        "id": f"2603.{number:05}",
        "title": title(number),
        "summary": ABSTRACT,
        "authors": [{"name": f"Ada Example {n}", "hidden": False} for n in range(6)],
        "publishedAt": "2026-03-09T00:00:00.000Z",
        "upvotes": number,
        "ai_keywords": ["tea", "robots"],
    }
    return {
        "paper": paper,
        "title": title(number),
        "numComments": 2,
        "publishedAt": "2026-03-09T00:00:00.000Z",
    }


def _huggingface_page(numbers: range) -> str:
    from html import escape

    listed = rows(_huggingface)(numbers)
    props = json.dumps({"dailyPapers": listed, "dateString": "2026-03-11", "periodType": "day"})
    return f'<html><body><div data-target="DailyPapers" data-props="{escape(props)}"></div></body></html>'


def markup(head: str, item: str, foot: str) -> Callable[[range], str]:
    """A page of elements, an item a paper."""

    def page(numbers: range) -> str:
        items = (item.format(n=number, title=title(number), abstract=ABSTRACT) for number in numbers)
        return head.format(count=len(numbers)) + "".join(items) + foot

    return page


_arxiv_feed = markup(
    """<?xml version="1.0"?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0">
<channel><title>cs.CL updates on arXiv.org</title><pubDate>Wed, 11 Mar 2026 00:00:00 -0400</pubDate>""",
    """<item><title>{title}</title><link>https://arxiv.org/abs/2603.{n:05}</link>
<description>arXiv:2603.{n:05}v1 Announce Type: new
Abstract: {abstract}</description>
<guid isPermaLink="false">oai:arXiv.org:2603.{n:05}v1</guid><category>cs.CL</category>
<arxiv:announce_type>new</arxiv:announce_type><dc:creator>Ada Example (Tea Lab), Andr\\'e Sample</dc:creator>
</item>""",
    "</channel></rss>",
)
_arxiv_list = markup(
    """<html><body><div id="dlpage"><dl id="articles">
<h3>Showing new listings for Wednesday, 11 March 2026</h3>
<h3>New submissions (showing {count} of {count} entries)</h3>""",
    """<dt><a name="item{n}">[{n}]</a><a href ="/abs/2603.{n:05}" title="Abstract">arXiv:2603.{n:05}</a>
[<a href="/pdf/2603.{n:05}">pdf</a>]</dt>
<dd><div class="meta"><div class="list-title mathjax"><span class="descriptor">Title:</span>{title}</div>
<div class="list-authors"><a href="/a">Ada Example</a>, <a href="/b">Ben Sample</a></div>
<div class="list-subjects"><span class="primary-subject">Computation (cs.CL)</span></div>
<p class="mathjax">{abstract}</p></div></dd>""",
    "</dl></div></body></html>",
)
_arxiv_archive = markup(
    """<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords>""",
    """<record><header><identifier>oai:arXiv.org:2603.{n:05}</identifier>
<datestamp>2026-03-11</datestamp></header>
<metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>2603.{n:05}</id><created>2026-03-10</created>
<authors><author><keyname>Example</keyname><forenames>Ada</forenames></author></authors>
<title>{title}</title><categories>cs.CL</categories><abstract>{abstract}</abstract></arXiv></metadata></record>""",
    "</ListRecords></OAI-PMH>",
)
_feed = markup(
    """<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
<title>Tea Reports</title><link>https://example.org/</link>""",
    """<item><title>{title}</title><link>https://example.org/{n}</link><description>{abstract}</description>
<guid>https://example.org/{n}</guid><pubDate>Wed, 11 Mar 2026 00:00:00 GMT</pubDate>
<dc:creator>Ada Example</dc:creator></item>""",
    "</channel></rss>",
)


def _biorxiv(number: int) -> dict[str, Any]:
    return {
        "title": title(number),
        "authors": "Example, A.; Sample, B. C.",
        "doi": f"10.1101/2026.03.09.{number:06}",
        "date": "2026-03-11",
        "version": "1",
        "category": "neuroscience",
        "abstract": ABSTRACT,
        "published": "NA",
        "server": "bioRxiv",
    }


def _semanticscholar(number: int) -> dict[str, Any]:
    return {
        "paperId": f"{number:040x}",
        "externalIds": {"ArXiv": f"2603.{number:05}", "CorpusId": number},
        "title": title(number),
        "abstract": ABSTRACT,
        "publicationDate": "2026-03-09",
        "authors": [{"authorId": "1", "name": "A. Example"}],
    }


def _openreview(number: int) -> dict[str, Any]:
    content = {
        "title": title(number),
        "abstract": ABSTRACT,
        "authors": ["Ada Example"],
        "venueid": "Tea.cc/2026",
    }
    return {
        "id": f"tea{number}",
        "forum": f"tea{number}",
        "cdate": 1_773_057_600_000,
        "content": {key: {"value": value} for key, value in content.items()},
    }


def _text(layout: str) -> Callable[[range], str]:
    def page(numbers: range) -> str:
        from tests.hostile.layouts import LAYOUTS, Said

        said = [
            Said(
                identifier=f"2603.{number:05}",
                title=title(number),
                abstract=ABSTRACT,
                n_authors=3,
                published=date(2025, 12, 23),
                upvotes=7,
                comments=2,
            )
            for number in numbers
        ]
        return LAYOUTS[layout](said)

    return page


# ---------------------------------------------------------------- readers


def _entries(module: str, parser: str, /, **given: Any) -> Callable[[bytes], int]:
    """How many papers a parser finds, whatever it calls them."""

    def read(data: bytes) -> int:
        from importlib import import_module

        found = getattr(import_module(f"digest.sources.{module}"), parser)(data, **given)
        kinds = ("entries", "papers", "records", "rows", "notes", "collection")
        return len(next(getattr(found, kind) for kind in kinds if hasattr(found, kind)))

    return read


def _read_biorxiv(data: bytes) -> int:
    """A page of the API is split into its records, and each of them read."""
    from digest.sources.biorxiv import parse_page, read_record

    page = parse_page(data, where="")
    return len([row for row in page.records if read_record(row, "biorxiv", at=AT).entry])


def _in(key: str, make: Callable[[int], Any], **more: Any) -> Callable[[range], str]:
    return lambda numbers: json.dumps({key: rows(make)(numbers), **more})


FORMATS = {
    "huggingface API": Format(
        page=lambda numbers: json.dumps(rows(_huggingface)(numbers)),
        read=_entries("huggingface_pages", "parse_api", at=AT, day=DAY),
    ),
    "huggingface page": Format(
        page=_huggingface_page, read=_entries("huggingface_pages", "parse_html", at=AT, day=DAY)
    ),
    "arXiv feed": Format(page=_arxiv_feed, read=_entries("arxiv_feed", "parse_feed", at=AT)),
    "arXiv list": Format(
        page=_arxiv_list, read=_entries("arxiv_list", "parse_list", category="cs.CL", at=AT)
    ),
    "arXiv archive": Format(page=_arxiv_archive, read=_entries("arxiv_oai", "parse_records", at=AT)),
    "bioRxiv API": Format(
        page=_in("collection", _biorxiv, messages=[{"status": "ok", "total": "9"}]), read=_read_biorxiv
    ),
    "Semantic Scholar API": Format(
        page=_in("recommendedPapers", _semanticscholar),
        read=_entries("semanticscholar", "parse_recommended", at=AT),
    ),
    "OpenReview API": Format(
        page=_in("notes", _openreview), read=_entries("openreview", "parse_page", at=AT)
    ),
    "feed": Format(
        page=_feed, read=_entries("feed_pages", "parse_feed", where="https://example.org/", at=AT)
    ),
    **{
        layout: Format(page=_text(layout), read=_entries("pages", "parse_page", name="", at=AT, saved_on=DAY))
        for layout in ("text A", "text B", "text C", "text D", "text E", "text F", "text G")
    },
}


# ---------------------------------------------------------------- measuring


def measured(name: str, papers: int, least_s: float = QUICK_S) -> Figures:
    """One page of so many papers, read again and again; the first reading tells the memory."""
    kind = FORMATS[name]
    kind.read(kind.page(range(1, 3)).encode())  # what is imported late
    page = kind.page(range(1, papers + 1)).encode()
    forget_peak()
    before = memory_mb("VmHWM")
    found, fastest = once(kind, page)
    peak, passed = memory_mb("VmHWM") - before, fastest
    while passed < least_s:
        _, seconds = once(kind, page)
        fastest, passed = min(fastest, seconds), passed + seconds
    return Figures(
        papers=found,
        kilobytes=len(page) // 1_000,
        papers_per_s=found / fastest,
        peak_mb=peak,
        seconds=fastest,
    )


def once(kind: Format, page: bytes) -> tuple[int, float]:
    """How many papers were read, in how many seconds of processor time."""
    begun = time.process_time()
    found = kind.read(page)
    return found, time.process_time() - begun


def forget_peak() -> None:
    """The kernel begins the peak anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory_mb(name: str) -> float:
    """What the kernel says of this process's memory under that name."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def apart(name: str, papers: int, least_s: float) -> Figures:
    """Measured in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (name, papers, least_s))


def growth(small: Figures, large: Figures) -> float:
    """The exponent of time in the number of papers; not told where they are too few to tell."""
    if small.papers == large.papers:
        return math.nan
    return math.log(large.seconds / small.seconds) / math.log(large.papers / small.papers)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small pages: only that it runs")
    parser.add_argument("--papers", type=int, default=20, help="of a page of size 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=", ".join(FORMATS))
    asked = parser.parse_args(arguments)
    size, least_s = (3, QUICK_S) if asked.quick else (asked.papers, LEAST_S)
    found = {}
    print(f"{'format':22}{'papers':>8}{'kB':>8}{'a second':>10}{'peak MB':>9}{'growth':>8}")
    for name in asked.formats or FORMATS:
        found[name] = figures = [apart(name, size * times, least_s) for times in TIMES]
        for row in figures:
            told = f"{growth(figures[1], figures[2]):8.2f}" if row is figures[-1] else ""
            print(
                f"{name:22}{row.papers:8}{row.kilobytes:8}{row.papers_per_s:10,.0f}{row.peak_mb:9.1f}{told}",
                flush=True,
            )
    if asked.json:
        plain = {name: list(map(asdict, figures)) for name, figures in found.items()}
        asked.json.write_text(json.dumps(plain, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
