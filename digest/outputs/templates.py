"""The templates of an archive that are no edition's page: its list, its feed, and links between pages."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from digest.language import Language
from digest.resources import shipped


class ArchiveTemplates:
    """Templates with their style sheets in the page; those of `templates_dir` hide the shipped ones."""

    def __init__(self, templates_dir: Path | None = None) -> None:
        own = () if templates_dir is None else (templates_dir,)
        self._environment = Environment(
            loader=FileSystemLoader((*own, shipped("templates"))),
            autoescape=lambda name: not (name or "").endswith(".css"),  # noqa: S701  # all else is
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def fill(self, name: str, language: Language, **values: Any) -> str:
        """What a template prints of these values, escaped, in a language."""
        spoken = {"language": language, "say": language.say, "count": language.count}
        return self._environment.get_template(name).render(spoken | values)
