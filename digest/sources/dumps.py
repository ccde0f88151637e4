"""Other text forms of the listing pages: with links in them, or with every card twice.

Layout D is Markdown with links, E the same with numbered links (html2text), F has one item a line and each
address on its own, G is the trending page, where every paper stands twice.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import accumulate, pairwise

from digest.links import paper_id
from digest.model import Listing
from digest.sources.page_year import When
from digest.sources.reading import Draft, Line, Meta, Unit, add_unit, assemble
from digest.sources.text_listing import (
    Found,
    listing_of,
    nonblank_lines,
    read_header,
    read_when,
    units_of,
    without_footer,
)
from digest.text import title_key


def parse_dump(text: str, *, at: datetime, saved_on: date | None) -> Listing | None:
    """The papers of a listing page saved in layout D, E, F or G; `None` if it is in none of them.

    Ids are those of the papers' links. Years are found as in `text_listing.year_of_page`.
    """
    unbroken = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _read_markdown(unbroken) or _read_lines(unbroken) or _read_cards(unbroken)
    if not found:
        return None
    return listing_of(replace(found, drafts=fold(found.drafts)), at=at, saved_on=saved_on)


def fold(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts, neighbours about the same paper made one: the fuller abstract, and gaps filled."""
    folded: list[Draft] = []
    for draft in drafts:
        if folded and _is_same(folded[-1], draft):
            folded[-1] = _merged(folded[-1], draft)
        else:
            folded.append(draft)
    return folded


def _is_same(one: Draft, other: Draft) -> bool:
    if one.identifier and other.identifier:
        return one.identifier == other.identifier
    return title_key(one.title) == title_key(other.title)


def _merged(one: Draft, other: Draft) -> Draft:
    return replace(
        one,
        abstract=max(one.abstract, other.abstract, key=len),
        meta=one.meta.filled_from(other.meta),
        identifier=one.identifier or other.identifier,
    )


# ---------------------------------------------------------------- D and E: Markdown

_HEADING = re.compile(r"^[ \t]*#{2,4} \[", re.MULTILINE)
_LINK_END = re.compile(r"\](?:\(\s*(?P<url>[^()\s]{0,2000}+)[^()]{0,300}+\)|\[(?P<reference>[0-9]{1,6})\])")
_REFERENCE = re.compile(r"^[ \t]*\[([0-9]{1,6})\]:?[ \t]+<?([^\s>]{1,2000})", re.MULTILINE)
_PAPER_ADDRESS = re.compile(r"(?:^|huggingface\.co)/papers/([^/?#\s]{1,40})(#community)?$")
_UPVOTES = re.compile(r"\[\s{0,9}(-|[0-9]{1,7})\s{0,9}\](?:\([^()]{0,400}\)|\[[0-9]{1,6}\])\s{0,9}\Z")
_AUTHORS = re.compile(r"([0-9]{1,6})\s{1,9}authors?\b")
_ORGANIZATION = re.compile(
    r"\[(?:!\[(?P<alt>[^\[\]]{0,120})\]\([^()]{0,2000}\)|\[(?P<slug>[^\[\]]{1,120})\])(?P<name>[^\[\]]{0,120})\]"
)
_WHEN_AFTER_DOT = re.compile(
    r"·\s{0,9}(?P<when>(?:Published on )?[A-Z][a-z]{2,8} [0-9]{1,8}(?:, [0-9]{4})?)"
    r"\s{0,9}(?:\[\s{0,9}(?P<comments>[0-9]{1,6})\s{0,9}\])?"
)
_NUMBERED = re.compile(r"\]\[[0-9]{1,6}\]")
_META_WITHIN = 4_000


def _read_markdown(text: str) -> Found | None:
    headings = [heading.end() for heading in _HEADING.finditer(text)]
    if not headings:
        return None
    addresses = {match[1]: match[2] for match in _REFERENCE.finditer(text)}
    ends = [*headings[1:], len(text)]
    blocks = (_Block(text, start, end, addresses) for start, end in zip(headings, ends, strict=True))
    numbers = accumulate(text.count("\n", *span) for span in pairwise([0, *headings]))
    numbered = bool(_NUMBERED.search(text, headings[0], headings[0] + 2_000))
    drafts = [
        draft for block, number in zip(blocks, numbers, strict=True) if (draft := block.draft(number + 1))
    ]
    if not any(draft.identifier or draft.meta.when for draft in drafts):
        return None  # some other Markdown whose headings are links
    page = _page_date(text[: headings[0]])
    return Found(layout="text E" if numbered else "text D", drafts=drafts, page=page)


