"""Servers that mean ill, or are broken: each fetch ends, in time, with an error in words."""

import gzip
import socket
import zlib
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from digest.errors import FetchError
from digest.fetch.client import Client, Limits
from digest.fetch.web import Form
from tests.web import RawServer, Server, answer

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def client(clients: Callable[..., Client]) -> Client:
    return clients(limits=Limits(timeout_s=5, max_bytes=100_000, spacing_s=0))


def saying(server: list[RawServer], first: bytes, then: bytes = b"") -> Callable[[socket.socket], None]:
    """Says one thing, and then another for as long as somebody listens."""

    def talk(connection: socket.socket) -> None:
        server[0].hear(connection)
        connection.sendall(first)
        while then:
            connection.sendall(then)

    return talk


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (OK, b"X-Bomb: " + b"x" * 1_000 + b"\r\n", "gave no whole answer"),
        (OK + b"X-Bomb: ", b"x" * 1_000, "gave no whole answer"),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n",
            b"400\r\n" + b"x" * 0x400 + b"\r\n",
            "larger than 100,000",
        ),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 1_000, "gave no whole answer"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", "gave no whole answer"),
        (OK + b"\r\n", b"x" * 1_000, "larger than 100,000"),
        (OK + b"Content-Length: 9\r\n\r\nshort", b"", "gave no whole answer"),
        (b"SSH-2.0-kettle\r\n", b"", "gave no whole answer"),
        (b"\x00" * 100, b"", "gave no whole answer"),
        (b"", b"", "gave no whole answer"),
        (b"HTTP/1.1 999 " + b"x" * 5_000 + b"\r\n\r\n", b"", "answered 999"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://" + b"a" * 20_000 + b"\r\n\r\n", b"", "address of"),
        (b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n", b"", "./"),
        (b"HTTP/1.1 302 Found\r\n\r\n", b"", "answered 302"),
        (b"HTTP/1.1 302 Found\r\nLocation: gopher://x/\r\n\r\n", b"", "not an http"),
    ],
)
def test_every_way_of_answering_badly_is_an_error_in_words(
    client: Client, raw: Callable[..., RawServer], first: bytes, then: bytes, said: str
) -> None:
    servers: list[RawServer] = []
    servers.append(raw(saying(servers, first, then)))

    with pytest.raises(FetchError, match=said) as refused:
        client.get(f"{servers[0].url}/")

    assert len(str(refused.value)) < 700
    assert str(refused.value).isprintable()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"", mtime=0)),
    ],
)
def test_an_answer_of_nothing_without_end_is_cut(
    clients: Callable[..., Client], raw: Callable[..., RawServer], first: bytes, then: bytes
) -> None:
    servers: list[RawServer] = []
    servers.append(raw(saying(servers, first, then)))
    client = clients(limits=Limits(timeout_s=0.1, spacing_s=0))

    with pytest.raises(FetchError, match=r"longer than 0\.1 s|no answer in time|than 1,000 parts"):
        client.get(f"{servers[0].url}/")


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "compress", "x" * 500])
def test_a_way_of_folding_that_was_not_asked_for_is_refused(
    server: Server, client: Client, encoding: str
) -> None:
    server.answers["/"] = [answer(zlib.compress(b"papers"), Content_Encoding=encoding)]

    with pytest.raises(FetchError, match="which was not asked for") as refused:
        client.get(f"{server.url}/")

    assert len(str(refused.value)) < 200
    assert server.asked[0][1]["Accept-Encoding"] == "gzip"


def test_what_was_folded_in_several_pieces_is_unfolded_whole(server: Server, client: Client) -> None:
    folded = gzip.compress(b"robots ") + gzip.compress(b"pour ") + gzip.compress(b"tea")
    server.answers["/"] = [
        answer(folded, Content_Encoding="gzip"),
        answer(folded + b"\0" * 100, Content_Encoding="gzip"),
    ]

    assert client.get(f"{server.url}/") == b"robots pour tea"
    assert client.get(f"{server.url}/") == b"robots pour tea"


def test_the_last_of_several_pieces_must_not_be_missing(server: Server, client: Client) -> None:
    folded = gzip.compress(b"robots ") + gzip.compress(b"pour tea")
    server.answers["/"] = [answer(folded[:-9], Content_Encoding="gzip")]

    with pytest.raises(FetchError, match="broke off"):
        client.get(f"{server.url}/")


def test_a_bomb_of_many_pieces_is_cut(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(gzip.compress(b"\0" * 90_000) * 100, Content_Encoding="gzip")]

    with pytest.raises(FetchError, match="larger than 100,000 bytes"):
        client.get(f"{server.url}/")


def test_a_login_page_is_not_tried_again(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"<html>Sign in</html>", Content_Type="text/html")]

    with pytest.raises(FetchError, match=r"answered HTML where JSON was expected \(a login page\?\)"):
        client.get(f"{server.url}/", form=Form.JSON)

    assert len(server.asked) == 1


def test_what_is_posted_is_answered_in_the_form_that_was_asked_for(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"<html>Sign in</html>"), answer(b"[]")]

    with pytest.raises(FetchError, match="where JSON was expected"):
        client.post(f"{server.url}/", b"{}", form=Form.JSON)
    assert client.post(f"{server.url}/", b"{}", form=Form.JSON) == b"[]"


def test_a_redirect_of_what_was_posted_is_refused(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(status=307, Location="/other")]

    with pytest.raises(FetchError, match="redirect of what was posted"):
        client.post(f"{server.url}/", b"{}")


def test_folded_bytes_count_too_though_they_unfold_to_nothing(server: Server, client: Client) -> None:
    member = gzip.compress(b"", mtime=0)
    padded = member[:3] + b"\x10" + member[4:10] + b"x" * 150_000 + b"\0" + member[10:]  # with a comment
    assert gzip.decompress(padded) == b""
    server.answers["/"] = [answer(padded * 3, Content_Encoding="gzip")]

    with pytest.raises(FetchError, match="larger than 100,000 bytes"):
        client.get(f"{server.url}/")


@pytest.mark.parametrize("members", [1_000, 1_001])
def test_an_answer_of_a_thousand_folded_parts_is_read_and_one_of_more_is_not(
    server: Server, client: Client, members: int
) -> None:
    server.answers["/"] = [answer(gzip.compress(b"x") * members, Content_Encoding="gzip")]

    with pytest.raises(FetchError, match="more than 1,000 parts") if members > 1_000 else nullcontext():
        assert client.get(f"{server.url}/") == b"x" * members
