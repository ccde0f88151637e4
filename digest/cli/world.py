"""What the commands touch of the outside: the clock, the environment, the folder, the screen, the browser."""

import os
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from digest.sources.protocol import Source
    from digest.transport.protocol import Relay

    _DateType = click.ParamType[date]
    _TextType = click.ParamType[str]
else:
    _DateType = _TextType = click.ParamType  # older clicks have no subscript here


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is at the other end; a stream that was closed (`<&-`) is `None`."""
    return stream is not None and stream.isatty()


def _now() -> datetime:
    return datetime.now(UTC)


class Day(_DateType):
    """A date such as 2026-03-11, of this century or the next, so that no zone takes it out of range."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date, or wrong usage."""
        try:
            day = value if isinstance(value, date) else date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date; write it as 2026-03-11", param, ctx)
        if not 2000 <= day.year < 2200:
            self.fail(f"{value} is not a day of any list", param, ctx)
        return day


class Text(_TextType):
    """A name or id; never bytes that are no text, which no store can be asked for."""

    name = "text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same, or wrong usage."""
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail(f"{text!r} is not UTF-8 text", param, ctx)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The real one by default; tests bring their own."""

    now: Callable[[], datetime] = _now
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path = field(default_factory=Path.cwd)
    sleep: Callable[[float], None] = time.sleep
    open_page: Callable[[str], object] = webbrowser.open
    sources: "tuple[Source, ...] | None" = None
    """In place of those that the configuration names."""
    relays: "tuple[Relay, ...] | None" = None
    """The same of the ways out."""

    @property
    def is_interactive(self) -> bool:
        """Whether a person sits there to be asked."""
        return is_terminal(sys.stdin) and is_terminal(sys.stdout)

    @property
    def has_desktop(self) -> bool:
        """Whether a browser window could be shown to that person."""
        shown = sys.platform in ("darwin", "win32") or any(
            self.environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
        )
        return self.is_interactive and shown
