"""A server that speaks Zotero's web API, as far as an import asks it."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.web import Answer, Server, answer


def item(key: str, title: str = "", **data: Any) -> dict[str, Any]:
    """An item's data; a journal article unless told otherwise."""
    number = int.from_bytes(key.encode(), "big") % 100_000
    defaults = {"itemType": "journalArticle", "dateAdded": f"2026-01-01T00:00:{number:05d}Z"}
    return {"key": key, "title": title or f"Waiting {key}", **defaults, **data}


class Zotero(Server):
    """One library: items with the version of their last change; each change makes a version."""

    def __init__(self, library: str = "users/12345", key: str | None = "abcDEF123456") -> None:
        super().__init__()
        self.library, self.key = library, key
        self.version = 1
        self.items: dict[str, tuple[int, dict[str, Any]]] = {}
        self.collections: dict[str, set[str]] = {}
        self.headers: dict[str, str] = {}
        self.changing = 0
        """How many more answers each find the library changed."""
        self.sent: list[str] = []
        """Keys of the items that were transferred."""
        self.answers = _Any(self)

    def put(self, *items: dict[str, Any]) -> None:
        """Add or change items."""
        self.version += 1
        self.items |= {one["key"]: (self.version, one) for one in items}

    def delete(self, *keys: str) -> None:
        """Delete items, or move them to the trash: it looks the same from outside."""
        self.version += 1
        for key in keys:
            del self.items[key]

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        parts = urlsplit(handler.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.changing:
            self.changing, self.version = self.changing - 1, self.version + 1
        self._made(parts.path, asked, dict(handler.headers))(handler)

    def _made(self, path: str, asked: dict[str, str], headers: dict[str, str]) -> Answer:
        if headers.get("Zotero-API-Version") != "3":
            return answer(b"no version", 400)
        if headers.get("Zotero-API-Key") != self.key:
            return answer(b"Forbidden", 403)
        stated: dict[str, Any] = {"Last_Modified_Version": str(self.version), **self.headers}
        if headers.get("If-Modified-Since-Version") == str(self.version):
            return answer(b"", status=304, **stated)
        there = self._there(path)
        if there is None:
            return answer(b"Not found", 404)
        if asked.get("format") == "keys":
            return answer("\n".join(there).encode(), **stated)
        since = int(asked.get("since", 0))
        found = sorted(
            (one for version, one in there.values() if version > since), key=lambda one: str(one["dateAdded"])
        )
        page = found[int(asked["start"]) :][: int(asked["limit"])]
        self.sent += [one["key"] for one in page]
        rows = [{"key": one["key"], "version": there[one["key"]][0], "data": one} for one in page]
        return answer(json.dumps(rows).encode(), Total_Results=str(len(found)), **stated)

    def _there(self, path: str) -> dict[str, tuple[int, dict[str, Any]]] | None:
        if path == f"/{self.library}/items/top":
            return self.items
        for name, keys in self.collections.items():
            if path == f"/{self.library}/collections/{name}/items/top":
                return {key: found for key, found in self.items.items() if key in keys}
        return None


class _Any(dict[str, list[Answer]]):
    """Every address is answered by the library."""

    def __init__(self, library: Zotero) -> None:
        super().__init__()
        self.library = library

    def __missing__(self, path: str) -> list[Answer]:
        return [self.library.reply]
