"""A service that is told a secret: where that may go, and that no error shows it."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from digest.errors import ConfigurationError, DigestError, FetchError, FormError, InputError
from digest.fetch.web import Form, Web
from digest.settings.secrets import may_carry_secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Discreet:
    """Asks for JSON with headers that hold secrets; an unkind server could answer with them.

    Who remembers pages tells of one of another form as an InputError.
    """

    web: Web
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def get(self, url: str) -> bytes:
        """As `Web.get`."""
        try:
            return self.web.get(url, form=Form.JSON, headers=self.headers)
        except (FetchError, InputError) as problem:
            told = self._told(problem)
        raise told  # out here, or the other one would come along as its context

    def post(self, url: str, body: bytes) -> bytes:
        """As `Web.post`, of JSON."""
        headers = {**self.headers, "Content-Type": "application/json", "Accept": "application/json"}
        try:
            return self.web.post(url, body, headers, form=Form.JSON)
        except (FetchError, InputError) as problem:
            told = self._told(problem)
        raise told

    def _told(self, problem: DigestError) -> DigestError:
        """The same without a secret: a new one, of the same kind, but without the page that it may hold."""
        told = FetchError(problem.what) if isinstance(problem, FormError) else copy(problem)
        told.what, told.where, told.fix = map(self._without, (problem.what, problem.where, problem.fix))
        told.args = (told.what,)
        return told

    def _without(self, text: str) -> str:
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "***")
        return text


def check_way(url: str, *, what: str, where: str) -> None:
    """Refuse to send a secret unencrypted to another machine. Raises ConfigurationError."""
    if not may_carry_secrets(url):
        told = f"the {what} would go unencrypted to {urlsplit(url).hostname}"
        raise ConfigurationError.of(told, where=where, fix="Use an https address as base_url")
