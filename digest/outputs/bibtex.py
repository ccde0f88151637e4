"""The papers of an edition as BibTeX, for reference managers and for `\\cite`."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain, count

from digest.links import MAX_LINK, is_arxiv_id, pages_of
from digest.model import Edition, Paper, SectionName
from digest.outputs.latex import in_latex, title_in_latex
from digest.rendering.phrases import shown, shown_title
from digest.text import STOPWORDS, fold, stem

CITED = (SectionName.PICKS, SectionName.LATE)
"""What was chosen for the reader; what trends outside her interests, or matched as a title, is not."""
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def to_bibtex(edition: Edition) -> str:
    """The picks and what arrived late, in the edition's order; without any, one line that says so.

    Names and titles are in LaTeX's own spelling (`Schr{\\"o}dinger`), which every BibTeX, biber and reference
    manager reads and which needs no Unicode engine. Letters without such a spelling stay as they are.
    """
    papers = [pick.paper for name in CITED for pick in edition.section(name)]
    number = f"{len(papers) or 'no'} {'paper' if len(papers) == 1 else 'papers'}"
    entries = (_entry(key, paper) for key, paper in zip(keys(papers), papers, strict=True))
    return "\n".join([f"% Digest, {edition.day.isoformat()}: {number}\n", *entries])


def _entry(key: str, paper: Paper) -> str:
    """`@misc`, as arXiv's own export has it: `@article` would need a journal, which lists do not tell."""
    fields = "".join(f"  {name} = {value},\n" for name, value in _fields(paper))
    return f"@misc{{{key},\n{fields}}}\n"


def _fields(paper: Paper) -> Iterator[tuple[str, str]]:
    """Names and values, the values with their braces."""
    if authors := _authors(paper):
        yield "author", f"{{{authors}}}"
    yield "title", f"{{{title_in_latex(paper.title)}}}"
    if paper.organization and (organization := shown(paper.organization)):
        yield "organization", f"{{{in_latex(organization)}}}"
    if when := _when(paper):
        yield "year", f"{{{when.year}}}"
        yield "month", _MONTHS[when.month - 1]  # a macro, which styles print in their own way
    if is_arxiv_id(paper.id):
        yield "eprint", f"{{{paper.id}}}"
        yield "archivePrefix", "{arXiv}"
    elif _is_plain_doi(paper.id):
        yield "doi", f"{{{paper.id}}}"
    if url := pages_of(paper).get("abstract"):
        yield "url", f"{{{_verbatim(url)}}}"


def _when(paper: Paper) -> date | None:
    """When it was published, to the month; an arXiv id says it too, as `2603` or `astro-ph/0601`."""
    if paper.published:
        return paper.published
    digits = paper.id.rpartition("/")[2][:4]
    if not is_arxiv_id(paper.id) or not 1 <= int(digits[2:]) <= 12:
        return None
    two_digits = int(digits[:2])
    return date(two_digits + (1900 if two_digits > 90 else 2000), int(digits[2:]), 1)


def _is_plain_doi(identifier: str) -> bool:
    """A DOI may hold anything; braces and backslashes would end its field."""
    return (
        identifier.startswith("10.") and identifier.isprintable() and not re.search(r"[{}\\%\s]", identifier)
    )


def _verbatim(url: str) -> str:
    """Styles print addresses as they are, so nothing is escaped but what would end the field."""
    return url[:MAX_LINK].replace("{", "%7B").replace("}", "%7D")


# ---------------------------------------------------------------- keys


def keys(papers: Iterable[Paper]) -> tuple[str, ...]:
    """`vossbeck2026draft`: first author, year, first word that says something; a letter more where taken."""
    taken: dict[str, None] = {}
    for paper in papers:
        key = _key(paper)
        taken[next(one for one in _tries(key) if one not in taken)] = None
    return tuple(taken)


def _key(paper: Paper) -> str:
    first = shown((paper.authors or ("",))[0])
    last = first.split(",")[0].split(" ")[-1]
    who = _ascii(last) or _ascii(first) or _ascii(paper.organization or "") or "anon"
    when = _when(paper)
    words = re.findall(r"\w+", shown_title(paper.title))
    telling = (_ascii(word) for word in words if stem(word) not in STOPWORDS)
    return f"{who[:40]}{when.year if when else ''}{next((w for w in telling if len(w) > 2), '')[:40]}"


def _ascii(word: str) -> str:
    """The letters and digits that every program takes in a key."""
    return re.sub(r"[^a-z0-9]", "", fold(word).translate(_PLAIN))


_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"})


def _tries(key: str) -> Iterator[str]:
    letters = "bcdefghijklmnopqrstuvwxyz"
    return chain((key,), (f"{key}{letter}" for letter in letters), (f"{key}-{n}" for n in count(27)))


# ---------------------------------------------------------------- names


def _authors(paper: Paper) -> str:
    """`A and B`; `and others` where more wrote it than are known by name."""
    names = [_name(one) for one in map(shown, paper.authors or ()) if one]
    unnamed = (paper.n_authors or 0) > len(names)
    return " and ".join([*names, "others"] if names and unnamed else names)


def _name(name: str) -> str:
    """As written, or in braces where BibTeX would take it for several people or for none."""
    escaped = in_latex(name)
    is_one = _COMMAS.fullmatch(name) and not {"and", "others"} & set(name.lower().split())
    return escaped if is_one else f"{{{escaped}}}"


_COMMAS = re.compile(r"[^,]+(?:, [^,]+)?")
