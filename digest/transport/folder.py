"""Writes each message into a folder as one `.eml` file, for people and programs that take it from there."""

import errno
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from digest.errors import DeliveryError
from digest.model import Attempt, Failure, Message
from digest.transport.protocol import arrived, set_back


class EmlFolder:
    """A folder of messages, byte for byte as they would go out by SMTP (CRLF line ends).

    Writing a file blocks the event loop: it takes milliseconds, and one process writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    async def check(self) -> str:
        """Make the folder, write a file into it and take that away; raises `DeliveryError`."""
        prove_writable(self.path)
        return f"The folder {self.path} can be written to"

    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        """Write the message under its own name; a file of another content is never overwritten."""
        target = self.path / file_name(message)
        try:
            make_folder(self.path)
            if target.exists():
                return _already_there(target, message.data)
        except OSError as problem:
            return not_written(problem, self.path)
        return await place(message.data, target, staging=self.path, committing=committing)

    async def close(self) -> None:
        """Nothing is held open."""


def file_name(message: Message) -> str:
    """`2026-03-11-ada@example.org-0123456789ab.eml`: day of the Date, recipient, hash of the Message-ID."""
    recipient = re.sub(r"[^A-Za-z0-9@._+-]", "_", message.envelope.recipient)[:80]
    return f"{_day(message.data)}-{recipient}-{sha256(message.message_id.encode()).hexdigest()[:12]}.eml"


def _day(data: bytes) -> str:
    headers = BytesHeaderParser().parsebytes(data.partition(b"\r\n\r\n")[0])
    try:
        return parsedate_to_datetime(headers["Date"]).date().isoformat()
    except (TypeError, ValueError):
        return "undated"


# ---------------------------------------------------------------- files that appear whole

# What may pass by itself: no room, a quota, too many open files, a file system that is away for a while.
_TRANSIENT = frozenset(
    getattr(errno, name)
    for name in "ENOSPC EDQUOT EFBIG EIO EMFILE ENFILE ENOMEM EAGAIN EBUSY ESTALE ETIMEDOUT".split()
)


def make_folder(path: Path) -> None:
    """Make a folder that only its owner reads, and those above it; raises `OSError`."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def prove_writable(path: Path) -> None:
    """Make a folder and write into it, leaving nothing; raises `DeliveryError`, also for want of room."""
    try:
        make_folder(path)
        _stage(b"Digest was here.\r\n", path).unlink()
    except OSError as problem:
        raise DeliveryError(_cannot(problem), where=str(path), fix=_FIX) from problem


async def place(
    data: bytes, target: Path, *, staging: Path, committing: Callable[[], Awaitable[None]]
) -> Attempt:
    """Let a file appear whole and durable, or not at all; `staging` is a folder of the same file system."""
    try:
        staged = _stage(data, staging)
    except OSError as problem:
        return not_written(problem, staging)
    try:
        await committing()
        return _publish(staged, target, data)
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)


def not_written(problem: OSError, where: Path) -> Attempt:
    """What may pass by itself is tried again; the rest is for a person to mend."""
    if problem.errno in _TRANSIENT:
        return set_back(Failure.TRANSIENT, f"write {where}: {problem.strerror}")
    return set_back(Failure.SENDER, f"{where}: {_cannot(problem)}", fix=_FIX)


_FIX = "Give this user write access and room, or set another path."


def _cannot(problem: OSError) -> str:
    return f"cannot write there: {problem.strerror or problem}"


def _stage(data: bytes, folder: Path) -> Path:
    """The data in a hidden file that has reached the disk; on any error nothing is left of it."""
    descriptor, name = mkstemp(dir=folder, prefix=".digest-", suffix=".part")
    staged = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    return staged


def _publish(staged: Path, target: Path, data: bytes) -> Attempt:
    try:
        _name_without_overwriting(staged, target)
    except FileExistsError:
        return _already_there(target, data)
    except OSError as problem:
        return not_written(problem, target)
    _make_durable(target.parent)
    return arrived(f"written to {target}")


def _name_without_overwriting(staged: Path, target: Path) -> None:
    """A link, unlike a rename, refuses to replace; file systems without links are renamed on."""
    try:
        os.link(staged, target)
    except OSError as problem:
        if problem.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        staged.rename(target)


def _make_durable(folder: Path) -> None:
    """Not every file system can sync a folder; the file is there in any case."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _already_there(target: Path, data: bytes) -> Attempt:
    try:
        is_same = target.stat().st_size == len(data) and target.read_bytes() == data
    except OSError as problem:
        return not_written(problem, target)
    if is_same:
        return arrived(f"already there: {target}")
    return set_back(Failure.TRANSIENT, f"write {target}: another file has this name", fix="Move it away.")
