"""A reader's own file of papers, in whatever format."""

import json
import os
from pathlib import Path

import pytest

from digest.errors import InputError
from digest.library.entries import MOST_ENTRIES, Library
from digest.library.files import MAX_LIBRARY, WITHOUT_BIBTEXPARSER, load_library, parse_library

BIB = r"""
% A comment, and a string
@string{venue = "Journal of Waiting"}

@article{lovelace2020,
  title = {{Learning} to Wait with M{\"u}ller's $O(n^2)$},
  author = {Lovelace, Ada and {\'E}mile Zola and others},
  abstract = {We wait \emph{long}.},
  journal = venue,
  doi = {10.1000/ABC\_1},
}

@misc{hopper2021,
  title = "Patience as a Service",
  eprint = {2104.14294v2}, archivePrefix = {arXiv},
}

@article{scholar,
  title = {Waiting at Scale},
  journal = {arXiv preprint arXiv:2010.11929},
}

@book{nameless, title = {A Room for Waiting}}
"""


def parsed(text: str) -> Library:
    return parse_library(text.encode())


def test_a_bibliography_gives_papers_with_title_abstract_authors_and_id() -> None:
    library = parsed(BIB)

    assert library.ids == ("10.1000/abc_1", "2104.14294", "2010.11929", "title:aroomforwaiting")
    first = library.papers["10.1000/abc_1"]
    assert first.title == "Learning to Wait with Müller's O(n²)"
    assert first.abstract == "We wait long."
    assert first.authors == ("Ada Lovelace", "Émile Zola")
    assert library.papers["2104.14294"].title == "Patience as a Service"
    assert library.notes == ()


def test_without_its_parser_a_bibliography_still_gives_ids_and_says_what_would_give_more() -> None:
    def missing(_text: str) -> Library:
        raise ImportError

    library = parse_library(BIB.encode(), bibtex=missing)

    assert library.ids == ("10.1000/abc\\_1", "2104.14294", "2010.11929")
    assert library.notes == (WITHOUT_BIBTEXPARSER,)


def test_entries_that_cannot_be_read_are_named_and_cost_only_themselves() -> None:
    library = parsed(
        "@article{one, title = {One}, eprint = {2104.00001}}\n@article{broken, title = {No end\n"
        "@article{two, title = {Two}, doi = {10.1000/2}}\n"
    )

    assert set(library.ids) == {"2104.00001", "10.1000/2"}
    assert library.notes == ("1 of its entries could not be read (@article{broken, title = {No end)",)


def test_an_entry_twice_in_a_file_is_one_paper() -> None:
    library = parsed(
        "@article{a, title = {To Wait}, doi = {10.1000/1}, title = {To Wait}}\n"
        "@article{a, title = {To {WAIT}}, eprint = {2104.00001}, abstract = {We wait.}}\n"
        "@article{b, title = {To wait}}"
    )

    assert library.ids == ("2104.00001",)
    assert library.papers["2104.00001"].abstract == "We wait."


def test_two_preprints_of_one_title_stay_two() -> None:
    library = parsed(
        "@misc{a, title = {Editorial}, eprint = {2104.00001}}\n"
        "@misc{b, title = {Editorial}, eprint = {2104.00002}}"
    )

    assert library.ids == ("2104.00001", "2104.00002")


ITEM = {
    "id": "lovelace2020",
    "type": "article-journal",
    "title": "Learning to <i>Wait</i>",
    "abstract": "<jats:p>We wait.</jats:p>",
    "author": [{"family": "Lovelace", "given": "Ada"}, {"literal": "The Waiting Room"}],
    "DOI": "10.1000/ABC",
}


@pytest.mark.parametrize("wrapped", [[ITEM], {"items": [ITEM]}, ITEM, {"references": [ITEM]}])
def test_csl_json_is_read_however_it_is_wrapped(wrapped: object) -> None:
    library = parsed(json.dumps(wrapped))

    assert library.ids == ("10.1000/abc",)
    found = library.papers["10.1000/abc"]
    assert (found.title, found.abstract) == ("Learning to Wait", "We wait.")
    assert found.authors == ("Ada Lovelace", "The Waiting Room")


