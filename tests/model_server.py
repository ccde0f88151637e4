"""An OpenAI-compatible service of our own: embeds by counting letters, and says what a test tells it to."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from digest.endpoint import Endpoint
from digest.fetch.client import Client, Limits
from tests.web import Answer, Server, answer

EMBEDDINGS = "/v1/embeddings"
CHAT = "/v1/chat/completions"
GOOD = "The authors let agents wait and measure what it costs them. Waiting turns out to be cheap for agents."


def letters(text: str) -> list[float]:
    """A vector of 26 numbers: how often each letter is there."""
    return [float(text.lower().count(chr(ord("a") + place))) for place in range(26)]


class ModelServer(Server):
    """Answers as a good service does, until a test puts something else there."""

    def __init__(self) -> None:
        super().__init__()
        self.answers[EMBEDDINGS] = [self.by(lambda asked: embedded(*map(letters, asked["input"])))]
        self.answers[CHAT] = [answer(chatted(GOOD))]

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def by(self, made: Callable[[Any], bytes]) -> Answer:
        """An answer that depends on what was posted."""

        def write(handler: BaseHTTPRequestHandler) -> None:
            answer(made(json.loads(self.posted[-1][2])))(handler)

        return write

    def posts(self, path: str) -> list[Any]:
        """What was posted to a path."""
        return [json.loads(body) for asked, _, body in self.posted if asked == path]

    def endpoint(self, **fields: Any) -> Endpoint:
        """The way to it; `key` and the client's own fields may be given."""
        key = fields.pop("key", "")
        limits = Limits(timeout_s=5, max_bytes=1_000_000, spacing_s=0)
        defaults: dict[str, Any] = {"limits": limits, "trusted_hosts": frozenset({"127.0.0.1"})}
        client = Client(**(defaults | {"sleep": lambda _: None} | fields))
        return Endpoint(base_url=self.base_url, client=client, key=key, key_variable="DIGEST_EMBEDDING_KEY")


def embedded(*rows: list[float]) -> bytes:
    """An answer with these vectors, in reverse: `index` says which is whose."""
    data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
    return json.dumps({"object": "list", "data": data[::-1], "usage": {"prompt_tokens": 3}}).encode()


def chatted(text: str | None, finish_reason: str = "stop") -> bytes:
    """An answer in which the model says this."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return json.dumps({"object": "chat.completion", "choices": [choice]}).encode()
