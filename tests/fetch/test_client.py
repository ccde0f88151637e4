"""The HTTP client against a real server on this machine."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from digest.errors import FetchError, RefusedError
from digest.fetch.client import Client, Limits
from tests.fetch.conftest import HERE, Clock
from tests.web import Server, answer


def test_a_page_is_fetched_by_somebody_with_a_name(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"papers")]

    assert client.get(f"{server.url}/") == b"papers"
    assert server.asked[0][1]["User-Agent"].startswith("paperdigest/")
    assert "mailto:ops@example.org" in server.asked[0][1]["User-Agent"]


def test_a_compressed_answer_is_unfolded(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(gzip.compress(b"papers" * 100), Content_Encoding="gzip")]

    assert client.get(f"{server.url}/") == b"papers" * 100


def test_two_requests_to_a_host_keep_their_distance(server: Server, client: Client, clock: Clock) -> None:
    server.answers["/"] = [answer()]

    client.get(f"{server.url}/")
    client.get(f"{server.url}/")

    assert clock.slept == [3.0]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again_when_the_server_says(
    server: Server, client: Client, clock: Clock, status: int
) -> None:
    server.answers["/"] = [answer(status=status, Retry_After="7"), answer(b"papers")]

    assert client.get(f"{server.url}/") == b"papers"
    assert 7.0 in clock.slept


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (503, 3)])
def test_a_refusal_is_said_with_its_address(server: Server, client: Client, status: int, tries: int) -> None:
    server.answers["/x"] = [answer(status=status)]

    with pytest.raises(FetchError, match=rf"/x: the server answered {status}"):
        client.get(f"{server.url}/x")
    assert len(server.asked) == tries


def test_a_redirect_is_followed(server: Server, client: Client) -> None:
    server.answers["/old"] = [answer(status=302, Location="/new")]
    server.answers["/new"] = [answer(b"papers")]

    assert client.get(f"{server.url}/old") == b"papers"


def test_redirects_come_to_an_end(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(status=302, Location="/")]

    with pytest.raises(FetchError, match="more than 5 redirects"):
        client.get(f"{server.url}/")


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2/",
        "http://localhost:8080/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://100.64.0.1/",
        "http://10.1.2.3/",
        "http://2130706433/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://127.1/",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_a_private_place_is_refused(server: Server, client: Client, target: str) -> None:
    server.answers["/"] = [answer(status=302, Location=target)]

    with pytest.raises(FetchError, match=r"private address|not an http"):
        client.get(f"{server.url}/")


def test_an_answer_over_the_bound_is_refused(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"x" * 100_001)]

    with pytest.raises(FetchError, match="larger than 100,000 bytes"):
        client.get(f"{server.url}/")


def test_a_bomb_is_cut_while_it_unfolds(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")]

    with pytest.raises(FetchError, match="larger than 100,000 bytes"):
        client.get(f"{server.url}/")


def test_an_encoding_nobody_asked_for_is_refused(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"x", Content_Encoding="br")]

    with pytest.raises(FetchError, match="'br'"):
        client.get(f"{server.url}/")


def test_broken_compression_is_an_error_in_words(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"not gzip at all", Content_Encoding="gzip")]

    with pytest.raises(FetchError, match="not well-formed"):
        client.get(f"{server.url}/")


def test_an_answer_that_breaks_off_is_no_answer(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(gzip.compress(b"papers" * 1_000)[:-10], Content_Encoding="gzip")]

    with pytest.raises(FetchError, match="broke off"):
        client.get(f"{server.url}/")


@pytest.mark.slow
@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_drips_is_cut_when_its_time_is_up(server: Server, begun: bytes) -> None:
    hung_up = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(begun)
        try:
            while not hung_up.wait(0.02):  # far below the time allowed for any single wait
                handler.wfile.write(b"x")
        finally:
            hung_up.set()

    server.answers["/"] = [drip, answer(status=404)]

    with (
        Client(limits=Limits(timeout_s=0.3, spacing_s=0), trusted_hosts=HERE, sleep=lambda _: None) as client,
        pytest.raises(FetchError, match="404"),  # the second try, after the first was cut
    ):
        client.get(f"{server.url}/")

    assert hung_up.wait(5)


@pytest.mark.slow
def test_every_try_that_drips_is_said_to_have_taken_too_long(server: Server) -> None:
    def hang(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        handler.rfile.read(1)  # until the client hangs up

    server.answers["/"] = [hang]
    limits = Limits(timeout_s=0.2, spacing_s=0)

    with (
        Client(limits=limits, trusted_hosts=HERE, sleep=lambda _: None) as client,
        pytest.raises(FetchError, match=r"longer than 0\.2 s|no answer in time"),
    ):
        client.get(f"{server.url}/")


@pytest.mark.parametrize("location", ["http://[", "//[x", "http://a:b:c/"])
def test_a_redirect_to_no_address_at_all_is_an_error_in_words(
    server: Server, client: Client, location: str
) -> None:
    server.answers["/"] = [answer(status=302, Location=location)]

    with pytest.raises(FetchError):
        client.get(f"{server.url}/")


def test_a_list_of_hosts_without_a_proxy_is_no_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")

    with Client(limits=Limits(spacing_s=0)) as client, pytest.raises(FetchError, match="private address"):
        client.get(f"{server.url}/")


def test_a_contact_of_any_script_is_no_obstacle(server: Server) -> None:
    server.answers["/"] = [answer()]

    with Client(contact="Jürgen 李", trusted_hosts=HERE) as client:
        client.get(f"{server.url}/")

    assert "J?rgen" in server.asked[0][1]["User-Agent"]


def test_nobody_there_is_said(client: Client) -> None:
    with pytest.raises(FetchError, match="cannot be reached"):
        client.get("http://127.0.0.1:9/")


@pytest.mark.parametrize("url", ["ftp://example.org/", "javascript:alert(1)", "/papers", "http://"])
def test_only_web_addresses_are_fetched(client: Client, url: str) -> None:
    with pytest.raises(FetchError, match="not an http"):
        client.get(url)


def test_headers_are_sent_and_those_of_the_answer_are_told(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"papers", X_Version="7")]

    told = client.ask(f"{server.url}/", {"X-Key": "secret"})

    assert (told.status, told.body, told.headers["x-version"]) == (200, b"papers", "7")
    assert server.asked[0][1]["X-Key"] == "secret"


def test_nothing_new_is_an_answer_only_to_a_condition(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"", 304)]

    assert client.ask(f"{server.url}/", {"If-None-Match": "x"}).status == 304
    with pytest.raises(FetchError):
        client.ask(f"{server.url}/", {"X-Key": "secret"})


def test_an_answer_with_headers_keeps_all_bounds(server: Server, client: Client) -> None:
    server.answers["/large"] = [answer(b"x" * 100_001)]
    server.answers["/busy"] = [answer(status=503), answer(b"papers")]
    server.answers["/no"] = [answer(status=403)]

    with pytest.raises(FetchError, match="larger than 100,000 bytes"):
        client.ask(f"{server.url}/large", {})
    assert client.ask(f"{server.url}/busy", {}).body == b"papers"
    with pytest.raises(RefusedError) as refused:
        client.ask(f"{server.url}/no", {})
    assert refused.value.status == 403


@pytest.mark.parametrize("headers", [{"X-Key": "secret"}, {}])
def test_a_redirect_takes_headers_to_no_other_host(
    server: Server, client: Client, headers: dict[str, str]
) -> None:
    other = Server()
    other.answers["/"] = [answer(b"papers")]
    server.answers["/away"] = [answer(status=302, Location=f"{other.url}/")]
    server.answers["/near"] = [answer(status=302, Location="/here")]
    server.answers["/here"] = [answer(b"papers")]

    try:
        assert client.ask(f"{server.url}/near", headers).body == b"papers"
        if headers:
            with pytest.raises(FetchError, match="to another host"):
                client.ask(f"{server.url}/away", headers)
            assert other.asked == []
        else:
            assert client.ask(f"{server.url}/away", headers).body == b"papers"
    finally:
        other.close()


def test_a_header_that_none_may_be_is_refused_without_showing_it(server: Server, client: Client) -> None:
    with pytest.raises(FetchError) as refused:
        client.ask(f"{server.url}/", {"X-Key": "secret\r\nX-Other: 1"})

    assert "secret" not in str(refused.value)
    assert server.asked == []


@pytest.fixture
def hasty() -> Iterator[tuple[str, int]]:
    """A server that answers 413 when it has seen the head of a request, and hangs up on the body."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(1_000)
                connection.sendall(b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


TOO_MUCH = b"x" * 20_000_000


def test_a_server_that_answers_before_it_has_read_everything_is_understood(
    client: Client, hasty: tuple[str, int]
) -> None:
    with pytest.raises(RefusedError) as refused:
        client.post(f"http://127.0.0.1:{hasty[1]}/", TOO_MUCH, {})

    assert refused.value.status == 413


def test_a_private_address_is_refused_even_if_it_hangs_up_early(
    clients: Callable[..., Client], hasty: tuple[str, int]
) -> None:
    client = clients(trusted_hosts=frozenset(), resolve=lambda _: {"93.184.215.14"})

    with pytest.raises(FetchError, match=r"private address 127\.0\.0\.1.*allow_private under \[fetch\]"):
        client.post(f"http://127.0.0.1:{hasty[1]}/", TOO_MUCH, {})
