"""One part of a mail, HTML or text, put together from the forms of its templates."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any, TypeVar

from markupsafe import Markup, escape

from digest.language import Language
from digest.quoted import decode, encode
from digest.rendering.cards import MAX_REASONS, Account, Card, Points
from digest.rendering.chart import Chart
from digest.rendering.excerpt import Excerpt
from digest.rendering.letter import Letter
from digest.rendering.slots import ComputedError, Form, Slot, Use, make_form, make_text_form
from digest.rendering.templates import HTML, Templates

MOST_KEPT = 8_192
"""Forms (3 kB each) and excerpts (1 kB) kept; past that they are made anew, which no day's papers reach."""

Kept = TypeVar("Kept")
Made = TypeVar("Made")
Values = Sequence[str | int | bytes]
UNMADE: Any = object()
Slots = Callable[[str], Slot]
Context = dict[str, Any]
Hollow = Callable[[Slots], Context]
"""Makes what a template gets, with slots in place of what is one reader's own."""


@lru_cache(maxsize=8_192)
def in_html(value: str | int) -> bytes:
    """A value as it stands in HTML."""
    return encode(escape(value))


@lru_cache(maxsize=8_192)
def in_text(value: str | int) -> bytes:
    """A value as it stands in plain text."""
    return encode(str(value))


@lru_cache(maxsize=4_096)
def escaped(value: str | int) -> str:
    """A value as it stands in HTML before that is encoded."""
    return str(escape(value))


