"""examples/github-actions: what checkers say of the workflow, and its steps run against a real repository.

Not tried: GitHub's own part, which is to call it at its hours and to hand it the repository and the password.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.requirements import absent
from tests.desk import Desk
from tests.examples.trial import DIGEST, EXAMPLES, complaint, run

pytestmark = pytest.mark.acceptance

WORKFLOW = EXAMPLES / "github-actions" / "digest.yml"
BRANCH = "digest-store"
INSTALL = "examples of pyproject.toml: pip install -e '.[examples]'"


def python_program(name: str) -> Path:
    """One that pip installs beside this Python."""
    found = DIGEST.parent / name
    return found if found.exists() else absent(name, INSTALL)


def steps() -> dict[str, str]:
    """The scripts of the workflow by their names, in order."""
    try:
        from ruamel.yaml import YAML
    except ImportError:
        absent("ruamel.yaml", INSTALL)
    workflow = YAML(typ="safe").load(WORKFLOW.read_text(encoding="utf-8"))
    return {step["name"]: step["run"] for step in workflow["jobs"]["send"]["steps"] if "run" in step}


@dataclass(frozen=True, slots=True)
class Runner:
    """A machine for each run, with nothing of the one before but what is in the repository."""

    folder: Path
    remote: Path

    def job(self, number: int, *, left_out: str = "") -> list[tuple[str, int]]:
        """Run the steps in order until one fails; that which puts the store back, in any case."""
        place = self.folder / str(number)
        run("git", "clone", "--quiet", self.remote, place / "work", cwd=self.folder)
        ended: list[tuple[str, int]] = []
        for name, script in steps().items():
            has_failed = any(code for _, code in ended)
            was_sent = "Send" in dict(ended)
            if name in ("Install", left_out) or (
                has_failed and not (name == "Put the store back" and was_sent)
            ):
                continue
            ended.append((name, self.step(place, script).returncode))
        return ended

    def step(self, place: Path, script: str) -> subprocess.CompletedProcess[str]:
        """As GitHub runs a script: bash, ended by the first command that fails."""
        environment = {
            "PATH": f"{DIGEST.parent}:/usr/bin:/bin",
            "HOME": str(place),
            "RUNNER_TEMP": str(place),
            "GITHUB_WORKSPACE": str(place / "work"),
        }
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
        return run(*shell, cwd=place / "work", environment=environment)

    def commit(self, source: Path, config: str) -> None:
        """What a person pushes."""
        (source / "config.toml").write_text(config, encoding="utf-8")
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
        run("git", "add", ".", cwd=source)
        run("git", *who, "commit", "--quiet", "--message", "Ada reads papers", cwd=source)
        pushed = run("git", "push", "--quiet", "origin", "HEAD:main", cwd=source)
        assert pushed.returncode == 0, pushed.stderr

    def kept(self) -> set[str]:
        """The files of the branch that keeps the store."""
        listed = run("git", "ls-tree", "--name-only", BRANCH, cwd=self.remote)
        return set(listed.stdout.split())


@pytest.fixture
def runner(tmp_path: Path, papers: Desk) -> Runner:
    """A repository with Ada's configuration, whose mail goes where every run can put it."""
    config = (papers.folder / "config.toml").read_text(encoding="utf-8")
    papers.write("config.toml", config.replace('path = "mail"', f'path = "{papers.folder}/mail"'))
    source, remote = tmp_path / "source", tmp_path / "remote.git"
    run("git", "init", "--quiet", "--bare", "--initial-branch=main", remote, cwd=tmp_path)
    run("git", "clone", "--quiet", remote, source, cwd=tmp_path)
    for name in ("config.toml", "profiles", "pages"):
        run("cp", "-r", papers.folder / name, source, cwd=tmp_path)
    runner = Runner(tmp_path, remote)
    runner.commit(source, (source / "config.toml").read_text(encoding="utf-8"))
    return runner


def test_the_workflow_is_one() -> None:
    check = python_program("check-jsonschema")

    assert not complaint(check, "--builtin-schema", "vendor.github-workflows", WORKFLOW)


def test_the_workflow_lets_nobody_else_in() -> None:
    zizmor = python_program("zizmor")

    assert not complaint(zizmor, "--offline", "--no-progress", "--persona=pedantic", WORKFLOW)


def test_the_first_run_sends_and_leaves_the_store_in_its_branch(runner: Runner, papers: Desk) -> None:
    ended = runner.job(1)

    assert ended == [("Take the store out", 0), ("Send", 0), ("Put the store back", 0)]
    assert len(papers.mails()) == 1
    assert runner.kept() == {"digest.sqlite3.gz"}


def test_a_second_run_knows_what_the_first_one_sent(runner: Runner, papers: Desk) -> None:
    runner.job(1)

    ended = runner.job(2)

    assert [code for _, code in ended] == [0, 0, 0]
    assert len(papers.mails()) == 1
    commits = run("git", "rev-list", "--count", BRANCH, cwd=runner.remote)
    assert commits.stdout.strip() == "1"  # the branch does not grow


def test_after_a_run_that_did_not_come_back_none_sends_until_somebody_looked(
    runner: Runner, papers: Desk
) -> None:
    runner.job(1)
    runner.job(2, left_out="Put the store back")

    ended = runner.job(3)

    assert ended == [("Take the store out", 1)]
    assert len(papers.mails()) == 1
    assert runner.kept() == {"begun", "digest.sqlite3.gz"}


def test_what_a_run_that_failed_has_sent_is_kept(runner: Runner, papers: Desk) -> None:
    papers.write("mail/new", "no folder")  # the Maildir cannot be written

    ended = runner.job(1)

    assert dict(ended)["Send"] != 0
    assert dict(ended)["Put the store back"] == 0
    assert runner.kept() == {"digest.sqlite3.gz"}


def test_a_first_run_with_a_wrong_configuration_stands_in_no_later_ones_way(
    runner: Runner, papers: Desk
) -> None:
    source = runner.folder / "source"
    config = (source / "config.toml").read_text(encoding="utf-8")
    runner.commit(source, f"sotre = 1\n{config}")

    failed = runner.job(1)
    runner.commit(source, config)
    ended = runner.job(2)

    assert failed == [("Take the store out", 0), ("Send", 3), ("Put the store back", 0)]
    assert [code for _, code in ended] == [0, 0, 0]
    assert len(papers.mails()) == 1


def test_the_password_is_given_to_the_step_that_sends_and_to_no_other() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")

    assert re.findall(r"run: digest send\n +env:\n +DIGEST_SMTP_PASSWORD:", text)
    assert text.count("secrets.") == 1
