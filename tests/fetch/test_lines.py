"""One connection a host, one request at a time, and no oftener than it bears."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from digest.errors import BusyError, FetchError
from digest.fetch.client import Client, Limits
from digest.fetch.memory import Forgetful, Hold
from tests.fetch.conftest import HERE, Clock
from tests.makers import NOW
from tests.web import Answer, RawServer, Server, answer

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture
def memory() -> Forgetful:
    return Forgetful()


# ---------------------------------------------------------------- connections


def test_a_connection_is_used_again(lasting: Server, client: Client) -> None:
    lasting.answers["/"] = [answer(b"papers")]

    assert [client.get(f"{lasting.url}/") for _ in range(3)] == [b"papers"] * 3
    assert lasting.connections == 1


def test_a_connection_that_the_server_closed_is_opened_anew(lasting: Server, client: Client) -> None:
    def and_close(handler: BaseHTTPRequestHandler) -> None:
        answer(b"papers")(handler)
        handler.close_connection = True  # without saying so

    lasting.answers["/"] = [and_close]

    assert [client.get(f"{lasting.url}/") for _ in range(2)] == [b"papers"] * 2
    assert lasting.connections == 2


def test_a_connection_closed_just_as_it_is_used_costs_no_try(
    client: Client, clock: Clock, raw: Callable[..., RawServer]
) -> None:
    def answer_once(connection: socket.socket) -> None:
        server.hear(connection)
        connection.sendall(HELLO)
        server.hear(connection)

    server = raw(answer_once)

    assert [client.get(f"{server.url}/") for _ in range(4)] == [b"hello"] * 4
    assert clock.slept == [3.0, 3.0, 3.0]  # spacing, and no pause before another try


def test_what_is_posted_is_not_sent_twice_without_a_pause(
    client: Client, clock: Clock, raw: Callable[..., RawServer]
) -> None:
    def answer_once(connection: socket.socket) -> None:
        server.hear(connection)
        connection.sendall(HELLO)
        server.hear(connection)

    server = raw(answer_once)
    client.get(f"{server.url}/")

    assert client.post(f"{server.url}/", b"") == b"hello"
    assert clock.slept == [3.0, 2.0, 1.0]  # spacing, jitter, what is left of the spacing


@pytest.mark.slow
def test_a_kept_connection_is_cut_too_when_its_time_is_up(
    lasting: Server, clients: Callable[..., Client]
) -> None:
    hung_up = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        try:
            while not hung_up.wait(0.02):
                handler.wfile.write(b"x")
        finally:
            hung_up.set()

    lasting.answers["/"] = [answer(b"papers"), drip, answer(b"again")]
    client = clients(limits=Limits(timeout_s=0.3, spacing_s=0))

    assert client.get(f"{lasting.url}/") == b"papers"
    assert client.get(f"{lasting.url}/") == b"again"
    assert hung_up.wait(5)
    assert lasting.connections == 2


def test_all_of_arxiv_shares_one_connection_and_one_pace(
    proxy: Server, clients: Callable[..., Client], clock: Clock
) -> None:
    urls = ["http://export.arxiv.org/1", "http://rss.arxiv.org/2", "http://export.arxiv.org/3"]
    proxy.answers |= {url: [answer(b"papers")] for url in urls}
    client = clients(limits=Limits(spacing_s=0))

    for url in urls:
        client.get(url)

    assert clock.slept == [3.0, 3.0]
    assert proxy.connections == 3  # the one that was kept made room for the next


# ---------------------------------------------------------------- threads


def together(*asks: Callable[[], object]) -> None:
    threads = [threading.Thread(target=ask) for ask in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_host_is_asked_one_thing_at_a_time(lasting: Server, clients: Callable[..., Client]) -> None:
    now, most = [0], [0]
    counting = threading.Lock()

    def busy(handler: BaseHTTPRequestHandler) -> None:
        with counting:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with counting:
            now[0] -= 1
        answer(b"papers")(handler)

    lasting.answers["/"] = [busy]
    client = clients(limits=Limits(spacing_s=0))

    together(*[lambda: client.get(f"{lasting.url}/")] * 6)

    assert (most[0], len(lasting.asked), lasting.connections) == (1, 6, 1)


def test_two_hosts_are_asked_at_the_same_time(lasting: Server, clients: Callable[..., Client]) -> None:
    both = threading.Barrier(2, timeout=5)

    def wait(handler: BaseHTTPRequestHandler) -> None:
        both.wait()
        answer(b"papers")(handler)

    lasting.answers["/"] = [wait]
    client = clients(trusted_hosts=HERE | {"localhost"})
    got: list[bytes] = []

    def ask(host: str) -> Callable[[], object]:
        return lambda: got.append(client.get(f"http://{host}:{lasting.port}/"))

    together(ask("127.0.0.1"), ask("localhost"))

    assert got == [b"papers"] * 2


def test_several_threads_wait_for_a_host_one_after_another(
    lasting: Server, clients: Callable[..., Client], clock: Clock
) -> None:
    lasting.answers["/"] = [answer(b"papers")]
    alone = threading.Lock()
    met: list[float] = []

    def sleep(seconds: float) -> None:
        if not alone.acquire(blocking=False):
            met.append(seconds)
            return
        time.sleep(0.01)  # long enough for others to come by
        clock.sleep(seconds)
        alone.release()

    client = clients(sleep=sleep)

    together(*[lambda: client.get(f"{lasting.url}/")] * 4)

    assert met == []
    assert clock.slept == [3.0] * 3


# ---------------------------------------------------------------- pace


def test_spacing_holds_between_runs(
    server: Server, clients: Callable[..., Client], memory: Forgetful, clock: Clock
) -> None:
    server.answers["/"] = [answer()]
    clients(memory=memory).get(f"{server.url}/")
    clock.at += 1

    clients(memory=memory).get(f"{server.url}/")

    assert clock.slept == [2.0]


def test_two_clients_of_one_memory_keep_the_pace_together(
    server: Server, clients: Callable[..., Client], memory: Forgetful, clock: Clock
) -> None:
    asked: list[float] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        asked.append(clock.at)
        answer(b"papers")(handler)

    server.answers["/"] = [note]
    one, other = clients(memory=memory), clients(memory=memory)

    for client in (one, other, one, other, other):
        client.get(f"{server.url}/")

    assert asked == [0.0, 3.0, 6.0, 9.0, 12.0]


def test_a_client_that_is_closed_asks_nothing_more(server: Server, clients: Callable[..., Client]) -> None:
    server.answers["/"] = [answer(b"papers")]
    made: list[Client] = []
    waiting = clients(sleep=lambda _: made[0].close())
    made.append(waiting)
    waiting.get(f"{server.url}/")

    with pytest.raises(FetchError, match="this run is over"):
        waiting.get(f"{server.url}/")
    with pytest.raises(FetchError, match="this run is over"):
        waiting.get(f"{server.url}/")

    assert len(server.asked) == 1


def test_a_clock_that_was_wrong_makes_nobody_wait_longer_than_the_spacing(
    server: Server, clients: Callable[..., Client], memory: Forgetful, clock: Clock
) -> None:
    server.answers["/"] = [answer()]
    memory.hold_off("127.0.0.1", NOW + timedelta(days=400), "")

    clients(memory=memory).get(f"{server.url}/")

    assert clock.slept == [3.0]


def test_each_try_again_waits_at_random_and_up_to_longer(
    server: Server, clients: Callable[..., Client], clock: Clock
) -> None:
    server.answers["/"] = [answer(status=503), answer(status=500), answer(b"papers")]
    chances = iter([1.0, 0.75])

    got = clients(limits=Limits(spacing_s=0), random=lambda: next(chances)).get(f"{server.url}/")

    assert got == b"papers"
    assert clock.slept == [4.0, 6.0]


def test_who_answers_nothing_is_asked_again(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b""), answer(b" \n"), answer(b"papers")]

    assert client.get(f"{server.url}/") == b"papers"


def test_a_host_that_always_answers_nothing_is_told_of(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"")]

    with pytest.raises(FetchError, match=r"answered nothing \(an empty body\)"):
        client.get(f"{server.url}/")


# ---------------------------------------------------------------- hosts that want to be left alone


def in_half_an_hour() -> str:
    return (NOW + timedelta(minutes=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "status"),
    [
        (answer(b"", 429, Retry_After="1800"), 429),
        (answer(b"", 503, Retry_After="1800"), 503),
        (answer(b"", 503, Retry_After=in_half_an_hour()), 503),
        (answer(b"", 429, RateLimit='"api";r=1;t=1800'), 429),
    ],
)
def test_a_long_wait_is_not_slept_but_kept_to_by_the_next_run(
    server: Server, clients: Callable[..., Client], clock: Clock, told: Answer, status: int
) -> None:
    server.answers["/"] = [told, answer(b"papers")]
    until, memory = NOW + timedelta(minutes=30), Forgetful()

    with pytest.raises(
        BusyError, match=rf"answered {status} .* asks us to wait until {until:%H:%M} UTC"
    ) as busy:
        clients(memory=memory).get(f"{server.url}/")
    with pytest.raises(
        BusyError, match=rf"answered {status} before, and is left alone until {until:%H:%M} UTC"
    ):
        clients(memory=memory).get(f"{server.url}/other")

    assert busy.value.until == until
    assert (len(server.asked), clock.slept) == (1, [])
    clock.at += 1_800
    assert clients(memory=memory).get(f"{server.url}/") == b"papers"


def test_a_server_without_requests_left_gets_none_though_it_answered(
    server: Server, clients: Callable[..., Client], memory: Forgetful, clock: Clock
) -> None:
    server.answers["/"] = [answer(b"papers", RateLimit='"api";r=0;t=200'), answer(b"newer")]
    client = clients(memory=memory)

    assert client.get(f"{server.url}/") == b"papers"
    with pytest.raises(BusyError, match=r"has no requests left for us until .* UTC"):
        client.get(f"{server.url}/")
    clock.at += 200
    assert client.get(f"{server.url}/") == b"newer"


def test_a_short_wait_for_new_requests_is_slept(server: Server, client: Client, clock: Clock) -> None:
    server.answers["/"] = [answer(b"papers", RateLimit='"api";r=0;t=20'), answer(b"newer")]

    assert [client.get(f"{server.url}/") for _ in range(2)] == [b"papers", b"newer"]
    assert clock.slept == [20.0]


def test_a_page_young_enough_needs_no_host(server: Server, client: Client) -> None:
    server.answers["/"] = [answer(b"papers", RateLimit='"api";r=0;t=200')]

    assert [client.get(f"{server.url}/", good_for_s=60) for _ in range(2)] == [b"papers"] * 2


def test_a_wait_of_years_is_a_day(server: Server, clients: Callable[..., Client], memory: Forgetful) -> None:
    server.answers["/"] = [answer(status=503, Retry_After="999999999")]

    with pytest.raises(BusyError) as busy:
        clients(memory=memory).get(f"{server.url}/")

    assert busy.value.until == NOW + timedelta(days=1)


def test_a_hold_that_a_wrong_clock_wrote_is_not_believed(
    server: Server, clients: Callable[..., Client], memory: Forgetful
) -> None:
    server.answers["/"] = [answer(b"papers")]
    memory.hold_off("127.0.0.1", NOW + timedelta(days=400), "429")

    assert clients(memory=memory).get(f"{server.url}/") == b"papers"


@pytest.mark.parametrize("refusal", [answer(b"Rate exceeded.", Content_Type="text/html"), answer(b"", 429)])
def test_arxiv_is_left_alone_for_an_hour_when_it_goes_on_refusing(
    proxy: Server, clients: Callable[..., Client], clock: Clock, refusal: Answer
) -> None:
    proxy.answers["http://export.arxiv.org/api"] = [refusal]
    proxy.answers["http://rss.arxiv.org/rss"] = [answer(b"papers")]
    memory = Forgetful()
    client = clients(memory=memory)

    with pytest.raises(BusyError, match="it is left alone until"):
        client.get("http://export.arxiv.org/api")
    asked = len(proxy.asked)
    with pytest.raises(BusyError, match=r"answered 429 before"):
        client.get("http://export.arxiv.org/api")

    assert (asked, len(proxy.asked)) == (3, 3)
    assert memory.hold("export.arxiv.org") == Hold(
        until=NOW + timedelta(seconds=3_600 + sum(clock.slept)), why="429"
    )
    assert client.get("http://rss.arxiv.org/rss") == b"papers"  # whose host did not refuse
    assert min(clock.slept) > 0


def test_another_thread_too_waits_as_long_as_the_host_asks(
    server: Server, client: Client, clock: Clock
) -> None:
    server.answers["/busy"] = [answer(status=503, Retry_After="20"), answer(b"papers")]
    server.answers["/other"] = [answer(b"other")]

    assert client.get(f"{server.url}/busy") == b"papers"
    assert client.get(f"{server.url}/other") == b"other"
    assert clock.slept == [20.0, 3.0]