def test_zoteros_own_json_is_read_without_its_attachments() -> None:
    rows = [
        {"key": "AAAA2222", "data": {"itemType": "preprint", "title": "To Wait", "archiveID": "arXiv:2104.14294",
         "abstractNote": "We wait.", "creators": [
             {"creatorType": "editor", "firstName": "An", "lastName": "Editor"},
             {"creatorType": "author", "firstName": "Ada", "lastName": "Lovelace"}]}},
        {"key": "BBBB2222", "data": {"itemType": "attachment", "title": "Full Text PDF"}},
    ]  # fmt: skip
    library = parsed(json.dumps(rows))

    assert library.ids == ("2104.14294",)
    assert library.papers["2104.14294"].authors == ("Ada Lovelace",)


def test_a_list_of_ids_is_read_as_lines_or_as_json() -> None:
    assert parsed("2104.14294\n10.1000/abc\n").ids == ("2104.14294", "10.1000/abc")
    assert parsed('["2104.14294", "https://doi.org/10.1000/abc"]').ids == ("2104.14294", "10.1000/abc")


@pytest.mark.parametrize(
    "rows",
    [
        [
            1,
            None,
            [],
            {"title": 7, "author": "Ada", "DOI": ["x"]},
            {"title": "Kept", "author": [3, {"given": 4}]},
        ],
        {"items": [{"title": "Kept"}, "", {"data": 7}, {"data": {}}]},
    ],
)
def test_items_of_any_wrong_type_cost_only_themselves(rows: object) -> None:
    assert parsed(json.dumps(rows)).ids == ("title:kept",)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '[{"title": "To Wait", "DOI": "10.1000/abc"', "{}", "[]", "{{{"]
)
def test_json_that_is_none_is_no_crash(text: str) -> None:
    library = parsed(text)

    assert library.ids == (("10.1000/abc",) if "10.1000" in text else ())


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "@article{" + " " * 1_000_000,
        "@" + " " * 1_000_000,
        "@article{x, title={To Wait}, author={" + " " * 1_000_000 + "}}",
        "@article{x, title={To Wait}, author={" + " and" * 200_000 + "}}",
        "@article{" * 100_000,
        "@article{x, title={" * 100_000,
        "{" * 500_000,
    ],
)
def test_a_file_made_to_be_slow_is_read_in_linear_time(text: str) -> None:
    assert len(parsed(text).ids) <= 1


def test_any_encoding_is_read() -> None:
    text = "@article{a, title = {Über das Warten}}"

    for data in (text.encode("utf-8-sig"), text.encode("latin-1"), text.encode("utf-16")):
        (found,) = parse_library(data).papers.values()
        assert found.title == "Über das Warten"


@pytest.mark.slow
def test_more_entries_than_are_read_is_said_and_the_last_are_kept() -> None:
    library = parsed("".join(f"@misc{{k{n}, title = {{Waiting {n}}}}}\n" for n in range(MOST_ENTRIES + 5)))

    assert len(library.ids) == MOST_ENTRIES
    assert library.ids[-1] == f"title:waiting{MOST_ENTRIES + 4}"
    assert library.notes == (f"only the last {MOST_ENTRIES:,} of its {MOST_ENTRIES + 5:,} entries were read",)


def test_a_file_that_is_not_there_or_too_large_is_said(tmp_path: Path) -> None:
    missing = load_library(tmp_path / "library.bib")
    large = tmp_path / "large.bib"
    large.write_bytes(b" " * (MAX_LIBRARY + 1))

    assert isinstance(missing, InputError)
    assert "library.bib: cannot be read" in str(missing)
    assert "is larger than" in str(load_library(large))


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("2104.00001", encoding="utf-8")
    first = load_library(path)
    os.utime(path, ns=(1, 1))
    path.write_text("2104.00002", encoding="utf-8")
    second = load_library(path)

    assert isinstance(first, Library)
    assert isinstance(second, Library)
    assert (first.ids, second.ids) == (("2104.00001",), ("2104.00002",))
    assert load_library(path) is second
