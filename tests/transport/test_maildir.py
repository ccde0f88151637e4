"""The Maildir."""

import asyncio
import mailbox
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.errors import DeliveryError
from digest.model import DeliveryState, Failure
from digest.transport.maildir import MaildirFolder
from tests.transport.contract import FolderContract, Hand, TransportContract, message, not_to_be_called


class MaildirPost:
    """A Maildir and the messages that are delivered there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hand = Hand(MaildirFolder(path))

    def arrived(self) -> list[bytes]:
        return [file.read_bytes() for room in ("new", "cur") for file in (self.path / room).glob("*")]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[MaildirPost]:
    post = MaildirPost(tmp_path / "Maildir")
    with post.hand:
        yield post


class TestMaildirFolder(TransportContract, FolderContract):
    """A Maildir keeps the promises of every transport."""


def test_a_maildir_reader_finds_the_message_as_new(post: MaildirPost) -> None:
    post.hand.send(message())

    box = mailbox.Maildir(post.path, create=False)
    ((key, found),) = box.items()

    assert found["Subject"] == "Edition 1"
    assert found.get_subdir() == "new"
    assert b"\r" not in box.get_bytes(key)
    assert list((post.path / "tmp").iterdir()) == []


@pytest.mark.parametrize("flags", ["", ":2,", ":2,S", ":2,FRS", "!2,S"])
def test_a_message_that_was_read_meanwhile_is_not_delivered_again(post: MaildirPost, flags: str) -> None:
    post.hand.send(message())
    (delivered,) = (post.path / "new").iterdir()
    delivered.rename(post.path / "cur" / (delivered.name + flags))

    attempt = post.hand.send(message(), committing=not_to_be_called)

    assert attempt.state is DeliveryState.SENT
    assert len(post.arrived()) == 1


def test_two_processes_delivering_one_message_deliver_it_once(post: MaildirPost) -> None:
    async def nothing() -> None: ...

    async def the_other_is_faster() -> None:
        other = await MaildirFolder(post.path).send(message(), committing=nothing)
        assert other.state is DeliveryState.SENT

    attempt = asyncio.run(MaildirFolder(post.path).send(message(), committing=the_other_is_faster))

    assert attempt.state is DeliveryState.SENT
    assert "already there" in attempt.reply
    assert len(post.arrived()) == 1


def test_a_path_below_a_file_stops_the_queue_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with Hand(MaildirFolder(tmp_path / "taken" / "Maildir")) as hand:
        attempt = hand.send(message(), committing=not_to_be_called)
        with pytest.raises(DeliveryError, match=r"taken/Maildir.*cannot write there"):
            hand.check()

    assert attempt.failure is Failure.SENDER
    assert "taken/Maildir: cannot write there" in attempt.reply


def test_check_leaves_an_empty_maildir(post: MaildirPost) -> None:
    post.hand.check()

    assert sorted(room.name for room in post.path.iterdir()) == ["cur", "new", "tmp"]
    assert post.arrived() == []
