"""Running what the examples hold, as the machine would that they are for."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGEST = Path(sys.executable).parent / "digest"
WITHIN_S = 60.0
ALWAYS_DUE = 'send_at = "00:00"\n'
"""The tests run by this machine's clock: whatever it shows, this hour has come."""


def run(
    *command: object, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """To its end, with no more of an environment than is given, and a machine's usual PATH."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * WITHIN_S,
    )


def complaint(*command: object, cwd: Path = EXAMPLES) -> str:
    """What a checker has to say of an example: nothing, if it is content."""
    result = run(*command, cwd=cwd)
    return f"{result.stdout}{result.stderr}" if result.returncode else ""


def end(process: "subprocess.Popen[bytes]", within_s: float) -> int:
    """Ask it to end, as service managers do; its exit code. It is gone afterwards, whatever happens."""
    try:
        process.terminate()
        return process.wait(within_s)
    finally:
        process.kill()
        process.wait()


def lines_of(path: Path) -> Sequence[str]:
    """What a file says, without comments and empty lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
