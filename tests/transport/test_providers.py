"""The presets of providers."""

import re
from dataclasses import astuple
from datetime import date

import pytest

from digest.transport.providers import PROVIDERS, Provider
from digest.transport.smtp import SmtpServer

BY_PORT = {25: "none", 465: "implicit", 587: "starttls"}

presets = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


def test_the_usual_providers_are_there_by_name() -> None:
    usual = {"gmail", "workspace", "outlook", "exchange", "ses", "mailgun", "fastmail", "postfix"}

    assert PROVIDERS.keys() == usual
    assert all(provider.name == name for name, provider in PROVIDERS.items())


@presets
def test_a_preset_is_encrypted_as_its_port_wants_it(provider: Provider) -> None:
    assert provider.security == BY_PORT[provider.port]


@presets
def test_only_this_machine_is_spoken_to_in_clear_and_without_a_login(provider: Provider) -> None:
    server = SmtpServer(host=provider.host or "mail.example", port=provider.port, security=provider.security)

    assert (provider.security == "none") == server.is_loopback == (provider.auth is None)


@presets
def test_every_preset_says_where_it_stands_and_what_was_read(provider: Provider) -> None:
    assert any(source.read for source in provider.sources)
    assert provider.note.endswith(".")
    for source in provider.sources:
        assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]+/\S+", source.url)
        assert source.says
        assert source.read is None or date(2026, 1, 1) <= source.read <= date(2100, 1, 1)


@presets
def test_limits_are_positive_and_the_longer_the_time_the_more(provider: Provider) -> None:
    limits = provider.limits
    windows = [n for n in (limits.per_minute, limits.per_hour, limits.per_day) if n is not None]

    assert all(n is None or n > 0 for n in astuple(limits))
    assert windows == sorted(windows)
    assert 1 <= limits.connections <= 10


@presets
def test_a_limit_has_its_figure_in_a_source_or_is_owned_up_to(provider: Provider) -> None:
    told = " ".join([*(source.says for source in provider.sources), provider.note])
    limits = provider.limits

    for most in (limits.per_minute, limits.per_hour, limits.per_day):
        assert most is None or f"{most:,}" in told
