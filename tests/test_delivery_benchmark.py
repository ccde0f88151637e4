"""benchmarks/delivery.py: that what is compared is comparable."""

import asyncio
import smtplib
from email import message_from_bytes
from email.policy import default

from benchmarks import delivery
from digest.message import compose
from digest.model import Sender
from digest.quoted import encode, finished
from tests.makers import edition


def test_others_send_the_very_words_that_digest_sends() -> None:
    text, html = "Ein Brief für 1 = 1\n", "<p>Ein Brief für 1 = 1</p>\n"
    parts = (finished(encode(one)) for one in (text, html))
    message = compose("Ein Brief", *parts, edition=edition(), sender=Sender(address="digest@example.org"))

    ready = delivery.read(message)
    theirs = message_from_bytes(delivery.standard(ready).as_bytes(), policy=default)

    assert (ready.to, ready.subject, ready.text, ready.html) == ("ada@example.org", "Ein Brief", text, html)
    assert theirs["Subject"] == "Ein Brief"
    assert delivery.contents(theirs) == (text, html)


def test_the_slow_sink_takes_a_message() -> None:
    async def sent() -> dict[str, tuple[int, bytes]]:
        server = await asyncio.start_server(lambda r, w: delivery.converse(r, w, 0), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await asyncio.to_thread(send, port)

    def send(port: int) -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as connection:
            return connection.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\n.\r\nx")

    assert asyncio.run(sent()) == {}
