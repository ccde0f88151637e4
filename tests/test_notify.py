"""systemd is told by datagrams, as sd_notify(3) has it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.notify import Notifier, notifier, watchdog_s


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A socket as systemd makes one, and its address as it is told."""
    address = (
        str(tmp_path / "notify") if request.param == "path" else f"@digest-test-{os.getpid()}-{tmp_path.name}"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        bound.settimeout(5)
        yield address, bound


def test_each_word_is_a_datagram_of_its_own(heard: tuple[str, socket.socket]) -> None:
    address, bound = heard
    told = notifier({"NOTIFY_SOCKET": address})

    told.ready("12 readers")
    told.reloading(1_234_567)
    told.alive()
    told.stopping()

    assert [bound.recv(500) for _ in range(4)] == [
        b"READY=1\nSTATUS=12 readers",
        b"RELOADING=1\nMONOTONIC_USEC=1234567",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_a_status_cannot_say_another_thing_on_a_line_of_its_own(heard: tuple[str, socket.socket]) -> None:
    address, bound = heard

    notifier({"NOTIFY_SOCKET": address}).status("tea\nSTOPPING=1\x00\x1b[2J" + "x" * 1_000)

    told = bound.recv(5_000)
    assert told.startswith(b"STATUS=tea STOPPING=1[2Jxxx")
    assert b"\n" not in told
    assert len(told) < 300


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative/path"])
def test_without_a_socket_nobody_is_told(address: str) -> None:
    assert notifier({"NOTIFY_SOCKET": address}) == Notifier("")
    assert notifier({}) == Notifier("")
    Notifier("").alive()


def test_that_nobody_hears_it_any_more_stops_nothing(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")

    Notifier(gone).ready("as ever")

    assert not Path(gone).exists()


def test_a_socket_that_is_full_blocks_nothing(heard: tuple[str, socket.socket]) -> None:
    address, _ = heard
    told = notifier({"NOTIFY_SOCKET": address})

    for _ in range(1_000):
        told.alive()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "7"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdog_waits_for_this_process_only(environment: dict[str, str], seconds: float | None) -> None:
    assert watchdog_s(environment, pid=7) == seconds