class _Block:
    """One paper of a Markdown page: from its heading's bracket to the next heading."""

    def __init__(self, text: str, start: int, end: int, addresses: dict[str, str]) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.addresses = addresses

    def draft(self, number: int) -> Draft | None:
        """The paper, whose heading is in that line; `None` if the heading is no link."""
        title_end = _LINK_END.search(self.text, self.start, self.end)
        if not title_end:
            return None
        identifier = self._paper(title_end)
        abstract, rest = self._abstract(title_end.end(), identifier)
        meta = _markdown_meta(self.text[rest : min(rest + _META_WITHIN, self.end)])
        return Draft(
            number=number,
            title=_plain(self.text[self.start : title_end.start()]),
            abstract=_plain(abstract),
            meta=replace(meta, upvotes=self._upvotes()),
            identifier=identifier,
        )

    def _abstract(self, after: int, identifier: str | None) -> tuple[str, int]:
        """The text of the next link to the same paper, and where it ends; brackets inside do not matter."""
        opening = self.text.find("[", after, self.end)
        for link in _LINK_END.finditer(self.text, max(opening, after), self.end):
            if identifier and self._paper(link) != identifier:
                continue
            text = self.text[opening + 1 : link.start()]
            return ("", after) if _AUTHORS.search(text[-40:]) else (text, link.end())
        return "", after

    def _paper(self, link: re.Match[str]) -> str | None:
        address = _PAPER_ADDRESS.search(link["url"] or self.addresses.get(link["reference"] or "", ""))
        return paper_id(address[1]) if address and not address[2] else None

    def _upvotes(self) -> int | None:
        """The number of the link just before the heading; a dash is none."""
        line_start = self.text.rfind("\n", 0, self.start) + 1
        upvotes = _UPVOTES.search(self.text, max(0, line_start - 600), line_start)
        if not upvotes:
            return None
        return 0 if upvotes[1] == "-" else int(upvotes[1])


def _markdown_meta(text: str) -> Meta:
    when = _WHEN_AFTER_DOT.search(text)
    head = text[: when.start()] if when else text[:1_000]
    authors = _AUTHORS.search(head)
    organization = None if authors else _ORGANIZATION.search(head)
    meta = (read_when(when["when"]) if when else None) or Meta()
    return replace(
        meta,
        n_authors=int(authors[1]) if authors else None,
        organization=_organization(organization) if organization else None,
        comments=int(when["comments"]) if when and when["comments"] else meta.comments,
    )


def _organization(match: re.Match[str]) -> str | None:
    """The shown name; the avatar's text, which is the account's name, only without one."""
    return _plain(match["name"]) or match["alt"] or match["slug"]


def _plain(markdown: str) -> str:
    """Markdown text without escapes and the backslashes that wrapped lines end with."""
    unwrapped = re.sub(r"(?<!\\)\\+(?=\s|$)", " ", markdown)
    return " ".join(re.sub(r"\\([_*\[\]])", r"\1", unwrapped).split())


# ---------------------------------------------------------------- F: one item a line

_VOTE_LINE = re.compile(r"\[\s?-?\s?\]\s{0,4}([0-9]{1,7}|-)")
_LOGIN_LINE = re.compile(r"https?://huggingface\.co/login\S{0,400}")
_AUTHORS_LINE = re.compile(r"\[?\s{0,4}([0-9]{1,6}) authors?\]\(\S{1,400}\)")
_ORGANIZATION_LINE = re.compile(r"\[?\s{0,4}([^\[\]]{1,120})\]\(https?://huggingface\.co/[\w.-]{1,100}\)")
_NUMBER_LINE = re.compile(r"[0-9]{1,6}")


def _read_lines(text: str) -> Found | None:
    lines = nonblank_lines(text)
    logins = [index for index, line in enumerate(lines) if _LOGIN_LINE.fullmatch(line.text[:500])]
    if not logins:
        return None
    ends = [*logins[1:], len(lines)]
    votes = [_last_vote(lines[max(0, index - 3) : index]) for index in logins]
    cards = [lines[start + 1 : end] for start, end in zip(logins, ends, strict=True)]
    drafts = [draft for card, vote in zip(cards, votes, strict=True) if (draft := _card_draft(card, vote))]
    page = _page_date("\n".join(line.text for line in lines[: logins[0]]))
    return Found(layout="text F", drafts=drafts, page=page) if drafts else None


def _last_vote(above: Sequence[Line]) -> int | None:
    """The upvotes that stand above a card's login link; a dash is none."""
    votes = [vote[1] for line in above if (vote := _VOTE_LINE.fullmatch(line.text[:40]))]
    return None if not votes else 0 if votes[-1] == "-" else int(votes[-1])


