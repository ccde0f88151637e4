"""A driver process, and what it said until it ended or was killed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LONGEST_S = 180


@dataclass(frozen=True)
class Journal:
    """The lines of one process, and how it ended."""

    lines: tuple[str, ...]
    errors: str
    code: int

    @cached_property
    def by_word(self) -> dict[str, frozenset[str]]:
        """What it said of which messages: `marking`, `marked`, `replied`, `unknown`, `resent`."""
        said: dict[str, set[str]] = {}
        for line in self.lines:
            word, _, rest = line.partition(" ")
            said.setdefault(word, set()).add(rest.partition(" ")[0])
        return {word: frozenset(messages) for word, messages in said.items()}

    def of(self, word: str) -> frozenset[str]:
        return self.by_word.get(word, frozenset())

    @property
    def is_done(self) -> bool:
        return self.code == 0 and "ended 0" in self.lines


@contextmanager
def driving(place: str | Path, port: int, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A driver that runs; it does not outlive the test."""
    command = [sys.executable, "-m", "tests.faults.driver", str(place), str(port), *options]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    try:
        yield process
    finally:
        process.kill()
        with suppress(ValueError):  # it was read to its end
            process.communicate()


def outcome(process: "subprocess.Popen[str]") -> Journal:
    """Wait for its end."""
    out, errors = process.communicate(timeout=LONGEST_S)
    return Journal(tuple(out.splitlines()), errors, process.returncode)


def drive(
    place: str | Path,
    port: int,
    *options: str,
    begun: Callable[["subprocess.Popen[str]"], None] = lambda _: None,
) -> Journal:
    """One driver from beginning to end; `begun` is called with it while it runs."""
    with driving(place, port, *options) as process:
        begun(process)
        return outcome(process)
