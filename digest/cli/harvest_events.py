"""What harvesting tells, a value each, and how a person at a screen hears it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from digest.cli.screen import note, say, side_by_side, warn, working
from digest.model import SourceState
from digest.text import clean

if TYPE_CHECKING:
    from digest.health import Health
    from digest.store.harvests import Harvest

_SHOWN = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """These sources are being read, side by side."""

    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A source is about to ask an address. Told from the thread that reads it."""

    source: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A source was read; what it gave is not stored yet."""

    source: str
    papers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something is odd or went wrong, and stops nothing."""

    source: str = ""
    """Empty: it is about none of them."""
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageKept:
    """A page that nobody could read is kept for a person to look at."""

    source: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of ours, with its traceback."""

    source: str
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a source gave is stored, and how that went on record."""

    done: "Harvest"
    health: "Health"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """All were read, or no more are."""

    is_abandoned: bool = False
    """Whether some were left unread, because Digest is to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookingUp:
    """Sources are being asked for liked papers that no list brought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """They answered; each problem was told as a warning."""

    found: int


HarvestEvent = Began | Asking | Got | Warned | PageKept | Fault | Stored | Ended | LookingUp | LookedUp
Tell = Callable[[HarvestEvent], None]
"""Who hears events; called from several threads."""


def in_words(health: "Health") -> str:
    """`filling: 12 papers, where 17 are usual by now`, `strange`, ..."""
    length = health.length
    if length is None or health.state is not SourceState.FILLING:
        return health.state.value
    return f"{health.state.value}: {length.papers} papers, where {length.by_then} are usual by now"


# ---------------------------------------------------------------- on a screen


@contextmanager
def on_screen() -> Iterator[Tell]:
    """Lines, and on a terminal what each source is at, as long as the block lasts."""
    with ExitStack() as shown:
        yield _Screen(shown)


def _nowhere(_name: str, _at: str) -> None:
    """Before anything is read, and after."""


@dataclass(slots=True)
class _Screen:
    _shown: ExitStack
    _show: Callable[[str, str], None] = field(default=_nowhere)

    def __call__(self, event: HarvestEvent) -> None:
        match event:
            case Began():
                self._show = self._shown.enter_context(side_by_side("reading", event.sources))
            case Asking():
                self._show(event.source, clean(event.url, _SHOWN))
            case Got():
                self._show(event.source, f"{event.papers} papers")
            case LookingUp():
                self._shown.enter_context(working("looking up liked papers"))
            case Ended() | LookedUp():
                self._show = _nowhere
                self._shown.close()
        _say(event)


def _say(event: HarvestEvent) -> None:
    """What stays to be read."""
    match event:
        case Warned():
            warn(f"{event.source}: {event.what}" if event.source else event.what)
        case PageKept():
            note(f"{event.source}: the page is kept as {event.path}")
        case Fault():
            note(event.trace)
        case Stored():
            done = event.done
            state = "" if event.health.state is SourceState.FINE else f"; {in_words(event.health)}"
            say(f"{done.source}: {done.papers} papers, {done.fresh} of them new{state}")
        case LookedUp() if event.found:
            say(f"liked papers: {event.found} looked up")
        case Began() | Asking() | Got() | Ended() | LookingUp() | LookedUp():
            pass
        case _:
            assert_never(event)
