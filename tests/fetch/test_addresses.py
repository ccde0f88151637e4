"""Only the public Internet is asked, whatever a page or a name server says."""

import socket
from collections.abc import Callable

import pytest

from digest.errors import FetchError
from digest.fetch.addresses import is_public, literal
from digest.fetch.client import Client
from digest.fetch.target import onward, target_of
from tests.web import RawServer, Server, answer

PUBLIC = "93.184.215.14"
NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
        *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
        *("255.255.255.255", "192.88.99.1"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
        *("2001:db8::1", "2001::7f00:1", "64:ff9b:1::1", "100::1"),
        *("4000::1", "5f00::1", "8000::1", "1::1", "3fff::1", "2002:7f00:1::1", "::ffff:0:7f00:1"),
        *("2a01:4f8::5efe:10.0.0.1", "2a01:4f8::200:5efe:7f00:1", "2a01:4f8::5efe:169.254.169.254"),
        *("::ffff:127.0.0.1", "::ffff:a00:1", "::7f00:1", "2002:7f00:1::", "64:ff9b::7f00:1"),
    ],
)
def test_an_address_of_no_public_place_is_none(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e", "2a01:4f8::5efe:5db8:d70e", "2620:0:10::1"],
)
def test_a_public_address_is_one(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "localhost", "a.localhost"],
)
def test_an_address_is_known_in_every_way_to_write_it(host: str) -> None:
    assert literal(host) == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["papers.example", "1.2.3.4.5", "x" * 300])
def test_a_name_is_no_address(host: str) -> None:
    assert not literal(host)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost./",
        "http://LOCALHOST/",
        "http://127.0.0.1:9999/",
        "http://0177.0.0.1/",
        "http://0x7f000001/",
        "http://0/",
        "http://[::]/",
        "http://[::ffff:7f00:1]/",
        "http://\uff11\uff12\uff17.0.0.1/",  # fullwidth digits
        "http://①②⑦.0.0.1/",
    ],
)
def test_no_way_of_writing_a_private_host_gets_past(clients: Callable[..., Client], url: str) -> None:
    client = clients(trusted_hosts=NOBODY)

    with pytest.raises(FetchError, match=r"private address|cannot find the host|address that is none"):
        client.get(url)


@pytest.mark.parametrize("url", ["http://papers.example@127.0.0.1/", "https://ada:tea@papers.example/x?y#z"])
def test_an_address_with_somebodys_name_is_refused_without_showing_it(client: Client, url: str) -> None:
    with pytest.raises(FetchError, match="name or password") as refused:
        client.get(url)

    assert "tea" not in str(refused.value)
    assert "@" not in str(refused.value)


def test_one_private_address_among_public_ones_is_enough(clients: Callable[..., Client]) -> None:
    client = clients(trusted_hosts=NOBODY, resolve=lambda _: [PUBLIC, "10.0.0.1"])

    with pytest.raises(FetchError, match=r"private address 10\.0\.0\.1"):
        client.get("http://papers.example/")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_turns_private_when_it_is_connected_to_is_told_nothing(
    clients: Callable[..., Client], raw: Callable[..., RawServer], scheme: str
) -> None:
    hung_up: list[bool] = []

    def listen(connection: socket.socket) -> None:
        server.hear(connection)
        hung_up.append(True)

    server = raw(listen)
    client = clients(trusted_hosts=NOBODY, resolve=lambda _: [PUBLIC])

    with pytest.raises(FetchError, match=r"private address 127\.0\.0\.1"):
        client.get(f"{scheme}://localhost:{server.port}/")
    client.close()
    server.wait_for(lambda: bool(hung_up))

    assert server.heard == [b""]


