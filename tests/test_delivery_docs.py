"""What docs/delivery.md says is so."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from digest.config import check_settings
from digest.pace import Limits
from digest.transport.providers import PROVIDERS, Provider
from tests.cli.outgoing import BUSY, LOST, NOBODY, SENT, tried
from tests.desk import ADA, CONFIG, Desk

DOCUMENT = (Path(__file__).parent.parent / "docs" / "delivery.md").read_text(encoding="utf-8")
_SPANS = {"per_minute": "a minute", "per_hour": "an hour", "per_day": "a day"}


def row(one: Provider) -> str:
    """A provider's line of the table."""
    limits = [
        f"{most:,} {span}" for key, span in _SPANS.items() if (most := getattr(one.limits, key)) is not None
    ]
    cells = (
        f"`{one.name}`",
        f"`{one.host}`" if one.host else "yours",
        f"{one.port} ({one.security})",
        one.auth or "none",
        str(one.limits.connections),
        str(one.limits.per_connection or "no limit"),
        ", ".join(limits) or "no limit",
    )
    return f"| {' | '.join(cells)} |"


def sources(one: Provider) -> str:
    """A provider's notes and where they stand."""
    told = "; ".join(
        f"[{source.says}]({source.url}) ({f'read {source.read}' if source.read else 'from memory'})"
        for source in one.sources
    )
    return f"- **{one.name}**: {one.note} {told}."


@pytest.mark.parametrize("one", PROVIDERS.values(), ids=PROVIDERS)
def test_every_preset_stands_in_the_table_with_its_sources(one: Provider) -> None:
    assert row(one) in DOCUMENT.splitlines()
    assert sources(one) in DOCUMENT.splitlines()


def test_the_defaults_are_those_of_the_document() -> None:
    assert (
        f"Without a provider: {Limits().connections} connections, {Limits().per_connection} messages"
        in DOCUMENT
    )


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL))
def test_every_piece_of_configuration_is_sound(tmp_path: Path, block: str) -> None:
    smtp = '[smtp]\nhost = "h"\nusername = "u"\n'
    mail = '[mail]\nfrom_address = "digest@example.org"\ntransport = "smtp"\n'
    if block.startswith("password_command"):
        block = smtp + block
    elif "smtp]" not in block:
        block = f"{block}\n{smtp}"

    assert check_settings(tomllib.loads(f"{block}\n{mail}"), tmp_path / "config.toml") == ()


@pytest.mark.parametrize("script", re.findall(r"```sh\n(#!/bin/sh\n.*?)```", DOCUMENT, re.DOTALL))
def test_every_script_is_one_that_a_shell_can_read(script: str) -> None:
    read = subprocess.run(["/bin/sh", "-n"], input=script, text=True, capture_output=True, check=False)

    assert (read.returncode, read.stderr) == (0, "")


def test_the_plan_is_what_the_command_says(desk: Desk) -> None:
    relay = '[smtp]\nname = "main"\nhost = "h"\nper_hour = 300\nper_day = 2000\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + relay)

    plan = desk.run("plan", "--readers", "1000")

    said = [line for line in (plan.stderr + plan.stdout).splitlines() if "\t" not in line]
    assert len(said) == 4
    assert set(said) <= set(DOCUMENT.splitlines())


def test_the_walk_through_shows_what_the_commands_say(desk: Desk) -> None:
    for name in ("bob", "eve", "sam"):
        desk.write(f"profiles/{name}.toml", ADA.replace("ada@", f"{name}@"))
    for name, attempt in (("ada", BUSY), ("bob", LOST), ("eve", NOBODY), ("sam", SENT)):
        tried(desk, attempt, name)

    said = desk.run("status").stdout.splitlines() + desk.run("outbox", "show", "sam").stdout.splitlines()

    shown = [line.strip() for line in DOCUMENT.splitlines()]
    for line in said:
        if re.match(r"\d+ (waits|may|refused)|sam, |  [a-z]", line):
            assert line.strip() in shown
