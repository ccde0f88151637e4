"""Pages are kept, and asked for again only if they changed."""

import gzip
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from digest.errors import FetchError
from digest.fetch.client import Client
from digest.fetch.memory import Forgetful
from digest.fetch.web import Form
from tests.fetch.conftest import Clock
from tests.web import RawServer, Server, answer

PAPERS = b"robots that pour tea"
FRESH: Any = {"Cache_Control": "max-age=60", "ETag": '"1"'}


@pytest.fixture
def memory() -> Forgetful:
    return Forgetful()


@pytest.fixture
def client(clients: Callable[..., Client], memory: Forgetful) -> Client:
    return clients(memory=memory)


def test_a_page_that_did_not_change_is_not_sent_again(server: Server, client: Client) -> None:
    modified = "Mon, 10 Aug 2026 07:00:00 GMT"
    server.answers["/"] = [answer(PAPERS, ETag='"1"', Last_Modified=modified), answer(b"", 304)]

    assert [client.get(f"{server.url}/") for _ in range(3)] == [PAPERS] * 3
    assert "If-None-Match" not in server.asked[0][1]
    for _, headers in server.asked[1:]:
        assert (headers["If-None-Match"], headers["If-Modified-Since"]) == ('"1"', modified)


def test_a_page_that_changed_takes_the_place_of_the_old_one(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(PAPERS, ETag='"1"'), answer(b"newer", ETag='"2"'), answer(b"", 304)]

    assert [client.get(f"{server.url}/") for _ in range(3)] == [PAPERS, b"newer", b"newer"]
    assert server.asked[2][1]["If-None-Match"] == '"2"'


def test_a_page_is_kept_from_run_to_run_as_it_was_unfolded(
    server: Server, clients: Callable[..., Client], memory: Forgetful
) -> None:
    server.answers["/"] = [
        answer(gzip.compress(PAPERS), Content_Encoding="gzip", ETag='"1"'),
        answer(b"", 304),
    ]

    assert clients(memory=memory).get(f"{server.url}/") == PAPERS
    assert clients(memory=memory).get(f"{server.url}/") == PAPERS


def test_a_fresh_page_is_not_asked_for_at_all(server: Server, client: Client, clock: Clock) -> None:
    server.answers["/"] = [answer(PAPERS, Cache_Control="max-age=60"), answer(b"newer")]

    assert [client.get(f"{server.url}/") for _ in range(2)] == [PAPERS] * 2
    assert clock.slept == []
    clock.at += 60
    assert client.get(f"{server.url}/") == b"newer"


def test_what_did_not_change_is_fresh_for_as_long_as_its_server_says_now(
    server: Server, client: Client, clock: Clock
) -> None:
    server.answers["/"] = [answer(PAPERS, ETag='"1"'), answer(b"", 304, Cache_Control="max-age=60")]

    for _ in range(4):
        assert client.get(f"{server.url}/") == PAPERS

    assert len(server.asked) == 2


def test_a_page_young_enough_for_the_caller_will_do(server: Server, client: Client, clock: Clock) -> None:
    server.answers["/"] = [answer(PAPERS), answer(b"newer")]

    assert client.get(f"{server.url}/", good_for_s=60) == PAPERS
    assert client.get(f"{server.url}/", good_for_s=60) == PAPERS
    clock.at += 60
    assert client.get(f"{server.url}/", good_for_s=60) == b"newer"


@pytest.mark.parametrize("cache_control", ["no-store", "private, max-age=60", "no-store, max-age=60"])
def test_what_is_not_to_be_kept_is_asked_for_each_time(
    server: Server, client: Client, cache_control: str
) -> None:
    server.answers["/"] = [answer(PAPERS, Cache_Control=cache_control, ETag='"1"'), answer(b"newer")]

    assert client.get(f"{server.url}/", good_for_s=60) == PAPERS
    assert client.get(f"{server.url}/", good_for_s=60) == b"newer"
    assert "If-None-Match" not in server.asked[1][1]


def test_what_a_key_brought_is_neither_kept_nor_given_to_others(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"secret", **FRESH), answer(PAPERS, **FRESH)]

    assert client.get(f"{server.url}/", headers={"X-Key": "k"}) == b"secret"
    assert client.get(f"{server.url}/") == PAPERS


def test_nothing_but_good_answers_is_kept(server: Server, client: Client) -> None:
    server.answers["/"] = [
        answer(b"<!doctype html><title>Sign in</title>", **FRESH),
        answer(b"gone", 404, **FRESH),
        answer(b"{}", **FRESH),
    ]

    for _ in range(2):
        with pytest.raises(FetchError):
            client.get(f"{server.url}/", form=Form.JSON)
    assert client.get(f"{server.url}/", form=Form.JSON) == b"{}"
    assert "If-None-Match" not in server.asked[2][1]


def test_a_page_kept_in_another_form_is_asked_for_anew(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"<html></html>", Cache_Control="max-age=60"), answer(b"{}")]

    assert client.get(f"{server.url}/") == b"<html></html>"
    assert client.get(f"{server.url}/", form=Form.JSON) == b"{}"


def test_where_a_redirect_leads_is_kept_and_the_way_there_is_not(server: Server, client: Client) -> None:
    server.answers["/today"] = [
        answer(status=302, Location="/monday", Cache_Control="max-age=60"),
        answer(status=302, Location="/tuesday"),
    ]
    server.answers["/monday"] = [answer(PAPERS, Cache_Control="max-age=60")]
    server.answers["/tuesday"] = [answer(b"newer")]

    assert [client.get(f"{server.url}/today") for _ in range(2)] == [PAPERS, b"newer"]


def test_nothing_changed_is_no_answer_to_who_has_nothing(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"", 304)]

    with pytest.raises(FetchError, match="304"):
        client.get(f"{server.url}/")


def test_a_kept_page_over_todays_bound_is_got_anew(
    server: Server, client: Client, clients: Callable[..., Client], memory: Forgetful
) -> None:
    server.answers["/"] = [answer(b"x" * 1_000, Cache_Control="max-age=60"), answer(PAPERS)]
    client.get(f"{server.url}/")

    small = clients(memory=memory, limits=replace(client.limits, max_bytes=100))

    assert small.get(f"{server.url}/") == PAPERS


def test_cookies_are_neither_kept_nor_sent(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(Set_Cookie="seen=1; Path=/")]

    client.get(f"{server.url}/")
    client.get(f"{server.url}/")

    assert "Cookie" not in server.asked[1][1]


def test_what_may_have_broken_off_is_not_kept(client: Client, raw: Callable[..., RawServer]) -> None:
    def without_end(connection: socket.socket) -> None:
        server.hear(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nrobots that")

    server = raw(without_end)

    for _ in range(2):
        assert client.get(f"{server.url}/", good_for_s=60) == b"robots that"
    assert len(server.heard) == 2
