"""What plainly is something else than what was asked for is refused before it is parsed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import FetchError, FormError
from digest.fetch.forms import check_form
from digest.fetch.web import Form

LOGIN = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body></body></html>"
XHTML = b'<?xml version="1.0"?>\n<!-- ours -->\n<html xmlns="http://www.w3.org/1999/xhtml"></html>'
FEED = b'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel/></rss>'


@pytest.mark.parametrize(
    ("form", "content_type", "body"),
    [
        (Form.JSON, "application/json; charset=utf-8", b'{"papers": []}'),
        (Form.JSON, "text/html", b"\n [1]"),  # a server that is wrong about itself
        (Form.JSON, "", b"\xef\xbb\xbf{}"),
        (Form.JSON, "application/problem+json", b"null"),
        (Form.XML, "application/rss+xml", FEED),
        (Form.XML, "text/html", FEED),
        (Form.XML, "", b"\n<rss/>"),
        (Form.XML, "text/xml", FEED.decode().encode("utf-16")),
        (Form.HTML, "text/html; charset=utf-8", LOGIN),
        (Form.HTML, "", XHTML),
        (Form.HTML, "text/plain", b"<div>papers</div>"),
        (Form.HTML, "text/html", b"just words"),
        (Form.ANY, "image/png", b"\x89PNG"),
    ],
)
def test_what_was_asked_for_is_taken(form: Form, content_type: str, body: bytes) -> None:
    check_form(form, content_type, body, "https://papers.example/")


@pytest.mark.parametrize(
    ("form", "content_type", "body", "came"),
    [
        (Form.JSON, "text/html", LOGIN, r"HTML where JSON was expected \(a login page\?\)"),
        (Form.JSON, "application/json", LOGIN, "HTML where JSON"),
        (Form.JSON, "", LOGIN, "HTML where JSON"),
        (Form.JSON, "text/html", b"Rate exceeded", "text/html where JSON"),
        (Form.JSON, "text/plain", b"busy", "text/plain where JSON"),
        (Form.JSON, "", b"busy", "something where JSON"),
        (Form.JSON, "text/xml", FEED, "XML where JSON was expected$"),
        (Form.XML, "application/xml", LOGIN, "HTML where XML"),
        (Form.XML, "text/html", XHTML, "HTML where XML"),
        (Form.XML, "application/json", b"{}", "JSON where XML"),
        (Form.XML, "text/plain", b"x <rss/>", "text/plain where XML"),
        (Form.HTML, "application/json", b"[]", "JSON where HTML"),
        (Form.HTML, "application/rss+xml", FEED, "XML where HTML"),
        (Form.HTML, "application/pdf", b"%PDF-1.7", "application/pdf where HTML"),
    ],
)
def test_what_came_in_its_place_is_named(form: Form, content_type: str, body: bytes, came: str) -> None:
    with pytest.raises(FormError, match=f"example/: answered {came}") as problem:
        check_form(form, content_type, body, "https://papers.example/")

    assert problem.value.body == body


@given(st.sampled_from(Form), st.text(), st.binary())
def test_no_answer_is_more_than_refused(form: Form, content_type: str, body: bytes) -> None:
    with suppress(FetchError):
        check_form(form, content_type, body, "here")


@pytest.mark.parametrize("part", [b"<?x", b"<!--", b"<!-- -->", b"<? ?>", b" ", b"<"])
def test_a_page_of_nothing_but_beginnings_is_looked_at_only_so_far(part: bytes) -> None:
    with pytest.raises(FetchError):
        check_form(Form.JSON, "", part * 1_000_000, "here")
