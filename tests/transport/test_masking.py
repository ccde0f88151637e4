"""Secrets in what a server says."""

import pytest

from digest.transport.masking import masked


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("535 no", "535 no"),
        ("bad: correct horse", "bad: ***"),
        ("bad: CORRECT HORSE", "bad: ***"),
        ("bad: correct h", "bad: ***"),
        ("bad: correct", "bad: correct"),
        ("bad: correct horses, correct horse", "bad: ***s, ***"),
        ("user u is unknown", "user *** is unknown"),
        ("a.b*c aXbbc", "*** aXbbc"),
    ],
)
def test_a_secret_is_not_shown_whole_nor_in_part(said: str, shown: str) -> None:
    assert masked(said, ("correct horse", "u", "a.b*c", "")) == shown


def test_where_nothing_is_secret_all_is_shown() -> None:
    assert masked("as it is", ()) == "as it is"
