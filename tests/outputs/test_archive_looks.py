"""An archive's pages as a browser lays them out."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from digest.model import Note, NoteKind
from digest.outputs.archive import open_press
from digest.outputs.folder import write_archive
from tests.conformance.requirements import absent, program
from tests.editions import RICH, SENDER

pytestmark = pytest.mark.acceptance

GAPS = """selector => [...document.querySelectorAll(selector)].map(it => {
    const box = it.getBoundingClientRect(), style = getComputedStyle(it);
    const before = it.previousElementSibling || it.parentElement.previousElementSibling;
    const above = before ? before.getBoundingClientRect().bottom : 0;
    return {above: box.top - above, inside: parseFloat(style.paddingTop)};
})"""
"""Of each element, how far it is below what stands before it, and its words below its upper edge."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day with two notes, and the list of it."""
    folder = tmp_path_factory.mktemp("archive")
    notes = tuple(Note(kind=NoteKind.SOURCE, name=name, day=RICH.day) for name in ("One", "Other"))
    write_archive(folder, replace(RICH, notes=notes), open_press(SENDER))
    return folder / RICH.profile.name


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = program("chromium", "chromium-browser", "google-chrome", package="chromium")
    if not find_spec("playwright"):
        absent("playwright", "pip install playwright, the extra `browser`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.mark.parametrize("width", [640, 375])
@pytest.mark.parametrize("name", ["2026-03-11.html", "index.html"])
def test_headings_stand_clear_of_their_rules_and_of_what_is_above(
    name: str, width: int, archive: Path, chromium: Any
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.goto((archive / name).as_uri())

    headings = page.evaluate(GAPS, "main .heading")

    assert headings
    assert all(one["above"] >= 30 and one["inside"] >= 16 for one in headings[1:])
    assert headings[0]["inside"] >= 16
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_several_notes_stand_apart(archive: Path, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto((archive / "2026-03-11.html").as_uri())

    _, second = page.evaluate(GAPS, ".note")

    assert second["above"] == 8
    page.close()
