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
        ("math.GT/0309136", "math/0309136"),
        ("https://arxiv.org/abs/Math.GT/0309136v3", "math/0309136"),
        ("cond-mat/9901001", "cond-mat/9901001"),
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


@pytest.mark.parametrize(
    "mention",
    [
        "10.1101/2026.03.01.123456",
        "10.1101/2026.03.01.123456v2",
        "doi:10.1101/2026.03.01.123456V12",
        "https://doi.org/10.1101/2026.03.01.123456v1.full",
        "https://www.biorxiv.org/content/10.1101/2026.03.01.123456v1?rss=1",
        "https://www.medrxiv.org/content/10.1101/2026.03.01.123456v3.full.pdf+html",
        "https://www.biorxiv.org/content/10.1101/2026.03.01.123456v1.abstract#page",
        "http://biorxiv.org/content/10.1101/2026.03.01.123456v1.supplementary-material",
        "https://www.biorxiv.org/content/10.1101/2026.03.01.123456.full-text",
    ],
)
def test_every_version_and_page_of_a_preprint_is_one_id(mention: str) -> None:
    assert paper_id(mention) == "10.1101/2026.03.01.123456"


@pytest.mark.parametrize(
    ("mention", "identifier"),
    [
        ("10.64898/2026.01.02.26343210v2", "10.64898/2026.01.02.26343210"),
        ("10.1101/gr.277001.122", "10.1101/gr.277001.122"),
        ("10.1038/tea.v2", "10.1038/tea.v2"),
        ("10.1038/tea.full", "10.1038/tea.full"),
        ("https://example.org/content/10.1101/2026.03.01.123456v1", None),
        ("10.1101/v2", "10.1101/v2"),
    ],
)
def test_other_ids_keep_what_looks_like_a_version(mention: str, identifier: str | None) -> None:
    assert paper_id(mention) == identifier


def test_a_paper_of_a_source_has_the_page_it_is_shown_on() -> None:
    assert links_of("openreview:aB_3-x") == {"abstract": "https://openreview.net/forum?id=aB_3-x"}
    assert links_of("s2:0f/1&2") == {"abstract": "https://www.semanticscholar.org/paper/0f%2F1%262"}
    assert links_of("feed:https://example.org/a") == {}
    assert links_of("s2:") == {}
