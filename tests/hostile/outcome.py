"""What may come of bytes, however bad: clean and bounded lists, or an error that can be shown."""

from collections.abc import Iterable, Iterator

from digest.errors import DigestError, FetchError, InputError
from digest.model import Listing
from digest.text import clean
from tests.sources.contract import assert_clean

MOST_ENTRIES = 20_000
"""Of one list; so many papers no list of a day has."""
MOST_WARNINGS = 200
LONGEST_SAID = 5_000
"""Characters of a warning or an error, addresses included."""


def wrongs(found: Iterable[object]) -> list[str]:
    """What is wrong with what a reader gave; nothing, if all of it may be stored and shown."""
    return [wrong for one in found for wrong in _wrongs(one)]


def _wrongs(one: object) -> Iterator[str]:
    if isinstance(one, InputError | FetchError):
        yield from _unshowable(str(one))
    elif isinstance(one, Listing):
        yield from _wrong_listing(one)
    else:
        yield f"neither a list nor an error: {str(one)[:200]!r}"


def _wrong_listing(listing: Listing) -> Iterator[str]:
    if len(listing.entries) > MOST_ENTRIES:
        yield f"{len(listing.entries)} entries"
    if len(listing.warnings) > MOST_WARNINGS:
        yield f"{len(listing.warnings)} warnings"
    for said in (*listing.warnings, listing.layout, listing.quiet):
        yield from _unshowable(said)
    for entry in listing.entries:
        try:
            assert_clean(entry)
        except AssertionError:
            yield f"not clean: {str(entry)[:500]!r}"
            return


def _unshowable(said: str) -> Iterator[str]:
    """A terminal must not be written to by a page, nor a mail to the operator have no end."""
    if len(said) > LONGEST_SAID:
        yield f"{len(said)} characters in a message: {said[:100]!r}"
    elif clean(said, LONGEST_SAID) != " ".join(said.split()):
        yield f"control characters in a message: {said[:200]!r}"


def shown(problem: DigestError) -> str:
    """An error as a line of a record."""
    return f"{type(problem).__name__}: {problem}"