@dataclass(frozen=True, slots=True)
class Part:
    """All templates of one suffix in one language, and the forms made of them so far."""

    templates: Templates
    suffix: str
    language: Language
    _forms: dict[Hashable, Form[bytes] | None] = field(default_factory=dict)
    """`None` where a template computes with what is one reader's own: it is filled anew for every mail."""
    _text_forms: dict[Hashable, Form[str] | None] = field(default_factory=dict)
    _excerpts: dict[Hashable, bytes] = field(default_factory=dict)

    def encoded(self, letter: Letter) -> bytes:
        """The letter as this part says it, quoted-printable; the last line may want its end."""
        form = self._form_of(letter)
        if form is None:
            return encode(self.filled("edition", letter=letter))
        return form.complete(self._values_of_letter(letter, form))

    def shows_each_card_once(self, letter: Letter) -> bool:
        """Whether a mail is as long as its cards and what stands around them."""
        form = self._form_of(letter)
        sections = [name for name, cards in _sections_of(letter) if cards and name != "misses"]
        return form is not None and all(form.takes.count(name) == 1 for name in sections)

    def _form_of(self, letter: Letter) -> Form[bytes] | None:
        key = ("edition", *_shape_of_letter(letter))
        if key in self._forms:
            return self._forms[key]
        return self._new_form(
            key,
            _Blank("edition", _names_in_letter(letter), partial(_hollow_letter, letter), {"letter": letter}),
            lambda form: self._values_of_letter(letter, form),
        )

    def _values_of_letter(self, letter: Letter, form: Form[bytes]) -> Values:
        values: list[str | int | bytes] = [getattr(letter, name) for name in _TEXTS]
        values += letter.notes
        for name, cards in _sections_of(letter):
            values.append(b"".join(map(self.card, cards)) if name in form.takes else b"")
            has_footnotes = f"{name}:footnotes" in form.takes
            values.append(b"".join(map(self._footnotes, cards)) if has_footnotes else b"")
        values.append(self._chart(letter.chart) if letter.chart and "chart" in form.takes else b"")
        return values

    def _chart(self, chart: Chart) -> bytes:
        """Filled for each mail: only weekly and monthly ones have one, and hardly two readers the same."""
        return encode(self.filled("chart", chart=chart))

    def card(self, card: Card, template: str = "card") -> bytes:
        """One card of it."""
        key = (template, *_shape_of_card(card))
        form: Form[bytes] | None = self._forms.get(key, UNMADE)
        if form is UNMADE:
            blank = _Blank(template, _IN_CARD, partial(_hollow_card, card), {"card": card})
            form = self._new_form(key, blank, lambda made: self._values_of_card(card, made))
        if form is None:
            return encode(self.filled(template, card=card))
        return form.complete(self._values_of_card(card, form))

    def _values_of_card(self, card: Card, form: Form[bytes]) -> Values:
        uses, account = form.takes, card.account
        return (
            card.number,
            account.score,
            account.rest,
            card.aside,
            self._account(account) if "account" in uses else b"",
            self._excerpt(card.excerpt) if card.excerpt and "excerpt" in uses else b"",
            self._excerpt(card.summary) if card.summary and "summary" in uses else b"",
        )

    def _footnotes(self, card: Card) -> bytes:
        return self.card(card, "footnotes")

    def _account(self, account: Account) -> bytes:
        key = ("account", *_shape_of_account(account))
        form: Form[str] | None = self._text_forms.get(key, UNMADE)
        if form is UNMADE:
            blank = _Blank("account", _IN_ACCOUNT, partial(_hollow_account, account), {"account": account})
            form = self._new_text_form(key, blank, _values_of_account(account))
        if form is None:
            return encode(self.filled("account", account=account))
        return encode(form.complete(_values_of_account(account)))

    def _excerpt(self, excerpt: Excerpt) -> bytes:
        """Readers of one taste have it alike; where nothing is marked, all who get these sentences."""
        form = self._form_of_excerpt(excerpt)
        key = excerpt.text if form and form.takes == _ONLY_TEXT else excerpt
        kept = self._excerpts.get(key)
        if kept is not None:
            return kept
        whole = (
            form.complete((excerpt.text, *excerpt.runs)) if form else self.filled("excerpt", excerpt=excerpt)
        )
        return keep(self._excerpts, key, encode(whole))

    def _form_of_excerpt(self, excerpt: Excerpt) -> Form[str] | None:
        key = ("excerpt", *[not run for run in excerpt.runs])
        form: Form[str] | None = self._text_forms.get(key, UNMADE)
        if form is not UNMADE:
            return form
        names = ("text", *(f"run{n}" for n in range(len(excerpt.runs))))
        blank = _Blank("excerpt", names, partial(_hollow_excerpt, excerpt), {"excerpt": excerpt})
        return self._new_text_form(key, blank, (excerpt.text, *excerpt.runs))

    # ------------------------------------------------------------ forms

    def _new_form(
        self, key: Hashable, blank: "_Blank", values: Callable[[Form[bytes]], Values]
    ) -> Form[bytes] | None:
        """For what is long, or whose values come again in other mails."""
        write = in_html if self.suffix == HTML else in_text
        make = partial(make_form, names=blank.names, write=write)
        made = self._like_its_template(blank, make, lambda form: decode(form.complete(values(form))))
        return keep(self._forms, key, made)

    def _new_text_form(self, key: Hashable, blank: "_Blank", values: Values) -> Form[str] | None:
        """For what is short and seldom the same in two mails."""
        write = escaped if self.suffix == HTML else str
        make = partial(make_text_form, names=blank.names, write=write)
        made = self._like_its_template(blank, make, lambda form: form.complete(values))
        return keep(self._text_forms, key, made)

    def _like_its_template(
        self, blank: "_Blank", make: Callable[[str, list[Use]], Made], completed: Callable[[Made], str]
    ) -> Made | None:
        """A form that says what its template says of the same values; `None` if there can be none."""
        uses: list[Use] = []
        rendered = self._rendered(blank, uses)
        if rendered is None:
            return None
        form = make(rendered, uses)
        return form if _as_sent(completed(form)) == _as_sent(self._plain(blank)) else None

    def _rendered(self, blank: "_Blank", uses: list[Use]) -> str | None:
        """A template with slots in it; `None` if it computes with them, which may look like any mistake."""
        if not self.templates.only_prints(f"{blank.template}{self.suffix}"):
            return None
        context = blank.hollow(lambda name: Slot(name, uses))
        try:
            rendered = self._fill(
                blank.template, context | {"show": self._hollow_shown, "footnotes": _footnotes_of}
            )
        except Exception:  # what is really wrong shows, and is located, when it is filled with values
            return None
        return _ended(rendered) if blank.template == "edition" else rendered

    def _plain(self, blank: "_Blank") -> str:
        filled = self.filled(blank.template, **blank.context)
        return _ended(filled) if blank.template == "edition" else filled

    def _hollow_shown(self, thing: object) -> object:
        """What is made apart stays a slot; a reason of an account is a part of the account's form."""
        if isinstance(thing, Slot):
            return thing.shown()
        if not isinstance(thing, HollowReason):
            raise ComputedError(str(type(thing)))
        return self._safe(self._fill("reason", {"reason": thing, "show": self._hollow_shown}))

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

    def _show(self, thing: Card | Account | Points | Excerpt | Chart | Iterable[Card]) -> str:
        match thing:
            case Chart():
                return self._printed("chart", chart=thing)
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
        return self._safe(self.filled(template, **context))

    def _joined(self, printed: Iterable[str]) -> str:
        return self._safe("".join(printed))

    def _safe(self, filled: str) -> str:
        """Nothing is escaped twice."""
        return Markup(filled) if self.suffix == HTML else filled  # noqa: S704  # it was escaped as it was filled


def keep(kept: dict[Hashable, Kept], key: Hashable, made: Kept) -> Kept:
    """The thing made, kept for the next time; what was kept is forgotten where it is too much."""
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[key] = made
    return made


@dataclass(frozen=True, slots=True)
class _Blank:
    """What a form is made of: a template, the names of its values, what it gets with slots, and without."""

    template: str
    names: Sequence[str]
    hollow: Hollow
    context: Context


def _ended(page: str) -> str:
    """A form of the whole ends here with a line's end, which else would be a copy of every mail."""
    return page.rstrip("\n") + "\n"


