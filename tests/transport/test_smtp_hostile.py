"""Servers that say too much, too early or nothing, and being told to stop in the middle."""

import asyncio
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from digest.model import DeliveryState, Failure, Phase
from digest.transport.smtp import Smtp
from tests.transport.contract import message, not_to_be_called
from tests.transport.scripted import Answer, hangs_up, says, stays_silent
from tests.transport.talking import script, settings, stops_the_queue, talking

PATIENCE_S = 30


# ---------------------------------------------------------------- replies that answer nothing


TWO_AT_ONCE = [
    script(MAIL=says("250 ok\r\n250 ok"), RCPT=says("550 5.1.1 no")),
    script(EHLO=says("250 hello\r\n250 ok\r\n250 ok"), RCPT=says("550 5.1.1 no")),
    script(banner=says("220 hello\r\n250 hello\r\n250 ok\r\n250 ok"), RCPT=says("550 5.1.1 no")),
    script(RCPT=says("550 5.1.1 no\r\n250 ok")),
    script(RCPT=says("550 5.1.1 no\r\n354 go on\r\n250 taken")),
    script(RCPT=says("250 ok\r\n550 5.1.1 no")),
    script(RCPT=says("550-5.1.1 no\r\n250 ok")),
    script(MAIL=says("250 ok\r\n250 ok\r\n354 go on\r\n250 taken"), RCPT=says("550 5.1.1 no")),
]


@pytest.mark.parametrize("answers", TWO_AT_ONCE)
def test_two_replies_at_once_never_make_a_refused_recipient_look_accepted(
    answers: dict[str, Answer | list[Answer]],
) -> None:
    with talking(answers) as (server, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert attempt.state in (DeliveryState.QUEUED, DeliveryState.FAILED)
    assert server.bodies == []


def test_a_reply_too_many_never_answers_for_the_next_message() -> None:
    gone = says("550 5.1.1 gone")
    answers = script(RCPT=[says("550 5.1.1 gone\r\n250 ok\r\n250 ok"), gone])
    with talking(answers) as (server, hand):
        attempts = [hand.send(message(n), committing=not_to_be_called) for n in range(3)]

    assert [(attempt.state, attempt.code) for attempt in attempts] == [(DeliveryState.FAILED, 550)] * 3
    assert server.heard.count("connect") == 2


@pytest.mark.parametrize("stray", ["552 5.3.4 too large", "550 5.7.1 blocked", "452 4.5.3 enough"])
def test_a_word_that_comes_late_is_not_the_answer_to_the_next_message(stray: str) -> None:
    yes = says("250 2.1.0 ok")
    with talking(script(MAIL=[yes, says(f"{stray}\r\n250 2.1.0 ok"), yes])) as (server, hand):
        states = [hand.send(message(n)).state for n in range(3)]

    assert states == [DeliveryState.SENT] * 3
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    ("no", "failure"), [("550 5.7.1 not you", Failure.SENDER), ("552 5.3.4 too large", Failure.RECIPIENT)]
)
def test_a_refusal_that_a_fresh_connection_repeats_is_believed(no: str, failure: Failure) -> None:
    with talking(script(MAIL=[says("250 2.1.0 ok"), says(no)])) as (server, hand):
        hand.send(message(0))
        attempt = hand.send(message(1), committing=not_to_be_called)

    assert (attempt.failure, attempt.phase) == (failure, Phase.MAIL)
    assert server.heard.count("MAIL") == 3
    assert server.heard.count("connect") == 2


def test_a_thank_you_too_many_costs_a_connection_and_no_message() -> None:
    with talking(script(body=says("250 2.0.0 taken\r\n250 2.0.0 taken"))) as (server, hand):
        states = [hand.send(message(n)).state for n in range(3)]

    assert states == [DeliveryState.SENT] * 3
    assert [server.heard.count("connect"), len(server.bodies)] == [3, 3]


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("boîte inconnue".encode("latin-1"), "boîte inconnue"),
        ("boîte inconnue".encode(), "boîte inconnue"),
        ("受信者".encode("shift-jis"), "óMÒ"),
        (b"a\x00b\x1bc\x9bd", "abcd"),
        (b"one\rtwo", "one two"),
        (b"x" * 5_000, "xxx"),
    ],
    ids=["Latin-1", "UTF-8", "Shift-JIS", "controls", "bare CR", "long"],
)
def test_whatever_a_reply_is_written_in_the_record_is_one_short_line(said: bytes, reply: str) -> None:
    with talking(script(RCPT=Answer(b"550 5.1.1 " + said + b"\r\n"))) as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert attempt.reply.startswith(f"RCPT 550 5.1.1 {reply}")
    assert attempt.reply.isprintable()
    assert len(attempt.reply) <= 500


