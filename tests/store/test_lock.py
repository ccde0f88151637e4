"""One sender at a time."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from digest.errors import StoreError
from digest.store.lock import sole_writer

HOLDER = """
import sys
from pathlib import Path
from digest.store.lock import sole_writer
with sole_writer(Path(sys.argv[1]), waiting=lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_sender_waits_for_the_first(tmp_path: Path) -> None:
    store, events = tmp_path / "digest.sqlite3", []
    told = threading.Event()

    def second() -> None:
        with sole_writer(store, waiting=told.set):
            events.append("second")

    with sole_writer(store, waiting=lambda: events.append("never")):
        other = threading.Thread(target=second)
        other.start()
        assert told.wait(timeout=10)
        events.append("first")
    other.join(timeout=10)

    assert events == ["first", "second"]


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    store = tmp_path / "digest.sqlite3"
    command = [sys.executable, "-c", HOLDER, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    waited: list[bool] = []

    with sole_writer(store, waiting=lambda: waited.append(True)):
        assert waited == []


def test_a_place_that_cannot_be_locked_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lock = sole_writer(tmp_path / "file" / "store", waiting=print)

    with pytest.raises(StoreError, match="cannot be locked"):
        lock.__enter__()
