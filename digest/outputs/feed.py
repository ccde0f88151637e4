"""Editions as an Atom feed (RFC 4287): each an entry document of its own, the feed made of the newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from lxml import etree  # type: ignore[import-untyped]  # it carries no types

from digest.language import language
from digest.model import Edition, Profile, Sender
from digest.outputs.templates import ArchiveTemplates
from digest.rendering.letter import Letter
from digest.rendering.phrases import shown

MAX_ENTRIES = 30
"""In a feed: a month of days, which no feed reader sleeps through."""
_ENTRY, _FEED = "feed-entry.xml.j2", "feed.xml.j2"
_ATOM = "{http://www.w3.org/2005/Atom}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An edition as its entry document tells it."""

    day: date
    title: str
    summary: str
    updated: datetime
    xml: str
    """The element, without declaration."""


def make_entry(edition: Edition, letter: Letter, sender: Sender, templates: ArchiveTemplates) -> str:
    """An edition as an Atom entry document (RFC 4287, 2), which links to the files beside it.

    Raises InputError if a template of one's own prints another thing.
    """
    spoken = language(edition.profile.language)
    entry = templates.fill(
        _ENTRY,
        spoken,
        letter=letter,
        day=edition.day.isoformat(),
        at=edition.at.isoformat(timespec="seconds"),
        id=_tag(sender, edition.day.isoformat(), edition.profile),
        content=templates.fill("feed-content.html.j2", spoken, letter=letter),
    )
    return templates.checked(_ENTRY, entry, lambda data: read_entry(data, edition.day))


def make_feed(entries: Sequence[Entry], profile: Profile, sender: Sender, templates: ArchiveTemplates) -> str:
    """The feed of these entries, of which there is at least one, the newest first.

    Raises InputError if a template of one's own prints another thing.
    """
    spoken = language(profile.language)
    feed = templates.fill(
        _FEED,
        spoken,
        title=title_of(profile, sender),
        author=shown(sender.name),
        id=_tag(sender, _SINCE, profile) + "/feed",
        updated=max(entry.updated for entry in entries).isoformat(timespec="seconds"),
        entries=entries[:MAX_ENTRIES],
    )
    return templates.checked(_FEED, feed, _read_feed)


def title_of(profile: Profile, sender: Sender) -> str:
    """`Digest · Ada`: whose list, for which reader."""
    return f"{shown(sender.name)} · {shown(profile.display_name) or shown(profile.name)}"


_SINCE = "2026"
"""RFC 4151 wants a day on which the name was the list's own; a feed has none, and its id must stay."""


def _tag(sender: Sender, since: str, profile: Profile) -> str:
    """A name that is nobody else's and stays the same wherever the archive moves (RFC 4151)."""
    authority = sender.list_id.lower().replace("_", "-").strip("-.")
    return f"tag:{authority},{since}:{percent_encoded(profile.name)}"


def percent_encoded(name: str) -> str:
    """The name of a file in ASCII, also of one that is not UTF-8 (PEP 383)."""
    return quote(name, safe="", errors="surrogateescape")


# ---------------------------------------------------------------- reading entries back


def read_entry(data: bytes, day: date) -> Entry:
    """The entry document that `make_entry` made of that day; raises ValueError where it is none."""
    root = _parsed(data, "entry")
    title, summary, updated, _ = (_child(root, name) for name in ("title", "summary", "updated", "id"))
    moment = datetime.fromisoformat(updated)
    if moment.utcoffset() is None:
        raise ValueError(f"its moment has no time zone: {updated}")
    xml = etree.tostring(root, encoding="unicode", with_tail=False)
    return Entry(day=day, title=title, summary=summary, updated=moment, xml=xml)


def _read_feed(data: bytes) -> None:
    root = _parsed(data, "feed")
    for name in ("id", "title", "updated"):
        _child(root, name)


def _parsed(data: bytes, kind: str) -> etree.Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as problem:
        raise ValueError(f"it is not XML: {problem.msg}") from problem
    if root.tag != f"{_ATOM}{kind}":
        raise ValueError(f"its root is not an Atom {kind} but {root.tag}")
    return root


def _child(root: etree.Element, name: str) -> str:
    found = str(root.findtext(f"{_ATOM}{name}") or "").strip()
    if not found:
        raise ValueError(f"it has no {name}")
    return found
