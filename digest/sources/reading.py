"""Which line of a page is a title, which an abstract: the cheapest reading of all is taken."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from math import inf

from digest.sources.page_year import When
from digest.text import clean

SENTENCE_ENDS = (".", "!", "?", "…", ")", "}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line with text in it."""

    number: int
    text: str
    after_blank: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What a page says about the paper above: who, when, and what readers did."""

    n_authors: int | None = None
    organization: str | None = None
    when: When | None = None
    comments: int | None = None
    upvotes: int | None = None
    stars: int | None = None
    was_glued: bool = False
    """Day and comments stood as one number ("May 296") and were taken apart."""

    def filled_from(self, other: "Meta") -> "Meta":
        """This one, its gaps filled from the other."""
        return Meta(
            n_authors=other.n_authors if self.n_authors is None else self.n_authors,
            organization=self.organization or other.organization,
            when=self.when or other.when,
            comments=other.comments if self.comments is None else self.comments,
            upvotes=other.upvotes if self.upvotes is None else self.upvotes,
            stars=other.stars if self.stars is None else self.stars,
            was_glued=self.was_glued or other.was_glued,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A paper as found on a page, before years are known; `number` is its title's line."""

    number: int
    title: str
    abstract: str = ""
    meta: Meta = field(default_factory=Meta)
    identifier: str | None = None


Unit = Line | Meta


def add_unit(units: list[Unit], unit: Unit) -> None:
    """Adds a unit; neighbouring metas are about the same paper and become one."""
    if isinstance(unit, Meta) and units and isinstance(units[-1], Meta):
        units[-1] = units[-1].filled_from(unit)
    else:
        units.append(unit)


def is_spaced(units: Sequence[Unit]) -> bool:
    """Whether blank lines part titles and abstracts here; a stray blank line does not make it so.

    Asked of the long lines, which are abstracts; of all lines where there is none, as in wrapped text.
    """
    lines = [unit for unit in units if isinstance(unit, Line)]
    apart = [one.after_blank or two.after_blank for one, two in pairwise(lines) if len(one.text) >= 300]
    if apart:
        return 2 * sum(apart) > len(apart)
    blanks = sum(line.after_blank for line in lines[1:])
    return blanks > 0.05 * len(lines)


# ---------------------------------------------------------------- units to papers


class _Role(IntEnum):
    """What a unit is in one reading of the page."""

    START = 0
    TITLE = 1
    MORE_TITLE = 2
    ABSTRACT = 3
    MORE_ABSTRACT = 4
    META = 5
    JUNK = 6


# Pages state no roles, and lines may be wrapped, missing or foreign; so every reading has a price and the
# cheapest is taken. The prices are chosen so that a page of plain title, abstract, title, abstract costs
# next to nothing, and that one odd line never shifts the titles and abstracts of all that follow.
_TITLE_LOST = 4.0
_FOLLOWS: dict[_Role, dict[_Role, float]] = {
    _Role.TITLE: {
        _Role.START: 0,
        _Role.ABSTRACT: 0,
        _Role.MORE_ABSTRACT: 0,
        _Role.META: 0,
        _Role.JUNK: 0,
        _Role.TITLE: _TITLE_LOST,
        _Role.MORE_TITLE: _TITLE_LOST,
    },
    _Role.MORE_TITLE: {_Role.TITLE: 0, _Role.MORE_TITLE: 0},
    _Role.ABSTRACT: {_Role.TITLE: 0, _Role.MORE_TITLE: 0},
    _Role.MORE_ABSTRACT: {_Role.ABSTRACT: 0, _Role.MORE_ABSTRACT: 0},
    _Role.META: {
        _Role.ABSTRACT: 0,
        _Role.MORE_ABSTRACT: 0,
        _Role.META: 0,
        _Role.START: 1,
        _Role.JUNK: 1,
        _Role.TITLE: 2.5,
        _Role.MORE_TITLE: 2.5,
    },
    _Role.JUNK: {
        _Role.JUNK: 1,
        _Role.START: 3,
        _Role.ABSTRACT: 3,
        _Role.MORE_ABSTRACT: 3,
        _Role.META: 3,
        _Role.TITLE: 3 + _TITLE_LOST,
        _Role.MORE_TITLE: 3 + _TITLE_LOST,
    },
}
_AT_END = {_Role.TITLE: _TITLE_LOST, _Role.MORE_TITLE: _TITLE_LOST}


def assemble(units: Sequence[Unit]) -> tuple[list[Draft], list[str]]:
    """The papers of the cheapest reading of the units, and warnings for what belongs to none."""
    builders: list[_Builder] = []
    strays: list[Line] = []
    for unit, role in zip(units, _cheapest_reading(units), strict=True):
        if role is _Role.TITLE and isinstance(unit, Line):
            builders.append(_Builder(unit))
        elif role is _Role.JUNK and isinstance(unit, Line):
            strays.append(unit)
        elif builders:
            builders[-1].add(unit, role)
    strays += [builder.lines[0] for builder in builders if not builder.is_paper]
    drafts = [builder.draft() for builder in builders if builder.is_paper]
    return drafts, list(_stray_warnings(strays))


