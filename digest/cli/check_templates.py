"""What `digest check` tries of the templates: invented editions, and the files of one's own."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from digest.cli import setup
from digest.cli.screen import warn
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ConfigurationError, InputError
from digest.resources import shipped

if TYPE_CHECKING:
    from digest.rendering.review import Lack, Part

A_PAGE = "https://digest.example.org/stop/ada"
"""Stands for the address that stops editions where none is set yet: one day it may be."""


def check_templates(loaded: Configuration, world: World) -> str:
    """Every invented edition through the templates, into a message and an archive; returns what went well.

    Raises InputError for a broken template, ConfigurationError with every file that cannot be read, or with
    everything that makes a mail unfit to be sent; warns of what is only unwise, and of files without effect.
    """
    own = loaded.settings.templates_dir
    folder = loaded.path(own) if own else None
    if folder:
        if unreadable := tuple(unreadable_files(folder)):
            raise ConfigurationError(unreadable)
        for line in unused_files(folder):
            warn(line)
    size, lacks = _review_samples(loaded, world)
    for line in lost_styles(folder) if folder else ():
        warn(line)
    for lack in lacks:
        if not lack.is_grave:
            warn(str(_problem(lack, folder)))
    if grave := tuple(_problem(lack, folder) for lack in lacks if lack.is_grave):
        raise ConfigurationError(grave)
    _try_archive(loaded, world, folder)
    return f"templates render and miss nothing, a message of 40 papers has {size:,} bytes"


def _review_samples(loaded: Configuration, world: World) -> "tuple[int, tuple[Lack, ...]]":
    """The size of the largest message, and each lack once, of the first edition that shows it."""
    from digest.message import compose
    from digest.rendering.review import review
    from digest.rendering.samples import sample_editions

    sender, renderer = setup.sender(loaded), setup.renderer(loaded)
    stoppable = replace(sender, unsubscribe_url=sender.unsubscribe_url or A_PAGE)
    sizes: list[int] = []
    lacks: dict[tuple[Part, str], Lack] = {}
    for what, edition in sample_editions(world.now()).items():
        rendered = renderer.render(edition, stoppable)
        message = compose(
            rendered.subject, rendered.text_part, rendered.html_part, edition=edition, sender=sender
        )
        sizes.append(len(message.data))
        for lack in review(edition, stoppable, html=rendered.html, text=rendered.text):
            told = replace(lack, what=f"{lack.what}, on {what} (invented)")
            lacks.setdefault((lack.part, lack.fix), told)
    return max(sizes), tuple(lacks.values())


def _try_archive(loaded: Configuration, world: World, folder: Path | None) -> None:
    """Make what an archive would hold of the invented editions; raises InputError if a template is broken."""
    from digest.outputs.archive import ENTRY, make_day, make_lists, open_press
    from digest.outputs.feed import read_entry
    from digest.outputs.page import Neighbours
    from digest.rendering.samples import sample_editions

    press = open_press(setup.sender(loaded), folder)
    for edition in sample_editions(world.now()).values():
        day = edition.day
        for around in (Neighbours(earlier=day, later=day), Neighbours(earlier=None, later=None)):
            files = make_day(edition, around, press)
        make_lists([read_entry(files[ENTRY].encode(), day)], [day], edition.profile, press)


def _problem(lack: "Lack", folder: Path | None) -> InputError:
    return InputError(str(lack), where=_files_of(lack.part, folder), fix=lack.fix)


def _files_of(part: "Part", folder: Path | None) -> str:
    """The files of one's own that make a part; the shipped one where there are none."""
    from digest.rendering.review import Part

    ends = (".html.j2", ".css") if part is Part.HTML else (".txt.j2",)
    named = [name for name in _names(folder) if name.endswith(ends)] if folder else []
    own = [name for name in named if not name.startswith(OF_PAGES)]
    if not own or folder is None:
        return str(shipped("templates") / f"edition{ends[0]}")
    return ", ".join([str(folder / own[0]), *own[1:]])


