"""Telling systemd how a service stands, as sd_notify(3) has it: a datagram to a socket that it names."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from digest.text import clean

MAX_STATUS = 200


@dataclass(frozen=True, slots=True)
class Notifier:
    """Who is told; without an address nobody is, and nothing happens."""

    address: str = ""

    def ready(self, status: str) -> None:
        """It has begun, or has re-read its configuration."""
        self._tell("READY=1", f"STATUS={clean(status, MAX_STATUS)}")

    def reloading(self, monotonic_us: int) -> None:
        """It re-reads its configuration; `ready` ends that. The moment is by CLOCK_MONOTONIC."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={monotonic_us}")

    def status(self, status: str) -> None:
        """What `systemctl status` shows."""
        self._tell(f"STATUS={clean(status, MAX_STATUS)}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """It is about to end."""
        self._tell("STOPPING=1")

    def _tell(self, *lines: str) -> None:
        """One datagram. That nobody hears it changes nothing of the work, and blocks nothing."""
        if not self.address:
            return
        # An abstract address begins with a zero byte, written as @.
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.setblocking(False)
            way.sendto("\n".join(lines).encode(), address)


def notifier(environment: Mapping[str, str]) -> Notifier:
    """Who is to be told, as `NOTIFY_SOCKET` has it; sockets of other families are nobody."""
    address = environment.get("NOTIFY_SOCKET", "")
    return Notifier(address if address[:1] in ("/", "@") and hasattr(socket, "AF_UNIX") else "")


def watchdog_s(environment: Mapping[str, str], pid: int | None = None) -> float | None:
    """Within so many seconds of each other the signs of life must come; `None` if nobody waits for them.

    `WATCHDOG_PID` names the process it is about, which need not be this one.
    """
    micros, about = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if about and about != str(os.getpid() if pid is None else pid):
        return None
    return int(micros) / 1_000_000 if micros.isascii() and micros.isdigit() and int(micros) else None
