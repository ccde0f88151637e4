"""Hugging Face listing pages saved as text: titles, abstracts and who-and-when lines become papers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from digest.identity import title_identity
from digest.links import safe_link
from digest.model import Entry, Listing, Observation, Paper
from digest.sources.page_year import MONTHS, PageYear, When, year_of_page
from digest.sources.reading import SENTENCE_ENDS, Draft, Line, Meta, Unit, add_unit, assemble, is_spaced
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean


def parse_text(text: str, *, at: datetime, saved_on: date | None) -> Listing | None:
    """The papers of a listing page saved as text, or `None` if this is not such a page.

    Layout A puts blank lines between titles and abstracts, B adds who-and-when lines, C has no blank lines.
    Pages write no year where it is the current one: see `year_of_page` for how it is found. `saved_on` is
    the day the page was saved, if known; `at` is the moment of observation.
    """
    unbroken = text.replace("\r\n", "\n").replace("\r", "\n")
    header = read_header(unbroken)
    units = without_footer(units_of(nonblank_lines(unbroken, header.end)))
    has_meta = any(isinstance(unit, Meta) and unit.n_authors and unit.when for unit in units)
    if not header.recognised and not has_meta:
        return None
    drafts, warnings = assemble(units)
    layout = "text C" if not is_spaced(units) else "text B" if has_meta else "text A"
    found = Found(layout=layout, drafts=drafts, page=header.page, warnings=warnings)
    return listing_of(found, at=at, saved_on=saved_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a page holds, before years are known."""

    layout: str
    drafts: Sequence[Draft]
    page: When | None = None
    """The page's own date."""
    warnings: Sequence[str] = ()


# ---------------------------------------------------------------- header