def _card_draft(card: Sequence[Line], upvotes: int | None) -> Draft | None:
    """One paper: its title, its address, its abstract, its address again, who and when."""
    addresses = [index for index, line in enumerate(card) if _address_of(line)]
    if not addresses or not addresses[0]:
        return None
    title = addresses[0]
    abstract = addresses[1] if len(addresses) > 1 else title
    if any(_AUTHORS_LINE.fullmatch(line.text[:600]) for line in card[title + 1 : abstract]):
        abstract = title  # the daily page shows none
    return Draft(
        number=card[0].number,
        title=_joined(card[:title]),
        abstract=_joined(card[title + 1 : abstract]),
        meta=_card_meta(card[abstract + 1 :], upvotes),
        identifier=paper_id(_address_of(card[title])),
    )


def _address_of(line: Line) -> str:
    address = _PAPER_ADDRESS.search(line.text) if line.text.startswith("http") else None
    return address[1] if address else ""


def _joined(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in lines)


def _card_meta(lines: Sequence[Line], upvotes: int | None) -> Meta:
    meta = Meta(upvotes=upvotes)
    for line in lines:
        found = _line_meta(line.text[:600], has_date=meta.when is not None)
        meta = meta.filled_from(found) if found else meta
    return meta


def _line_meta(text: str, *, has_date: bool) -> Meta | None:
    """What a line says of who, when, or (a bare number after the date) how many comments."""
    if authors := _AUTHORS_LINE.fullmatch(text):
        return Meta(n_authors=int(authors[1]))
    if organization := _ORGANIZATION_LINE.fullmatch(text):
        return Meta(organization=organization[1])
    if has_date and _NUMBER_LINE.fullmatch(text):
        return Meta(comments=int(text))
    return read_when(text)


_DAY_ADDRESS = re.compile(r"/papers/date/((?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2})\b")


def _page_date(head: str) -> When | None:
    """The page's date: the last date above the papers; its year by the link to the day before, if any."""
    dates = [meta.when for line in nonblank_lines(head) if (meta := read_when(line.text)) and meta.when]
    if not dates or dates[-1].year:
        return dates[-1] if dates else None
    linked = _DAY_ADDRESS.search(head)
    return _after(dates[-1], linked[1]) if linked else dates[-1]


def _after(page: When, day_before: str) -> When:
    """The page's date in the year in which it first comes on or after the linked day."""
    try:
        linked = date.fromisoformat(day_before)
    except ValueError:
        return page
    this_year = page.in_year(linked.year)
    return replace(page, year=linked.year if this_year and this_year >= linked else linked.year + 1)


# ---------------------------------------------------------------- G: the trending page

_TRENDING = re.compile(r"^[#\s]*Trending Papers\s*$", re.MULTILINE)
_LABELLED = re.compile(r"(?P<label>Upvote|GitHub|Submitted by|arXiv Page)(?:\s+(?P<value>.{1,80}))?")
_COUNT = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(k?)|-")


def _read_cards(text: str) -> Found | None:
    if not _TRENDING.search(text, 0, 5_000) or "\nUpvote" not in text:
        return None
    header = read_header(text)
    units = _labelled_units(units_of(nonblank_lines(text, header.end)))
    drafts, warnings = assemble(without_footer(units))
    return Found(layout="text G", drafts=drafts, page=header.page, warnings=warnings)


def _labelled_units(units: Sequence[Unit]) -> list[Unit]:
    """The units with "Upvote 117", "GitHub 11.3k" and lone dates read; "Submitted by" and a name left out."""
    read: list[Unit] = []
    pending = ""
    for unit in units:
        if pending and isinstance(unit, Line):
            add_unit(read, _counted(pending, unit.text))
            pending = ""
            continue
        pending = ""
        labelled = _LABELLED.fullmatch(unit.text[:100]) if isinstance(unit, Line) else None
        if not labelled:
            add_unit(read, unit if isinstance(unit, Meta) else read_when(unit.text) or unit)
        elif labelled["value"] or labelled["label"] == "arXiv Page":
            add_unit(read, _counted(labelled["label"], labelled["value"] or ""))
        else:
            pending = labelled["label"]
    return read


def _counted(label: str, value: str) -> Meta:
    count = _COUNT.match(value)
    if not count or label not in ("Upvote", "GitHub"):
        return Meta()
    number = min(round(float(count[1] or 0) * (1_000 if count[2] else 1)), 10**9)
    return Meta(upvotes=number) if label == "Upvote" else Meta(stars=number)
