"""Documents as arXiv makes them, with invented papers."""

from collections.abc import Sequence
from datetime import date, datetime, time
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

TUESDAY, WEDNESDAY, THURSDAY = date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 12)
RSS = "https://rss.arxiv.org/rss"
SITE = "https://arxiv.org"
_NAMESPACES = (
    'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom"'
)


def row(number: int, announce: str = "new", *, category: str = "cs.CL", **fields: Any) -> dict[str, Any]:
    """One paper of a list; `2603.10001` is number 1."""
    own = {
        "id": f"2603.{10000 + number}",
        "title": f"Pouring Tea, Part {number}",
        "abstract": f"We pour tea for the time number {number}.",
        "authors": "Ada Lovelace, Mary Teapot",
        "announce": announce,
        "categories": ("math.CO", category) if "cross" in announce else (category,),
        "version": 2 if "replace" in announce else 1,
    }
    return own | fields


def feed(rows: Sequence[dict[str, Any]], day: date = WEDNESDAY, *, title: str = "cs.CL") -> bytes:
    """RSS, as it is built at midnight in New York."""
    stated = datetime.combine(day, time(), ZoneInfo("America/New_York")).strftime("%a, %d %b %Y %H:%M:%S %z")
    items = "".join(
        f"""<item><title>{escape(one["title"])}</title><link>https://arxiv.org/abs/{one["id"]}</link>
        <description>arXiv:{one["id"]}v{one["version"]} Announce Type: {one["announce"]} \nAbstract: {
            escape(one["abstract"])
        }</description><guid isPermaLink="false">oai:arXiv.org:{one["id"]}v{one["version"]}</guid>
        {"".join(f"<category>{name}</category>" for name in one["categories"])}<pubDate>{stated}</pubDate>
        <arxiv:announce_type>{one["announce"]}</arxiv:announce_type>
        <dc:creator>{escape(one["authors"])}</dc:creator></item>"""
        for one in rows
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?>
    <rss {_NAMESPACES} version="2.0"><channel><title>{title} updates on arXiv.org</title>
    <pubDate>{stated}</pubDate><skipDays><day>Sunday</day><day>Saturday</day></skipDays>{items}
    </channel></rss>""".encode()


def atom(rows: Sequence[dict[str, Any]], day: date = WEDNESDAY) -> bytes:
    """The same as Atom."""
    entries = "".join(
        f"""<entry><id>oai:arXiv.org:{one["id"]}v{one["version"]}</id><title>{escape(one["title"])}</title>
        <updated>{day}T04:00:12.345678+00:00</updated><link href="https://arxiv.org/abs/{one["id"]}"/>
        <summary>arXiv:{one["id"]}v{one["version"]} Announce Type: {one["announce"]} \nAbstract: {
            escape(one["abstract"])
        }</summary>{"".join(f'<category term="{name}"/>' for name in one["categories"])}
        <published>{day}T00:00:00-04:00</published><arxiv:announce_type>{
            one["announce"]
        }</arxiv:announce_type><dc:creator>{escape(one["authors"])}</dc:creator></entry>"""
        for one in rows
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?><feed xmlns="http://www.w3.org/2005/Atom" {_NAMESPACES}>
    <id>http://rss.arxiv.org/atom/cs.CL</id><title>cs.CL updates on arXiv.org</title>
    <updated>{day}T05:00:12.345678+00:00</updated>{entries}</feed>""".encode()


_PARTS = {"new": "New", "cross": "Cross", "replace": "Replacement", "replace-cross": "Replacement"}


def page(
    rows: Sequence[dict[str, Any]],
    day: date = WEDNESDAY,
    *,
    totals: dict[str, int] | None = None,
    showing: str = "showing",
    is_catchup: bool = False,
) -> bytes:
    """A page of `/list/.../new` or `/catchup/...`; `totals`: how many of a part there are on all pages."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for one in rows:
        parts.setdefault(_PARTS[one["announce"]], []).append(one)
    stated = (totals or {}) | {}
    total = sum(stated.get(part, len(found)) for part, found in parts.items()) + sum(
        number for part, number in stated.items() if part not in parts
    )
    body = "".join(
        f"<dl id='articles'><h3>{part} submissions ({showing} {len(found)} of "
        f"{stated.get(part, len(found))} entries)</h3>{''.join(map(_entry, found))}</dl>"
        for part, found in parts.items()
    )
    head = (
        f"<h1>Catchup results for Computation and Language on {day:%a, %d %b %Y}</h1>"
        if is_catchup
        else f"<h1>Computation and Language</h1><h3>Showing new listings for {day:%A}, {day.day} {day:%B %Y}</h3>"
    )
    nothing = f"<p>No updates for {day:%a, %d %b %Y}</p>" if is_catchup else "<p>No updates today.</p>"
    return f"""<!DOCTYPE html><html lang="en"><head><title>cs.CL</title></head><body><div id='dlpage'>{head}
    <div class='paging'>Total of {total} entries</div>{body or nothing}</div></body></html>""".encode()


def _entry(one: dict[str, Any]) -> str:
    said = {"cross": "(cross-list from math.CO)", "new": ""}.get(one["announce"], "(replaced)")
    authors = ", ".join(f'<a href="/a/x">{escape(name)}</a>' for name in one["authors"].split(", "))
    subjects = [f"The Art of Tea ({name})" for name in one["categories"]]
    return f"""<dt><a name='item1'>[1]</a> <a href ="/abs/{one["id"]}" title="Abstract" id="{one["id"]}">
      arXiv:{one["id"]}</a> {said} [<a href="/pdf/{one["id"]}" title="Download PDF" id="pdf-{one["id"]}">pdf</a>]
    </dt><dd><div class='meta'><div class='list-title mathjax'><span class='descriptor'>Title:</span>
      {escape(one["title"])}</div><div class='list-authors'>{authors}</div>
      <div class='list-comments mathjax'><span class='descriptor'>Comments:</span> 7 cups</div>
      <div class='list-subjects'><span class='descriptor'>Subjects:</span>
      <span class="primary-subject">{subjects[0]}</span>{"".join(f"; {one}" for one in subjects[1:])}</div>
      <p class='mathjax'>{one.get("html") or escape(one["abstract"])}</p></div></dd>"""


def records(rows: Sequence[dict[str, Any]], *, token: str = "", error: str = "") -> bytes:
    """An answer of OAI-PMH; a row has `created` and `stamped`, too, and may be `deleted`."""
    found = "".join(
        f"""<record><header{' status="deleted"' if one.get("deleted") else ""}>
        <identifier>oai:arXiv.org:{one["id"]}</identifier><datestamp>{one["stamped"]}</datestamp></header>
        {"" if one.get("deleted") else _metadata(one)}</record>"""
        for one in rows
    )
    token = f"<resumptionToken>{escape(token)}</resumptionToken>" if rows else ""
    answer = (
        f'<error code="{error}">said so</error>' if error else f"<ListRecords>{found}{token}</ListRecords>"
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
    <responseDate>2026-03-11T07:30:00Z</responseDate><request>http://oaipmh.arxiv.org/oai</request>{answer}
    </OAI-PMH>""".encode()


def _metadata(one: dict[str, Any]) -> str:
    return f"""<metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{one["id"]}</id>
    <created>{one["created"]}</created><authors><author><keyname>M\\"uller</keyname>
    <forenames>Andr\\'e</forenames><suffix>Jr</suffix></author></authors><title>{escape(one["title"])}</title>
    <categories>{" ".join(one["categories"])}</categories><doi>10.9999/TEA.{one["id"]}</doi>
    <abstract>{escape(one["abstract"])}</abstract></arXiv></metadata>"""


def answer(
    entries: str = "", *, total: str = "<opensearch:totalResults>0</opensearch:totalResults>"
) -> bytes:
    """An answer of the query API."""
    return f"""<?xml version='1.0' encoding='UTF-8'?><feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"
    xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">
    <title>arXiv Query: id_list=</title>{total}{entries}</feed>""".encode()


def found(identifier: str, *, title: str = "A Teapot of One's Own", **fields: str) -> str:
    """An entry of it."""
    where = fields.get("where", "http://arxiv.org/abs/")
    return f"""<entry><id>{where}{identifier}</id><title>{escape(title)}</title>
    <summary>  We own a teapot,
  and n&lt;N.
</summary><published>2006-01-02T14:57:58Z</published>{fields.get("more", "")}
    <author><name>Andr\\'e M\\"uller</name><arxiv:affiliation>Tea Lab</arxiv:affiliation></author></entry>"""
