"""What the environment says of proxies and certificates, where httpx cannot use it."""

from collections.abc import Callable

import pytest

from digest.errors import FetchError
from digest.fetch.client import Client
from tests.web import Server, answer


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks4://ada:teapot@127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://127.0.0.1:teapot"),
        ("no_proxy", "localhost,127.0.0.0/8,fe80::/10"),
        ("SSL_CERT_FILE", "/nowhere/roots.pem"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_its_password_is_not(
    client: Client, server: Server, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    server.answers["/"] = [answer(b"papers")]
    monkeypatch.setenv(variable, value)

    with pytest.raises(FetchError, match=f"environment's .*{variable}.* cannot be used") as refused:
        client.get(f"{server.url}/")

    assert "teapot" not in str(refused.value)
    assert refused.value.fix


def test_settings_that_can_be_used_are_no_obstacle(
    server: Server, clients: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/"] = [answer(b"papers")]
    monkeypatch.setenv("no_proxy", "127.0.0.1,.example.org")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")

    assert clients().get(f"{server.url}/") == b"papers"
