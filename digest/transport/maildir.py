"""Delivers into a Maildir, where a mail program of the same machine finds it."""

import os
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

from digest.model import Attempt, Message
from digest.transport.folder import make_folder, not_written, place, prove_writable
from digest.transport.protocol import arrived


class MaildirFolder:
    """One Maildir (`tmp`, `new`, `cur`), made if it is not there.

    `mailbox.Maildir` names files by time and process, so it could not see that a message is already
    there; here the name follows from the Message-ID.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    async def check(self) -> str:
        """Make the Maildir, write a file into it and take that away; raises `DeliveryError`."""
        for room in ("cur", "new", "tmp"):
            prove_writable(self.path / room)
        return f"The Maildir {self.path} can be written to"

    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        """Write to `tmp`, then move to `new`, unless `new` or `cur` has this Message-ID already."""
        name = file_name(message)
        try:
            self._make_rooms()
            if found := self._find(name):
                return arrived(f"already there: {found}")
        except OSError as problem:
            return not_written(problem, self.path)
        return await place(
            stored_form(message), self.path / "new" / name, staging=self.path / "tmp", committing=committing
        )

    async def close(self) -> None:
        """Nothing is held open."""

    def _make_rooms(self) -> None:
        for room in ("cur", "new", "tmp"):
            make_folder(self.path / room)

    def _find(self, name: str) -> Path | None:
        """The message where it was delivered, or in `cur` under whatever flags (`name:2,RS`)."""
        for room in ("new", "cur"):
            with os.scandir(self.path / room) as files:
                if found := next((file.path for file in files if file.name.startswith(name)), None):
                    return Path(found)
        return None


def file_name(message: Message) -> str:
    """A name that only this Message-ID has, without the `:` that starts the flags."""
    return f"{sha256(message.message_id.encode()).hexdigest()[:40]}.digest"


def stored_form(message: Message) -> bytes:
    """The message with LF line ends: Maildirs hold text in the machine's own form, as any MDA writes it."""
    return message.data.replace(b"\r\n", b"\n")
