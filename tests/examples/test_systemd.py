"""examples/systemd: what systemd says of the units, and what they say of Digest."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from digest.errors import ExitCode
from digest.settings.secrets import run_for_secret
from tests.conformance.requirements import program
from tests.desk import Desk
from tests.examples.trial import DIGEST, EXAMPLES, complaint, lines_of, run

pytestmark = pytest.mark.acceptance

UNITS = ("digest.service", "digest-send.service", "digest-send.timer")
SERVICES = UNITS[:2]
MOST_EXPOSED = 15
"""In tenths, of 10: `systemd-analyze security`. What is left is that Digest needs the network and /proc."""
NEVER_WRITTEN_AND_RUN = """
import ctypes, os, sys
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit(os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs a program as `MemoryDenyWriteExecute=yes` does on newer kernels: PR_SET_MDWE(2const)."""


def calls_of(group: str) -> set[str]:
    """The system calls of one of systemd's groups, those of groups within it included."""
    analyze = program("systemd-analyze", package="systemd")
    listed = run(analyze, "syscall-filter", group, cwd=EXAMPLES).stdout.splitlines()
    names = {line.strip() for line in listed if not line.strip().startswith("#")} - {group, ""}
    inner = {name for name in names if name.startswith("@")}
    return (names - inner).union(*map(calls_of, inner))


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with Digest where it is here."""
    for name in UNITS:
        text = (EXAMPLES / "systemd" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/opt/digest/bin/digest", str(DIGEST)), encoding="utf-8")
    return tmp_path


def settings(name: str, key: str) -> list[str]:
    return [
        line.partition("=")[2] for line in lines_of(EXAMPLES / "systemd" / name) if line.startswith(f"{key}=")
    ]


def test_systemd_finds_no_fault_in_the_units(units: Path) -> None:
    analyze = program("systemd-analyze", package="systemd")

    found = run(analyze, "verify", *UNITS, cwd=units)

    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_closed_off_as_far_as_is_said(units: Path, name: str) -> None:
    analyze = program("systemd-analyze", package="systemd")

    assert not complaint(
        analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", name, cwd=units
    )


def test_both_services_are_closed_off_alike() -> None:
    daemon, one_pass = (lines_of(EXAMPLES / "systemd" / name) for name in SERVICES)

    first, last = daemon.index("User=digest"), daemon.index("[Install]")
    assert list(one_pass[one_pass.index("User=digest") :]) == list(daemon[first:last])


def test_the_user_can_be_made() -> None:
    sysusers = program("systemd-sysusers", package="systemd")

    assert not complaint(sysusers, "--dry-run", EXAMPLES / "systemd" / "digest.sysusers")


def test_what_a_restart_does_not_mend_is_not_restarted() -> None:
    assert settings("digest.service", "RestartPreventExitStatus") == [
        f"{ExitCode.USAGE.value} {ExitCode.CONFIGURATION.value}"
    ]


def test_a_password_that_systemd_hands_over_is_read(tmp_path: Path) -> None:
    program("systemd-creds", package="systemd")
    (tmp_path / "smtp-password").write_text("hush\n", encoding="utf-8")
    (tmp_path / "smtp-password").chmod(0o400)
    environment = {"PATH": os.defpath, "CREDENTIALS_DIRECTORY": str(tmp_path)}

    secret = run_for_secret(["systemd-creds", "cat", "smtp-password"], tmp_path, environment)

    assert secret == "hush"
    assert settings("digest.service", "LoadCredential") == ["smtp-password:/etc/digest/smtp-password"]


def test_one_pass_of_the_timer_sends_and_the_next_sends_nothing(papers: Desk) -> None:
    (command,) = settings("digest-send.service", "ExecStart")

    passes = [run(DIGEST, *command.split()[1:], cwd=papers.folder) for _ in range(2)]

    assert [one.returncode for one in passes] == [0, 0], passes
    assert len(papers.mails()) == 1


def test_digest_needs_no_system_call_that_is_denied(papers: Desk) -> None:
    strace = program("strace", package="strace")
    given, taken = settings("digest.service", "SystemCallFilter")
    allowed = calls_of("@default").union(*map(calls_of, given.split()))
    allowed = allowed.difference(*map(calls_of, taken.removeprefix("~").split()))
    others = "!" + ",".join(f"?{name}" for name in sorted(allowed))

    # Every other call is answered with EPERM, as SystemCallErrorNumber says.
    quietly = (strace, "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={others}")
    sent = run(*quietly, "-e", f"inject={others}:error=EPERM", DIGEST, "send", cwd=papers.folder)

    assert sent.returncode == 0, sent.stderr
    assert len(papers.mails()) == 1


@pytest.mark.skipif(
    tuple(map(int, platform.release().split("-")[0].split(".")[:2])) < (6, 3),
    reason="Linux has PR_SET_MDWE since 6.3",
)
def test_no_memory_is_both_written_and_run(papers: Desk) -> None:
    python = Path(shutil.which("python3") or "python3")

    sent = subprocess.run(
        [python, "-c", NEVER_WRITTEN_AND_RUN, DIGEST, "send"],
        cwd=papers.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert sent.returncode == 0, sent.stderr
    assert len(papers.mails()) == 1
