"""The folder of `.eml` files."""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest

from digest.errors import DeliveryError
from digest.model import DeliveryState, Failure
from digest.transport.folder import EmlFolder
from tests.transport.contract import FolderContract, Hand, TransportContract, message, not_to_be_called


class EmlPost:
    """A folder and the messages in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hand = Hand(EmlFolder(path))

    def arrived(self) -> list[bytes]:
        return [file.read_bytes() for file in self.path.glob("*.eml")]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[EmlPost]:
    post = EmlPost(tmp_path / "out" / "mail")
    with post.hand:
        yield post


class TestEmlFolder(TransportContract, FolderContract):
    """A folder keeps the promises of every transport."""


def test_the_file_holds_the_message_byte_for_byte(post: EmlPost) -> None:
    post.hand.send(message())

    assert post.arrived() == [message().data]
    parsed = BytesParser(EmailMessage, policy=default).parsebytes(post.arrived()[0])
    assert parsed["Subject"] == "Edition 1"


def test_the_file_is_named_by_day_reader_and_message(post: EmlPost) -> None:
    post.hand.send(message(1))
    post.hand.send(message(2))

    names = sorted(file.name for file in post.path.iterdir())

    assert len(names) == 2
    assert all(name.startswith("2026-03-11-ada@example.org-") and name.endswith(".eml") for name in names)


@pytest.mark.parametrize("recipient", ["../../etc/passwd@example.org", "a/b@example.org", "..", "x" * 300])
def test_a_hostile_recipient_stays_inside_the_folder(post: EmlPost, recipient: str) -> None:
    hostile = message(recipient=recipient)

    assert post.hand.send(hostile).state is DeliveryState.SENT

    assert post.arrived() == [hostile.data]


@pytest.mark.parametrize("date_header", [b"", b"Date: yesterday\r\n", b"Date: Wed, 99 Mar 2026 99:99:99\r\n"])
def test_a_message_without_a_usable_date_is_still_written(post: EmlPost, date_header: bytes) -> None:
    given = message()
    undated = dataclasses.replace(
        given, data=given.data.replace(b"Date: Wed, 11 Mar 2026 07:30:00 +0000\r\n", date_header)
    )

    post.hand.send(undated)

    assert [file.name[:8] for file in post.path.iterdir()] == ["undated-"]


def test_a_file_of_someone_else_is_not_overwritten(post: EmlPost) -> None:
    post.hand.send(message())
    (file,) = post.path.iterdir()
    file.write_bytes(b"mine")

    attempt = post.hand.send(message(), committing=not_to_be_called)

    assert (attempt.state, attempt.failure) == (DeliveryState.QUEUED, Failure.TRANSIENT)
    assert "another file has this name" in attempt.reply
    assert attempt.fix == "Move it away."
    assert file.read_bytes() == b"mine"


def test_a_file_that_appears_meanwhile_is_not_overwritten(post: EmlPost) -> None:
    post.hand.send(message())
    (file,) = post.path.iterdir()
    file.unlink()

    def someone_is_faster() -> None:
        file.write_bytes(b"mine")

    attempt = post.hand.send(message(), committing=someone_is_faster)

    assert attempt.state is DeliveryState.QUEUED
    assert post.arrived() == [b"mine"]
    assert list(post.path.iterdir()) == [file]


def test_a_path_that_is_a_file_stops_the_queue_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("a file")

    with Hand(EmlFolder(path)) as hand:
        attempt = hand.send(message(), committing=not_to_be_called)
        with pytest.raises(DeliveryError, match=r"taken: cannot write there: .*write access"):
            hand.check()

    assert (attempt.state, attempt.failure) == (DeliveryState.QUEUED, Failure.SENDER)
    assert f"{path}: cannot write there" in attempt.reply
    assert "write access" in attempt.fix


@contextmanager
def without_privileges() -> Iterator[None]:
    """As nobody, if the tests are run by root, who may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_without_write_access_stops_the_queue(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with Hand(EmlFolder(tmp_path)) as hand, without_privileges():
        attempt = hand.send(message(), committing=not_to_be_called)
        with pytest.raises(DeliveryError, match="Permission denied"):
            hand.check()

    assert attempt.failure is Failure.SENDER


def test_check_leaves_nothing_behind(post: EmlPost) -> None:
    post.hand.check()

    assert list(post.path.iterdir()) == []


def test_the_files_are_the_owners_only(post: EmlPost) -> None:
    post.hand.send(message())

    assert [file.stat().st_mode & 0o077 for file in post.path.iterdir()] == [0]
