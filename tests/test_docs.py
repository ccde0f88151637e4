"""What the documents promise is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from digest.cli.main import COMMANDS, EPILOG
from digest.config import load_profile
from digest.errors import ExitCode

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_short_and_its_picture_is_there() -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)

    assert len(README.splitlines()) < 120
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_every_link_in_the_documents_leads_to_a_file() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (document.parent / link).exists(), f"{document}: {link}"


def test_the_readme_names_every_command_and_exit_code() -> None:
    table = re.findall(r"^\| `([a-z]+)", README, re.MULTILINE)

    assert table == list(COMMANDS)
    for text in (README, EPILOG):
        assert re.findall(r"(\d) (?:done|failed|wrong usage|configuration|a page|store|delivery)", text) == [
            str(code.value) for code in ExitCode
        ]


def test_the_readmes_profile_is_sound(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "ada.toml").write_text(example, encoding="utf-8")

    assert load_profile(tmp_path / "ada.toml")[1] == ()


@pytest.mark.slow
def test_every_flag_in_the_readme_is_one() -> None:
    commands = re.findall(r"^digest ([a-z]+)([^#\n]*)", README, re.MULTILINE)

    for name, arguments in commands:
        flags = re.findall(r"--[a-z-]+", arguments)
        shown = subprocess.run(
            [sys.executable, "-m", "digest", name, "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert all(flag in shown for flag in flags)


def test_every_make_target_is_listed_with_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE) == phony.split()