def test_what_a_name_was_the_first_time_does_not_count_the_second_time(
    clients: Callable[..., Client], raw: Callable[..., RawServer]
) -> None:
    server = raw(lambda connection: None)
    looked_up = iter([[PUBLIC], ["10.9.8.7"]])
    client = clients(trusted_hosts=NOBODY, resolve=lambda _: next(looked_up))

    for private in ("127.0.0.1", "10.9.8.7"):
        with pytest.raises(FetchError, match=f"private address {private}"):
            client.get(f"http://localhost:{server.port}/")


def test_a_host_that_the_operator_names_may_be_private_however_it_is_written(
    server: Server, clients: Callable[..., Client]
) -> None:
    server.answers["/"] = [answer(b"papers")]

    assert clients(trusted_hosts={"localhost."}).get(f"http://LOCALHOST:{server.port}/") == b"papers"
    assert target_of("http://localhost.:80/", trusted=frozenset({"localhost"})).is_trusted


# ---------------------------------------------------------------- where redirects may lead

TRUSTED = frozenset({"desk.example"})


def test_a_page_of_the_public_internet_leads_to_no_private_machine_that_the_operator_trusts() -> None:
    here = target_of("http://papers.example/", trusted=TRUSTED)

    there = onward(here, "http://desk.example/", trusted=TRUSTED, has_headers=False)

    assert not there.is_trusted  # so it is asked only if it is public


def test_a_trusted_machine_leads_to_itself_and_to_others_that_are_trusted() -> None:
    here = target_of("http://desk.example/", trusted=TRUSTED)

    assert onward(here, "/new", trusted=TRUSTED, has_headers=False).is_trusted
    assert not onward(here, "http://papers.example/", trusted=TRUSTED, has_headers=False).is_trusted


def test_a_page_may_not_borrow_the_connection_to_a_trusted_machine(
    lasting: Server, clients: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", lasting.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    lasting.answers["/desk"] = [answer(b"private")]
    lasting.answers["http://papers.example/"] = [answer(status=302, Location=f"{lasting.url}/desk")]
    client = clients(resolve=lambda _: [PUBLIC])
    assert client.get(f"{lasting.url}/desk") == b"private"

    with pytest.raises(FetchError, match=r"private address 127\.0\.0\.1"):
        client.get("http://papers.example/")

    assert [path for path, _ in lasting.asked] == ["/desk", "http://papers.example/"]


@pytest.mark.parametrize("host", ["10.1.2.3:8080", "0xa9fea9fe", "localhost", "[fd00:ec2::254]"])
def test_behind_a_proxy_too_a_page_leads_to_no_private_address(
    proxy: Server, clients: Callable[..., Client], host: str
) -> None:
    proxy.answers["http://papers.example/"] = [answer(status=302, Location=f"http://{host}/")]

    with pytest.raises(FetchError, match="private address"):
        clients().get("http://papers.example/")

    assert len(proxy.asked) == 1


def test_a_proxy_may_be_a_private_machine(proxy: Server, clients: Callable[..., Client]) -> None:
    proxy.answers["http://papers.example/"] = [answer(b"papers")]

    assert clients(trusted_hosts=NOBODY).get("http://papers.example/") == b"papers"


@pytest.mark.parametrize("port", [1, 22, 25, 1023])
def test_a_redirect_to_a_service_that_is_no_web_server_is_refused(port: int) -> None:
    here = target_of("http://papers.example/", trusted=NOBODY)

    with pytest.raises(FetchError, match=f"port {port}"):
        onward(here, f"http://other.example:{port}/", trusted=NOBODY, has_headers=False)


def test_a_redirect_out_of_encryption_is_refused() -> None:
    here = target_of("https://papers.example/", trusted=NOBODY)

    with pytest.raises(FetchError, match="https to http"):
        onward(here, "http://papers.example/", trusted=NOBODY, has_headers=False)


def test_a_redirect_to_an_endless_address_is_refused() -> None:
    here = target_of("https://papers.example/", trusted=NOBODY)

    with pytest.raises(FetchError, match="address of") as refused:
        onward(here, "/" + "x" * 20_000, trusted=NOBODY, has_headers=False)
    assert len(str(refused.value)) < 500
