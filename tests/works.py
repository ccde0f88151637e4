"""Papers as they are, drawn at random, and the many ways in which lists tell of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, pairwise
from typing import Any

from hypothesis import strategies as st

from digest.gathering import collect
from digest.identity import is_telling, is_title_only, title_identity
from digest.model import Entry, Listing, Observation, Paper
from tests import makers
from tests.makers import NOW

NAMES = (("Ada Lovelace", "Kettle, Bo"), ("Cem Samovar",), ("D. E. Teapot", "Eva von Tass", "李 雷"))
BELIEVED = "semanticscholar"
"""Whose word counts on ids of every kind."""
SHARED = "Robots that pour tea without spilling any"


def entry(identifier: str = "2603.00001", title: str = "Learning to Wait", **fields: Any) -> Entry:
    """A paper as a list shows it that is believed."""
    return makers.entry(identifier, title, **({"source": BELIEVED} | fields))


@dataclass(frozen=True, slots=True)
class Work:
    """One paper as it is: at most one id of each kind, its titles, its authors."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    authors: tuple[str, ...]
    always_says_authors: bool
    """True where its title is that of another, too."""


@st.composite
def works(draw: st.DrawFn) -> tuple[Work, ...]:
    """Up to three papers; either each has titles of its own, or all are called alike and say who wrote them."""
    alike = draw(st.booleans())
    return tuple(_work(draw, number, alike) for number in range(draw(st.integers(1, 3))))


def _work(draw: st.DrawFn, number: int, alike: bool) -> Work:
    every = (
        f"2603.0000{number}",
        f"10.1101/2026.03.0{number}",
        f"openreview:tea{number}",
        f"s2:{number}ab",
    )
    own = (
        f"A robot which pours tea in kitchen {number}",
        f"$\\alpha$-pouring: a robot which pours tea in kitchen {number}",
        f"Tea in kitchen {number}",
    )
    titles = (SHARED,) if alike else draw(st.sets(st.sampled_from(own), min_size=1))
    ids = draw(st.sets(st.sampled_from(every)))
    return Work(tuple(sorted(ids)), tuple(sorted(titles)), NAMES[number], alike)


@st.composite
def mentions(draw: st.DrawFn, work: Work) -> Entry:
    """A paper as some list has it: some id and some of the others, or its title alone."""
    title = draw(st.sampled_from(work.titles))
    by_id = bool(work.ids) and draw(st.booleans())
    others = draw(st.sets(st.sampled_from(work.ids))) if by_id else set()
    says_authors = by_id and (work.always_says_authors or draw(st.booleans()))
    paper = Paper(
        id=draw(st.sampled_from(work.ids)) if by_id else title_identity(title),
        title=draw(st.sampled_from((title, title.upper(), title.replace("$\\alpha$", "α")))),
        source=BELIEVED,
        authors=work.authors if says_authors else None,
        n_authors=len(work.authors) if says_authors else None,
        published=draw(st.sampled_from((None, date(2026, 3, 1), date(2027, 1, 9)))) if by_id else None,
        aliases=tuple(sorted(others)),
    )
    return Entry(paper=paper, observation=Observation(at=NOW, upvotes=draw(st.none() | st.integers(0, 9))))


@st.composite
def told(draw: st.DrawFn) -> tuple[Entry, ...]:
    """What lists say of some papers, in some order."""
    drawn = draw(works())
    return tuple(draw(st.lists(st.sampled_from(drawn).flatmap(mentions), max_size=9)))


@st.composite
def harvests(draw: st.DrawFn, entries: Sequence[Entry]) -> list[tuple[Entry, ...]]:
    """The same entries in another order, cut into harvests."""
    order = draw(st.permutations(entries))
    cuts = sorted(draw(st.sets(st.integers(0, len(order)))) | {0, len(order)})
    return [tuple(order[start:end]) for start, end in pairwise(cuts)]


Known = set[tuple[str, frozenset[str]]]
"""Papers: of each its id, and all its real ones."""


def gathered(entries: Iterable[Entry]) -> Known:
    """As a preview without a store has them."""
    papers = [one.paper for one in collect([Listing(layout="test", entries=tuple(entries))], NOW)]
    return {(one.id, _real({one.id, *one.aliases})) for one in papers}


def real_ids(entries: Sequence[Entry]) -> list[frozenset[str]]:
    """The papers that have ids, found the slow way: what is linked by an id, or by a title that tells."""
    groups = [
        (frozenset((one.paper.id, *one.paper.aliases)), [one]) for one in entries if not _is_titled(one)
    ]
    while pair := next(((one, other) for one, other in combinations(groups, 2) if _linked(one, other)), None):
        one, other = pair
        groups = [group for group in groups if group not in pair] + [(one[0] | other[0], one[1] + other[1])]
    return [ids for ids, _ in groups]


Group = tuple[frozenset[str], list[Entry]]


def _linked(one: Group, other: Group) -> bool:
    return bool(one[0] & other[0]) or any(_told_by_title(a, b) for a in one[1] for b in other[1])


def _told_by_title(one: Entry, other: Entry) -> bool:
    same = _spelled(one.paper.title) == _spelled(other.paper.title)
    authors, others = one.paper.authors, other.paper.authors
    return same and is_telling(one.paper.title) and (not authors or not others or authors == others)


def _spelled(title: str) -> str:
    return title_identity(title.lower().replace("$\\alpha$", "alpha").replace("α", "alpha"))


def _is_titled(one: Entry) -> bool:
    return is_title_only(one.paper.id) and not one.paper.aliases


def _real(ids: Iterable[str]) -> frozenset[str]:
    return frozenset(one for one in ids if not is_title_only(one))


# ---------------------------------------------------------------- lists that lie

HONEST = (
    entry("2603.00001", SHARED, source="arxiv", authors=NAMES[0]),
    entry("10.1101/2026.03.01", "Saucers fly where kettles land", source="biorxiv", authors=NAMES[1]),
    entry("openreview:tea", "On the boiling of water by lamps", source="openreview", authors=NAMES[2]),
    entry("2603.00002", "A spoon stirs without a hand", source="arxiv"),
    entry("10.1101/2026.03.02", "Sugar cubes stack themselves", source="biorxiv"),
    entry("s2:5ab", "Milk first, or does it matter", source="semanticscholar"),
)
"""Papers that are not one, each told by who knows of it."""


@st.composite
def lies(draw: st.DrawFn) -> Entry:
    """What a feed may claim: anybody's ids, titles and authors, one by one or several in one."""
    ids = st.sampled_from([one.paper.id for one in HONEST] + ["10.1/a", "10.1/b", "feed:x"])
    titles = [one.paper.title for one in HONEST]
    title = draw(st.sampled_from([*titles, "Buy our kettles at once", " ".join(titles[:2])]))
    return entry(
        draw(ids | st.just(title_identity(title))),
        title,
        source=draw(st.sampled_from(("feed", "listing"))),
        authors=draw(st.sampled_from((None, *NAMES))),
        aliases=tuple(draw(st.lists(ids, max_size=4))),
    )


@st.composite
def told_among_lies(draw: st.DrawFn) -> tuple[Entry, ...]:
    """All of the honest papers, and lies before, between and behind them."""
    lied = draw(st.lists(lies(), min_size=1, max_size=12))
    return tuple(draw(st.permutations([*HONEST, *lied])))