# ---------------------------------------------------------------- files that cannot be read

NEVER_OWN = ("replay.", "watch")
"""What is not read from a folder of one's own."""
OF_PAGES = ("archive", "feed")
"""What is, and is no part of a mail."""


def unreadable_files(folder: Path) -> Iterator[InputError]:
    """What stands where a template might, and cannot be read as one; a shipped one would be used instead."""
    for name in _known():
        path = folder / name
        if os.path.lexists(path) and not path.is_file():
            fix = "Put the template itself there, or take this away to use the shipped one"
            kind = "a folder" if path.is_dir() else "no file"
            yield InputError(f"this is named like a template, and is {kind}", where=str(path), fix=fix)
    for name in _names(folder):
        try:
            (folder / name).read_bytes()
        except OSError as problem:
            fix = "Let it be read by who runs Digest, or take it out of the folder"
            what = f"this file cannot be read ({problem.strerror or problem})"
            yield InputError(what, where=str(folder / name), fix=fix)


def _known() -> list[str]:
    """The names of templates that one of one's own may have."""
    return [name for name in _names(shipped("templates")) if not name.startswith(NEVER_OWN)]


# ---------------------------------------------------------------- files that do nothing


def unused_files(folder: Path) -> Iterator[str]:
    """A sentence for every file that is no template's name, and that no template of one's own asks for."""
    own, known = _names(folder), _known()
    sources = [(folder / name).read_text(encoding="utf-8", errors="replace") for name in own]
    for name in own:
        if name not in known and not _is_named(name, sources):
            near = difflib.get_close_matches(name, set(known) - set(own), n=1)
            hint = f"; did you mean {near[0]}?" if near else f". Templates are {', '.join(sorted(known))}"
            yield f"{folder / name} is not used{hint}"


def lost_styles(folder: Path) -> Iterator[str]:
    """A sentence if a style sheet of one's own styles nothing, or ends within what it began."""
    from digest.rendering.templates import STYLES

    path = folder / STYLES
    if not path.is_file():
        return
    styles = path.read_text(encoding="utf-8", errors="replace")
    if unfinished := _unfinished(styles):
        yield f"{path} has {unfinished}: what follows it is not read"
    if not _styles_anything(styles, folder):
        yield f"{path} styles nothing that the templates use, so the mail is bare"


_OF_CSS = re.compile(r"""/\*.*?\*/|/\*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}]""", re.DOTALL)


def _unfinished(styles: str) -> str:
    """What a style sheet begins and does not end, and in which line."""
    opened: list[int] = []
    for found in _OF_CSS.finditer(styles):
        line = styles.count("\n", 0, found.start()) + 1
        match found.group():
            case "/*":
                return f"a comment without its end (line {line})"
            case "{":
                opened.append(line)
            case "}" if not opened:
                return f"a }} too many (line {line})"
            case "}":
                opened.pop()
    return f"a {{ without its }} (line {opened[-1]})" if opened else ""


def _styles_anything(styles: str, folder: Path) -> bool:
    """Whether the HTML of the mail is another with it than without any."""
    from digest.rendering.templates import HTML, MAIL_TEMPLATES, inline_styles

    for name in MAIL_TEMPLATES:
        if name.endswith(HTML):
            path = next(one / name for one in (folder, shipped("templates")) if (one / name).is_file())
            source = path.read_text(encoding="utf-8", errors="replace")
            if inline_styles(source, styles) != inline_styles(source, ""):
                return True
    return False


def _names(folder: Path) -> list[str]:
    """The files of a folder, without those that editors leave."""
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [path.as_posix() for path in paths if not any(map(_is_left_over, path.parts))]


def _is_left_over(name: str) -> bool:
    return name.startswith((".", "#")) or name.endswith(("~", ".bak", ".orig"))


def _is_named(name: str, sources: Iterable[str]) -> bool:
    """Whether a template includes, imports or extends it."""
    return any(f"{quote}{name}{quote}" in source for source in sources for quote in "\"'")
