"""Reading an answer's body, never more of it than is wanted."""

import zlib
from collections.abc import Iterable, Iterator

import httpx

from digest.errors import FetchError
from digest.fetch.passing import PassingError

_CHUNK = 65_536
_GZIP = 31
"""zlib's `wbits` for gzip's frame."""
MAX_MEMBERS = 1_000
"""Of gzip in one answer: empty ones take time, and make no bytes that would count."""


def read_body(response: httpx.Response, max_bytes: int, where: str) -> bytes:
    """The body, decompressed. Raises FetchError if it is larger than `max_bytes`, or not readable."""
    body = bytearray()
    for chunk in _decoded(response, max_bytes, where):
        body += chunk
        if len(body) > max_bytes:
            raise FetchError(f"the answer is larger than {max_bytes:,} bytes", where=where)
    return bytes(body)


def _decoded(response: httpx.Response, max_bytes: int, where: str) -> Iterator[bytes]:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        yield from response.iter_raw(_CHUNK)
    elif encoding in ("gzip", "x-gzip"):
        yield from _unfolded(_bounded(response.iter_raw(_CHUNK), max_bytes, where), max_bytes, where)
    else:
        raise FetchError(f"the answer is encoded as {encoding[:40]!r}, which was not asked for", where=where)


def _bounded(chunks: Iterable[bytes], max_bytes: int, where: str) -> Iterator[bytes]:
    """Of what is still folded too, no more than `max_bytes`, and a little for frames."""
    left = max_bytes + _CHUNK
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise FetchError(f"the answer is larger than {max_bytes:,} bytes", where=where)
        yield chunk


def _unfolded(chunks: Iterable[bytes], max_bytes: int, where: str) -> Iterator[bytes]:
    """What gzip folded, never more than about `max_bytes` of it: a bomb is cut while it unfolds.

    There may be several members in a row (RFC 1952, 2.2); what comes after them and is none is padding.
    """
    inflate = zlib.decompressobj(_GZIP)
    left, members = max_bytes + 1, 1
    for chunk in chunks:
        data = chunk
        while data and left > 0:
            if inflate.eof:
                if not data.startswith(b"\x1f"):
                    return
                members += 1
                if members > MAX_MEMBERS:
                    raise FetchError(f"the answer has more than {MAX_MEMBERS:,} parts", where=where)
                inflate = zlib.decompressobj(_GZIP)
            out = inflate.decompress(data, left)
            left -= len(out)
            yield out
            data = inflate.unused_data
        if left <= 0:
            return
    if not inflate.eof:
        raise PassingError(FetchError("the answer broke off", where=where))
