"""Embeddings by an OpenAI-compatible service: `POST {base_url}/embeddings`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ValidationError

from digest.embedding.protocol import MAX_DIMENSIONS, Vectors, normalised
from digest.endpoint import Endpoint
from digest.errors import InputError

PATH = "/embeddings"
BYTES_A_NUMBER = 32
"""As JSON writes a double, with its comma and room for blanks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointEmbedder:
    """A model that another process or machine runs."""

    endpoint: Endpoint
    name: str
    batch_size: int = 32
    dimensions: int | None = None
    """To ask for shorter vectors, of models that offer them."""

    @property
    def model(self) -> str:
        """The model's name, where it is, and the length asked for."""
        length = f" ({self.dimensions})" if self.dimensions else ""
        return f"{self.name}{length} at {self.endpoint.base_url}"

    def embed(self, texts: Sequence[str], *, within_s: float = math.inf) -> Vectors:
        """One row per text, each of length 1; in several requests if there are many texts."""
        clock = self.endpoint.client.monotonic
        end = clock() + within_s
        starts = range(0, len(texts), self.batch_size)
        answers = [self._embed(texts[start : start + self.batch_size], end - clock()) for start in starts]
        if len({answer.shape[1] for answer in answers}) > 1:
            raise self._unusable("vectors of different lengths")
        return np.concatenate(answers) if answers else np.empty((0, 0), np.float32)

    def _embed(self, texts: Sequence[str], within_s: float) -> Vectors:
        body: dict[str, object] = {"model": self.name, "input": list(texts)}
        if self.dimensions:
            body["dimensions"] = self.dimensions
        rows = self._parse(self.endpoint.ask(PATH, body, within_s=within_s), len(texts))
        if self.dimensions not in (None, rows.shape[1]):
            raise self._unusable(f"vectors of {rows.shape[1]} numbers, not {self.dimensions}")
        return rows

    def _parse(self, data: bytes, n_texts: int) -> Vectors:
        """The vectors of an answer, in the order of the texts."""
        try:
            answer = _Answer.model_validate_json(data)
        except ValidationError as invalid:
            raise self._unusable(_first(invalid)) from None
        by_place = {one.index: one.embedding for one in answer.data}
        if len(answer.data) != n_texts or set(by_place) != set(range(n_texts)):
            raise self._unusable(f"{len(answer.data)} vectors for {n_texts} texts")
        if len({len(row) for row in by_place.values()}) != 1:
            raise self._unusable("vectors of different lengths")
        return normalised(np.array([by_place[place] for place in range(n_texts)]), n_texts)

    def _unusable(self, what: str) -> InputError:
        return InputError(f"the answer is no list of embeddings: {what}", where=self.endpoint.base_url + PATH)


def max_answer_bytes(batch_size: int) -> int:
    """The most that an answer to one request can need."""
    return 100_000 + batch_size * MAX_DIMENSIONS * BYTES_A_NUMBER


class _Vector(BaseModel):
    """One element of `data`."""

    index: int
    embedding: list[float]


class _Answer(BaseModel):
    """What of the answer is needed; the rest is passed over."""

    data: list[_Vector]


def _first(invalid: ValidationError) -> str:
    """The first thing wrong, without the answer's own words."""
    error = invalid.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, error['loc'])) or 'all of it'}: {error['msg'][:100]}"