def _as_sent(text: str) -> str:
    """With the line ends that come back from quoted-printable."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


# ---------------------------------------------------------------- what is left out of a form

_OF_THE_LANGUAGE = ("language", "direction")
_TEXTS = tuple(
    one.name for one in fields(Letter) if one.type in (str, "str") and one.name not in _OF_THE_LANGUAGE
)
_ONLY_TEXT = ("text",)
_IN_CARD = ("number", "score", "rest", "aside", "account", "excerpt", "summary")
_IN_ACCOUNT = (
    "score",
    "rest",
    "opening",
    "said",
    *(f"{name}{n}" for n in range(MAX_REASONS) for name in Points._fields),
)


class HollowReason(SimpleNamespace):
    """A reason with slots for its words."""


def _footnotes_of(cards: Slot) -> Slot:
    if not isinstance(cards, Slot):
        raise ComputedError(str(type(cards)))
    return cards.of("footnotes").shown()


def _sections_of(letter: Letter) -> Iterator[tuple[str, tuple[Card, ...]]]:
    for n, section in enumerate(letter.sections):
        yield f"section{n}", section.cards
    yield "misses", letter.misses


def _shape_of_letter(letter: Letter) -> Iterator[Hashable]:
    """All that a template may see of a letter in a form: which texts are empty, what sections there are."""
    yield tuple([not getattr(letter, name) for name in _TEXTS])
    yield len(letter.notes)
    yield not letter.misses
    yield letter.chart is None
    for section in letter.sections:
        yield section.name


def _names_in_letter(letter: Letter) -> tuple[str, ...]:
    """Of the values, in their order."""
    notes = (f"note{n}" for n in range(len(letter.notes)))
    sections = (name for one, _ in _sections_of(letter) for name in (one, f"{one}:footnotes"))
    return *_TEXTS, *notes, *sections, "chart"


def _hollow_letter(letter: Letter, slot: Slots) -> Context:
    sections = tuple(
        SimpleNamespace(name=section.name, heading=section.heading, cards=slot(f"section{n}").unshown())
        for n, section in enumerate(letter.sections)
    )
    hollow = SimpleNamespace(
        **{name: slot(name) if getattr(letter, name) else "" for name in _TEXTS},
        language=letter.language,
        direction=letter.direction,
        notes=tuple(slot(f"note{n}") for n in range(len(letter.notes))),
        sections=sections,
        misses=slot("misses").unshown() if letter.misses else (),
        chart=slot("chart").unshown() if letter.chart else None,
    )
    return {"letter": hollow}


def _shape_of_card(card: Card) -> tuple[Hashable, ...]:
    """The same of a card, and what is the same for all readers."""
    told = (card.paper, card.section, card.detail, card.written_by, card.twins, card.n_twins)
    words = (card.excerpt is None, card.summary is None, not card.aside)
    account = card.account
    return *told, *words, not account.score, not account.rest, not account.reasons


def _hollow_card(card: Card, slot: Slots) -> Context:
    hollow = SimpleNamespace(
        number=slot("number"),
        section=card.section,
        detail=card.detail,
        paper=card.paper,
        score=slot("score") if card.score else 0,
        rest=slot("rest") if card.rest else 0,
        explained=card.explained,
        account=slot("account").unshown(),
        excerpt=slot("excerpt").unshown() if card.excerpt else None,
        summary=slot("summary").unshown() if card.summary else None,
        written_by=card.written_by,
        aside=slot("aside") if card.aside else "",
        twins=card.twins,
        n_twins=card.n_twins,
    )
    return {"card": hollow}


def _shape_of_account(account: Account) -> tuple[Hashable, ...]:
    """The same of an account."""
    reasons = [tuple([not word for word in reason]) for reason in account.reasons]
    return not account.score, not account.rest, not account.opening, not account.said, *reasons


def _values_of_account(account: Account) -> Values:
    values: list[str | int | bytes] = [account.score, account.rest, account.opening, account.said]
    for reason in account.reasons:
        values += reason
    return values


def _hollow_account(account: Account, slot: Slots) -> Context:
    reasons = tuple(
        HollowReason(
            **{name: slot(f"{name}{n}") if value else "" for name, value in reason._asdict().items()}
        )
        for n, reason in enumerate(account.reasons)
    )
    hollow = SimpleNamespace(
        score=slot("score") if account.score else 0,
        rest=slot("rest") if account.rest else 0,
        opening=slot("opening") if account.opening else "",
        said=slot("said") if account.said else "",
        reasons=reasons,
    )
    return {"account": hollow}


def _hollow_excerpt(excerpt: Excerpt, slot: Slots) -> Context:
    pieces = tuple(
        SimpleNamespace(text=slot(f"run{n}"), marked=n % 2 == 1) for n, run in enumerate(excerpt.runs) if run
    )
    return {"excerpt": SimpleNamespace(text=slot("text"), pieces=pieces)}
