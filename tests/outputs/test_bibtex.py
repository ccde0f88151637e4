"""The papers of an edition as BibTeX."""

import logging
import re
from collections.abc import Mapping

import pytest
from bibtexparser.entrypoint import parse_string
from bibtexparser.model import Entry
from hypothesis import given
from hypothesis import strategies as st

from digest.library.bibtex import parse_bibtex
from digest.model import Edition, Section, SectionName
from digest.outputs.bibtex import keys, to_bibtex
from digest.outputs.latex import in_latex, title_in_latex
from digest.rendering.phrases import shown_title
from digest.text import title_key
from tests.editions import EVERY
from tests.makers import edition, paper, pick

logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # it comments on `month = mar`


def parsed(text: str) -> list[Entry]:
    """The entries of a file that must have nothing broken in it."""
    library = parse_string(text)
    assert not library.failed_blocks
    return list(library.entries)


def fields(**known: object) -> Mapping[str, str]:
    """The fields of one paper's entry."""
    identifier, title = str(known.pop("id", "2603.00001")), str(known.pop("title", "Learning to Wait"))
    (entry,) = parsed(to_bibtex(edition(pick(identifier, title, **known))))
    return {field.key: field.value for field in entry.fields}


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("name", EVERY)
def test_every_edition_is_a_sound_file_with_one_entry_a_pick(name: str) -> None:
    made = EVERY[name]
    papers = [one.paper for one in (*made.section(SectionName.PICKS), *made.section(SectionName.LATE))]

    entries = parsed(to_bibtex(made))

    assert [entry["eprint"] for entry in entries] == [one.id for one in papers]
    assert len({entry.key for entry in entries}) == len(papers)


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"extreme"}))
def test_the_titles_can_be_read_back_by_our_own_library(name: str) -> None:
    made = EVERY[name]
    papers = [one.paper for one in (*made.section(SectionName.PICKS), *made.section(SectionName.LATE))]

    read = parse_bibtex(to_bibtex(made))

    assert read.ids == tuple(one.id for one in papers)
    assert [title_key(read.papers[one.id].title) for one in papers] == [
        title_key(shown_title(one.title)) for one in papers
    ]


def test_picks_and_late_papers_are_cited_in_order_and_others_are_not() -> None:
    sections = (
        Section(name=SectionName.PICKS, picks=(pick("2603.00002"), pick("2603.00001"))),
        Section(name=SectionName.TRENDING, picks=(pick("2603.00003"),)),
        Section(name=SectionName.LATE, picks=(pick("2603.00004"),)),
        Section(name=SectionName.ALSO, picks=(pick("2603.00005"),)),
    )

    entries = parsed(to_bibtex(edition(sections=sections)))

    assert [entry["eprint"] for entry in entries] == ["2603.00002", "2603.00001", "2603.00004"]


def test_an_edition_without_picks_is_a_file_that_says_so() -> None:
    assert to_bibtex(edition()) == "% Digest, 2026-03-11: no papers\n"


# ---------------------------------------------------------------- entries


def test_an_arxiv_paper_is_told_as_arxiv_tells_it() -> None:
    assert fields(title="On GPUs", authors=("Ada Lovelace", "Émile Zola"), organization="A & B") == {
        "author": r"Ada Lovelace and {\'E}mile Zola",
        "title": "On {GPUs}",
        "organization": r"A \& B",
        "year": "2026",
        "month": "mar",
        "eprint": "2603.00001",
        "archivePrefix": "arXiv",
        "url": "https://arxiv.org/abs/2603.00001",
    }


def test_a_doi_is_told_as_doi_and_address() -> None:
    told = fields(id="10.1101/2026.03.01.99")

    assert (told["doi"], told["url"]) == ("10.1101/2026.03.01.99", "https://doi.org/10.1101/2026.03.01.99")
    assert "eprint" not in told
    assert "year" not in told


def test_a_paper_known_by_its_title_alone_is_an_entry_too() -> None:
    assert fields(id="title:learningtowait") == {"title": "Learning to Wait"}


@pytest.mark.parametrize("identifier", ["10.1000/a}b", "10.1000/a\\b", "10.1000/a%b"])
def test_a_doi_that_would_end_its_field_is_left_to_the_address(identifier: str) -> None:
    told = fields(id=identifier)

    assert "doi" not in told
    assert told["url"].startswith("https://doi.org/10.1000/a%")


def test_an_address_with_braces_keeps_to_its_field() -> None:
    assert (
        fields(id="title:x", url="https://example.org/}{?a=%7D")["url"] == "https://example.org/%7D%7B?a=%7D"
    )


def test_an_address_that_is_no_web_address_is_left_out() -> None:
    assert "url" not in fields(id="title:x", url="javascript:alert(1)")


@pytest.mark.parametrize(
    ("names", "n_authors", "author"),
    [
        (("Ada Lovelace",), 1, "Ada Lovelace"),
        (("Ada Lovelace",), 3, "Ada Lovelace and others"),
        (("Lovelace, Ada",), None, "Lovelace, Ada"),
        (("King, Jr., Martin",), None, "{King, Jr., Martin}"),
        (("Procter and Gamble",), None, "{Procter and Gamble}"),
        (("others",), None, "{others}"),
    ],
)
def test_names_are_people(names: tuple[str, ...], n_authors: int | None, author: str) -> None:
    assert fields(authors=names, n_authors=n_authors)["author"] == author


