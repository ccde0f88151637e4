"""How often which hosts may be asked."""

import pytest

from digest.fetch.manners import manner_of


@pytest.mark.parametrize(
    "host",
    ["arxiv.org", "export.arxiv.org", "rss.arxiv.org", "oaipmh.arxiv.org", "www.arxiv.org", "ArXiv.ORG."],
)
def test_all_of_arxiv_is_one_group_asked_every_three_seconds(host: str) -> None:
    manner = manner_of(host, 1.0)

    assert (manner.group, manner.spacing_s) == ("arxiv.org", 3.0)


@pytest.mark.parametrize(
    ("host", "group", "spacing_s"),
    [
        ("api.biorxiv.org", "api.biorxiv.org", 1.0),
        ("www.biorxiv.org", "www.biorxiv.org", 0.5),
        ("api.semanticscholar.org", "semanticscholar.org", 1.0),
        ("notarxiv.org", "notarxiv.org", 0.5),
        ("arxiv.org.example", "arxiv.org.example", 0.5),
        ("papers.example", "papers.example", 0.5),
    ],
)
def test_others_are_asked_as_often_as_they_and_the_operator_bear(
    host: str, group: str, spacing_s: float
) -> None:
    manner = manner_of(host, 0.5)

    assert (manner.group, manner.spacing_s) == (group, spacing_s)


def test_the_operator_may_make_it_slower_and_never_faster() -> None:
    assert manner_of("arxiv.org", 10.0).spacing_s == 10
    assert manner_of("arxiv.org", 0.0).spacing_s == 3
