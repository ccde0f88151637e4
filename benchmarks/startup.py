"""What the first second costs: CPU of `digest --help` and of `digest preview` on a page of 200 papers.

Each command runs in a process of its own, several times; the figure is the median of user + system time.
Beside them stands `python -c pass`, so that a ratio can be told from a slow machine. Run: make bench
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 9
ROOT = Path(__file__).parent.parent
WORDS = (
    "graph model of patient agents that learn to wait in rooms with plants and a view of the street".split()
)


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.txt"
        page.write_text(listing(200), encoding="utf-8")
        profile = str(ROOT / "examples" / "profiles" / "ada.toml")
        commands = {
            "python -c pass": ["-c", "pass"],
            "digest --help": ["-m", "digest", "--help"],
            "digest read, 200 papers": ["-m", "digest", "read", str(page)],
            "digest preview, 200 papers": ["-m", "digest", "preview", profile, "--page", str(page), "--text"],
        }
        times = {name: [cpu_s(command) for _ in range(ROUNDS)] for name, command in commands.items()}
    nothing = statistics.median(times["python -c pass"])
    print(f"{'command':30} {'CPU s (median)':>15} {'x python':>9}")
    for name, measured in times.items():
        median = statistics.median(measured)
        print(f"{name:30} {median:15.3f} {median / nothing:9.1f}")


def listing(papers: int) -> str:
    """A page in the layout without blank lines, with abstracts of 200 words."""
    banner = "Get trending papers in your email inbox"
    head = f"{banner} once a day!\n{banner}!\nSubscribe"
    lines = []
    for number in range(papers):
        shifted = WORDS[number % 7 :] + WORDS[: number % 7]
        lines += [
            f"Paper {number}: {' '.join(shifted[:8]).title()}",
            " ".join(f"{w}{number % 50}" for w in shifted * 10) + ".",
        ]
    return head + "\n".join(lines)


def cpu_s(arguments: list[str]) -> float:
    """User and system time of one run, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
