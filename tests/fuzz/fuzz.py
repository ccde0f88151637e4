"""Looks for bytes that a reader does not bear, guided by what they reach (atheris, which is libFuzzer).

    python -m tests.fuzz.fuzz FORM [SECONDS] [FOLDER]

FORM is one of html, text, json, feed, library. A finding is an exception that is no InputError, a list that is not clean
and bounded, or an input that takes a hundred times as long a byte as inputs do; each is written into FOLDER.
Put it into tests/hostile/found under a name that says what it is, and it is a test.
"""

import sys
import time
from collections import deque
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import gettempdir

import atheris

with atheris.instrument_imports(include=["digest", "bs4", "feedparser", "bibtexparser", "pylatexenc"]):
    from tests.fuzz import readers

TIMES_SLOWER = 100
SLOW_FROM_S = 0.1
"""Less is the machine's own noise."""
LONGEST_INPUT = 60_000
REMEMBERED = 1_000


class Watch:
    """Tells inputs that take far longer a byte than those before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paces: deque[float] = deque(maxlen=REMEMBERED)

    def ran(self, data: bytes, seconds: float) -> None:
        """An input was read in so many seconds of processor time."""
        pace = seconds / (len(data) + 100)
        if seconds > SLOW_FROM_S and len(self._paces) > 100 and pace > TIMES_SLOWER * median(self._paces):
            name = f"slow-{seconds:.1f}s-{sha256(data).hexdigest()[:12]}"
            (self._folder / name).write_bytes(data)
            sys.stderr.write(f"slow: {len(data)} bytes took {seconds:.2f} s: {name}\n")
        self._paces.append(pace)


def fuzz(form: str, seconds: int, folder: Path) -> None:
    """Run for so long; a finding ends it."""
    reader = readers.READERS[form]
    corpus, found = folder / form / "corpus", folder / form / "found"
    for place in (corpus, found):
        place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(readers.seeds(form)):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = folder / form / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in readers.WORDS[form]), encoding="ascii")
    watch = Watch(found)

    def one(data: bytes) -> None:
        begun = time.process_time()
        wrong = readers.attacked(reader, data)
        watch.ran(data, time.process_time() - begun)
        if wrong:
            raise AssertionError(wrong[0])

    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", f"-dict={words}", "-timeout=20"]
    bounds = [f"-artifact_prefix={found}/", "-rss_limit_mb=3000", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, *bounds, str(corpus)], one)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    """As libFuzzer's dictionaries want it."""
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    form, seconds, folder, *_ = [
        *sys.argv[1:],
        *("html", "60", f"{gettempdir()}/digest-fuzz")[len(sys.argv) - 1 :],
    ]
    fuzz(form, int(seconds), Path(folder))
