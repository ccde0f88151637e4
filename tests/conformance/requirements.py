"""Where the checkers are; a test whose checker is absent is skipped, or fails where none may be skipped."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

NODE_MODULES = Path(__file__).parent / "node_modules"
ALL = "DIGEST_REQUIRE_ALL"
"""Set in CI: nothing may be skipped."""


def program(*names: str, package: str) -> str:
    """The first of these programs that is installed; `package` is Debian's."""
    found = next(filter(None, map(shutil.which, names)), None)
    return found or absent(names[0], f"apt-get install {package}")


def from_npm(path: str) -> Path:
    """A file of a package that package.json names."""
    file = NODE_MODULES / path
    return file if file.exists() else absent(path.partition("/")[0], "npm ci, in tests/conformance")


def absent(what: str, install: str, environ: Mapping[str, str] = os.environ) -> NoReturn:
    """End the test that needs it: skipped with what to do, or failed where `DIGEST_REQUIRE_ALL` is set."""
    said = f"{what} is not installed ({install})"
    if environ.get(ALL):
        pytest.fail(f"{said}, and {ALL} is set", pytrace=False)
    pytest.skip(said)