# ---------------------------------------------------------------- encryption that breaks


@pytest.mark.slow
@pytest.mark.parametrize("answer", [hangs_up(), stays_silent()], ids=["drop", "silence"])
def test_a_handshake_that_is_cut_off_is_tried_again(answer: Answer) -> None:
    with talking(script(banner=answer), security="implicit", timeout_s=0.4) as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert (attempt.failure, attempt.phase) == (Failure.TRANSIENT, Phase.TLS)


def test_a_handshake_that_is_cut_off_is_told_in_words() -> None:
    with talking(script(banner=hangs_up()), security="implicit") as (server, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert attempt.reply == f"TLS: connection to 127.0.0.1:{server.port} lost (it ended in the middle)"


OFFERS_TLS = says("250-scripted\r\n250 STARTTLS")


@pytest.mark.parametrize("answer", [says("454 4.7.0 later"), says("421 bye"), hangs_up()], ids=str)
def test_encryption_that_cannot_be_had_now_is_tried_again(answer: Answer) -> None:
    with talking(script(EHLO=OFFERS_TLS, STARTTLS=answer), security="starttls") as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert (attempt.failure, attempt.phase) == (Failure.TRANSIENT, Phase.STARTTLS)


@pytest.mark.parametrize("code", [500, 501, 502, 503, 554])
def test_encryption_that_is_refused_stops_the_queue(code: int) -> None:
    with talking(script(EHLO=OFFERS_TLS, STARTTLS=says(f"{code} no")), security="starttls") as (server, hand):
        stops_the_queue(hand, f"STARTTLS {code} no.*without encryption no mail is sent")

    assert "MAIL" not in server.heard


def test_a_line_cut_after_starttls_is_tried_again() -> None:
    answers = script(EHLO=OFFERS_TLS, STARTTLS=hangs_up("220 go on"))
    with talking(answers, security="starttls") as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert (attempt.failure, attempt.phase) == (Failure.TRANSIENT, Phase.TLS)


def test_a_server_that_goes_on_in_clear_after_starttls_stops_the_queue() -> None:
    answers = script(EHLO=OFFERS_TLS, STARTTLS=says("220 go on"))
    with talking(answers, security="starttls") as (server, hand):
        stops_the_queue(hand, "TLS: encryption failed: WRONG_VERSION_NUMBER")

    assert "MAIL" not in server.heard


# ---------------------------------------------------------------- servers in the same event loop


@asynccontextmanager
async def serving(
    conversation: Callable[[Reader, Writer], Awaitable[None]],
) -> AsyncIterator[Smtp]:
    """A transport to a server that talks like this, without TLS; no task is left over."""
    talks: list[asyncio.Task[None]] = []

    async def talk(reader: Reader, writer: Writer) -> None:
        talks.append(asyncio.current_task())  # type: ignore[arg-type]  # it runs in one
        try:
            await conversation(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    smtp = Smtp(settings(port=server.sockets[0].getsockname()[1]))
    try:
        yield smtp
    finally:
        await smtp.close()
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await turns_of_the_loop()


async def turns_of_the_loop() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def polite_until_data(reader: Reader, writer: Writer) -> None:
    """As far as the reply to DATA, which is still to be given."""
    writer.write(b"220 hello\r\n")
    while not (line := await reader.readline()).startswith(b"DATA"):
        assert line
        writer.write(b"250 ok\r\n")


async def nothing() -> None: ...


def test_what_a_server_says_while_the_store_commits_is_not_its_answer() -> None:
    async def scenario() -> None:
        wire: list[Writer] = []

        async def conversation(reader: Reader, writer: Writer) -> None:
            await polite_until_data(reader, writer)
            writer.write(b"354 go on\r\n")
            wire.append(writer)
            assert await reader.read() == b""

        async def it_speaks_meanwhile() -> None:
            wire[0].write(b"250 2.0.0 taken\r\n")
            await turns_of_the_loop()

        async with serving(conversation) as smtp:
            attempt = await smtp.send(message(), committing=it_speaks_meanwhile)

        assert (attempt.state, attempt.failure) == (DeliveryState.QUEUED, Failure.TRANSIENT)
        assert "out of turn" in attempt.reply

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))


def test_a_server_that_hangs_up_while_the_store_commits_has_no_message() -> None:
    async def scenario() -> None:
        wire: list[Writer] = []

        async def conversation(reader: Reader, writer: Writer) -> None:
            await polite_until_data(reader, writer)
            writer.write(b"354 go on\r\n")
            wire.append(writer)
            await reader.read()

        async def it_hangs_up() -> None:
            wire[0].transport.abort()
            await turns_of_the_loop()

        async with serving(conversation) as smtp:
            attempt = await smtp.send(message(), committing=it_hangs_up)

        assert (attempt.state, attempt.phase) == (DeliveryState.QUEUED, Phase.DATA)

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))


