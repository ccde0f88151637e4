"""Entries of lists gathered into papers, each once, whatever ids and titles it goes by.

The same for a store, which brings what it knows, and for a preview without one. What holds whatever the order
of the lists, and what cannot: docs/decisions/0020-identity.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from digest.identity import (
    LIBRARY,
    alike,
    decisive,
    have_an_author_in_common,
    ids_of,
    is_of_record,
    is_telling,
    is_title_only,
    kinds,
    latest,
    may_be_one,
    merged,
    owns,
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
    is_retold: bool = False
    """Whether the titles it went by before were not its own."""

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
        said, seen = entry.paper, entry.observation
        known = self._by_id.get(said.id)
        if known and not _is_of(known, said):
            if not owns(said.source, said.id):
                # Somebody who does not know calls another paper so: it was listed, and nothing more is true.
                self._forget(known)
                self.know(replace(known, observations=decisive([*known.observations, seen])))
                return
            self._give_back(known, said)
        self._join(said, seen, at)

    def _give_back(self, known: Gathered, said: Paper) -> None:
        """Take an id from a paper that others gave it to: who knows has another paper under it."""
        self._forget(known)
        left = known.ids - {said.id}
        if left:
            self.know(_with_ids(known, left))
        elif owns(known.paper.source, said.id):
            self.know(known)  # who knows has told of it before, in other words
        else:
            told = replace(known, paper=said, keys=title_keys(said), is_retold=True)
            self.know(_with_ids(told, known.ids))

    def _join(self, said: Paper, seen: Observation, at: datetime | None) -> None:
        keys = title_keys(said)
        same, ids = self._same_ids(said)
        self._add_same_titles(said, keys, same, ids)
        for one in same:
            self._forget(one)
        new = Gathered(paper=said, ids=frozenset(ids), keys=keys, first_seen=at, observations=(seen,))
        self.know(_one_of(same, new))

    def _same_ids(self, new: Paper) -> tuple[list[Gathered], set[str]]:
        """The papers that go by the ids of a new one, and all ids then.

        By its own id it is always found. Another id that belongs to another arXiv paper stays with that.
        """
        own, *others = ids_of(new)
        found = self._by_id.get(own)
        same = [found] if found else []
        ids = set(found.ids if found else (own,))
        for identifier in others:
            found = self._by_id.get(identifier)
            its = found.ids if found else frozenset((identifier,))
            is_too_much = len(ids | its) > MOST_IDS or not may_be_one(ids, its)
            if identifier in ids or is_too_much or not _is_believed(new, identifier, same, found):
                continue
            ids |= its
            if found:
                same.append(found)
        return same, ids

    def _add_same_titles(self, new: Paper, keys: Iterable[str], same: list[Gathered], ids: set[str]) -> None:
        """Add those that only the title tells, the best id first."""
        called_so = {one for key in keys for one in self._by_key.get(key, ())}
        for one in sorted(called_so.difference(same), key=lambda one: rank(one.paper.id)):
            if len(ids | one.ids) > MOST_IDS:
                continue
            if one.has_title_only or all(map(is_title_only, ids)) or _is_told(new, same, ids, one):
                same.append(one)
                ids |= one.ids

    def _forget(self, one: Gathered) -> None:
        del self._all[one]
        for identifier in one.ids:
            del self._by_id[identifier]
        for key in one.keys:
            self._by_key[key].pop(one, None)


def _is_of(known: Gathered, said: Paper) -> bool:
    """Whether what is said of an id may be of the paper that is known by it."""
    one = known.paper
    if is_title_only(said.id) or one.source == LIBRARY or alike(one, said):
        return True
    return one.source == said.source and have_an_author_in_common(one, said)  # who gave it another title


def _is_believed(new: Paper, identifier: str, same: Sequence[Gathered], found: Gathered | None) -> bool:
    """Whether a list is believed that its paper has this id, too; `found` is who has it now.

    Who knows the id at first hand always is. Of what is known already, others make one paper only where it
    looks like one; and what nobody else knows, they may say if somebody answers for them.
    """
    if owns(new.source, identifier):
        return True
    if found is None or found.paper.source == LIBRARY:
        return is_of_record(new.source)
    if not is_of_record(new.source) and any(kinds(one.ids) & kinds(found.ids) for one in same):
        return False
    return all(alike(one, found.paper) for one in (new, *(one.paper for one in same)))


def _with_ids(one: Gathered, ids: frozenset[str]) -> Gathered:
    """The same paper by these ids."""
    best, *others = sorted(ids, key=rank)
    aliases = tuple(other for other in others if not is_title_only(other))
    return replace(one, paper=replace(one.paper, id=best, aliases=aliases), ids=ids)


def _is_told(new: Paper, same: Iterable[Gathered], ids: Iterable[str], known: Gathered) -> bool:
    """Whether the title alone makes a known paper one with the new entry and all that is the same as that."""
    if kinds(ids) & kinds(known.ids) or not is_telling(new.title):
        return False
    return all(alike(one, known.paper) for one in (new, *(one.paper for one in same)))


def _one_of(same: Sequence[Gathered], new: Gathered) -> Gathered:
    """The new entry and what was the same before: what was known of the best id counts most."""
    best_first = sorted(same, key=lambda one: rank(one.paper.id))
    paper = reduce(lambda paper, one: merged(one.paper, paper), reversed(best_first), new.paper)
    both = Gathered(
        paper=paper,
        ids=new.ids,
        keys=reduce(_with_titles, (one.keys for one in best_first), new.keys),
        first_seen=min((one.first_seen for one in best_first if one.first_seen), default=new.first_seen),
        rows=tuple(row for one in best_first for row in one.rows),
        observations=decisive(
            [*(said for one in best_first for said in one.observations), *new.observations]
        ),
        is_retold=any(one.is_retold for one in same),
    )
    return _with_ids(both, new.ids)


def _with_titles(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    return some | others if len(some) + len(others) <= 2 * MOST_TITLES else others
