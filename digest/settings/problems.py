"""What is wrong with a TOML file: file, key, what it is, and what was probably meant."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from digest.errors import DigestError

T = TypeVar("T", bound=BaseModel)


def read_toml(path: Path) -> tuple[dict[str, Any], tuple[DigestError, ...]]:
    """What the file holds, or why it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig")), ()
    except OSError as problem:
        what = f"cannot be read ({problem.strerror})"
    except UnicodeDecodeError:
        what = "is not UTF-8 text"
    except ValueError as problem:  # of tomllib, and of a number of thousands of digits
        what = f"is not valid TOML: {problem}"
    except RecursionError:
        what = "is nested too deeply to be read"
    return {}, (DigestError(what, where=str(path), fix="`digest init` writes a commented example"),)


def validate(model: type[T], raw: dict[str, Any], path: Path) -> tuple[T | None, tuple[DigestError, ...]]:
    """The values, or every problem they have."""
    try:
        return model.model_validate(raw), ()
    except ValidationError as invalid:
        errors = invalid.errors()
        above = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
        # A table that cannot be used does not also leave "too few" of them.
        told = [one for one in errors if not (one["type"] == "too_short" and one["loc"] in above)]
        return None, tuple(_problem(model, error, raw, path) for error in told)


def _problem(model: type[BaseModel], error: ErrorDetails, raw: dict[str, Any], path: Path) -> DigestError:
    """What pydantic found, as file, key, what is wrong, and what was probably meant."""
    keys = [key for key in error["loc"] if key != "[key]"]
    if keys[:2] == ["smtp", 0] and isinstance(raw["smtp"], dict):
        del keys[1]  # `[smtp]`, the only one of `[[smtp]]`
    if keys[:1] == ["embedding"]:
        keys = [key for key in keys if key not in _TAGS]
    where = f"{path}: {_dotted(keys)}" if keys else str(path)
    if error["type"] == "missing":
        return DigestError("this key is needed and missing", where=where)
    if error["type"] == "extra_forbidden":
        return DigestError(
            "unknown key", where=where, fix=_did_you_mean(model, [str(key) for key in error["loc"]])
        )
    if error["type"] == "union_tag_invalid":
        return unknown_choice(
            error["ctx"]["tag"], re.findall(r"'([\w-]+)'", error["ctx"]["expected_tags"]), where
        )
    if error["type"] in ("literal_error", "enum"):
        return unknown_choice(error["input"], re.findall(r"'([\w-]+)'", error["ctx"]["expected"]), where)
    return DigestError(_in_words(error), where=where)


def _in_words(error: ErrorDetails) -> str:
    """What a value is and what it must be; pydantic speaks of tuples, and of what "should" be."""
    context, given = error.get("ctx", {}), error["input"]
    if words := _MUST_BE.get(error["type"]):
        must_be = f"must be {words}".format_map(context)
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        return f"{must_be}, and is {given}" if is_number else must_be
    if words := _MUST_HAVE.get(error["type"]):
        return words.format_map(context)
    message = error["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


_MUST_HAVE = {
    "too_short": "{actual_length} entries; name at least {min_length}",
    "too_long": "more than {max_length} entries; name at most {max_length}",
}
_MUST_BE = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
    "int_type": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text, in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list, in brackets",
    "dict_type": "a table",
}
"""By pydantic's name for what is wrong."""


_TAGS = ("folder", "endpoint")
"""pydantic's names for the tables that a `kind` chooses, which are no keys."""


def unknown_choice(given: object, known: list[str], where: str) -> DigestError:
    """That something is none of what it may be, and what was probably meant."""
    near = difflib.get_close_matches(str(given), known, n=1)
    fix = f"Did you mean {near[0]!r}?" if near else ""
    return DigestError(f"{given!r} is not one of {', '.join(known)}", where=where, fix=fix)


def _dotted(keys: Iterable[str | int]) -> str:
    """`sources[2].days_back`; list places count from 1, as people do."""
    parts = [f"[{key + 1}]" if isinstance(key, int) else f".{_quoted(key)}" for key in keys]
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'


def _did_you_mean(model: type[BaseModel], keys: list[str]) -> str:
    """The known keys of the table in which an unknown one stands, the likely one first."""
    known = sorted(_known_keys(model, keys[:-1]))
    if near := difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.6):
        return f"Did you mean {near[0]!r}?"
    return f"Known here: {', '.join(known)}" if known else ""


def _known_keys(model: type[BaseModel], parents: list[str]) -> list[str]:
    """The keys of the table at `parents`: follows field names, places and kinds, passes over the rest."""
    tables = [model]
    for key in parents:
        inner = [found for table in tables if key in table.model_fields for found in _tables_at(table, key)]
        of_kind = [table for table in tables if _is_of_kind(table, key)]
        in_place = [tables[int(key)]] if key.isdigit() and int(key) < len(tables) else []
        tables = inner or of_kind or in_place or tables
    return list(tables[0].model_fields)


def _tables_at(table: type[BaseModel], key: str) -> list[type[BaseModel]]:
    return _tables_in(table.model_fields[key].annotation)


def _tables_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [table for part in get_args(annotation) for table in _tables_in(part)]


def _is_of_kind(table: type[BaseModel], key: str) -> bool:
    kind = table.model_fields.get("kind")
    return kind is not None and key in get_args(kind.annotation)
