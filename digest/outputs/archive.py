"""A reader's archive: editions as page, text, JSON, BibTeX and Atom entry, and a list and a feed of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from digest.errors import InputError
from digest.language import language
from digest.model import Edition, NoteKind, Profile, Sender
from digest.outputs.bibtex import to_bibtex
from digest.outputs.data import to_json
from digest.outputs.feed import Entry, make_entry, make_feed, percent_encoded, title_of
from digest.outputs.page import Listed, Neighbours, make_index, make_links, with_links
from digest.outputs.templates import ArchiveTemplates
from digest.rendering.letter import Letter
from digest.rendering.renderer import Renderer

INDEX, FEED = "index.html", "feed.xml"
PAGE, ENTRY = ".html", ".atom"
OURS = {INDEX: 'name="generator" content="Digest"', FEED: "<generator>Digest</generator>"}
"""How the files that stand for all editions are known from somebody else's."""
_MADE_BY = {INDEX: "archive-index.html.j2", FEED: "feed.xml.j2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What archives are made with: whose list it is, the mail's renderer, and the templates of pages."""

    sender: Sender
    renderer: Renderer
    templates: ArchiveTemplates


def open_press(sender: Sender, templates_dir: Path | None = None) -> Press:
    """The press of a list.

    Raises InputError with file and line if one of the operator's templates is broken: here, or in `make_day`
    and `make_lists` where only filling it in can show that.
    """
    return Press(sender=sender, renderer=Renderer(templates_dir), templates=ArchiveTemplates(templates_dir))


def make_day(edition: Edition, neighbours: Neighbours, press: Press) -> Mapping[str, str]:
    """The files of an edition by what their names end in; the same edition always gives the same texts.

    Others than the reader see an archive: what is said to the reader alone is in none of them.
    """
    published = _without_private_notes(edition)
    letter = _without_foot(press.renderer.letter(published, press.sender))
    spoken = language(edition.profile.language)
    return {
        PAGE: _make_page(
            published, letter, make_links(edition.day, neighbours, press.templates, spoken), press
        ),
        ".txt": _without_signature(press.renderer.text(letter)),
        ".json": to_json(published, letter.subject) + "\n",
        ".bib": to_bibtex(published),
        ENTRY: make_entry(published, letter, press.sender, press.templates),
    }


def make_lists(
    entries: Iterable[Entry], unread: Iterable[date], profile: Profile, press: Press
) -> Mapping[str, str]:
    """The list and the feed of these editions; of those that could not be read, the list has the days."""
    newest_first = sorted(entries, key=lambda entry: entry.day, reverse=True)
    read = (Listed(day=one.day, title=one.title, summary=one.summary) for one in newest_first)
    title = title_of(profile, press.sender)
    listed = (*read, *(Listed(day=day) for day in unread))
    lists = {
        INDEX: make_index(listed, profile, press.templates, title),
        FEED: make_feed(newest_first, profile, press.sender, press.templates),
    }
    for name, text in lists.items():
        if OURS[name] not in text:
            what = f"it does not print {OURS[name]}, by which {name} is known as Digest's"
            raise press.templates.broken(_MADE_BY[name], what)
    return lists


def _make_page(edition: Edition, letter: Letter, links: str, press: Press) -> str:
    title = title_of(edition.profile, press.sender)
    frame = {"title": title, "day": edition.day.isoformat(), "links": links}
    page = press.renderer.page("archive", letter, **frame)
    try:
        return with_links(page, links)
    except ValueError as problem:
        what = "it does not print {{ links | safe }}, so no page could lead to its neighbours"
        raise press.templates.broken("archive.html.j2", what) from problem


# ---------------------------------------------------------------- what is the reader's alone


def _without_private_notes(edition: Edition) -> Edition:
    """Notes on her own files of liked papers name where they lie."""
    return replace(edition, notes=tuple(one for one in edition.notes if one.kind is not NoteKind.LIKED))


def _without_foot(letter: Letter) -> Letter:
    """No template can then print who gets the mail, and how it is stopped."""
    return replace(letter, why="", change="", contact="", unsubscribe_url="", unsubscribe_mailto="")


def _without_signature(text: str) -> str:
    """A mail's text without the line that begins a signature, and what is left beneath it."""
    body, separator, _ = text.rpartition("\n-- \n")
    return body.rstrip("\n") + "\n" if separator else text


# ---------------------------------------------------------------- names


def folder_name(profile: str) -> str:
    """A reader's name as that of a folder within the archive, whatever it holds; no two are the same.

    Raises InputError for an empty name: its folder would be the archive itself.
    """
    if not profile:
        raise InputError("a reader without a name has no folder in an archive", fix="Name the profile's file")
    escaped = re.sub(r"[^\w.@+-]", lambda match: percent_encoded(match.group()), profile)
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
