"""A template filled once with slots for what differs from reader to reader, and then only completed.

A card says much that every reader is told alike, and a little that is one reader's own. So it is rendered
with a slot in each place of the latter, encoded, and cut at the slots: the next reader's is a join of bytes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from digest.quoted import encode

_MARK = re.compile("\ufdd0(\\d+)\ufdd1")
"""Noncharacters, which no cleaned text holds."""

Write = Callable[[Any], bytes]
"""A value as it stands in the mail: escaped if it has to be, and quoted-printable."""
Step = Callable[[str], str]


class ComputedError(Exception):
    """A template does more with a value than to print it or to ask whether there is one."""


class Slot:
    """Stands for a value: can be printed, passed through a filter of ours, and is never empty.

    Whatever else a template tries raises ComputedError, and that template is then filled for each mail anew.
    """

    __slots__ = ("_name", "_steps", "_uses")

    def __init__(self, name: str, uses: "list[Use]", steps: tuple[Step, ...] = ()) -> None:
        self._name, self._uses, self._steps = name, uses, steps

    def then(self, step: Step) -> "Slot":
        """The slot of the same value after one more step."""
        return Slot(self._name, self._uses, (*self._steps, step))

    def said(self, say: Callable[..., str], message: str, fields: Mapping[str, object]) -> "Slot":
        """The slot of a sentence in which the value is one of the fields, and the only one not known yet."""
        (name,) = (name for name, value in fields.items() if value is self)
        return self.then(lambda value: say(message, **{**fields, name: value}))

    def of(self, what: str) -> "Slot":
        """The slot of something else about the same value."""
        return Slot(f"{self._name}:{what}", self._uses)

    def mark(self) -> str:
        """What is printed in its place."""
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
class Form:
    """A filled template in pieces, every second one a slot."""

    pieces: list[bytes]
    slots: tuple[tuple[int, str, Write], ...]
    """Where the slot is, whose value it takes, and how that is written."""
    names: frozenset[str]
    """Whose values it needs."""

    def complete(self, values: Mapping[str, Any]) -> bytes:
        """The pieces with values in their places; values that are bytes are written already."""
        pieces = self.pieces.copy()
        for at, name, write in self.slots:
            value = values[name]
            pieces[at] = value if type(value) is bytes else write(value)
        return b"".join(pieces)


def make_form(rendered: str, uses: list[Use], write: Write) -> Form:
    """The form of what a template printed, where it used the slots so."""
    cut = _MARK.split(rendered)
    pieces = [encode(piece) if n % 2 == 0 else b"" for n, piece in enumerate(cut)]
    used = [(at, uses[int(cut[at])]) for at in range(1, len(cut), 2)]
    slots = tuple((at, use.name, _after(use.steps, write)) for at, use in used)
    return Form(pieces, slots, frozenset(use.name for _, use in used))


def _after(steps: tuple[Step, ...], write: Write) -> Write:
    if not steps:
        return write

    def stepwise(value: str) -> bytes:
        for step in steps:
            value = step(value)
        return write(value)

    return stepwise