class _Builder:
    """Collects the lines of one paper."""

    def __init__(self, title: Line) -> None:
        self.lines = [title]
        self.abstract: list[str] = []
        self.meta: Meta | None = None

    def add(self, unit: Unit, role: _Role) -> None:
        if isinstance(unit, Meta):
            self.meta = self.meta.filled_from(unit) if self.meta else unit
        elif role is _Role.MORE_TITLE:
            self.lines.append(unit)
        else:
            self.abstract.append(unit.text)

    @property
    def is_paper(self) -> bool:
        return bool(self.abstract or self.meta)

    def draft(self) -> Draft:
        return Draft(
            number=self.lines[0].number,
            title=" ".join(line.text for line in self.lines),
            abstract=" ".join(self.abstract),
            meta=self.meta or Meta(),
        )


def _stray_warnings(strays: Sequence[Line]) -> Iterator[str]:
    if strays:
        first = min(strays, key=lambda line: line.number)
        count = "1 line is" if len(strays) == 1 else f"{len(strays)} lines are"
        yield (
            f"{count} neither title nor abstract of a paper and left out; "
            f"the first is line {first.number}: “{clean(first.text, 60)}”"
        )


def _cheapest_reading(units: Sequence[Unit]) -> list[_Role]:
    """The role of every unit in the cheapest reading (Viterbi: linear in the number of units)."""
    spaced = is_spaced(units)
    lengths = _paragraph_lengths(units) if spaced else [_length(unit) for unit in units]
    costs: dict[_Role, float] = {_Role.START: 0.0}
    back: list[dict[_Role, _Role]] = []
    for unit, previous, length in zip(units, (None, *units), lengths, strict=False):
        reached: dict[_Role, float] = {}
        origin: dict[_Role, _Role] = {}
        for role, own in _role_costs(unit, previous, length, spaced=spaced):
            cheapest, origin[role] = _cheapest_way(costs, _FOLLOWS[role])
            reached[role] = cheapest + own
        costs = reached
        back.append(origin)
    return _walk_back(costs, back)


def _length(unit: Unit) -> int:
    return len(unit.text) if isinstance(unit, Line) else 0


def _paragraph_lengths(units: Sequence[Unit]) -> list[int]:
    """For every unit the length of the text from there to the next blank line."""
    lengths: list[int] = []
    below: Unit | None = None
    for unit in reversed(units):
        goes_on = isinstance(below, Line) and not below.after_blank
        lengths.append(_length(unit) + (lengths[-1] if goes_on else 0))
        below = unit
    return lengths[::-1]


def _cheapest_way(costs: dict[_Role, float], follows: dict[_Role, float]) -> tuple[float, _Role]:
    cheapest, origin = inf, _Role.START
    for before, extra in follows.items():
        cost = costs.get(before, inf) + extra
        if cost < cheapest:
            cheapest, origin = cost, before
    return cheapest, origin


def _walk_back(costs: dict[_Role, float], back: Sequence[dict[_Role, _Role]]) -> list[_Role]:
    role = min(costs, key=lambda role: costs[role] + _AT_END.get(role, 0))
    roles: list[_Role] = []
    for origin in reversed(back):
        roles.append(role)
        role = origin[role]
    return roles[::-1]


def _role_costs(
    unit: Unit, previous: Unit | None, length: int, *, spaced: bool
) -> tuple[tuple[_Role, float], ...]:
    """What it costs to read a unit, of so long a paragraph, in each role it can have at all."""
    if isinstance(unit, Meta):
        return ((_Role.META, 0.0),)
    is_apart = unit.after_blank or not isinstance(previous, Line)
    is_sentence = len(unit.text) > 150 or unit.text.endswith(SENTENCE_ENDS)
    if not spaced:
        more_title, more_abstract = 1.5, _wrap_cost(unit.text, previous)
    elif is_apart:
        more_title, more_abstract = 5.0, 2.5 if is_sentence and len(unit.text) < 400 else 4.5
    else:
        more_title, more_abstract = 0.3, 0.1
    return (
        (_Role.TITLE, _title_cost(unit.text) + (3.0 if spaced and not is_apart else 0.0)),
        (_Role.MORE_TITLE, more_title + (3.0 if len(unit.text) > 150 else 0.0)),
        (_Role.ABSTRACT, _abstract_cost(unit.text, length) + (0.5 if spaced and not is_apart else 0.0)),
        (_Role.MORE_ABSTRACT, more_abstract),
        (_Role.JUNK, 0.0),
    )


def _wrap_cost(text: str, previous: Unit | None) -> float:
    """What it costs to read on from the line above: little where that breaks off in mid-sentence.

    A line of full length never does: it is a whole abstract, though it may end in an address.
    """
    above = previous.text if isinstance(previous, Line) else ""
    if len(above) > 200:
        return 4.5
    if len(above) < 40 or above.endswith(SENTENCE_ENDS):
        return 2.0
    return 0.5 if text[0].islower() else 1.2


def _title_cost(text: str) -> float:
    length = len(text)
    if not any(char.isalpha() for char in text[:200]):
        return 6.0
    cost = 0.5 if length < 8 else min(2.5, max(0.0, (length - 200) / 60))
    if length > 60 and text.endswith("."):
        cost += 1.0
    return cost + (0.7 if text[0].islower() else 0.0)


def _abstract_cost(text: str, length: int) -> float:
    if length >= 120:
        return 0.0 if length >= 300 else 0.3
    if text.endswith(SENTENCE_ENDS):
        return 2.0 if length < 25 else 1.0
    return 5.0 if length < 25 else 4.5
