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

from digest.errors import ConfigurationError, DigestError
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
        return partial(run_for_secret, table.password_command, folder)
    return None


def _read(path: Path, variable: str) -> str:
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            secret = file.read(MOST_BYTES).decode().strip()
    except UnicodeDecodeError:
        raise _one_problem("the password file is not UTF-8 text", str(path), "Write it anew") from None
    except OSError as problem:
        what = f"the password file cannot be read ({problem.strerror})"
        raise _one_problem(what, str(path), f"Write the password there, or set ${variable}") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _one_problem("other users can read the password file", str(path), f"Run: chmod 600 {path}")
    if not secret:
        raise _one_problem("the password file is empty", str(path), "Write the password there")
    return secret


def run_for_secret(argv: Sequence[str], folder: Path, *, within_s: float = COMMAND_S) -> str:
    """The first line that a command prints. It gets no shell and no input.

    Raises ConfigurationError with what it said on standard error; what it printed is never shown.
    """
    code, printed, said = _run(argv, folder, within_s)
    last = clean(said.decode(errors="replace"), 300)
    told = f": {last}" if last else ""
    if code is None:
        raise _command_problem(argv, f"took longer than {within_s:g} s{told}")
    if code != 0:
        raise _command_problem(argv, f"ended with {code}{told}")
    try:
        secret = printed.decode().partition("\n")[0].strip()
    except UnicodeDecodeError:
        raise _command_problem(argv, "printed what is not UTF-8 text") from None
    if not secret or not secret.isprintable():
        what = "an empty first line" if not secret else "a first line with control characters"
        raise _command_problem(argv, f"printed {what}{told}")
    return secret


def _run(argv: Sequence[str], folder: Path, within_s: float) -> tuple[int | None, bytes, bytes]:
    """Exit code (`None`: out of time, or without an end to what it prints) and the start of both outputs."""
    try:
        process = subprocess.Popen(  # noqa: S603  # the operator's own command
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
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
    return _one_problem(f"the command {what}", f"password_command {argv[0]}", fix)


def _one_problem(what: str, where: str, fix: str) -> ConfigurationError:
    return ConfigurationError((DigestError(what, where=where, fix=fix),))
