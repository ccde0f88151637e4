"""What can go wrong that a person can act on."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends; documented in README and `digest --help`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    INPUT = 4
    STORE = 5
    DELIVERY = 6


class DigestError(Exception):
    """A problem stated as what happened, where, and what to do about it.

    Shown to people as one line each; a bug is any *other* exception, and stays a traceback.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        located = f"{self.where}: {self.what}" if self.where else self.what
        if not self.fix:
            return located
        return f"{located} {self.fix}" if located.endswith((".", "?", "!")) else f"{located}. {self.fix}"


class ConfigurationError(DigestError):
    """The configuration or a profile cannot be used; `problems` holds every one that was found."""

    exit_code = ExitCode.CONFIGURATION

    def __init__(self, problems: tuple[DigestError, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    @classmethod
    def of(cls, what: str, *, where: str = "", fix: str = "") -> "ConfigurationError":
        """One problem."""
        return cls((DigestError(what, where=where, fix=fix),))


def each_once(problems: Iterable[DigestError], about: str = "") -> tuple[str, ...]:
    """Problems in words, what happened in front: each once, with the first place where it showed.

    A place that is only what they are all `about` is left out.
    """
    places: dict[tuple[str, str], dict[str, None]] = {}
    for problem in problems:
        for one in problem.problems if isinstance(problem, ConfigurationError) else (problem,):
            named = places.setdefault((one.what, one.fix), {})
            if one.where not in ("", about):
                named[one.where] = None
    return tuple(
        str(DigestError(f"{what}{_at(list(named))}", fix=fix)) for (what, fix), named in places.items()
    )


def _at(places: Sequence[str]) -> str:
    more = f" and {len(places) - 1} more" if places[1:] else ""
    return f" ({places[0]}{more})" if places else ""


class UsageError(DigestError):
    """The command line asks for what cannot be."""

    exit_code = ExitCode.USAGE


class InputError(DigestError):
    """A page, file or answer is not what it was taken for."""

    exit_code = ExitCode.INPUT


class StaleError(InputError):
    """A source gave the list of an earlier day, where a new one is due."""


class StoreError(DigestError):
    """The database cannot be opened, is of another version, or refused a write."""

    exit_code = ExitCode.STORE


class FetchError(DigestError):
    """A source could not be reached or answered something unusable."""

    exit_code = ExitCode.INPUT


class MissingError(FetchError):
    """The server answers, and has no such page (404, 410)."""


class RefusedError(FetchError):
    """The server answers, and will not do what this request asks (another 4xx)."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", status: int = 400) -> None:
        super().__init__(what, where=where, fix=fix)
        self.status = status


class BusyError(FetchError):
    """The server asks for fewer requests (429, Retry-After); not to be asked before `until`, if known."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", until: datetime | None = None) -> None:
        super().__init__(what, where=where, fix=fix)
        self.until = until


class LostError(FetchError):
    """Lists of days gone by that a harvest cannot make up for any more: told once, never asked for again."""


class FormError(FetchError):
    """What came has another form than was asked for, such as a login page; `body` is it, decompressed."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", body: bytes) -> None:
        super().__init__(what, where=where, fix=fix)
        self.body = body


class DeliveryError(DigestError):
    """The way out (SMTP, Maildir, folder) cannot be used at all."""

    exit_code = ExitCode.DELIVERY
