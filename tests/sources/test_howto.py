"""docs/howto/add-a-source.md: its blocks, put where it says, are a source that works."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web import Server, answer

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "howto" / "add-a-source.md").read_text(encoding="utf-8")
BLOCKS = {
    found["path"]: found["body"]
    for found in re.finditer(
        r"^`(?P<path>[\w./-]+)`[^\n]*:\n\n```\w+\n(?P<body>.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
    )
}
REGISTRY = "digest/sources/registry.py"
NEEDED = (
    "digest",
    "tests/__init__.py",
    "tests/makers.py",
    "tests/web.py",
    "tests/sources",
    "tests/hostile",
    "tests/fuzz",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what matters, in which the page was followed."""
    place = tmp_path_factory.mktemp("checkout")
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, place / name)
    for name, body in BLOCKS.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_with_line(path, body) if name == REGISTRY else body, encoding="utf-8")
    return place


def _with_line(path: Path, line: str) -> str:
    return path.read_text(encoding="utf-8").replace("SOURCES = {\n", "SOURCES = {\n" + line, 1)


def ran(checkout: Path, *arguments: str) -> str:
    """What a program says there; fails if it fails."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=checkout, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()
    yield serving
    serving.close()


def test_the_page_has_a_file_a_line_a_folder_a_class_and_a_table() -> None:
    assert list(BLOCKS) == [
        "tests/sources/fixtures/kettle/2026-03-11.json",
        "tests/sources/fixtures/kettle/2026-03-10.json",
        "tests/sources/fixtures/kettle/pages.json",
        "tests/sources/fixtures/kettle/expected.json",
        "digest/sources/kettle.py",
        REGISTRY,
        "tests/sources/test_kettle.py",
        "config.toml",
    ]


@pytest.mark.slow
def test_its_source_keeps_the_contract(checkout: Path) -> None:
    said = ran(
        checkout,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "tests/sources/test_kettle.py",
    )

    assert re.search(r"\b\d\d passed", said)


@pytest.mark.slow
def test_its_source_bears_spoiled_pages(checkout: Path) -> None:
    said = ran(checkout, "-m", "tests.hostile.cell", "quick", "tests.sources.test_kettle:TestKettle")

    assert '"wrong": ["' not in said
    assert '"done"' in said.splitlines()[-1]


def test_its_code_is_as_ours_is(checkout: Path) -> None:
    python = [name for name in BLOCKS if name.endswith(".py")]

    ran(checkout, "-m", "ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), *python)
    ran(checkout, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), *python)


@pytest.mark.slow
def test_its_source_is_read_as_soon_as_the_configuration_names_it(checkout: Path, server: Server) -> None:
    for day in ("2026-03-11", "2026-03-10"):
        page = BLOCKS[f"tests/sources/fixtures/kettle/{day}.json"].encode()
        server.answers[f"/lists/{day}.json"] = [answer(page, Content_Type="application/json")]
    desk = checkout / "desk"
    (desk / "profiles").mkdir(parents=True)
    (desk / "profiles" / "ada.toml").write_text(
        'email = "ada@example.org"\n[interests]\ntea = 5\n', encoding="utf-8"
    )
    mail = '[mail]\nfrom_address = "digest@example.org"\ntransport = "maildir"\n'
    (desk / "config.toml").write_text(
        f'{mail}{BLOCKS["config.toml"]}base_url = "{server.url}"\n', encoding="utf-8"
    )

    said = ran(checkout, "-c", FETCH, str(desk))

    assert "kettle: 2 papers" in said


FETCH = """
import sys
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from digest.cli.main import cli
from digest.cli.world import World

now = datetime(2026, 3, 11, 9, tzinfo=UTC)
world = World(now=lambda: now, environment={}, folder=Path(sys.argv[1]), sleep=lambda _: None, open_page=print)
done = CliRunner().invoke(cli, ["fetch"], obj=world, catch_exceptions=False)
print(done.output)
"""
