"""One part of a mail, HTML or text, put together from the forms of its templates."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, TypeVar

from markupsafe import Markup, escape

from digest.language import Language
from digest.quoted import encode
from digest.rendering.cards import MAX_REASONS, Account, Card, Points
from digest.rendering.excerpt import Excerpt
from digest.rendering.letter import Letter
from digest.rendering.slots import ComputedError, Form, Slot, Use, Write, make_form
from digest.rendering.templates import HTML, Templates

MOST_KEPT = 8_192
"""Forms (3 kB each) and excerpts (1 kB) kept; past that they are made anew, which no day's papers reach."""

Thing = TypeVar("Thing", bound=Hashable)
Slots = Callable[[str], Slot]
Context = dict[str, Any]


@lru_cache(maxsize=32_768, typed=True)
def in_html(value: str | int) -> bytes:
    """A value as it stands in HTML."""
    return encode(escape(value))


@lru_cache(maxsize=8_192, typed=True)
def in_text(value: str | int) -> bytes:
    """A value as it stands in plain text."""
    return encode(str(value))


@dataclass(frozen=True, slots=True)
class Part:
    """All templates of one suffix in one language, and the forms made of them so far."""

    templates: Templates
    suffix: str
    language: Language
    _forms: dict[Hashable, Form | None] = field(default_factory=dict)
    """`None` where a template computes with what is one reader's own: it is filled anew for every mail."""
    _made: dict[Hashable, bytes] = field(default_factory=dict)

    def encoded(self, letter: Letter) -> bytes:
        """The letter as this part says it, in quoted-printable pieces."""
        key = ("edition", *_shape_of_letter(letter))
        form = self._form(key, "edition", lambda slot: _hollow_letter(letter, slot))
        if form is None:
            return encode(self.filled("edition", letter=letter))
        values: Context = {name: getattr(letter, name) for name in _TEXTS}
        values |= {f"note{n}": note for n, note in enumerate(letter.notes)}
        for name, cards in _sections_of(letter):
            values[name] = b"".join([self._card(card) for card in cards])
            if f"{name}:footnotes" in form.names:
                values[f"{name}:footnotes"] = b"".join([self._footnotes(card) for card in cards])
        return form.complete(values)

    def _card(self, card: Card, template: str = "card") -> bytes:
        form = self._form((template, *_shape_of_card(card)), template, lambda slot: _hollow_card(card, slot))
        if form is None:
            return encode(self.filled(template, card=card))
        values: Context = {"number": card.number, "score": card.score, "rest": card.rest, "aside": card.aside}
        if "account" in form.names:
            values["account"] = self._account(card.account)
        if card.excerpt and "excerpt" in form.names:
            values["excerpt"] = self._kept(card.excerpt, self._excerpt)
        if card.summary and "summary" in form.names:
            values["summary"] = self._kept(card.summary, self._excerpt)
        return form.complete(values)

    def _footnotes(self, card: Card) -> bytes:
        """They are told by number, which many readers have alike."""
        key = (card.paper, card.number, card.detail, card.twins)
        made = self._made.get(key)
        return self._kept(key, lambda _: self._card(card, "footnotes")) if made is None else made

    def _account(self, account: Account) -> bytes:
        key = ("account", *_shape_of_account(account))
        form = self._form(key, "account", lambda slot: _hollow_account(account, slot))
        if form is None:
            return encode(self.filled("account", account=account))
        values: Context = {"score": account.score, "rest": account.rest, "opening": account.opening}
        if "said" in form.names:
            values["said"] = account.said
        if form.names & _REASONS_SET:
            for name, reason in zip(_REASONS, account.reasons, strict=False):
                values[name] = self._kept(reason, self._reason)
        return form.complete(values)

    def _reason(self, reason: Points) -> bytes:
        key = ("reason", not reason.title, not reason.after)
        form = self._form(key, "reason", lambda slot: _hollow_reason(reason, slot))
        if form is None:
            return encode(self.filled("reason", reason=reason))
        return form.complete(reason._asdict())

    def _excerpt(self, excerpt: Excerpt) -> bytes:
        key = ("excerpt", *[piece.marked for piece in excerpt.pieces])
        form = self._form(key, "excerpt", lambda slot: _hollow_excerpt(excerpt, slot))
        if form is None:
            return encode(self.filled("excerpt", excerpt=excerpt))
        if form.names == _ONLY_TEXT:
            return form.complete({"text": excerpt.text})
        pieces = {f"piece{n}": piece.text for n, piece in enumerate(excerpt.pieces)}
        return form.complete({"text": excerpt.text, **pieces})

    def _kept(self, thing: Thing, write: Callable[[Thing], bytes]) -> bytes:
        """What many readers have alike, written once."""
        try:
            return self._made[thing]
        except KeyError:
            pass
        if len(self._made) >= MOST_KEPT:
            self._made.clear()
        made = self._made[thing] = write(thing)
        return made

    # ------------------------------------------------------------ forms

    def _form(self, key: Hashable, template: str, hollow: Callable[[Slots], Context]) -> Form | None:
        try:
            return self._forms[key]
        except KeyError:
            pass
        if len(self._forms) >= MOST_KEPT:
            self._forms.clear()
        form = self._forms[key] = self._make_form(template, hollow)
        return form

    def _make_form(self, template: str, hollow: Callable[[Slots], Context]) -> Form | None:
        uses: list[Use] = []
        context = hollow(lambda name: Slot(name, uses)) | {
            "show": lambda slot: slot,
            "footnotes": lambda slot: slot.of("footnotes"),
        }
        try:
            return make_form(self._fill(template, context), uses, self._write)
        except ComputedError:
            return None

    @property
    def _write(self) -> Write:
        return in_html if self.suffix == HTML else in_text

    # ------------------------------------------------------------ without forms

    def filled(self, template: str, **context: Any) -> str:
        """A template with all values in their places, as its author thinks of it."""
        return self._fill(template, context | {"show": self._show, "footnotes": self._show_footnotes})

    def _fill(self, template: str, context: Mapping[str, Any]) -> str:
        words = {"say": self._say, "count": self.language.count}
        return self.templates.fill(f"{template}{self.suffix}", {**context, **words})

    def _say(self, message: str, **fields: Any) -> str | Slot:
        unknown = [value for value in fields.values() if type(value) is Slot]
        if len(unknown) > 1:
            raise ComputedError(message)
        say = self.language.say
        return unknown[0].said(say, message, fields) if unknown else say(message, **fields)

    def _show(self, thing: Card | Account | Points | Excerpt | Iterable[Card]) -> str:
        match thing:
            case Card():
                return self._printed("card", card=thing)
            case Account():
                return self._printed("account", account=thing)
            case Excerpt():
                return self._printed("excerpt", excerpt=thing)
            case Points():
                return self._printed("reason", reason=thing)
        return self._joined(self._printed("card", card=card) for card in thing)

    def _show_footnotes(self, cards: Iterable[Card]) -> str:
        return self._joined(self._printed("footnotes", card=card) for card in cards)

    def _printed(self, template: str, **context: Any) -> str:
        filled = self.filled(template, **context)
        return Markup(filled) if self.suffix == HTML else filled  # noqa: S704  # it was escaped as it was filled

    def _joined(self, printed: Iterable[str]) -> str:
        return Markup("").join(printed) if self.suffix == HTML else "".join(printed)