def test_a_nickname_stands_between_quotes_that_open_and_close() -> None:
    assert fields(authors=('Ada "Countess" Lovelace',))["author"] == "Ada ``Countess'' Lovelace"


def test_a_number_of_authors_without_names_is_no_author() -> None:
    assert "author" not in fields(n_authors=7)


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("known", "key"),
    [
        ({"authors": ("Ada Vossbeck",), "title": "Draft Models"}, "vossbeck2026draft"),
        ({"authors": ("Øystein Gr\\o{}nvold",), "title": "The ångström"}, "gronvold2026angstrom"),
        ({"authors": ("Lovelace, Ada",), "title": "A New Approach to Sorting"}, "lovelace2026sorting"),
        ({"organization": "Kestrel Compute", "title": "$\\nabla$: Grad"}, "kestrelcompute2026grad"),
        ({"authors": ("林雨桐",), "title": "为什么"}, "anon2026"),
        ({"id": "astro-ph/0601001", "authors": ("B. Hole",), "title": "Dark"}, "hole2006dark"),
        ({"id": "hep-th/9901001", "authors": ("E. W.",), "title": "Strings"}, "w1999strings"),
        ({"id": "title:x", "authors": ("B. Hole",), "title": "Dark"}, "holedark"),
    ],
)
def test_a_key_is_author_year_and_a_word(known: dict[str, object], key: str) -> None:
    identifier, title = str(known.pop("id", "2603.00001")), str(known.pop("title"))

    assert keys([paper(identifier, title, **known)]) == (key,)


def test_keys_differ_whatever_the_papers() -> None:
    wait = paper(authors=("Ada Lo",))

    assert keys([wait] * 3) == ("lo2026learning", "lo2026learningb", "lo2026learningc")
    assert len(set(keys([wait] * 40))) == 40


# ---------------------------------------------------------------- titles


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("DINOv2 and GPT-4: Q-Learning with LLMs", "{DINOv2} and {GPT-4}: {Q-Learning} with {LLMs}"),
        ("Self-Supervised Learning of a Thing", "Self-Supervised Learning of a Thing"),
        ("Waiting for the buses in Bayesian cities", "Waiting for the buses in {Bayesian} cities"),
        ("100% of {All} A_B & C#D ~ x^2", r"100\% of {\textbraceleft}All{\textbraceright} {A\_B} \& {C\#D} "
         r"{\textasciitilde} x{\textasciicircum}2"),
        (r"In $\mathcal{O}(n^2)$ Time", r"In {$\mathcal{O}(n^2)$} Time"),
        (r"The $k$-NN Way", r"The {$k$}-{NN} Way"),
        ("Costs $5 or $6 Now", r"Costs \$5 or \$6 Now"),
        ("On ℝ and ∞", r"On {{\ensuremath{\mathbb{R}}}} and {\ensuremath{\infty}}"),
        ('Say "Wait", ("Now") or 6" "', "Say ``Wait'', (``Now'') or 6'' ''"),
    ],
)  # fmt: skip
def test_a_title_keeps_its_capitals_and_formulas(title: str, told: str) -> None:
    assert title_in_latex(title) == told


@pytest.mark.parametrize(
    "formula",
    [
        r"\input{/etc/passwd}",
        r"\write18{rm}",
        r"\def\x{1}",
        r"a}b{c",
        r"{{a}",
        r"\alphabet",
        r"\{x\}",
        "x%y",
        "^^5cinput{/etc/passwd}",
        "x^^5cdef",
        "^^^^005cinput{x}",
        "^^\x1cinput{x}",
    ],
)
def test_a_formula_that_may_do_more_than_set_symbols_is_not_kept(formula: str) -> None:
    told = title_in_latex(f"On ${formula}$ now")

    assert "$" not in told.replace(r"\$", "")
    assert "^^" not in told
    assert not any(command in told for command in (r"\input", r"\write", r"\def", r"\{", r"\alphabet"))
    assert "%" not in told.replace(r"\%", "")


hostile = (
    st.text(st.sampled_from("{}\\$%@,=#\"'&_^~<>| \n\t\r\x00abAB1é²∞猫\ue000\u202e"), max_size=60) | st.text()
)


@given(title=hostile, name=hostile, organization=hostile)
def test_no_title_or_name_breaks_out_of_its_field(title: str, name: str, organization: str) -> None:
    hurt = pick("2603.00001", title, authors=(name, "Ada Lovelace"), organization=organization)
    whole: Edition = edition(hurt, pick("2603.00002", "Unharmed"))

    first, second = parsed(to_bibtex(whole))

    assert {field.key for field in first.fields} <= {
        "author", "title", "organization", "year", "month", "eprint", "archivePrefix", "url"
    }  # fmt: skip
    assert (first["eprint"], second["eprint"]) == ("2603.00001", "2603.00002")
    assert first["author"].endswith("Ada Lovelace")
    assert second["title"] == "Unharmed"


@given(hostile)
def test_braces_always_pair_and_no_special_character_is_bare(text: str) -> None:
    told = in_latex(shown_title(text))
    depth = 0
    for char in told:
        depth += (char == "{") - (char == "}")
        assert depth >= 0

    assert depth == 0
    bare = re.sub(r"\\ensuremath\{_[^{}]*\}", "", told)  # a subscript
    for char in "&%$#_":
        assert char not in bare.replace(f"\\{char}", "")
