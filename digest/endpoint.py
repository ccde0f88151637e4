"""An OpenAI-compatible service: one address, one key, JSON posted and answered."""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from digest.errors import ConfigurationError, DigestError, FetchError, MissingError, RefusedError
from digest.fetch.client import Client
from digest.links import is_loopback

_ASKS_FOR_A_KEY = (401, 403)
_KEY_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where such a service is; https://platform.openai.com/docs/api-reference has the two calls we use."""

    base_url: str
    """With the version, without a slash at the end: `http://localhost:11434/v1`."""
    client: Client
    key: str = field(default="", repr=False)
    key_variable: str = ""
    """The environment's variable that holds the key, for whoever has to set it."""

    def ask(self, path: str, body: Mapping[str, object], *, within_s: float) -> bytes:
        """The answer to a call, not yet looked at.

        Raises FetchError: out of reach, too slow, too large, or a key or model that is not accepted; of these
        RefusedError is the only one that says something of this request alone.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        posted = json.dumps(body).encode("ascii")
        try:
            return self.client.post(self.base_url + path, posted, headers, within_s=within_s)
        except MissingError as problem:
            fix = "See that base_url ends where the API begins (often /v1), and that the model is known there"
            raise self._told(problem, fix) from None
        except RefusedError as problem:
            raise self._refused(problem) from None
        except FetchError as problem:
            raise self._told(problem, problem.fix) from None

    def _refused(self, problem: RefusedError) -> FetchError:
        if problem.status in _ASKS_FOR_A_KEY:
            return self._told(problem, f"Set {self.key_variable} to a key that is valid there")
        what = self._without_key(problem.what)
        return RefusedError(what, where=problem.where, fix=problem.fix, status=problem.status)

    def _told(self, problem: FetchError, fix: str) -> FetchError:
        return FetchError(self._without_key(problem.what), where=problem.where, fix=fix)

    def _without_key(self, told: str) -> str:
        """An unkind server could answer with the key."""
        return told.replace(self.key, "***") if self.key else told


def checked_key(key: str, base_url: str, variable: str) -> str:
    """The key as it may be sent; never one in the clear to another machine.

    Raises ConfigurationError, which names the variable and not what it holds.
    """
    stripped = key.strip()
    if not _KEY_CHARACTERS.issuperset(stripped):
        raise _unusable("holds what no key can hold (spaces, line ends or other than ASCII)", variable)
    if stripped and base_url.startswith("http://") and not is_this_machine(base_url):
        what = f"would go unencrypted to {urlsplit(base_url).hostname}"
        raise _unusable(what, variable, fix="Use an https address as base_url, or unset the key")
    return stripped


def is_this_machine(url: str) -> bool:
    """Whether an address leads no further than this machine, so that a key may go there unencrypted."""
    return is_loopback(urlsplit(url).hostname or "")


def _unusable(what: str, variable: str, fix: str = "Set it anew") -> ConfigurationError:
    return ConfigurationError((DigestError(what, where=variable, fix=fix),))
