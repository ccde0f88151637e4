"""Bodies that are too much, through the real client from a real server: refused in time, in little memory."""

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import chain, repeat

import pytest

from digest.fetch.web import Form
from tests.hostile.cells import LONGEST_S, ROOT
from tests.web import Answer, Server

HEADS = {
    Form.JSON: ("application/json", b'[{"title": "Tin Robots Pour Tea", "abstract": "'),
    Form.XML: ("application/rss+xml", b"<?xml version='1.0'?><rss><channel><item><title>Tin Robots "),
    Form.HTML: ("text/html", b"<!doctype html><html><body><article><h3>Tin Robots "),
    Form.ANY: ("text/plain", b"Daily Papers\n\nTin Robots Pour Tea\n\n"),
}
FILLER = b"They pour tea, and wait. " * 4_000
BLOCK = 10_000_000
"""Bytes; a bomb has a hundred of them."""

MOST_MB = 60
"""How much memory a download may take: its 20 MB twice over, and no chunk of 64 MB."""


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()
    yield serving
    serving.close()


def downloaded(server: Server, answer: Answer, form: Form = Form.ANY) -> dict[str, object]:
    """What a process with little memory says of that answer."""
    server.answers["/"] = [answer]
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.download", f"{server.url}/", form],
        cwd=ROOT,
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    said: dict[str, object] = json.loads(done.stdout)
    grown = int(str(said.pop("grown_mb")))
    assert grown < MOST_MB
    return said


def streamed(pieces: Iterator[bytes], **headers: str) -> Answer:
    """An answer of those pieces, one after the other, for as long as somebody listens."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(piece)

    return write


def of_megabytes(form: Form) -> Iterator[bytes]:
    """50 MB of a form."""
    return chain([HEADS[form][1]], repeat(FILLER, 50_000_000 // len(FILLER)))


def bomb(blocks: int) -> Iterator[bytes]:
    """A gzip stream of so many blocks of zeros; each is compressed as if it were the first, so once."""
    zip_up = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = zip_up.compress(bytes(BLOCK)) + zip_up.flush(zlib.Z_FULL_FLUSH)
    return chain([b"\x1f\x8b\x08\0\0\0\0\0\0\xff"], repeat(block, blocks))


def zipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip stream."""
    zip_up = zlib.compressobj(1, zlib.DEFLATED, 31)
    yield from (zip_up.compress(piece) for piece in pieces)
    yield zip_up.flush()


@pytest.mark.slow
@pytest.mark.parametrize("form", HEADS)
def test_fifty_megabytes_of_any_form_are_cut_off(form: Form, server: Server) -> None:
    said = downloaded(server, streamed(of_megabytes(form), Content_Type=HEADS[form][0]), form)

    assert "larger than 20,000,000 bytes" in str(said["problem"])


@pytest.mark.slow
@pytest.mark.parametrize("form", HEADS)
def test_so_they_are_when_they_come_compressed(form: Form, server: Server) -> None:
    kind, _ = HEADS[form]

    said = downloaded(
        server, streamed(zipped(of_megabytes(form)), Content_Type=kind, Content_Encoding="gzip"), form
    )

    assert "larger than 20,000,000 bytes" in str(said["problem"])


def test_a_body_that_says_it_is_short_and_is_not_is_read_as_far_as_it_says(server: Server) -> None:
    said = downloaded(
        server, streamed(of_megabytes(Form.ANY), Content_Type="text/plain", Content_Length="100")
    )

    assert said == {"bytes": 100}


@pytest.mark.slow
def test_a_megabyte_that_unpacks_to_a_gigabyte_is_cut_off(server: Server) -> None:
    assert sum(map(len, bomb(100))) < 1_500_000

    said = downloaded(server, streamed(bomb(100), Content_Type="text/plain", Content_Encoding="gzip"))

    assert "larger than 20,000,000 bytes" in str(said["problem"])


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,gzip,gzip", "deflate, gzip", "br", "zstd", "x-tea"])
def test_what_is_packed_twice_or_strangely_is_not_unpacked(encoding: str, server: Server) -> None:
    nested = zipped(bomb(100))

    said = downloaded(server, streamed(nested, Content_Type="text/plain", Content_Encoding=encoding))

    assert "problem" in said


@pytest.mark.slow
def test_a_bomb_that_does_not_say_so_is_only_bytes(server: Server) -> None:
    said = downloaded(server, streamed(bomb(100), Content_Type="text/plain"))

    assert said == {"bytes": sum(map(len, bomb(100)))}


def test_a_body_without_end_is_cut_off(server: Server) -> None:
    endless = (b"%x\r\n%b\r\n" % (len(FILLER), FILLER) for _ in repeat(None))

    said = downloaded(server, streamed(endless, Content_Type="text/plain", Transfer_Encoding="chunked"))

    assert "problem" in said
