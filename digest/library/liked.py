"""All the papers that a reader likes: those of the profile, of its files, and those that were said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from digest.errors import DigestError
from digest.identity import is_title_only, merged
from digest.library.entries import Library
from digest.library.files import load_library
from digest.model import Note, NoteKind, Paper, Profile

MOST_LIKED = 300
"""How many liked papers teach the taste: the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Liked:
    """The liked papers that are used, the latest last, and what the reader should know of the others."""

    papers: tuple[Paper, ...] = ()
    notes: tuple[Note, ...] = ()


def load_liked(profile: Profile) -> Library:
    """All papers that a profile names: those of its files, in their order, then its own."""
    ids: dict[str, None] = {}
    papers: dict[str, Paper] = {}
    notes: list[str] = []
    for path in profile.liked_files:
        read = load_library(path)
        if isinstance(read, DigestError):
            notes.append(f"liked papers: {read}")
            continue
        notes += [f"liked papers: {path.name}: {note}" for note in read.notes]
        ids |= dict.fromkeys(read.ids)
        for identifier, paper in read.papers.items():
            papers[identifier] = merged(papers[identifier], paper) if identifier in papers else paper
    for identifier in profile.liked:
        ids.pop(identifier, None)
        ids[identifier] = None
    return Library(ids=tuple(ids), papers=papers, notes=tuple(notes))


def latest(library: Library) -> Library:
    """The part of a library that is used, with a note if that is not all."""
    if len(library.ids) <= MOST_LIKED:
        return library
    ids = library.ids[-MOST_LIKED:]
    papers = {one: library.papers[one] for one in ids if one in library.papers}
    note = f"of {len(library.ids):,} liked papers in profile and files, the last {MOST_LIKED} are used"
    return Library(ids=ids, papers=papers, notes=(*library.notes, note))


def wanting(library: Library) -> tuple[str, ...]:
    """Of the papers that are used, those whose abstract a source may know, the latest first."""
    used = latest(library)
    lacking = (one for one in reversed(used.ids) if not is_title_only(one))
    return tuple(one for one in lacking if one not in used.papers or used.papers[one].abstract is None)


def complete(library: Library, known: Mapping[str, Paper], said: Iterable[Paper] = ()) -> Liked:
    """The papers of a library with what is `known` of them (by the library's ids), then those `said`.

    What is known is the better; the library fills its gaps. At most MOST_LIKED, the latest.
    """
    used = latest(library)
    papers = filter(None, (completed(used, known, one) for one in used.ids))
    liked = {paper.id: paper for paper in papers}
    for paper in said:
        liked.pop(paper.id, None)
        liked[paper.id] = paper
    missing = sum(one not in known and one not in used.papers for one in used.ids)
    told = (*used.notes, *_missing(missing, len(used.ids)))
    return Liked(
        papers=tuple(liked.values())[-MOST_LIKED:],
        notes=tuple(Note(kind=NoteKind.LIKED, detail=one) for one in told),
    )


def completed(library: Library, known: Mapping[str, Paper], identifier: str) -> Paper | None:
    """What is known of one paper, its gaps filled by the library; `None` if neither has it."""
    stored, own = known.get(identifier), library.papers.get(identifier)
    return merged(stored, own) if stored and own else stored or own


def _missing(missing: int, of: int) -> tuple[str, ...]:
    if not missing:
        return ()
    return (f"{missing} of {of} liked papers are not stored yet and could not be used",)
