"""The oldest click that pyproject allows, as far as it differs where we notice."""

import subprocess
import sys

import pytest

# Its classes take no subscript at run time.
OLD = """
import importlib, pkgutil, click
def none(*_):
    raise TypeError("'type' object is not subscriptable")
click.ParamType.__class_getitem__ = none
import digest.cli
for one in pkgutil.iter_modules(digest.cli.__path__, "digest.cli."):
    importlib.import_module(one.name)
"""


@pytest.mark.slow
def test_every_command_can_be_imported_where_types_of_parameters_take_no_subscript() -> None:
    done = subprocess.run([sys.executable, "-c", OLD], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
