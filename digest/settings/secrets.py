"""Where passwords and tokens come from: the environment, a private file, a command. Never `config.toml`."""

import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from digest.errors import ConfigurationError
from digest.links import is_loopback
from digest.settings.commands import beside, without_secrets
from digest.settings.mail import SecretTable, variable_part
from digest.text import clean

SMTP_VARIABLE = "DIGEST_SMTP_PASSWORD"
BOUNCES_VARIABLE = "DIGEST_BOUNCES_PASSWORD"
COMMAND_S = 30
MOST_BYTES = 65_536
"""Of a file or an answer; the longest access tokens have a few thousand."""

Secret = Callable[[], str]
"""Asked at each login, because a token lives for an hour. Raises ConfigurationError."""


def smtp_variables(name: str, *, is_first: bool) -> tuple[str, ...]:
    """The environment's variables for one relay's password; only the first relay's needs no name."""
    own = f"{SMTP_VARIABLE}_{variable_part(name)}"
    return (own, SMTP_VARIABLE) if is_first else (own,)


def secret_of(
    table: SecretTable, variables: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Secret | None:
    """How to get the secret: from the first variable that is set, else the file, else the command.

    `None` if there is no way. Raises ConfigurationError for a file that cannot be read, or that other users
    of the machine can read; a command is not run yet.
    """
    if named := next((environment[name] for name in variables if environment.get(name)), None):
        return lambda: named
    if table.password_file is not None:
        written = _read(folder / table.password_file.expanduser(), variables[0])
        return lambda: written
    if table.password_command is not None:
        return partial(run_for_secret, table.password_command, folder, environment)
    return None


def key_of(variable: str, file: Path | None, folder: Path, environment: Mapping[str, str]) -> str:
    """A service's key: from its variable, else its file; empty if there is neither.

    Raises ConfigurationError for a file as `secret_of` does.
    """
    if named := environment.get(variable, "").strip():
        return named
    return _read(folder / file.expanduser(), variable, "key") if file is not None else ""


def may_carry_secrets(url: str) -> bool:
    """Whether what is sent to an address is encrypted, or never leaves this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def _read(path: Path, variable: str, what_it_is: str = "password") -> str:
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            written = file.read(MOST_BYTES)
    except OSError as problem:
        what, fix = (
            f"cannot be read ({problem.strerror})",
            f"Write the {what_it_is} there, or set ${variable}",
        )
        raise _file_problem(what_it_is, what, path, fix) from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _file_problem(what_it_is, "can be read by other users", path, f"Run: chmod 600 {path}")
    try:
        return _first_line(written)
    except ValueError as problem:
        fix = f"Its first line must be the {what_it_is if what_it_is == 'key' else 'password or token'}"
        raise _file_problem(what_it_is, f"holds {problem}", path, fix) from None


def _file_problem(of: str, what: str, path: Path, fix: str) -> ConfigurationError:
    return ConfigurationError.of(f"the {of} file {what}", where=str(path), fix=fix)


def _first_line(raw: bytes) -> str:
    """The secret. Raises ValueError with what is there in its place, and not a character of it."""
    try:
        secret = raw.decode("utf-8-sig").partition("\n")[0].strip()
    except UnicodeDecodeError:
        raise ValueError("what is not UTF-8 text") from None
    if not secret:
        raise ValueError("an empty first line")
    if not secret.isprintable():
        raise ValueError("a first line with control characters")
    return secret


def run_for_secret(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], *, within_s: float = COMMAND_S
) -> str:
    """The first line that a command prints. It gets no shell, no input, and no secret of others.

    Raises ConfigurationError with what it said on standard error; what it printed is never shown.
    """
    code, printed, said = _run(argv, folder, environment, within_s)
    last = clean(said.decode(errors="replace"), 300)
    told = f": {last}" if last else ""
    if code is None:
        raise _command_problem(argv, f"took longer than {within_s:g} s{told}")
    if code != 0:
        raise _command_problem(argv, f"ended with {code}{told}")
    try:
        return _first_line(printed)
    except ValueError as problem:
        raise _command_problem(argv, f"printed {problem}{told}") from None


def _run(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], within_s: float
) -> tuple[int | None, bytes, bytes]:
    """Exit code (`None`: out of time, or without an end to what it prints) and the start of both outputs."""
    try:
        process = subprocess.Popen(  # noqa: S603  # the operator's own command
            beside(argv, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=without_secrets(environment),
            start_new_session=True,
        )
    except OSError as problem:
        raise _command_problem(argv, f"cannot be run ({problem.strerror})") from None
    deadline = time.monotonic() + within_s
    with process:
        printed, said = _listen(process, deadline)
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):  # and what it left running
            os.killpg(process.pid, signal.SIGKILL)
    return code, printed, said


def _listen(process: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes, bytes]:
    """What comes on both outputs until they end, hold MOST_BYTES, or the time is up."""
    heard = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as open_ones:
        for pipe in heard:
            open_ones.register(pipe, selectors.EVENT_READ)  # type: ignore[arg-type]  # both are PIPE
        while open_ones.get_map() and (left_s := deadline - time.monotonic()) > 0:
            for key, _ in open_ones.select(left_s):
                more = os.read(key.fd, MOST_BYTES)
                heard[key.fileobj] += more  # type: ignore[index]
                if not more or len(heard[key.fileobj]) > MOST_BYTES:  # type: ignore[index]
                    open_ones.unregister(key.fileobj)
    return heard[process.stdout], heard[process.stderr]


def _command_problem(argv: Sequence[str], what: str) -> ConfigurationError:
    """Only the program is named: its arguments may tell what they should not."""
    fix = "Run it yourself, in the folder of config.toml: its first line must be the password or token"
    return ConfigurationError.of(f"the command {what}", where=f"password_command {argv[0]}", fix=fix)
