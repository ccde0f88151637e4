"""The templates of an archive that are no edition's page: its list, its feed, and links between pages."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lxml import etree  # type: ignore[import-untyped]  # it carries no types

from digest.errors import InputError
from digest.language import Language
from digest.rendering.templates import Templates
from digest.resources import shipped
from digest.text import clean

ARCHIVE_FILES = (
    "archive.css",
    "archive.html.j2",
    "archive-index.html.j2",
    "archive-links.html.j2",
    "feed.xml.j2",
    "feed-entry.xml.j2",
    "feed-content.html.j2",
)

Read = TypeVar("Read")


class ArchiveTemplates:
    """Templates with their style sheets in the page; those of `templates_dir` hide the shipped ones.

    Raises InputError if one cannot be read: here, or in `fill` where only filling it in can show that.
    """

    def __init__(self, templates_dir: Path | None = None) -> None:
        own = () if templates_dir is None else (templates_dir,)
        self._folders: tuple[Path, ...] = (*own, shipped("templates"))
        self._templates = Templates(self._folders, inline=False)
        for name in ARCHIVE_FILES:
            self._try_to_read(name)

    def fill(self, name: str, language: Language, **values: Any) -> str:
        """What a template prints of these values, escaped, in a language."""
        spoken = {"language": language, "say": language.say, "count": language.count}
        try:
            return self._templates.fill(name, spoken | values)
        except (ValueError, OSError) as error:
            raise self._templates.located(error) or self.broken(name, str(error)) from error
        except Exception as error:
            if located := self._templates.located(error):
                raise located from error
            raise

    def checked(self, name: str, printed: str, read: Callable[[bytes], Read]) -> str:
        """What a template printed, if it can be read; `read` raises ValueError if it cannot."""
        try:
            read(printed.encode(errors="replace"))
        except ValueError as problem:
            what = f"what it prints is not as it must be: {problem}"
            raise self.broken(name, what, self._line_of_bad_xml(name)) from problem
        return printed

    def broken(self, name: str, problem: str, line: int = 0) -> InputError:
        """What is wrong with what a template printed."""
        where = f"{self._path(name)}:{line}" if line else str(self._path(name))
        fix = "Correct it, or remove the file to use the shipped one"
        return InputError(f"this template is broken: {clean(problem, 300)}", where=where, fix=fix)

    def _try_to_read(self, name: str) -> None:
        try:
            self._path(name).read_text(encoding="utf-8")
        except (ValueError, OSError) as error:
            raise self.broken(name, str(error)) from error

    def _path(self, name: str) -> Path:
        found = (folder / name for folder in self._folders if (folder / name).is_file())
        return next(found, self._folders[-1] / name)

    def _line_of_bad_xml(self, name: str) -> int:
        """Where its own markup is wrong, without what Jinja prints; 0 if it is sound by itself."""
        source = self._path(name).read_text(encoding="utf-8", errors="replace")
        bare = _JINJA.sub(lambda tag: "\n" * tag.group().count("\n"), source)
        above = len(bare) - len(bare.lstrip())
        try:
            etree.fromstring(bare[above:].encode())
        except etree.XMLSyntaxError as problem:
            return int(bare.count("\n", 0, above) + (problem.lineno or 1))
        return 0


_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
