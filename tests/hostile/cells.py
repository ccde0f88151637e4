"""Runs cells, and finds the sources to be attacked: all that keep the contract."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from tests.sources.contract import SourceContract

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 600
"""Of waiting; the bound that counts is the cell's own, of processor time."""


def contracts() -> list[str]:
    """Each class of a source's contract, as `module:Class`; a new source is among them by having one."""
    for path in sorted((ROOT / "tests" / "sources").glob("test_*.py")):
        import_module(f"tests.sources.{path.stem}")
    return sorted(
        f"{one.__module__}:{one.__name__}" for one in _inheriting(SourceContract) if hasattr(one, "folder")
    )


def _inheriting(base: type) -> set[type]:
    direct: list[type] = base.__subclasses__()
    return {one for child in direct for one in (child, *_inheriting(child))}


def wrongs_of(kind: str, *targets: str) -> list[str]:
    """What was wrong in a cell, an attack each; the attack that it did not survive, if there was one."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.cell", kind, *targets],
        cwd=ROOT,
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [f"{one['target']}: {one['ended']}: {wrong}" for one in said for wrong in one.get("wrong", ())]
    if not said or "done" not in said[-1]:
        last = said[-1] if said else "nothing"
        wrong.append(
            f"ended by {done.returncode} after {last}: {done.stderr.decode(errors='replace')[-2_000:]}"
        )
    return wrong
