"""The list of what is accepted can grow only on purpose, and shrinks when it can."""

import tomllib

from tests.conformance.accepted import LIST, accepted_from, unsettled

SAID = {"rich": ["no grid", "no grid"], "quiet": ["no grid"]}


def test_what_is_said_and_listed_is_settled() -> None:
    assert unsettled("caniemail", SAID, {"no grid": "it degrades"}) == []


def test_what_is_not_listed_is_told_once_with_the_mails_that_have_it() -> None:
    assert unsettled("caniemail", SAID, {}) == ["caniemail: no grid [rich, quiet]"]


def test_what_is_listed_and_no_longer_said_is_told() -> None:
    (line,) = unsettled("caniemail", {"rich": []}, {"no grid": "it degrades"})

    assert line == "accepted.toml accepts what caniemail no longer says: no grid"


def test_every_entry_has_a_reason_and_none_stands_twice() -> None:
    for checker, entries in tomllib.loads(LIST.read_text(encoding="utf-8")).items():
        assert all(len(entry["why"]) > 20 for entry in entries)
        assert len(accepted_from(checker)) == sum(len(entry["says"]) for entry in entries)
