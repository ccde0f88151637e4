"""The file that holds what was read of a Zotero library: one more file for `[liked] files`.

It is JSON: `zotero` (the library), `collection`, `version` (the library's, when it was read), and `items` in
the fields of CSL-JSON, each with its `key` and when it was `added`, the latest last.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.errors import DigestError, InputError
from digest.library.files import MAX_LIBRARY

Item = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is held of a library: its version, and its papers by key, the latest last."""

    version: int
    items: Mapping[str, Item]


def load_held(path: Path, library: str, collection: str | None) -> Held | None:
    """What is held of this library; `None` if that is nothing, or nothing to go on from."""
    try:
        with path.open("rb") as file:
            held = json.loads(file.read(MAX_LIBRARY + 1))
        if (held["zotero"], held["collection"]) != (library, collection):
            return None
        return Held(version=int(held["version"]), items={str(item["key"]): item for item in held["items"]})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_held(path: Path, library: str, collection: str | None, held: Held) -> None:
    """Write the file whole, or leave what was there. Raises InputError if it would be too large to read."""
    head = json.dumps({"zotero": library, "collection": collection, "version": held.version})
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in held.items.values())
    text = f'{head[:-1]}, "items": [\n{lines}\n]}}\n'
    if len(text.encode()) > MAX_LIBRARY:
        fix = "Import a part of it with --collection KEY"
        raise InputError(f"would be larger than {MAX_LIBRARY:,} bytes", where=str(path), fix=fix)
    write_whole(path, text)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is the old one or the new one, never half of it. Raises DigestError."""
    target = path.resolve()
    try:
        before = target.stat() if target.exists() else None
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            _fill(number, text)
            os.chmod(name, before.st_mode & 0o777 if before else 0o600)
            if before and (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):  # who may not give it away keeps it
                    os.chown(name, before.st_uid, before.st_gid)
            os.replace(name, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)
    except OSError as problem:
        raise DigestError(f"cannot be written ({problem.strerror})", where=str(path)) from problem


def _fill(number: int, text: str) -> None:
    with open(number, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
