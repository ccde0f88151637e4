"""`digest suppress`: addresses that get no mail."""

import json

import pytest

from digest.errors import ExitCode
from tests.desk import ADA, Desk


def suppressed(desk: Desk) -> list[str]:
    return [
        json.loads(line)["address"] for line in desk.run("suppress", "list", "--json").stdout.splitlines()
    ]


def test_an_address_is_added_listed_and_removed(desk: Desk) -> None:
    added = desk.run("suppress", "add", "Ada@Example.org", "--reason", "asked by telephone")
    listed = desk.run("suppress", "list")
    removed = desk.run("suppress", "remove", "ada@example.org")

    assert added.stdout == "Ada@example.org (ada): gets no mail any more\n"
    assert listed.stdout == "ada@example.org\tada\t2026-03-11 09:00 UTC\tasked by telephone\n"
    assert removed.stdout == "ada@example.org: gets mail again\n"
    assert suppressed(desk) == []


def test_the_list_names_every_reader_of_an_address(desk: Desk) -> None:
    desk.write("profiles/ada2.toml", ADA)
    desk.run("suppress", "add", "ada@example.org", "nobody@example.org")

    lines = [json.loads(line) for line in desk.run("suppress", "list", "--json").stdout.splitlines()]

    assert lines == [
        {
            "address": "ada@example.org",
            "reason": "added by hand",
            "at": "2026-03-11T09:00:00+00:00",
            "readers": ["ada", "ada2"],
        },
        {
            "address": "nobody@example.org",
            "reason": "added by hand",
            "at": "2026-03-11T09:00:00+00:00",
            "readers": [],
        },
    ]


def test_adding_twice_changes_nothing_and_says_so(desk: Desk) -> None:
    desk.run("suppress", "add", "ada@example.org", "--reason", "first")

    again = desk.run("suppress", "add", "ada@example.org", "--reason", "second")

    assert "got none already" in again.stdout
    assert "first" in desk.run("suppress", "list").stdout


@pytest.mark.parametrize(
    "address", ["ada", "a b@example.org", "ada@", "ä@example.org", "a@b.org\r\nBcc: c@d.org"]
)
def test_what_is_no_address_is_refused_and_nothing_is_added(desk: Desk, address: str) -> None:
    result = desk.run("suppress", "add", "bob@example.org", address)

    assert result.exit_code == ExitCode.USAGE
    assert "is no address: " in result.stderr
    assert suppressed(desk) == []


def test_addresses_come_from_a_file_or_standard_input(desk: Desk) -> None:
    listed = desk.write("gone.txt", "\ufeff# gone\n\nada@example.org\n  bob@exämple.org  \nada@example.org\n")

    desk.run("suppress", "add", str(listed))
    desk.run("suppress", "add", "-", stdin="eve@example.org\r\n")

    assert suppressed(desk) == ["ada@example.org", "bob@xn--exmple-cua.org", "eve@example.org"]
    assert desk.run("suppress", "remove", str(listed)).exit_code == 0
    assert suppressed(desk) == ["eve@example.org"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ada@example.org\nnonsense\n", "standard input, line 2: 'nonsense' is no address"),
        (b"\xff\xfe\x00", "standard input: is not UTF-8 text"),
        (b"x" * 10_000_000, "is no address"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_as_a_whole(desk: Desk, content: bytes, said: str) -> None:
    result = desk.run("suppress", "add", "-", stdin=content)

    assert result.exit_code in (ExitCode.USAGE, ExitCode.INPUT)
    assert said in result.stderr
    assert len(result.stderr) < 1_000
    assert suppressed(desk) == []


def test_removing_what_is_not_there_is_told(desk: Desk) -> None:
    result = desk.run("suppress", "remove", "ada@example.org")

    assert result.exit_code == ExitCode.FAILED
    assert "ada@example.org: was not suppressed" in result.stderr


def test_without_a_store_the_list_is_empty_and_none_is_made(desk: Desk) -> None:
    result = desk.run("suppress", "list")

    assert result.stdout == ""
    assert "No address is suppressed." in result.stderr
    assert not (desk.folder / "digest.sqlite3").exists()
