"""Reading an answer's body, never more of it than is wanted."""

import zlib
from collections.abc import Iterable, Iterator

import httpx

from digest.errors import FetchError
from digest.fetch.passing import PassingError

_GZIP = 31
"""zlib's `wbits` for gzip's frame."""


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
        yield from response.iter_raw()
    elif encoding in ("gzip", "x-gzip"):
        yield from _unfolded(response.iter_raw(), max_bytes, where)
    else:
        raise FetchError(f"the answer is encoded as {encoding[:40]!r}, which was not asked for", where=where)


def _unfolded(chunks: Iterable[bytes], max_bytes: int, where: str) -> Iterator[bytes]:
    """What gzip folded, never more than about `max_bytes` of it: a bomb is cut while it unfolds.

    There may be several members in a row (RFC 1952, 2.2); what comes after them and is none is padding.
    """
    inflate = zlib.decompressobj(_GZIP)
    left = max_bytes + 1
    for chunk in chunks:
        data = chunk
        while data and left > 0:
            if inflate.eof:
                if not data.startswith(b"\x1f"):
                    return
                inflate = zlib.decompressobj(_GZIP)
            out = inflate.decompress(data, left)
            left -= len(out)
            yield out
            data = inflate.unused_data
        if left <= 0:
            return
    if not inflate.eof:
        raise PassingError(FetchError("the answer broke off", where=where))
