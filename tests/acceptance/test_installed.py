"""The program as it is installed: the command, the module, and a wheel far from its sources."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.desk import ADA, PAGE, Desk

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_python_m_digest_works(tmp_path: Path) -> None:
    result = run(sys.executable, "-m", "digest", "--help", cwd=tmp_path)

    assert result.returncode == 0
    assert "preview" in result.stdout


def test_help_is_quick_because_it_imports_little(tmp_path: Path) -> None:
    result = run(sys.executable, "-X", "importtime", "-m", "digest", "--help", cwd=tmp_path)

    heavy = {"pydantic", "sqlalchemy", "jinja2", "httpx", "bs4", "alembic", "rich", "lxml"}
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines()}
    assert "click" in imported
    assert not heavy & imported


def test_a_preview_of_pages_imports_neither_database_nor_network(tmp_path: Path) -> None:
    (tmp_path / "ada.toml").write_text(ADA, encoding="utf-8")
    (tmp_path / "today.txt").write_text(PAGE, encoding="utf-8")

    result = run(
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "digest",
        "preview",
        "ada.toml",
        "--page",
        "today.txt",
        cwd=tmp_path,
    )

    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines()}
    assert "Learning to Wait" in result.stdout
    assert not {"sqlalchemy", "alembic", "httpx"} & imported


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("init new --email ada@example.org <&-", 0),
        ("read - <&-", 4),
        ("read today.txt >&-", 0),
        ("read today.txt --json >/dev/full", 1),
        ("read today.txt | head -c 1", 0),
    ],
)
def test_closed_and_full_streams_are_no_tracebacks(tmp_path: Path, command: str, code: int) -> None:
    (tmp_path / "today.txt").write_text(PAGE, encoding="utf-8")

    result = run("sh", "-c", f"{sys.executable} -m digest {command}", cwd=tmp_path)

    assert "Traceback" not in result.stderr
    assert result.returncode == code


def test_a_send_whose_output_nobody_reads_sends_all_the_same(desk: Desk) -> None:
    desk.write("profiles/bob.toml", ADA.replace("ada@", "bob@"))

    run("sh", "-c", f"{sys.executable} -m digest send | true", cwd=desk.folder)

    assert len(desk.mails()) == 2


def test_a_wheel_works_far_from_its_sources(tmp_path: Path) -> None:
    built = run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), cwd=ROOT
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    (tmp_path / "today.txt").write_text(PAGE, encoding="utf-8")

    def digest(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(sys.executable, "-m", "digest", *arguments, cwd=tmp_path, PYTHONPATH=str(site))

    where = run(
        sys.executable, "-c", "import digest; print(digest.__file__)", cwd=tmp_path, PYTHONPATH=str(site)
    )
    assert str(site) in where.stdout
    data = site / "digest" / "scoring" / "data"
    assert {path.name for path in data.iterdir()} == {"words.npz", "NOTICE", "LICENSE-APACHE-2.0"}
    assert (
        digest(
            "init", "--email", "ada@example.org", "--interest", "waiting", "--page", "today.txt"
        ).returncode
        == 0
    )
    for command in (["check"], ["fetch"], ["preview", "--text"], ["send"], ["status"]):
        result = digest(*command)
        assert result.returncode == 0, result.stderr
    assert "Learning to Wait" in digest("preview", "--text").stdout