_BANNER = r"Get trending papers in your email inbox(?: once a day)?!"
_BY = r"by ?AK and the research community"
_MONTH = (
    "(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    "|Sep(?:t|tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_YEAR = "(?:19|20)[0-9]{2}"
_LINE_END = r"[ \t]*(?:\n|\Z)"
_START = re.compile(rf"^[ \t]*(?:{_BANNER}|{_BY}|(?:Daily|Trending) Papers{_LINE_END})", re.MULTILINE)
_PIECE = re.compile(
    rf"\s*(?:(?P<known>{_BANNER}|{_BY}|Subscribe|new(?={_LINE_END})"
    rf"|(?:Daily|Trending) Papers(?={_LINE_END}|by ?AK))"
    rf"|{_MONTH} (?P<day>[0-9]{{1,2}})(?:, (?P<year>{_YEAR}))?(?={_LINE_END}|[A-Z]))"
)
_HEADER_WITHIN = 5_000
_LONGEST_MENU_LINE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where the papers begin, the page's date, and whether anything of a header was there."""

    end: int = 0
    page: When | None = None
    recognised: bool = False


def read_header(text: str) -> Header:
    """Takes the header off piece by piece: its pieces may be glued, to each other and to the first title."""
    header = Header(end=_skip_menu(text))
    while piece := _PIECE.match(text, header.end):
        if header.page and piece["month"]:
            break
        header = Header(
            end=piece.end(),
            page=_when(piece) if piece["month"] else header.page,
            recognised=header.recognised or bool(piece["known"]),
        )
    return header


def _skip_menu(text: str) -> int:
    """Where the header starts: after the site's menu, if the page was saved with it, which is short lines."""
    start = _START.search(text, 0, _HEADER_WITHIN)
    if not start:
        return 0
    menu = text[: start.start()].split("\n")
    return start.start() if all(len(line) <= _LONGEST_MENU_LINE for line in menu) else 0


# ---------------------------------------------------------------- lines to units

_DOTS = ("·", "\ufffd")
"""What parts who from when; the second is what is left of it in a page of another charset."""
_WHO = re.compile(r"(?:[•\-*\ufffd]\s*)?([0-9]{1,6})\s+authors?")
_WHO_AND_WHEN = re.compile(rf"{_WHO.pattern}\s*[·\ufffd]\s*(\S.{{0,60}})")
_WHEN = re.compile(
    rf"(?:Published on )?{_MONTH} (?P<day>[0-9]{{1,8}})"
    rf"(?:, (?P<year>{_YEAR})(?P<glued>[0-9]{{0,6}}))?(?:\s+(?P<comments>[0-9]{{1,6}}))?"
)
_CHROME = re.compile(rf"{_BANNER}|{_BY}|Subscribe")
_FOOTER = frozenset(
    (
        "previous|next|load more|view all|system theme|company|tos|terms of service|privacy|privacy policy|"
        "about|careers|jobs|website|models|datasets|spaces|papers|buckets|pricing|docs|hugging face|new|"
        "enterprise|community|log in|sign up|blog|posts|solutions|contact|inference endpoints|huggingchat"
    ).split("|")
)
_LONGEST_ORGANIZATION = 120


def nonblank_lines(text: str, start: int = 0) -> list[Line]:
    """The lines that have text; the banner's and the header's words are left out wherever they come again."""
    lines: list[Line] = []
    after_blank = True
    for number, raw in enumerate(text[start:].split("\n"), text.count("\n", 0, start) + 1):
        line = raw.strip()
        if line and not _CHROME.fullmatch(line[:100]):
            lines.append(Line(number=number, text=line, after_blank=after_blank))
        after_blank = not line
    return lines


def without_footer(units: Sequence[Unit]) -> list[Unit]:
    """The units up to the site's foot: its menu, "© ...", "Previous 1 2 ... 100 Next"."""
    kept = list(units)
    while kept and isinstance(last := kept[-1], Line) and _is_footer(last.text):
        kept.pop()
    return kept


def _is_footer(text: str) -> bool:
    lowered = text[:100].lower()
    if len(text) > 100:
        return False
    has_letters = any(char.isalpha() for char in lowered.replace("previous", "").replace("next", ""))
    return lowered in _FOOTER or lowered.startswith("©") or not has_letters


def units_of(lines: Sequence[Line]) -> list[Unit]:
    """The lines with every who-and-when block read: "• 3 authors", "·", "May 2, 2021 4" become one `Meta`."""
    units: list[Unit] = []
    spaced = is_spaced(lines)
    pending = iter(range(len(lines)))
    for index in pending:
        line = lines[index]
        meta = _one_line_meta(line.text)
        if _is_dot(line.text):
            meta, used_next = _when_block(lines, index)
            meta = meta.filled_from(_take_organization(units, line, spaced=spaced))
            if used_next:
                next(pending)
        add_unit(units, meta or line)
    return units


def _one_line_meta(text: str) -> Meta | None:
    if len(text) > 120:
        return None
    if who := _WHO.fullmatch(text):
        return Meta(n_authors=int(who[1]))
    both = _WHO_AND_WHEN.fullmatch(text)
    when = both and read_when(both[2])
    return replace(when, n_authors=int(both[1])) if both and when else None


def _is_dot(text: str) -> bool:
    """Whether this is the dot between who and when, alone or with the date."""
    return text in _DOTS or (text.startswith(_DOTS) and read_when(text[1:]) is not None)


def _when_block(lines: Sequence[Line], index: int) -> tuple[Meta, bool]:
    """The date after a dot, on its line or on the next; and whether the next was needed."""
    same_line = lines[index].text[1:].strip()
    if same_line:
        return read_when(same_line) or Meta(), False
    following = lines[index + 1].text if index + 1 < len(lines) else ""
    meta = read_when(following)
    return meta or Meta(), meta is not None


def _take_organization(units: list[Unit], dot: Line, *, spaced: bool) -> Meta:
    """Takes the line above the dot off the units if it is an organisation's: short, and close to the dot."""
    above = units[-1] if units else None
    if not isinstance(above, Line) or len(above.text) > _LONGEST_ORGANIZATION:
        return Meta()
    is_close = above.after_blank and not dot.after_blank
    if not is_close if spaced else above.text.endswith(SENTENCE_ENDS):
        return Meta()
    units.pop()
    return Meta(organization=above.text)


def read_when(text: str) -> Meta | None:
    """Date and comments of "Dec 23, 2024 2", "Mar 3 3", "May 296"; `None` if the text is no date.

    "May 296" has lost the space before its comments: taken apart only where no month has so many days.
    """
    match = _WHEN.fullmatch(text.strip()) if len(text) < 80 else None
    if not match:
        return None
    when = _when(match)
    if match["glued"]:
        return Meta(when=when, comments=int(match["glued"]), was_glued=True)
    if match["comments"]:
        return Meta(when=when, comments=int(match["comments"]))
    return Meta(when=when) if when.can_exist or when.year else _split_glued(when.month, match["day"])


def _when(match: re.Match[str]) -> When:
    month = MONTHS.index(match["month"][:3]) + 1
    return When(month=month, day=int(match["day"]), year=int(match["year"]) if match["year"] else None)


def _split_glued(month: int, digits: str) -> Meta:
    """Day and comments of "296": the longest day that the month has, then a number not starting with 0."""
    for size in (2, 1):
        when = When(month=month, day=int(digits[:size]))
        if when.can_exist and len(digits) > size and digits[size] != "0":
            return Meta(when=when, comments=int(digits[size:]), was_glued=True)
    return Meta(when=When(month=month, day=int(digits)))


# ---------------------------------------------------------------- papers to a listing


def listing_of(found: Found, *, at: datetime, saved_on: date | None) -> Listing:
    """The listing of what a page holds, its dates placed by the page's date and the day it was saved."""
    page = found.page if found.page and found.page.can_exist else None
    whens = [draft.meta.when for draft in found.drafts if draft.meta.when]
    explicit = [day.year for when in whens if when.year and (day := when.in_year(when.year))]
    year = year_of_page(page, explicit, saved_on)
    problems = list(found.warnings)
    if found.page and not page:
        problems.append(f"The page's own date, {found.page}, does not exist")
    if year.warning and (page or any(when.year is None for when in whens)):
        problems.append(year.warning)
    day = year.until if page else None
    titled = [draft for draft in found.drafts if clean(draft.title, MAX_TITLE)]
    if len(titled) < len(found.drafts):
        problems.append(f"{len(found.drafts) - len(titled)} papers without a readable title were left out")
    entries = tuple(_entry(draft, year, at, day, problems) for draft in titled)
    return Listing(layout=found.layout, entries=entries, warnings=tuple(problems), day=day)


def _entry(draft: Draft, page: PageYear, at: datetime, day: date | None, problems: list[str]) -> Entry:
    """The draft as an entry; what is doubtful about its date is added to the problems."""
    title = clean(draft.title, MAX_TITLE)
    meta = draft.meta
    published, doubt = _published(meta, page)
    if doubt:
        problems.append(f"Line {draft.number}, “{clean(title, 60)}”: {doubt}")
    paper = Paper(
        id=draft.identifier or title_identity(title),
        title=title,
        source="listing",
        abstract=clean(draft.abstract, MAX_ABSTRACT) or None,
        n_authors=meta.n_authors,
        organization=clean(meta.organization or "", MAX_NAME) or None,
        published=published,
        url=safe_link(f"https://huggingface.co/papers/{draft.identifier}") if draft.identifier else None,
    )
    observed = Observation(
        at=at, listed_on=day, upvotes=meta.upvotes, comments=meta.comments, stars=meta.stars
    )
    return Entry(paper=paper, observation=observed)


def _published(meta: Meta, page: PageYear) -> tuple[date | None, str]:
    """The paper's date and what is doubtful about it; a date that would lie after the page is not guessed."""
    when = meta.when
    year = when and (when.year or page.year)
    if not when or not year:
        return None, ""
    published = when.in_year(year)
    if not published:
        return None, f"its date, {when}, does not exist in {year}; left open"
    if not when.year and page.until and published > page.until:
        return None, f"its date, {when}, has no year and lies after the page's own; left open"
    glued = f"date and comments were glued; read as {when} and {meta.comments}" if meta.was_glued else ""
    return published, glued
