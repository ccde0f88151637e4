"""`digest read`: what is on a page, for people and for other programs; also how a page is debugged."""

import json
import sys
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from digest.cli.screen import complain, say, table, warn
from digest.cli.world import Day, World
from digest.errors import DigestError, ExitCode, InputError
from digest.identity import is_title_only
from digest.model import Entry, Listing
from digest.tex.prose import readable

STDIN = "standard input"


@click.command()
@click.argument("pages", nargs=-1, required=True, metavar="PAGE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a paper and line.")
@click.option(
    "--saved-on",
    type=Day(),
    metavar="DATE",
    help="When the pages were saved, to complete dates without a year; else the date of each file.",
)
@click.pass_obj
def read(world: World, pages: tuple[str, ...], as_json: bool, saved_on: date | None) -> None:
    """Print the papers found on saved pages.

    PAGE is a file, a folder, a pattern such as 'saved/*.txt', or - for standard input: Hugging Face listing
    pages as text, HTML or JSON. What cannot be read is said on standard error, and the exit code is 4.
    """
    results = list(read_pages(pages, world, saved_on))
    entries = report(results)
    if as_json:
        for entry in entries:
            say(json.dumps(as_dict(entry), ensure_ascii=False))
    else:
        columns = ("id", "published", "authors", "votes", "comments", "title")
        table(columns, [_cells(entry) for entry in entries], title=f"{len(entries)} papers")
    if any(isinstance(result, DigestError) for _, result in results):
        sys.exit(ExitCode.INPUT)


def read_pages(
    patterns: Iterable[str], world: World, saved_on: date | None
) -> Iterable[tuple[str, Listing | DigestError]]:
    """Each page that the patterns name, with its list or what is wrong with it."""
    from digest.sources.saved import page_paths, read_page

    now = world.now()
    for pattern in patterns:
        if pattern == "-":
            yield STDIN, _read_stdin(now, saved_on)
            continue
        paths = page_paths(pattern, world.folder)
        if not paths:
            yield (
                pattern,
                InputError("there is no such page", where=pattern, fix="Name a file, folder or pattern"),
            )
        for path in paths:
            yield str(path), read_page(_shown(path, world.folder), at=now, saved_on=saved_on)


def _read_stdin(now: datetime, saved_on: date | None) -> Listing | DigestError:
    from digest.sources.pages import MAX_PAGE, parse_page

    if sys.stdin is None:
        return InputError("is closed", where=STDIN)
    data = sys.stdin.buffer.read(MAX_PAGE + 1)
    try:
        return parse_page(data, name=STDIN, at=now, saved_on=saved_on or now.date())
    except InputError as problem:
        return problem


def _shown(path: Path, folder: Path) -> Path:
    """The path as its user would write it."""
    return path.relative_to(folder) if folder == Path.cwd() and path.is_relative_to(folder) else path


def report(results: Iterable[tuple[str, Listing | DigestError]]) -> list[Entry]:
    """All entries; what is wrong with a page, or odd about it, goes to standard error."""
    entries: list[Entry] = []
    for name, result in results:
        if isinstance(result, DigestError):
            complain(result)
            continue
        for warning in result.warnings:
            warn(f"{name}: {warning}")
        entries.extend(result.entries)
    return entries


def as_dict(entry: Entry) -> dict[str, Any]:
    """A paper as `read --json` prints it; `null` is "not stated on the page"."""
    paper, observation = entry.paper, entry.observation
    return {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors) if paper.authors is not None else None,
        "n_authors": paper.n_authors,
        "organization": paper.organization,
        "published": paper.published.isoformat() if paper.published else None,
        "comments": observation.comments,
        "upvotes": observation.upvotes,
        "stars": observation.stars,
        "listed_on": observation.listed_on.isoformat() if observation.listed_on else None,
        "url": paper.url,
        "code_url": paper.code_url,
        "project_url": paper.project_url,
        "keywords": list(paper.keywords),
        "source": paper.source,
    }


def _cells(entry: Entry) -> tuple[str, ...]:
    paper, observation = entry.paper, entry.observation
    identifier = "-" if is_title_only(paper.id) else paper.id
    return (
        identifier,
        paper.published.isoformat() if paper.published else "-",
        _or_dash(paper.n_authors) if paper.n_authors is not None else paper.organization or "-",
        _or_dash(observation.upvotes),
        _or_dash(observation.comments),
        readable(paper.title),
    )


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