# ---------------------------------------------------------------- what is left out of a form

_OF_THE_LANGUAGE = ("language", "direction")
_TEXTS = tuple(
    one.name for one in fields(Letter) if one.type in (str, "str") and one.name not in _OF_THE_LANGUAGE
)
_REASONS = tuple(f"reason{n}" for n in range(MAX_REASONS))
_REASONS_SET = frozenset(_REASONS)
_ONLY_TEXT = frozenset(("text",))


def _sections_of(letter: Letter) -> Iterator[tuple[str, tuple[Card, ...]]]:
    for n, section in enumerate(letter.sections):
        yield f"section{n}", section.cards
    yield "misses", letter.misses


def _shape_of_letter(letter: Letter) -> Iterator[Hashable]:
    """All that a template may see of a letter in a form: which texts are empty, what sections there are."""
    yield tuple([bool(getattr(letter, name)) for name in _TEXTS])
    yield len(letter.notes)
    yield bool(letter.misses)
    for section in letter.sections:
        yield section.name


def _hollow_letter(letter: Letter, slot: Slots) -> Context:
    texts = {name: slot(name) if getattr(letter, name) else "" for name in _TEXTS}
    sections = tuple(
        SimpleNamespace(name=section.name, heading=section.heading, cards=slot(f"section{n}"))
        for n, section in enumerate(letter.sections)
    )
    hollow = SimpleNamespace(
        **texts,
        language=letter.language,
        direction=letter.direction,
        notes=tuple(slot(f"note{n}") for n in range(len(letter.notes))),
        sections=sections,
        misses=slot("misses") if letter.misses else (),
    )
    return {"letter": hollow}


def _shape_of_card(card: Card) -> tuple[Hashable, ...]:
    """The same of a card, and what is the same for all readers."""
    told = (card.paper, card.section, card.detail, card.written_by, card.twins, card.n_twins)
    words = (card.excerpt is None, card.summary is None, not card.aside)
    return *told, *words, not card.score, not card.rest, card.explained


def _hollow_card(card: Card, slot: Slots) -> Context:
    hollow = SimpleNamespace(
        number=slot("number"),
        section=card.section,
        detail=card.detail,
        paper=card.paper,
        explained=card.explained,
        account=slot("account"),
        score=slot("score") if card.score else 0,
        rest=slot("rest") if card.rest else 0,
        excerpt=slot("excerpt") if card.excerpt else None,
        summary=slot("summary") if card.summary else None,
        written_by=card.written_by,
        aside=slot("aside") if card.aside else "",
        twins=card.twins,
        n_twins=card.n_twins,
    )
    return {"card": hollow}


def _shape_of_account(account: Account) -> tuple[Hashable, ...]:
    """The same of an account."""
    return not account.score, not account.rest, len(account.reasons)


def _hollow_account(account: Account, slot: Slots) -> Context:
    hollow = SimpleNamespace(
        score=slot("score") if account.score else 0,
        rest=slot("rest") if account.rest else 0,
        opening=slot("opening"),
        said=slot("said"),
        reasons=tuple(map(slot, _REASONS[: len(account.reasons)])),
    )
    return {"account": hollow}


def _hollow_reason(reason: Points, slot: Slots) -> Context:
    hollow = SimpleNamespace(
        points=slot("points"),
        before=slot("before"),
        title=slot("title") if reason.title else "",
        after=slot("after") if reason.after else "",
    )
    return {"reason": hollow}


def _hollow_excerpt(excerpt: Excerpt, slot: Slots) -> Context:
    pieces = tuple(
        SimpleNamespace(text=slot(f"piece{n}"), marked=piece.marked) for n, piece in enumerate(excerpt.pieces)
    )
    return {"excerpt": SimpleNamespace(text=slot("text"), pieces=pieces)}
