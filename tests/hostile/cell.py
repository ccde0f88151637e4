"""A process in which sources read spoiled pages, with little memory and little time for each.

    python -m tests.hostile.cell quick|long|whole|found TARGET...

TARGET is a class of a source's contract (`tests.sources.test_x:TestX`), or one of the forms of tests.fuzz.readers.
`found` reads what was found before. It writes a line of JSON as an attack begins, and another with what was wrong
as it ends; what goes beyond the bounds ends the process, and so the last line names it.
"""

import faulthandler
import json
import resource
import signal
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from digest.errors import DigestError, MissingError
from digest.model import Listing
from tests.hostile.bounds import limit_memory, limit_time, peak_mb
from tests.hostile.mutations import KINDS, Mutation
from tests.hostile.outcome import wrongs
from tests.hostile.values import SECRET
from tests.sources.contract import FakeWeb, SourceContract

CPU_S = 10
"""Of processor time, for one reading of one source; the slowest linear one here takes two."""
MEMORY = 1_500_000_000
"""Bytes of address space, beyond what the process has as it begins."""
MOST_ASKED = 400
"""Pages that one harvest may ask for."""
FOUND = Path(__file__).parent / "found"


@dataclass(frozen=True, slots=True)
class Attack:
    """What is done, by name; it gives what was wrong."""

    name: str
    run: Callable[[], list[str]]


class _TooManyError(BaseException):
    """No source may catch it."""


@dataclass
class EndlessWeb(FakeWeb):
    """Has a page for each address, so that a list that goes on goes on for ever; counts what it is asked."""

    def _answer(self, url: str) -> bytes:
        if len(self.asked) + len(self.posted) > MOST_ASKED:
            raise _TooManyError
        if url in self.answers:
            return super()._answer(url)
        place = url.partition("?")[0]
        alike = [known for known in self.answers if known.partition("?")[0] == place]
        return super()._answer(next(iter([*alike, *self.answers])))


def attacks_on(contract: SourceContract, mutations: Iterator[Mutation]) -> Iterator[Attack]:
    """Each mutation of all pages of a source, then a web without end."""
    for mutation in mutations:
        yield Attack(mutation.name, lambda mutation=mutation: _read(contract, mutation))  # type: ignore[misc]
    yield Attack("a web without end", lambda: _read_endlessly(contract))


def _read(contract: SourceContract, mutation: Mutation) -> list[str]:
    web = contract.web()
    web.change = mutation.change
    with TemporaryDirectory() as folder:
        return _judged(contract.read(Path(folder), web))


def _read_endlessly(contract: SourceContract) -> list[str]:
    web = contract.web()
    endless = EndlessWeb(web.answers)
    endless.change = web.change
    try:
        with TemporaryDirectory() as folder:
            return _judged(contract.read(Path(folder), endless))
    except _TooManyError:
        return [f"more than {MOST_ASKED} pages asked for, the last {endless.asked[-1:]}"]


def _judged(found: list[Listing | DigestError]) -> list[str]:
    wrong = wrongs(found)
    if SECRET in repr([one.entries for one in found if isinstance(one, Listing)]):
        wrong.append("holds what is in a file of this machine")
    return wrong


def attacks_with(form: str, pages: Iterable[tuple[str, bytes]]) -> Iterator[Attack]:
    """Each page read by the reader of a form."""
    from tests.fuzz import readers

    reader = readers.READERS[form]
    for name, page in pages:
        yield Attack(name, lambda page=page: readers.attacked(reader, page))  # type: ignore[misc]


def spoiled(form: str, kind: str, seed: int) -> Iterator[tuple[str, bytes]]:
    """Each mutation of one of the good pages of a form that it changes, in turn; or of all of them."""
    from tests.fuzz import readers

    pages = readers.seeds(form)
    for turn, mutation in enumerate(KINDS[kind](pages, seed)):
        in_turn = ((turn + offset) % len(pages) for offset in range(len(pages)))
        changed = ((number, mutation.change(pages[number])) for number in in_turn)
        found = [(number, bad) for number, bad in changed if bad != pages[number]]
        for number, bad in found if kind == "whole" else found[:1]:
            yield f"{mutation.name}, page {number + 1}", bad


def found_before(form: str) -> Iterator[tuple[str, bytes]]:
    """What was found with a form's reader, by its file's name."""
    for path in sorted(FOUND.glob(f"{form}-*")):
        yield path.name, path.read_bytes()


def attacks(kind: str, target: str) -> Iterator[Attack]:
    """All of a kind on one target; each target has its own seed, so that together they try more."""
    seed = zlib.crc32(target.encode())
    if ":" not in target:
        yield from attacks_with(
            target, found_before(target) if kind == "found" else spoiled(target, kind, seed)
        )
        return
    module, name = target.split(":")
    contract = getattr(import_module(module), name)()
    pages = [page for page in contract.web().answers.values() if isinstance(page, bytes)]
    yield from attacks_on(contract, KINDS[kind](pages, seed))


def main(kind: str, *targets: str) -> None:
    """Run the attacks, one after the other, within bounds, and say how each went."""
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, chain=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit_memory(MEMORY)
    for target in targets:
        for attack in attacks(kind, target):
            run(target, attack)
    _say(done=round(time.process_time()), peak_mb=peak_mb())


def run(target: str, attack: Attack) -> None:
    """One attack within its bounds."""
    begun = time.process_time()
    _say(target=target, begun=attack.name)
    limit_time(CPU_S, used=begun)
    wrong = _outcome(attack)
    _say(target=target, ended=attack.name, wrong=wrong[:3], seconds=round(time.process_time() - begun, 2))


def _outcome(attack: Attack) -> list[str]:
    try:
        return attack.run()
    except MissingError as problem:
        return [f"raised {problem}"]
    except Exception:
        return [traceback.format_exc(limit=-6)]


def _say(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
