"""An OpenAI-compatible service is asked with its key, and its troubles are told without it."""

import math
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from digest.endpoint import Endpoint, checked_key
from digest.errors import ConfigurationError, FetchError, RefusedError
from tests.model_server import EMBEDDINGS, ModelServer
from tests.web import answer

KEY = "sk-0123456789abcdef"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    running = ModelServer()
    yield running
    running.close()


def ask(endpoint: Endpoint, within_s: float = math.inf) -> bytes:
    return endpoint.ask("/embeddings", {"input": ["ä"]}, within_s=within_s)


def test_what_is_posted_carries_the_key_and_is_json(server: ModelServer) -> None:
    server.answers[EMBEDDINGS] = [answer(b"{}")]

    assert ask(server.endpoint(key=KEY)) == b"{}"

    (path, headers, body) = server.posted[0]
    assert path == EMBEDDINGS
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"
    assert body == b'{"input": ["\\u00e4"]}'


def test_without_a_key_none_is_sent(server: ModelServer) -> None:
    ask(server.endpoint())

    assert "Authorization" not in server.posted[0][1]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_is_told_by_its_variable(server: ModelServer, status: int) -> None:
    server.answers[EMBEDDINGS] = [answer(status=status)]

    with pytest.raises(FetchError, match="Set DIGEST_EMBEDDING_KEY") as told:
        ask(server.endpoint(key=KEY))
    assert not isinstance(told.value, RefusedError)


def test_a_server_that_answers_with_the_key_does_not_get_it_into_the_error(server: ModelServer) -> None:
    def unkind(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(505, f"no luck with {KEY}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.answers[EMBEDDINGS] = [unkind]

    with pytest.raises(FetchError, match="no luck with") as told:
        ask(server.endpoint(key=KEY))
    assert KEY not in str(told.value)


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 418, 422, 429, 451, 499])
def test_a_refusal_that_repeats_the_key_is_told_without_it(server: ModelServer, status: int) -> None:
    def unkind(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status, f"no luck with {KEY}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.answers[EMBEDDINGS] = [unkind]

    with pytest.raises(FetchError, match=rf"{status} no luck with \*\*\*") as told:
        ask(server.endpoint(key=KEY))
    assert KEY not in str(told.value)
    if status not in (401, 403, 404, 410, 429):
        assert isinstance(told.value, RefusedError)
        assert told.value.status == status


def test_an_address_or_model_that_is_not_there_says_where_to_look(server: ModelServer) -> None:
    server.answers[EMBEDDINGS] = [answer(status=404)]

    with pytest.raises(FetchError, match="base_url"):
        ask(server.endpoint())


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_refused_is_its_own_kind_of_error(server: ModelServer, status: int) -> None:
    server.answers[EMBEDDINGS] = [answer(status=status)]

    with pytest.raises(RefusedError) as told:
        ask(server.endpoint())
    assert told.value.status == status
    assert len(server.posted) == 1


def test_a_busy_service_is_asked_again_when_it_says(server: ModelServer) -> None:
    slept: list[float] = []
    server.answers[EMBEDDINGS] = [answer(status=429, Retry_After="7"), answer(b"{}")]

    assert ask(server.endpoint(sleep=slept.append)) == b"{}"
    assert slept == pytest.approx([7.0], abs=1)


def test_a_wait_that_would_outlast_the_time_is_not_begun(server: ModelServer) -> None:
    slept: list[float] = []
    server.answers[EMBEDDINGS] = [answer(status=503, Retry_After="20")]

    with pytest.raises(FetchError, match="503"):
        ask(server.endpoint(sleep=slept.append), within_s=10)
    assert slept == []
    assert len(server.posted) == 1


def test_an_answer_that_never_ends_is_cut_when_the_time_is_up(server: ModelServer) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    server.answers[EMBEDDINGS] = [drip]
    begun = time.monotonic()

    with pytest.raises(FetchError, match=r"longer than|in time"):
        ask(server.endpoint(), within_s=0.3)
    assert time.monotonic() - begun < 3


def test_a_redirect_is_not_followed_with_the_key(server: ModelServer) -> None:
    server.answers[EMBEDDINGS] = [answer(status=307, Location=f"{server.url}/elsewhere")]
    server.answers["/elsewhere"] = [answer(b"{}")]

    with pytest.raises(FetchError, match="redirect"):
        ask(server.endpoint(key=KEY))
    assert [path for path, _, _ in server.posted] == [EMBEDDINGS]


def test_an_answer_beyond_all_measure_is_refused(server: ModelServer) -> None:
    server.answers[EMBEDDINGS] = [answer(b" " * 1_100_000)]

    with pytest.raises(FetchError, match="larger than 1,000,000 bytes"):
        ask(server.endpoint())


@pytest.mark.parametrize("key", ["two words", "a\nHost: evil", "schlüssel"])
def test_a_key_that_no_header_holds_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="DIGEST_EMBEDDING_KEY") as told:
        checked_key(key, "https://example.org/v1", "DIGEST_EMBEDDING_KEY")
    assert key not in str(told.value)


def test_a_key_goes_unencrypted_to_no_other_machine() -> None:
    for url in (
        "https://example.org/v1",
        "http://localhost:8000/v1",
        "http://127.0.0.1/v1",
        "http://[::1]/v1",
    ):
        assert checked_key(f"{KEY}\n", url, "K") == KEY
    with pytest.raises(ConfigurationError, match=r"unencrypted to 192\.168\.1\.5"):
        checked_key(KEY, "http://192.168.1.5:8000/v1", "K")
    assert checked_key("", "http://192.168.1.5:8000/v1", "K") == ""


def test_the_key_is_not_in_what_an_endpoint_looks_like(server: ModelServer) -> None:
    assert KEY not in repr(server.endpoint(key=KEY))
