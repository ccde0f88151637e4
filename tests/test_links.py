"""Links that may stand in a mail, and ids of papers."""

import pytest

from digest.links import links_of, paper_id, safe_link


@pytest.mark.parametrize(
    "url", ["https://arxiv.org/abs/2104.14294", "http://example.org/a?b=c#d", "https://例え.jp/x"]
)
def test_web_addresses_may_stand_in_a_mail(url: str) -> None:
    assert safe_link(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "/papers/1",
        "https://",
        "https://x.org/\r\nBcc: a@b",
        'https://x.org/"onclick="',
        "https://x.org/<b>",
        "https://[::1",
        "java\tscript:alert(1)",
        "https://x.org/" + "a" * 2_000,
        "https://x.org/\ud800",
        "https://x.org/\u202egnp.exe",
    ],
)
def test_nothing_else_may(url: str | None) -> None:
    assert safe_link(url) is None


@pytest.mark.parametrize(
    ("mention", "identifier"),
    [
        ("2104.14294", "2104.14294"),
        ("2104.14294v3", "2104.14294"),
        ("arXiv:2104.14294", "2104.14294"),
        ("https://arxiv.org/pdf/2104.14294v1.pdf", "2104.14294"),
        ("https://huggingface.co/papers/2104.14294#community", "2104.14294"),
        ("10.48550/arXiv.2010.11929", "2010.11929"),
        ("https://doi.org/10.48550/arXiv.2010.11929", "2010.11929"),
        ("astro-ph/0601001v1", "astro-ph/0601001"),
        ("https://doi.org/10.1101/2020.ABC", "10.1101/2020.abc"),
        (" 10.1101/x ", "10.1101/x"),
        ("hello", None),
        ("12345", None),
        ("2104.142", None),
        ("CS/0601001", "cs/0601001"),
        ("10.1234/\ud800x", None),
        ("10.1234/abc?x=1", None),
    ],
)
def test_every_spelling_of_an_id_is_one_id(mention: str, identifier: str | None) -> None:
    assert paper_id(mention) == identifier


def test_an_arxiv_paper_has_its_pages_and_a_doi_its_resolver() -> None:
    assert links_of("2104.14294")["pdf"] == "https://arxiv.org/pdf/2104.14294"
    assert links_of("10.1101/a b<c") == {"abstract": "https://doi.org/10.1101/a%20b%3Cc"}
    assert links_of("title:x") == {}
