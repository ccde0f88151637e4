"""A template filled once with slots for what differs from reader to reader, and then only completed.

A card says much that every reader is told alike, and a little that is one reader's own. So it is rendered
with a slot in each place of the latter, encoded, and cut at the slots: the next reader's is a join of bytes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, AnyStr, Generic, NoReturn

from digest.quoted import encode

_MARK = re.compile("\ufdd0(\\d+)\ufdd1")
"""Noncharacters, which no cleaned text holds."""

Write = Callable[[Any], bytes]
"""A value as it stands in the mail: escaped if it has to be, and quoted-printable."""
Step = Callable[[Any], str]


class ComputedError(Exception):
    """A template does more with a value than to print it or to ask whether there is one."""


class Slot:
    """Stands for a value: can be printed, passed through a filter of ours, and is never empty.

    Whatever else a template tries raises ComputedError, and that template is then filled for each mail anew.
    """

    __slots__ = ("_is_shown", "_name", "_steps", "_uses")

    def __init__(
        self, name: str, uses: "list[Use]", steps: tuple[Step, ...] = (), *, is_shown: bool | None = None
    ) -> None:
        self._name, self._uses, self._steps = name, uses, steps
        self._is_shown = is_shown

    def unshown(self) -> "Slot":
        """The slot of something that has a template of its own: it can be shown and nothing else."""
        return Slot(self._name, self._uses, is_shown=False)

    def shown(self) -> "Slot":
        """What that template makes of it: it can be printed and nothing else."""
        if self._is_shown is not False:
            self._refuse()
        return Slot(self._name, self._uses, is_shown=True)

    def then(self, step: Step) -> "Slot":
        """The slot of the same value after one more step."""
        if self._is_shown is not None:
            self._refuse()
        return Slot(self._name, self._uses, (*self._steps, step))

    def said(self, say: Callable[..., str], message: str, fields: Mapping[str, object]) -> "Slot":
        """The slot of a sentence in which the value is one of the fields, and the only one not known yet."""
        (name,) = (name for name, value in fields.items() if value is self)
        return self.then(lambda value: say(message, **{**fields, name: value}))

    def of(self, what: str) -> "Slot":
        """The slot of something else about the same thing."""
        return Slot(f"{self._name}:{what}", self._uses, is_shown=self._is_shown)

    def mark(self) -> str:
        """What is printed in its place."""
        if self._is_shown is False:
            self._refuse()
        self._uses.append(Use(name=self._name, steps=self._steps))
        return f"\ufdd0{len(self._uses) - 1}\ufdd1"

    def __bool__(self) -> bool:
        return True

    def _refuse(self, *_: object) -> NoReturn:
        raise ComputedError(self._name)

    __str__ = __repr__ = __format__ = __len__ = __iter__ = __hash__ = __getitem__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __int__ = __float__ = __neg__ = _refuse
    __abs__ = __pos__ = __round__ = __index__ = __pow__ = __rpow__ = __call__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ComputedError(self._name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place where a template prints a slot, and what its filters do to the value."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Form(Generic[AnyStr]):
    """A filled template in pieces, every second one a slot: of bytes that are encoded already, or of text."""

    pieces: list[AnyStr]
    slots: tuple[tuple[int, int, Callable[[Any], AnyStr]], ...]
    """Where the slot is, which of the values it takes, and how that is written."""
    takes: tuple[str, ...]
    """The names of the values, each as often as it is taken."""
    glue: AnyStr

    def complete(self, values: Sequence[Any]) -> AnyStr:
        """The pieces with values in their places; values that are bytes are written already."""
        pieces: list[Any] = self.pieces.copy()
        for at, which, write in self.slots:
            value = values[which]
            pieces[at] = value if type(value) is bytes else write(value)
        return self.glue.join(pieces)


def make_form(rendered: str, uses: Sequence[Use], names: Sequence[str], write: Write) -> Form[bytes]:
    """The form of what a template printed where it used the slots so; its values come as `names` do."""
    return Form(list(map(encode, _MARK.split(rendered))), *_slots(rendered, uses, names, write), b"")


def make_text_form(
    rendered: str, uses: Sequence[Use], names: Sequence[str], write: Callable[[Any], str]
) -> Form[str]:
    """The same of text, for what is short and seldom comes again: it is encoded as a whole."""
    return Form(_MARK.split(rendered), *_slots(rendered, uses, names, write), "")


def _slots(
    rendered: str, uses: Sequence[Use], names: Sequence[str], write: Callable[[Any], AnyStr]
) -> tuple[tuple[tuple[int, int, Callable[[Any], AnyStr]], ...], tuple[str, ...]]:
    used = [(2 * n + 1, uses[int(number)]) for n, number in enumerate(_MARK.findall(rendered))]
    slots = tuple((at, names.index(use.name), _after(use.steps, write)) for at, use in used)
    return slots, tuple(use.name for _, use in used)


def _after(steps: tuple[Step, ...], write: Callable[[Any], AnyStr]) -> Callable[[Any], AnyStr]:
    if not steps:
        return write

    first, *others = steps

    def stepwise(value: Any) -> AnyStr:
        value = first(value)
        for step in others:
            value = step(value)
        return write(value)

    return stepwise
