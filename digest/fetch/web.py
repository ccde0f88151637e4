"""What sources and services see of the web: pages asked for, bytes got."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Form(StrEnum):
    """What an answer must be; what plainly is something else is refused before it is parsed."""

    ANY = "any"
    JSON = "JSON"
    XML = "XML"
    """Feeds, too."""
    HTML = "HTML"


class Web(Protocol):
    """Gets pages politely: see `digest.fetch.client.Client`."""

    def get(
        self,
        url: str,
        *,
        form: Form = Form.ANY,
        headers: Mapping[str, str] = NO_HEADERS,
        good_for_s: float = 0,
    ) -> bytes:
        """The body of a page, decompressed; one of at most `good_for_s` ago will do.

        Raises FetchError: not reachable, not allowed, refused, too large, too slow. FormError: it has
        another form.
        """
        ...

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS, *, form: Form = Form.ANY
    ) -> bytes:
        """The answer to what is posted, decompressed; raises as `get`."""
        ...
