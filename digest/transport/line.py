"""One conversation with an SMTP server: commands and replies, bounded in bytes and in time."""

import asyncio
import re
import socket
import ssl

from aiosmtplib.protocol import SMTPProtocol

_MAX_HEARD = 32_768
_MAX_ADDRESSES = 8
# Every line of a reply has the same code (RFC 5321, 4.2.1). aiosmtplib alone would take `250x`, `+25` and
# a change of mind between two lines.
_REPLY = re.compile(rb"([2-5]\d\d)(?:-[^\n]*\n\1)*(?: [^\n]*|\r?)\n")


class Line(SMTPProtocol):
    """aiosmtplib's conversation, and what was really heard in it.

    A reply that comes out of turn would stay in aiosmtplib's buffer and answer the next command.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._heard = bytearray()
        self._is_listening = True  # for the banner
        self.is_quiet = True

    @property
    def encryption(self) -> str:
        """`TLSv1.3`, or that there is none."""
        tls = self.transport.get_extra_info("ssl_object") if self.transport else None
        return tls.version() if tls else "not encrypted"

    def data_received(self, data: bytes) -> None:
        """Take a note of what came, and whether it was asked for; only a reply goes on to aiosmtplib.

        It would drop a reply for the flood that comes in the same packet: a message that was taken would seem
        to have met no answer.
        """
        if not self._is_listening:
            self.is_quiet = False
        else:
            super().data_received(self._of_the_reply(data))

    def must_be_quiet(self) -> None:
        """Raise `ConnectionError` if something was said that answers nothing, or nobody is there any more."""
        if not self.is_quiet:
            raise ConnectionAbortedError("the server spoke out of turn")
        if not self.is_connected:
            raise ConnectionResetError("closed by the server")

    async def ask(self, command: bytes, *, timeout_s: float) -> tuple[int, str]:
        """One command and its reply: code and text, lines joined by LF.

        Raises `OSError` or `SMTPResponseException` if what comes is late, endless or no reply.
        """
        self.must_be_quiet()
        self._is_listening = True
        await self.execute_command(command, timeout=timeout_s)
        return self._understood()

    async def tell(self, body: bytes, *, timeout_s: float) -> tuple[int, str]:
        """A body with its dot in one write, and the reply to it; raises as `ask`."""
        self._is_listening = True
        self.write(body)
        code, text = await self.reply(timeout_s=timeout_s)
        if self._has_more_to_say():
            self.is_quiet = False  # the rest of the body would be taken for commands
            if code // 100 == 2:
                raise ConnectionAbortedError("thanked for a message it did not have yet")
        return code, text

    async def reply(self, *, timeout_s: float) -> tuple[int, str]:
        """What the server says next, such as its banner; raises as `ask`."""
        await self.read_response(timeout=timeout_s)
        return self._understood()

    async def encrypt(self, context: ssl.SSLContext, host: str, *, timeout_s: float) -> None:
        """Go on under TLS; raises `OSError` (`ssl.SSLError` is one)."""
        loop = asyncio.get_running_loop()
        if not isinstance(self.transport, asyncio.Transport) or self.transport.is_closing():
            raise ConnectionResetError("closed by the server")
        self.transport = await loop.start_tls(
            self.transport, self, context, server_hostname=host, ssl_handshake_timeout=timeout_s
        )

    def hang_up(self) -> None:
        """At once; what was not sent yet stays unsent."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def _of_the_reply(self, data: bytes) -> bytes:
        """What of `data` belongs to the reply that is being heard; the rest is noted and answers nothing."""
        before = len(self._heard)
        self._heard += data[: max(_MAX_HEARD - before, 0)]
        found = _REPLY.match(self._heard) if b"\n" in data else None
        return data if found is None else data[: max(found.end() - before, 0)]

    def _understood(self) -> tuple[int, str]:
        """The reply in what was heard; what follows it answers nothing we said."""
        heard, self._heard, self._is_listening = bytes(self._heard), bytearray(), False
        found = _REPLY.match(heard)
        if found is None:
            raise ConnectionAbortedError(f"not an SMTP reply: {heard[:80]!r}")
        if found.end() < len(heard):
            self.is_quiet = False
        lines = (line[4:].strip() for line in found[0].rstrip().split(b"\n"))
        return int(found[1]), readable(b"\n".join(lines))

    def _has_more_to_say(self) -> bool:
        return isinstance(self.transport, asyncio.Transport) and self.transport.get_write_buffer_size() > 0


async def dial(host: str, port: int, timeout_s: float) -> socket.socket:
    """A socket to the first of the host's addresses that answers; raises `OSError`, `UnicodeError`."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    problem = OSError("no address")
    for family, kind, protocol, _, address in found[:_MAX_ADDRESSES]:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(timeout_s):
                await loop.sock_connect(sock, address)
        except OSError as refused:
            sock.close()
            problem = refused
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise problem


def readable(text: bytes) -> str:
    """UTF-8 (RFC 6531), else Latin-1, as old servers have it."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
