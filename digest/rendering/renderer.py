"""An edition becomes a subject, a text and an HTML page, through the templates."""

from binascii import a2b_qp
from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from digest.errors import InputError
from digest.language import Language, language
from digest.model import Candidate, Edition, Sender
from digest.quoted import decode, finished
from digest.rendering.cards import Card, Detail, PaperInWords, describe, shrink_card
from digest.rendering.letter import SHORT_RUN, Letter, details_after, make_letter, shrink
from digest.rendering.parts import Part, keep
from digest.rendering.templates import HTML, TEXT, Templates
from digest.resources import shipped

MAX_HTML_BYTES = 90_000
"""Gmail clips a message at about 102 kB; the rest is room for what a relay adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a mail says: one line of subject, and the same papers as text and as HTML."""

    subject: str
    text_part: bytes
    """Quoted-printable, as it stands in the message; and so is the HTML."""
    html_part: bytes

    @property
    def text(self) -> str:
        """The text part for people."""
        return decode(self.text_part)

    @property
    def html(self) -> str:
        """The HTML part for a browser."""
        return decode(self.html_part)


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
        self._templates = Templates((*own, shipped("templates")))
        self._parts: dict[tuple[str, str], Part] = {}
        self._papers = _Papers()

    def render(self, edition: Edition, sender: Sender) -> Rendered:
        """The edition as a mail's subject, text and HTML; the same edition always gives the same bytes.

        The HTML keeps to `MAX_HTML_BYTES`: cards shrink from the last one upwards, first to a card without
        abstract, then to a title line. No pick is dropped, so more than 130 or so (95, if every title is as
        long as titles may be) exceed the limit.
        """
        letter = self.letter(edition, sender)
        return Rendered(
            subject=letter.subject,
            text_part=self._text_part(letter),
            html_part=finished(self._fitted(self._part(HTML, letter), letter)),
        )

    def letter(self, edition: Edition, sender: Sender) -> Letter:
        """All that a mail says, in words, every card as full as can be."""
        spoken = language(edition.profile.language)

        def described(candidate: Candidate) -> PaperInWords:
            return self._papers.described(candidate, edition.day, spoken)

        return make_letter(edition, sender, spoken, described)

    def text(self, letter: Letter) -> str:
        """A letter as plain text."""
        return decode(self._text_part(letter))

    def page(self, template: str, letter: Letter, **more: Any) -> str:
        """A letter through another template, `<template>.html.j2`."""
        part = self._part(HTML, letter)
        try:
            return part.filled(template, letter=letter, **more)
        except Exception as error:
            raise self._explained(error, part, template, letter=letter, **more) from error

    def _text_part(self, letter: Letter) -> bytes:
        return finished(self._encoded(self._part(TEXT, letter), letter))

    def _part(self, suffix: str, letter: Letter) -> Part:
        key = (suffix, letter.language)
        if key not in self._parts:
            self._parts[key] = Part(self._templates, suffix, language(letter.language))
        return self._parts[key]

    def _fitted(self, part: Part, letter: Letter) -> bytes:
        """The HTML with as few cards shrunk as the size allows."""
        encoded = self._encoded(part, letter)
        if len(encoded) <= MAX_HTML_BYTES or _size(encoded) <= MAX_HTML_BYTES:  # encoding only adds
            return encoded
        all_steps = range(letter.n_cards + SHORT_RUN)
        if part.shows_each_card_once(letter):
            sizes = _sizes(part, letter.cards)
            room = MAX_HTML_BYTES - _size(encoded) + sum(one[Detail.FULL] for one in sizes)
            steps = bisect_left(all_steps, True, key=lambda n: _size_after(n, sizes) <= room)
        else:
            steps = bisect_left(all_steps, True, key=lambda n: self._fits(part, shrink(letter, n)))
        return self._encoded(part, shrink(letter, steps))

    def _fits(self, part: Part, letter: Letter) -> bool:
        return _size(self._encoded(part, letter)) <= MAX_HTML_BYTES

    def _encoded(self, part: Part, letter: Letter) -> bytes:
        try:
            return part.encoded(letter)
        except Exception as error:
            raise self._explained(error, part, "edition", letter=letter) from error

    def _explained(self, error: Exception, part: Part, template: str, **context: Any) -> Exception:
        """What filling the templates raised, with file and line if one of the reader's own is broken."""
        as_written = Part(self._templates.as_written, part.suffix, part.language)
        try:
            as_written.filled(template, **context)
        except Exception as again:
            return self._templates.located(again) or error
        return error


@dataclass(frozen=True, slots=True)
class _Papers:
    """Papers in words, each made once for all readers of a language, who share a shelf's candidates."""

    _made: dict[Hashable, tuple[Candidate, PaperInWords]] = field(default_factory=dict)

    def described(self, candidate: Candidate, today: date, spoken: Language) -> PaperInWords:
        key = (id(candidate), today.year, spoken.tag)
        kept = self._made.get(key)
        if kept and kept[0] is candidate:
            return kept[1]
        return keep(self._made, key, (candidate, describe(candidate, today, spoken)))[1]


def _size(encoded: bytes) -> int:
    """Bytes of what is encoded, with the line ends it travels with."""
    return len(a2b_qp(encoded))


Sizes = Mapping[Detail, int]
"""Of one card, for the most detail it may have."""


def _sizes(part: Part, cards: Iterable[Card]) -> tuple[Sizes, ...]:
    return tuple({one: _size(part.card(shrink_card(card, one))) for one in Detail} for card in cards)


def _size_after(steps: int, sizes: Sequence[Sizes]) -> int:
    """Of all cards together, after so many steps of shrinking."""
    return sum(one[detail] for one, detail in zip(sizes, details_after(len(sizes), steps), strict=True))
