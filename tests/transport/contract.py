"""What every transport must do, to be inherited by a test class that says how to open one."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import pytest

from digest.model import Attempt, DeliveryState, Envelope, Failure, Message, Phase
from digest.transport.protocol import Transport

BODY = b"Dear Ada,\r\n\r\n.a line that starts with a dot\r\n.\r\n..two\r\nnothing else=20\r\n"


def message(number: int = 1, *, recipient: str = "ada@example.org", body: bytes = BODY) -> Message:
    """A small message whose body tries the dot rule."""
    identity = f"<edition-{number}@example.net>"
    headers = (
        "From: digest@example.net",
        f"To: {recipient}",
        f"Subject: Edition {number}",
        "Date: Wed, 11 Mar 2026 07:30:00 +0000",
        f"Message-ID: {identity}",
    )
    return Message(
        envelope=Envelope(sender="digest@example.net", recipient=recipient),
        message_id=identity,
        subject=f"Edition {number}",
        data="".join(f"{header}\r\n" for header in headers).encode() + b"\r\n" + body,
    )


class StoreError(Exception):
    """The store that could not record that a body is about to go out."""


def not_to_be_called() -> None:
    raise AssertionError("committing was called though nothing can have gone out")


class Hand:
    """Uses a transport step by step, on an event loop that stands still in between."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._runner = asyncio.Runner()

    def check(self) -> str:
        return self._runner.run(self.transport.check())

    def send(self, sent: Message, *, committing: Callable[[], object] = lambda: None) -> Attempt:
        async def commit() -> None:
            committing()

        return self._runner.run(self.transport.send(sent, committing=commit))

    def close(self) -> None:
        self._runner.run(self.transport.close())

    def __enter__(self) -> "Hand":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._runner.close()


class Post(Protocol):
    """A transport and what has arrived at its other end."""

    hand: Hand

    def arrived(self) -> list[bytes]: ...


def same_text(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


class TransportContract:
    """Needs a fixture `post`."""

    def test_check_says_what_works_and_sends_nothing(self, post: Post) -> None:
        said = post.hand.check()

        assert said
        assert "\n" not in said
        assert post.arrived() == []

    def test_a_message_arrives_exactly_once_and_unchanged(self, post: Post) -> None:
        sent = message()

        attempt = post.hand.send(sent)

        assert attempt.state is DeliveryState.SENT
        assert [same_text(data) for data in post.arrived()] == [same_text(sent.data)]

    def test_committing_is_called_once_while_nothing_has_arrived(self, post: Post) -> None:
        arrived_by_then: list[list[bytes]] = []

        post.hand.send(message(), committing=lambda: arrived_by_then.append(post.arrived()))

        assert arrived_by_then == [[]]

    def test_nothing_is_sent_when_committing_fails_and_the_next_message_goes_out(self, post: Post) -> None:
        def refuse() -> None:
            raise StoreError

        with pytest.raises(StoreError):
            post.hand.send(message(1), committing=refuse)
        assert post.arrived() == []

        attempt = post.hand.send(message(2))

        assert attempt.state is DeliveryState.SENT
        assert [same_text(data) for data in post.arrived()] == [same_text(message(2).data)]

    def test_several_messages_arrive_each_once(self, post: Post) -> None:
        attempts = [post.hand.send(message(n)) for n in range(5)]

        assert {attempt.state for attempt in attempts} == {DeliveryState.SENT}
        assert sorted(map(same_text, post.arrived())) == [same_text(message(n).data) for n in range(5)]

    def test_a_closed_transport_opens_again_by_itself(self, post: Post) -> None:
        post.hand.send(message(1))
        post.hand.close()
        post.hand.close()

        attempt = post.hand.send(message(2))

        assert attempt.state is DeliveryState.SENT
        assert len(post.arrived()) == 2

    def test_the_reply_is_one_short_line(self, post: Post) -> None:
        attempt = post.hand.send(message())

        assert attempt.reply
        assert len(attempt.reply) <= 500
        assert "\n" not in attempt.reply


class FolderContract:
    """What holds for transports that write files; needs a fixture `post`."""

    def test_the_same_message_delivered_again_is_there_once(self, post: Post) -> None:
        post.hand.send(message())

        attempt = post.hand.send(message(), committing=not_to_be_called)

        assert attempt.state is DeliveryState.SENT
        assert "already there" in attempt.reply
        assert len(post.arrived()) == 1

    def test_without_room_the_message_waits_and_no_part_of_it_is_left(
        self, post: Post, with_little_room: Callable[[], None], files: Callable[[], int]
    ) -> None:
        before = files()
        with_little_room()

        attempt = post.hand.send(message(body=b"x\r\n" * 10_000), committing=not_to_be_called)

        assert (attempt.state, attempt.failure) == (DeliveryState.QUEUED, Failure.TRANSIENT)
        assert attempt.phase is Phase.WRITE
        assert "too large" in attempt.reply
        assert files() == before
