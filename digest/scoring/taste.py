"""A profile made ready for scoring."""

from collections.abc import Iterable
from dataclasses import dataclass

from digest.model import Interest, Paper, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """What a reader cares for: phrases, names, papers."""

    interests: tuple[Interest, ...] = ()
    avoid: tuple[Interest, ...] = ()
    authors: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    liked: tuple[Paper, ...] = ()
    disliked: tuple[Paper, ...] = ()


def taste_of(profile: Profile, liked: Iterable[Paper] = (), disliked: Iterable[Paper] = ()) -> Taste:
    """The taste of a profile, with the papers its reader is known to like and not to."""
    return Taste(
        interests=profile.interests,
        avoid=profile.avoid,
        authors=profile.authors,
        organizations=profile.organizations,
        liked=each_once(liked),
        disliked=each_once(disliked),
    )


def each_once(papers: Iterable[Paper]) -> tuple[Paper, ...]:
    """Every paper once, however often it is named: a paper liked twice is no two papers."""
    return tuple({paper.id: paper for paper in papers}.values())


def texts(interest: Interest) -> tuple[str, ...]:
    """All ways to say an interest."""
    return interest.phrase, *interest.aliases


def query(interest: Interest) -> str:
    """All of them at once, for a search by words."""
    return " | ".join(texts(interest))
