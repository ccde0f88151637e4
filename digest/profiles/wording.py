"""A profile's phrases against each other: what is said twice, and what contradicts itself."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from digest.language import ENGLISH
from digest.model import Interest, Profile
from digest.profiles.findings import Finding, key_of
from digest.scoring.phrases import field, phrase, stands
from digest.text import words


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One way to say an interest, and where it stands."""

    text: str
    table: str
    interest: Interest

    @property
    def is_alias(self) -> bool:
        """Whether it is another way to say it than the phrase itself."""
        return self.text != self.interest.phrase

    @property
    def key(self) -> str:
        """Its place in the profile file."""
        return key_of(self.table, self.interest.phrase, alias=self.is_alias)


def said(profile: Profile) -> tuple[Said, ...]:
    """All phrases and aliases, in order."""
    tables = (("interests", profile.interests), ("avoid", profile.avoid))
    return tuple(
        Said(text=text, table=table, interest=interest)
        for table, interests in tables
        for interest in interests
        for text in (interest.phrase, *interest.aliases)
    )


def check_wording(profile: Profile) -> Iterator[Finding]:
    """What can be seen without any paper."""
    if not (
        profile.interests or profile.authors or profile.organizations or profile.liked or profile.liked_files
    ):
        yield Finding(
            check="no-taste",
            key="interests",
            what="there is nothing to pick by: no interest, no follow, no liked paper",
            fix='Add a line such as "self-supervised learning" = 8 under [interests]',
        )
    yield from _pairs(said(profile))
    yield from _names(profile)


def _pairs(phrases: Sequence[Said]) -> Iterator[Finding]:
    """What two phrases say of each other; what is contained in several others is told once."""
    containing: defaultdict[Said, list[Said]] = defaultdict(list)
    for one, other in combinations(phrases, 2):
        there, back = _is_in(one.text, other.text), _is_in(other.text, one.text)
        if there and back:
            yield _equal(one, other)
        elif there or back:
            containing[one if there else other].append(other if there else one)
    for short, longer in containing.items():
        yield from _contained(short, longer)


def _is_in(short: str, long: str) -> bool:
    """Whether every paper with the long phrase has the short one, word for word."""
    return stands(phrase(short), field(long)) is True


def _equal(one: Said, other: Said) -> Finding:
    if one.interest is other.interest:
        return Finding(
            check="alias-needless",
            key=other.key,
            what=f"“{other.text}” is “{one.text}” already: endings, plurals and hyphens never matter",
            fix="Leave the alias out",
        )
    if one.table != other.table:
        return Finding(
            check="interest-and-avoid",
            key=other.key,
            what=f"“{other.text}” is among the interests too (“{one.text}”), so its points cancel out",
            fix="Keep one of the two",
        )
    return Finding(
        check="said-twice",
        key=other.key,
        what=f"“{other.text}” is the same as “{one.text}” of {one.key}, so a paper gets the points of both",
        fix="Keep one of the two",
    )


def _contained(short: Said, longer: Sequence[Said]) -> Iterator[Finding]:
    """An interest with a part of it avoided is well: "agents", but not "web agents"."""
    own = [
        long for long in longer if long.interest is short.interest and long.is_alias and not short.is_alias
    ]
    same = [long for long in longer if long.table == short.table and long.interest is not short.interest]
    wanted = [long for long in longer if short.table == "avoid" and long.table == "interests"]
    for long in own:
        yield Finding(
            check="alias-needless",
            key=long.key,
            what=f"“{long.text}” finds nothing that “{short.text}” does not find",
            fix="Leave the alias out",
        )
    if same:
        yield Finding(
            check="contained",
            key=short.key,
            what=(
                f"“{short.text}” stands in {_quoted(same)} too, "
                f"so a paper with {_that(same)} gets the points of both"
            ),
            fix="Leave one out, or see that the weights together are what you mean",
        )
    if wanted:
        yield Finding(
            check="interest-and-avoid",
            key=short.key,
            what=(
                f"“{short.text}” stands in {_quoted(wanted)} among the interests, "
                "so its points are always fewer"
            ),
            fix="Avoid something narrower",
        )


def _quoted(phrases: Sequence[Said]) -> str:
    return ENGLISH.listed(tuple(f"“{one.text}”" for one in phrases))


def _that(phrases: Sequence[Said]) -> str:
    return "that" if len(phrases) == 1 else "one of those"


# ---------------------------------------------------------------- names


def _names(profile: Profile) -> Iterator[Finding]:
    for author in profile.authors:
        parts = [author[word.start : word.end] for word in words(author)]
        full = [part for part in parts if len(part) > 1]
        if len(parts) == 1:
            yield Finding(
                check="author-one-word",
                key="follow.authors",
                what=f"“{author}” is one word: only authors printed with that word alone are found",
                fix="Write the whole name",
            )
        elif len(full) < 2:
            yield Finding(
                check="author-initials",
                key="follow.authors",
                what=f"“{author}” has initials only: it finds all who are printed so, and nobody else",
                fix="Write the first name in full",
            )
