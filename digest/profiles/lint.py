"""A profile and stored papers -> what in the profile may not do what was meant."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from digest.model import Profile
from digest.pipeline import Reader, Shelf, score_briefly
from digest.profiles.findings import Finding
from digest.profiles.following import check_following
from digest.profiles.matching import check_matching
from digest.profiles.reach import check_liked, check_threshold
from digest.profiles.wording import check_wording

ORDER = ("days", "interests", "avoid", "follow", "liked", "threshold", "pause")
"""The keys and tables of a profile that something may be found in, as the example has them."""


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By their place in a profile."""
    return sorted(findings, key=lambda one: ORDER.index(one.key.partition(".")[0]))


def lint_alone(profile: Profile) -> Iterator[Finding]:
    """What can be found without any paper."""
    yield from check_wording(profile)


def lint_with_papers(reader: Reader, shelf: Shelf) -> Iterator[Finding]:
    """What only stored papers show; all that are on the shelf are looked at."""
    profile = reader.profile
    yield from check_matching(profile, shelf)
    yield from check_following(profile, shelf)
    yield from check_liked(reader)
    scored = score_briefly(replace(reader, had=frozenset()), shelf)
    yield from check_threshold(profile, scored, shelf)
