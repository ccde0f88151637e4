"""An edition becomes a subject, a text and an HTML page, through the templates."""

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Template

from digest.errors import InputError
from digest.model import Edition, Sender
from digest.rendering.letter import SHORT_RUN, Letter, make_letter, shrink
from digest.rendering.templates import HTML_TEMPLATE, TEXT_TEMPLATE, explain, load_templates
from digest.resources import shipped

MAX_HTML_BYTES = 90_000
"""Gmail clips a message at about 102 kB; the rest is room for what a relay adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a mail says: one line of subject, and the same papers as text and as HTML."""

    subject: str
    text: str
    html: str


class Renderer:
    """Fills the templates; making one reads, checks and compiles them, so make one per process.

    Files in `templates_dir` take the place of the shipped ones of the same name. Raises InputError with file
    and line if one of them is broken: here, or in `render` where only filling it in can show that.
    """

    def __init__(self, templates_dir: Path | None = None) -> None:
        if templates_dir is not None and not templates_dir.is_dir():
            fix = "Name a folder that holds your own templates, or leave the setting out"
            raise InputError("there is no such folder of templates", where=str(templates_dir), fix=fix)
        own = () if templates_dir is None else (templates_dir,)
        self._folders = (*own, shipped("templates"))
        templates = load_templates(self._folders)
        self._html = templates[HTML_TEMPLATE]
        self._text = templates[TEXT_TEMPLATE]

    def render(self, edition: Edition, sender: Sender) -> Rendered:
        """The edition as a mail's subject, text and HTML; the same edition always gives the same bytes.

        The HTML keeps to `MAX_HTML_BYTES`: cards shrink from the last one upwards, first to a card without
        abstract, then to a title line. No pick is dropped, so more than 130 or so (95, if every title is as
        long as titles may be) exceed the limit.
        """
        letter = make_letter(edition, sender)
        return Rendered(
            subject=letter.subject, text=self._fill(self._text, letter), html=self._fitted(letter)
        )

    def _fitted(self, letter: Letter) -> str:
        """The HTML with as few cards shrunk as the size allows, found by bisection."""
        html = self._fill(self._html, letter)
        if _fits(html):
            return html
        all_steps = range(letter.n_cards + SHORT_RUN)
        steps = bisect_left(all_steps, True, key=lambda n: _fits(self._fill(self._html, shrink(letter, n))))
        return self._fill(self._html, shrink(letter, steps))

    def _fill(self, template: Template, letter: Letter) -> str:
        try:
            return template.render(letter=letter)
        except Exception as error:
            raise explain(error, str(template.name), letter, self._folders) from error


def _fits(html: str) -> bool:
    return len(html.encode()) <= MAX_HTML_BYTES
