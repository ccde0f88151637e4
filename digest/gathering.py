"""Entries of lists gathered into papers, each once, whatever ids and titles it goes by.

The same for a store, which brings what it knows, and for a preview without one. What holds whatever the order
of the lists, and what cannot: docs/decisions/0020-identity.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from digest.identity import (
    agree,
    decisive,
    ids_of,
    is_telling,
    is_title_only,
    kinds,
    latest,
    may_be_one,
    merged,
    rank,
    title_keys,
)
from digest.model import Candidate, Entry, Listing, Observation, Paper

MOST_OF_A_TITLE = 50
"""How many papers of one title are looked at; what more are called tells nothing."""
MOST_IDS = 100
MOST_TITLES = 100
"""How many of one paper are kept: no list may make the work grow with the square of its length."""


def collect(listings: Iterable[Listing], at: datetime) -> tuple[Candidate, ...]:
    """The papers of several lists, each once, as a store that began with them would hold them."""
    gathering = Gathering()
    for listing in listings:
        for entry in listing.entries:
            gathering.add(entry, at)
    return tuple(
        Candidate(paper=one.paper, first_seen=at, observation=latest(one.observations)) for one in gathering
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """A paper with all that makes other entries the same, and what was newly said of it."""

    paper: Paper
    ids: frozenset[str]
    """All it is known by, those made of titles included."""
    keys: frozenset[str]
    """Of its titles, as far as they are asked for."""
    first_seen: datetime | None
    """When a list first brought it; `None`: none has."""
    rows: tuple[str, ...] = ()
    """The ids it was known under before, the best first."""
    observations: tuple[Observation, ...] = ()

    @property
    def has_title_only(self) -> bool:
        """Whether nobody gave it an id."""
        return all(map(is_title_only, self.ids))


@dataclass(slots=True)
class Gathering:
    """Papers by id and by title, to which entries are added one by one."""

    _all: dict[Gathered, None] = field(default_factory=dict)
    _by_id: dict[str, Gathered] = field(default_factory=dict)
    _by_key: defaultdict[str, dict[Gathered, None]] = field(default_factory=lambda: defaultdict(dict))

    def __iter__(self) -> Iterator[Gathered]:
        return iter(self._all)

    def know(self, one: Gathered) -> None:
        """Begin with a paper that was known before."""
        self._all[one] = None
        self._by_id.update(dict.fromkeys(one.ids, one))
        for key in one.keys:
            if len(called_so := self._by_key[key]) < MOST_OF_A_TITLE:
                called_so[one] = None

    def add(self, entry: Entry, at: datetime | None) -> None:
        """Let an entry be one with all it is the same as; `at` is when it was first seen if it is new."""
        keys = title_keys(entry.paper)
        same, ids = self._same_ids(entry.paper)
        self._add_same_titles(entry.paper, keys, same, ids)
        for one in same:
            self._forget(one)
        new = Gathered(
            paper=entry.paper,
            ids=frozenset(ids),
            keys=keys,
            first_seen=at,
            observations=(entry.observation,),
        )
        self.know(_one_of(same, new))

    def _same_ids(self, new: Paper) -> tuple[list[Gathered], set[str]]:
        """The papers that go by the ids of a new one, and all ids then.

        An id of the new one that belongs to another arXiv paper stays with that.
        """
        same: list[Gathered] = []
        ids: set[str] = set()
        for identifier in ids_of(new):
            found = self._by_id.get(identifier)
            its = found.ids if found else frozenset((identifier,))
            if identifier in ids or len(ids | its) > MOST_IDS or not may_be_one(ids, its):
                continue
            ids |= its
            if found:
                same.append(found)
        return same, ids

    def _add_same_titles(self, new: Paper, keys: Iterable[str], same: list[Gathered], ids: set[str]) -> None:
        """Add those that only the title tells, the best id first."""
        called_so = {one for key in keys for one in self._by_key.get(key, ())}
        for one in sorted(called_so.difference(same), key=lambda one: rank(one.paper.id)):
            if one.has_title_only or all(map(is_title_only, ids)) or _is_told(new, same, ids, one):
                same.append(one)
                ids |= one.ids

    def _forget(self, one: Gathered) -> None:
        del self._all[one]
        for identifier in one.ids:
            del self._by_id[identifier]
        for key in one.keys:
            self._by_key[key].pop(one, None)


def _is_told(new: Paper, same: Iterable[Gathered], ids: Iterable[str], known: Gathered) -> bool:
    """Whether the title alone makes a known paper one with the new entry and all that is the same as that."""
    if kinds(ids) & kinds(known.ids) or not is_telling(new.title):
        return False
    return all(agree(one, known.paper) for one in (new, *(one.paper for one in same)))


def _one_of(same: Iterable[Gathered], new: Gathered) -> Gathered:
    """The new entry and what was the same before: what was known of the best id counts most."""
    best_first = sorted(same, key=lambda one: rank(one.paper.id))
    paper = reduce(lambda paper, one: merged(one.paper, paper), reversed(best_first), new.paper)
    best, *others = sorted(new.ids, key=rank)
    aliases = tuple(one for one in others if not is_title_only(one))
    return Gathered(
        paper=replace(paper, id=best, aliases=aliases),
        ids=new.ids,
        keys=reduce(_with_titles, (one.keys for one in best_first), new.keys),
        first_seen=min((one.first_seen for one in best_first if one.first_seen), default=new.first_seen),
        rows=tuple(row for one in best_first for row in one.rows),
        observations=decisive(
            [*(said for one in best_first for said in one.observations), *new.observations]
        ),
    )


def _with_titles(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    return some | others if len(some) + len(others) <= 2 * MOST_TITLES else others
