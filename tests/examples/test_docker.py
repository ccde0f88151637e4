"""examples/docker: what checkers say of the files, and what they build and start, without a container around it.

Not tried, as no test may need a container engine: the images themselves, the network, the limits on the process.
"""

import json
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conformance.requirements import absent
from tests.desk import Desk
from tests.examples.trial import DIGEST, EXAMPLES, complaint, end, lines_of, run
from tests.waiting import wait_for

pytestmark = pytest.mark.acceptance

DOCKER = EXAMPLES / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = ("compose.yaml", "compose.postgres.yaml")
INSTALL = "examples of pyproject.toml: pip install -e '.[examples]'"
GRACE_S = 120
"""compose.yaml's `stop_grace_period`."""


def python_program(name: str) -> Path:
    """One that pip installs beside this Python."""
    found = DIGEST.parent / name
    return found if found.exists() else absent(name, INSTALL)


def words(instruction: str) -> list[str]:
    """What the Dockerfile has the last image run, in exec form."""
    (found,) = re.findall(rf"^{instruction} .*?(\[.*\])$", DOCKERFILE, re.MULTILINE)
    return [str(word) for word in json.loads(found)]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Dockerfile's RUN lines make: an environment of its own with Digest, built from its context.

    Its libraries are those that are here: they would come from the network.
    """
    folder = tmp_path_factory.mktemp("image")
    context = folder / "context"
    for name in kept_back(lines_of(DOCKER / "Dockerfile.dockerignore")):
        copied(EXAMPLES.parent / name, context / name)
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, cwd=context)
    assert built.returncode == 0, built.stdout + built.stderr
    venv.create(folder / "opt", with_pip=True)
    site = next((folder / "opt").glob("lib/python*/site-packages"))
    (wheel,) = folder.glob("*.whl")
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel)
    installed = run(folder / "opt/bin/python", *pip, cwd=folder)
    assert installed.returncode == 0, installed.stderr
    libraries = next(path for path in map(Path, sys.path) if (path / "sqlalchemy").is_dir())
    (site / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")
    where = run(folder / "opt/bin/python", "-c", "import digest; print(digest.__file__)", cwd=folder)
    assert where.stdout.startswith(str(site)), "not what was built is tried"
    return folder / "opt" / "bin"


def copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def test_hadolint_finds_no_fault() -> None:
    assert not complaint(python_program("hadolint"), DOCKER / "Dockerfile")


@pytest.mark.parametrize("name", COMPOSE)
def test_the_compose_files_are_such(name: str) -> None:
    check = python_program("check-jsonschema")

    assert not complaint(check, "--builtin-schema", "vendor.compose-spec", DOCKER / name)


def kept_back(patterns: Sequence[str]) -> list[str]:
    """The files and folders that are excepted from what is left out."""
    return [pattern[1:] for pattern in patterns if pattern.startswith("!")]


def test_no_password_store_or_profile_gets_into_the_image() -> None:
    ignored, *kept = lines_of(DOCKER / "Dockerfile.dockerignore")

    assert ignored == "*"
    for private in ("config.toml", "profiles/ada.toml", "digest.sqlite3", "smtp-password", ".git/config"):
        assert not any(private == name or private.startswith(f"{name}/") for name in kept_back(kept))


def test_the_image_runs_as_nobody_in_particular_and_without_a_shell() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["1000:1000"]
    assert words("ENTRYPOINT") + words("CMD") == ["digest", "run"]


def test_what_the_image_runs_sends_is_healthy_and_ends_when_asked(image: Path, papers: Desk) -> None:
    environment = {"PATH": f"{image}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(image / "digest"), *words("CMD")]
    with (papers.folder / "log").open("wb") as log:
        running = subprocess.Popen(command, cwd=papers.folder, env=environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: papers.mails() or running.poll() is not None, "a mail")
        health = words("HEALTHCHECK")
        wait_for(lambda: run(image / health[0], *health[1:], cwd=papers.folder).returncode == 0, "health")
        healthy = running.poll() is None
    finally:
        ended = end(running, GRACE_S)

    said = (papers.folder / "log").read_text(encoding="utf-8")
    assert (healthy, ended) == (True, 0), said
    assert len(papers.mails()) == 1
    assert "Traceback" not in said
    assert f"{GRACE_S // 60}m" in (DOCKER / "compose.yaml").read_text(encoding="utf-8")