HUGE = b"a line of a message that is far too large\r\n" * 500_000


@pytest.mark.parametrize(
    ("said", "state", "code"),
    [
        (b"552 5.3.4 too large\r\n", DeliveryState.FAILED, 552),
        (b"452 4.3.1 disk full\r\n", DeliveryState.QUEUED, 452),
        (b"250 2.0.0 taken\r\n", DeliveryState.UNKNOWN, None),
    ],
)
def test_an_answer_before_the_end_of_the_body_is_believed_if_it_is_a_no(
    said: bytes, state: DeliveryState, code: int | None
) -> None:
    async def scenario() -> None:
        async def conversation(reader: Reader, writer: Writer) -> None:
            await polite_until_data(reader, writer)
            writer.write(b"354 go on\r\n")
            await reader.readline()
            writer.write(said)
            await asyncio.Event().wait()

        async with serving(conversation) as smtp:
            attempt = await smtp.send(message(body=HUGE), committing=nothing)

            assert (attempt.state, attempt.phase, attempt.code) == (state, Phase.BODY, code)

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))


@pytest.mark.parametrize("phase", [b"EHLO", b"MAIL", b"RCPT", b"DATA"])
def test_being_cancelled_before_the_body_hangs_up_and_nothing_arrives(phase: bytes) -> None:
    async def scenario() -> None:
        is_waiting, has_hung_up = asyncio.Event(), asyncio.Event()

        async def conversation(reader: Reader, writer: Writer) -> None:
            writer.write(b"220 hello\r\n")
            while not (await reader.readline()).startswith(phase):
                writer.write(b"250 ok\r\n")
            is_waiting.set()
            assert await reader.read() == b""
            has_hung_up.set()

        async def never() -> None:
            not_to_be_called()

        async with serving(conversation) as smtp:
            sending = asyncio.create_task(smtp.send(message(), committing=never))
            await is_waiting.wait()
            sending.cancel()

            with pytest.raises(asyncio.CancelledError):
                await sending
            await has_hung_up.wait()

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))


@pytest.mark.parametrize("turns", range(12))
def test_being_cancelled_just_when_a_reply_comes_is_not_overheard(turns: int) -> None:
    """`asyncio.wait_for` of Python 3.11 keeps a cancellation for itself if the reply came in the same turn."""

    async def scenario() -> None:
        is_waiting = asyncio.Event()
        wire: list[Writer] = []

        async def conversation(reader: Reader, writer: Writer) -> None:
            await polite_until_data(reader, writer)
            wire.append(writer)
            is_waiting.set()
            await reader.read()

        async def for_ever() -> None:
            await asyncio.Event().wait()

        async with serving(conversation) as smtp:
            sending = asyncio.create_task(smtp.send(message(), committing=for_ever))
            await is_waiting.wait()
            wire[0].write(b"354 go on\r\n")
            for _ in range(turns):
                await asyncio.sleep(0)
            sending.cancel()
            await turns_of_the_loop()

            assert sending.cancelled()

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))


def test_being_cancelled_while_the_store_commits_sends_no_body() -> None:
    async def scenario() -> None:
        is_committing, has_hung_up = asyncio.Event(), asyncio.Event()

        async def conversation(reader: Reader, writer: Writer) -> None:
            await polite_until_data(reader, writer)
            writer.write(b"354 go on\r\n")
            assert await reader.read() == b""
            has_hung_up.set()

        async def slow() -> None:
            is_committing.set()
            await asyncio.Event().wait()

        async with serving(conversation) as smtp:
            sending = asyncio.create_task(smtp.send(message(), committing=slow))
            await is_committing.wait()
            sending.cancel()

            with pytest.raises(asyncio.CancelledError):
                await sending
            await has_hung_up.wait()

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))


def test_being_cancelled_after_the_body_passes_the_cancellation_on_and_hangs_up() -> None:
    async def scenario() -> None:
        has_body, has_hung_up = asyncio.Event(), asyncio.Event()

        async def conversation(reader: Reader, writer: Writer) -> None:
            await polite_until_data(reader, writer)
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            has_body.set()
            assert await reader.read() == b""
            has_hung_up.set()

        async with serving(conversation) as smtp:
            sending = asyncio.create_task(smtp.send(message(), committing=nothing))
            await has_body.wait()
            sending.cancel()

            with pytest.raises(asyncio.CancelledError):
                await sending
            await has_hung_up.wait()

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))
