"""A reader's archive: editions as page, text, JSON, BibTeX and Atom entry, and a list and a feed of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from urllib.parse import quote

from digest.language import language
from digest.model import Edition, Profile, Sender
from digest.outputs.bibtex import to_bibtex
from digest.outputs.data import to_json
from digest.outputs.feed import Entry, make_entry, make_feed, title_of
from digest.outputs.page import Listed, Neighbours, make_index, make_links
from digest.outputs.templates import ArchiveTemplates
from digest.outputs.words import letter_of
from digest.rendering.renderer import Renderer

INDEX, FEED = "index.html", "feed.xml"
PAGE, ENTRY = ".html", ".atom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What archives are made with: whose list it is, the mail's renderer, and the templates of pages."""

    sender: Sender
    renderer: Renderer
    templates: ArchiveTemplates


def open_press(sender: Sender, templates_dir: Path | None = None) -> Press:
    """The press of a list; raises InputError if one of the operator's templates is broken.

    An archive is read by others than the reader: what unsubscribes him stays out of it.
    """
    harmless = replace(sender, unsubscribe_url="", unsubscribe_email="")
    return Press(sender=harmless, renderer=Renderer(templates_dir), templates=ArchiveTemplates(templates_dir))


def make_day(edition: Edition, neighbours: Neighbours, press: Press) -> Mapping[str, str]:
    """The files of an edition by what their names end in; the same edition always gives the same texts."""
    letter = letter_of(edition, press.sender)
    frame = {
        "title": title_of(edition.profile, press.sender),
        "day": edition.day.isoformat(),
        "links": make_links(edition.day, neighbours, press.templates, language(edition.profile.language)),
    }
    return {
        PAGE: press.renderer.page("archive", edition, press.sender, **frame),
        ".txt": without_foot(press.renderer.render(edition, press.sender).text),
        ".json": to_json(edition, letter.subject) + "\n",
        ".bib": to_bibtex(edition),
        ENTRY: make_entry(edition, letter, press.sender, press.templates),
    }


def make_lists(
    entries: Iterable[Entry], unread: Iterable[date], profile: Profile, press: Press
) -> Mapping[str, str]:
    """The list and the feed of these editions; of those that could not be read, the list has the days."""
    newest_first = sorted(entries, key=lambda entry: entry.day, reverse=True)
    read = (Listed(day=one.day, title=one.title, summary=one.summary) for one in newest_first)
    title = title_of(profile, press.sender)
    listed = (*read, *(Listed(day=day) for day in unread))
    return {
        INDEX: make_index(listed, profile, press.templates, title),
        FEED: make_feed(newest_first, profile, press.sender, press.templates),
    }


def without_foot(text: str) -> str:
    """A mail's text without what follows the line that begins a signature: why and how to stop."""
    body, separator, _ = text.rpartition("\n-- \n")
    return body.rstrip("\n") + "\n" if separator else text


def folder_name(profile: str) -> str:
    """A reader's name as that of a folder within the archive, whatever it holds; no two are the same."""
    escaped = re.sub(r"[^\w.@+-]", lambda match: quote(match.group(), safe=""), profile)
    return re.sub(r"^\.", "%2E", escaped)


def day_of(name: str, suffix: str) -> date | None:
    """The day of a file that is named `2026-03-11` and the suffix; `None` for any other."""
    stem = name.removesuffix(suffix)
    if stem == name or not re.fullmatch(r"\d{4}-\d\d-\d\d", stem, re.ASCII):
        return None
    try:
        return date.fromisoformat(stem)
    except ValueError:
        return None
