"""A saved page of any known form, recognised by what is in it."""

import codecs
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from digest.errors import InputError
from digest.model import Listing
from digest.sources.dumps import parse_dump
from digest.sources.feed_pages import is_feed, parse_feed
from digest.sources.huggingface_pages import parse_api, parse_html
from digest.sources.text_listing import parse_text

MAX_PAGE = 20_000_000
"""Bytes. The largest page known, a trending one, has 1.5 million."""
MAX_LINES = 100_000
"""Of a text page; a listing has a few hundred."""

_EXPECTED = (
    "Expected is a Hugging Face Daily Papers page saved as text, Markdown or HTML, "
    "an answer of https://huggingface.co/api/daily_papers saved as JSON, or a feed (RSS, RDF, Atom)."
)


def parse_page(data: bytes, *, name: str, at: datetime, saved_on: date | None) -> Listing:
    """The papers of a saved page: JSON of the API, HTML, text in one of the layouts A to G, or a feed.

    `name` is what the page is called in errors, `at` the moment of observation, `saved_on` the day the page
    was saved, if known: it places dates that have no year. Raises InputError if the page is empty, too large,
    of no known form, or has content but no papers.
    """
    if len(data) > MAX_PAGE:
        raise InputError(
            f"larger than {MAX_PAGE // 1_000_000} MB", where=name, fix="No listing page is; check the file."
        )
    if is_feed(data):
        return parse_feed(data, where=name, at=at)
    text, warnings = decoded(data)
    if not text.strip("\x00 \t\r\n"):
        raise InputError("the file is empty", where=name, fix="Save the page again.")
    try:
        listing = _parser_for(text)(text, at, saved_on)
    except InputError as problem:
        raise InputError(problem.what, where=name, fix=problem.fix or _EXPECTED) from problem
    return replace(listing, warnings=warnings + listing.warnings)


_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of some bytes: UTF-8, or UTF-16 where a byte-order mark says so; and warnings of bad bytes."""
    charset = next((charset for mark, charset in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(charset), ()
    except UnicodeDecodeError as problem:
        shown = charset.removesuffix("-sig").upper()
        warning = f"Not all of it is {shown} (first at byte {problem.start}); those characters were replaced"
        return data.decode(charset, errors="replace"), (warning,)


_Parser = Callable[[str, datetime, date | None], Listing]
_JSON_START = re.compile(r'\s*(?:\{|\[\s*(?:[\]{"]|\[\s*[\[\]{"]|\Z))')
_HTML_START = re.compile(r"\s*<(?:!doctype|!--|\?xml|/?[a-z][a-z0-9]*[\s>/])", re.IGNORECASE)
_HTML_INSIDE = re.compile(r"<html[\s>]|<article[\s>]|data-target=\"DailyPapers\"", re.IGNORECASE)


def _parser_for(text: str) -> _Parser:
    head = text[:2_000]
    if _JSON_START.match(head):
        return _read_json
    if _HTML_START.match(head) or _HTML_INSIDE.search(head):
        return _read_html
    return _read_text


def _read_json(text: str, at: datetime, _: date | None) -> Listing:
    listing = parse_api(text.encode(errors="replace"), at=at, day=None)
    return listing if listing.entries else replace(listing, quiet="an answer of a day without papers")


def _read_html(text: str, at: datetime, _: date | None) -> Listing:
    return parse_html(text.encode(errors="replace"), at=at, day=None)


def _read_text(text: str, at: datetime, saved_on: date | None) -> Listing:
    if text.count("\n") + text.count("\r") > MAX_LINES:
        raise InputError(f"text of more than {MAX_LINES} lines")
    listing = parse_dump(text, at=at, saved_on=saved_on) or parse_text(text, at=at, saved_on=saved_on)
    if listing is None:
        raise InputError("not a listing page of any known form")
    if not listing.entries:
        raise InputError("has the marks of a listing page, but no papers")
    return listing
