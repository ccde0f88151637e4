"""The ids that a text mentions."""

from digest.library.mentions import parse_mentions

BIB = """
@article{one, title = {{One}}, eprint = {2104.14294}, archivePrefix = {arXiv}}
@article{two, doi = {10.1000/ABC.1}, url = {https://arxiv.org/abs/2010.11929v2}, year = 2020}
"""


def test_a_bibliography_names_its_papers_once_each_in_order() -> None:
    assert parse_mentions(BIB + BIB) == ("2104.14294", "10.1000/abc.1", "2010.11929")


def test_csl_json_and_plain_lists_too() -> None:
    assert parse_mentions('[{"DOI": "10.48550/arXiv.2010.11929"}]') == ("2010.11929",)
    assert parse_mentions("2104.14294\n  math.GT/0309136v2\n# 12 papers, 3.5 stars\n") == (
        "2104.14294",
        "math/0309136",
    )
