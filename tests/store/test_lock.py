"""Who is at work: locks that are free again when their holder dies, beside a file and in PostgreSQL."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digest.errors import StoreError
from digest.store.lock import Work, at_work, is_gone, present, sole_writer
from digest.store.troubles import Place

HOLDER = """
import sys
from pathlib import Path
from digest.store.lock import present, sole_writer
place = Path(sys.argv[2]) if sys.argv[1] == "file" else sys.argv[2]
owner = sys.argv[3]
with present(place, owner) if owner else sole_writer(place, waiting=lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""

SWEPT = """
import sys
from pathlib import Path
from digest.store.lock import is_gone, present
store, asked = Path(sys.argv[1]), []
def ask(event, _arguments):
    if event == "fcntl.flock" and not asked:
        asked.append("while it takes its lock")
        asked.append(is_gone(store, "ada-1"))
sys.addaudithook(ask)
with present(store, "ada-1"):
    print(asked[1], is_gone(store, "ada-1"))
"""


@pytest.fixture
def place(new_place: Callable[[], Place]) -> Place:
    made = new_place()
    if isinstance(made, Path):
        made.parent.mkdir()
    return made


@contextmanager
def holder(place: Place, owner: str = "") -> "Iterator[subprocess.Popen[str]]":
    """Another process that holds the lock."""
    kind = "file" if isinstance(place, Path) else "address"
    command = [sys.executable, "-c", HOLDER, kind, str(place), owner]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_writer_waits_for_the_first(place: Place) -> None:
    events: list[str] = []
    told = threading.Event()

    def second() -> None:
        with sole_writer(place, waiting=told.set):
            events.append("second")

    with sole_writer(place, waiting=lambda: events.append("never")):
        other = threading.Thread(target=second)
        other.start()
        assert told.wait(timeout=10)
        events.append("first")
    other.join(timeout=10)

    assert events == ["first", "second"]


@pytest.mark.parametrize("work", ["harvest", "editions"])
def test_work_that_another_is_at_is_left_to_it(place: Place, work: Work) -> None:
    with at_work(place, work, waiting=None) as first, at_work(place, work, waiting=None) as second:
        assert (first, second) == (True, False)

    with at_work(place, work, waiting=None) as is_ours:
        assert is_ours


def test_reading_sources_and_making_editions_and_changing_tables_go_on_side_by_side(place: Place) -> None:
    with (
        at_work(place, "harvest", waiting=None) as reads,
        at_work(place, "editions", waiting=None) as makes,
        sole_writer(place, waiting=lambda: pytest.fail("waits")),
    ):
        assert reads
        assert makes


def test_who_cannot_leave_work_to_another_waits_for_it(place: Place) -> None:
    events: list[str] = []
    told = threading.Event()

    def second() -> None:
        with at_work(place, "editions", waiting=told.set) as is_ours:
            events.append(f"second: {is_ours}")

    with at_work(place, "editions", waiting=lambda: events.append("never")):
        other = threading.Thread(target=second)
        other.start()
        assert told.wait(timeout=10)
        events.append("first")
    other.join(timeout=10)

    assert events == ["first", "second: True"]


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_free(place: Place) -> None:
    with holder(place) as other:
        other.kill()
        other.wait(timeout=10)
        waited: list[bool] = []

        # The server notices within a moment that its client is gone.
        with sole_writer(place, waiting=lambda: waited.append(True)):
            pass

    assert len(waited) <= (0 if isinstance(place, Path) else 1)


def test_an_owner_is_there_until_it_ends(place: Place) -> None:
    assert is_gone(place, "ada-1")

    with present(place, "ada-1"):
        assert not is_gone(place, "ada-1")
        assert is_gone(place, "ada-2")

    assert is_gone(place, "ada-1")


@pytest.mark.slow
def test_an_owner_in_another_process_is_known_to_be_gone_when_it_is_killed(place: Place) -> None:
    with holder(place, "other-1") as other:
        while_alive = is_gone(place, "other-1")
        other.kill()
        other.wait(timeout=10)
        until_noticed = threading.Event()
        asked = 0
        while not is_gone(place, "other-1") and asked < 100:
            asked += 1
            until_noticed.wait(timeout=0.05)

    assert not while_alive
    assert asked < 100


def test_asking_for_an_owner_does_not_keep_it_from_being_there(place: Place) -> None:
    stop, wrong = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            is_gone(place, "ada-2")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(10):
            with present(place, "ada-2"):
                if is_gone(place, "ada-2"):
                    wrong.append("gone")
    finally:
        stop.set()
        asking.join(timeout=10)

    assert wrong == []


@pytest.mark.parametrize("name", ["", "../etc", "a/b", "a b", "é", "x" * 101, "a\x00b", "*"])
def test_what_is_no_name_of_an_owner_is_nobodys(place: Place, name: str) -> None:
    assert is_gone(place, name)
    with pytest.raises(ValueError, match="no name"):
        present(place, name).__enter__()


@pytest.mark.slow
def test_the_files_of_killed_owners_are_cleared_away_by_the_next(tmp_path: Path) -> None:
    store = tmp_path / "digest[1].sqlite3"
    with holder(store, "dead-1") as other, holder(store, "alive-1"):
        other.kill()
        other.wait(timeout=10)

        with present(store, "next-1"):
            left = sorted(path.name for path in tmp_path.iterdir())

    assert left == ["digest[1].sqlite3.owner-alive-1.lock", "digest[1].sqlite3.owner-next-1.lock"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open is not removed")
def test_an_owner_whose_file_is_cleared_away_as_it_takes_its_lock_is_there_nevertheless(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", SWEPT, str(tmp_path / "digest.sqlite3")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("True False\n", "")


def test_a_place_that_cannot_be_locked_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lock = sole_writer(tmp_path / "file" / "store", waiting=print)

    with pytest.raises(StoreError, match="cannot be locked"):
        lock.__enter__()
