"""A scripted server and a transport that talks to it."""

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from digest.model import DeliveryState, Failure
from digest.transport.smtp import Smtp, SmtpServer
from tests.transport.contract import Hand, message, not_to_be_called
from tests.transport.scripted import Answer, ScriptedServer, scripted


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


def settings(**fields: Any) -> SmtpServer:
    """A server on this machine, without encryption, that is given little time."""
    defaults: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "security": "none",
        "timeout_s": 5,
        "body_timeout_s": 5,
    }
    return SmtpServer(**(defaults | fields))


def script(**answers: Answer | list[Answer]) -> dict[str, Answer | list[Answer]]:
    return answers


@contextmanager
def talking(
    answers: Mapping[str, Answer | list[Answer]] | None = None, **fields: Any
) -> Iterator[tuple[ScriptedServer, Hand]]:
    """A scripted server and a transport that talks to it."""
    with scripted(**(answers or {})) as server, Hand(client(server, **fields)) as hand:
        yield server, hand


def client(server: ScriptedServer, **fields: Any) -> Smtp:
    return Smtp(settings(port=server.port, **fields))


def stops_the_queue(hand: Hand, pattern: str, failure: Failure = Failure.SENDER) -> None:
    """Nothing can go out until a person acts, who is told in these words what to do; no body went out."""
    attempt = hand.send(message(), committing=not_to_be_called)

    assert (attempt.state, attempt.failure) == (DeliveryState.QUEUED, failure)
    assert attempt.fix
    assert re.search(pattern, f"{attempt.reply}. {attempt.fix}"), attempt


def gives(secret: str) -> Callable[[], str]:
    return lambda: secret
