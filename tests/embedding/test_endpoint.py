"""Embeddings of an OpenAI-compatible service, also of one that answers badly."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from digest.embedding.endpoint import EndpointEmbedder
from digest.errors import FetchError, InputError
from tests.model_server import EMBEDDINGS, ModelServer, embedded, letters
from tests.web import answer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    running = ModelServer()
    yield running
    running.close()


def embedder(server: ModelServer, **fields: Any) -> EndpointEmbedder:
    return EndpointEmbedder(endpoint=server.endpoint(), name="letters", **fields)


def test_each_text_gets_its_own_vector_of_length_one(server: ModelServer) -> None:
    rows = embedder(server).embed(["abba", "zoo", "a"])

    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    for row, text in zip(rows, ["abba", "zoo", "a"], strict=True):
        assert np.allclose(row, np.array(letters(text)) / np.linalg.norm(letters(text)), atol=1e-6)


def test_many_texts_go_in_batches(server: ModelServer) -> None:
    rows = embedder(server, batch_size=2).embed(["a", "b", "c", "d", "e"])

    assert rows.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert [post["input"] for post in server.posts(EMBEDDINGS)] == [["a", "b"], ["c", "d"], ["e"]]


def test_no_text_asks_nobody(server: ModelServer) -> None:
    assert len(embedder(server).embed([])) == 0
    assert server.posted == []


def test_shorter_vectors_are_asked_for_only_where_configured(server: ModelServer) -> None:
    embedder(server).embed(["a"])
    embedder(server, dimensions=26).embed(["a"])

    assert [post.get("dimensions") for post in server.posts(EMBEDDINGS)] == [None, 26]


def test_the_models_name_says_where_it_is_and_how_long_its_vectors_are(server: ModelServer) -> None:
    assert embedder(server).model == f"letters at {server.base_url}"
    assert embedder(server, dimensions=26).model == f"letters (26) at {server.base_url}"


def vectors(*rows: Any, **more: Any) -> bytes:
    data = [{"index": place, "embedding": row} for place, row in enumerate(rows)]
    return json.dumps({"data": data} | more).encode()


UNUSABLE = {
    "a page": b"<html>It works!</html>",
    "nothing": b"",
    "another shape": b'{"error": "no such model"}',
    "a list": b"[1, 2]",
    "not UTF-8": b'{"data": "\xff"}',
    "too few": vectors([1.0]),
    "too many": vectors([1.0], [1.0], [1.0]),
    "one place twice": json.dumps({"data": [{"index": 0, "embedding": [1.0]}] * 2}).encode(),
    "a place that is none": json.dumps({"data": [{"index": n, "embedding": [1.0]} for n in (0, 7)]}).encode(),
    "different lengths": vectors([1.0, 2.0], [1.0]),
    "no numbers": vectors([], []),
    "not a number": vectors([1.0, float("nan")], [1.0, 2.0]),
    "endless": vectors([1.0, float("inf")], [1.0, 2.0]),
    "beyond a double": b'{"data": [{"index": 0, "embedding": [1e999]}, {"index": 1, "embedding": [1]}]}',
    "zero": vectors([0.0, 0.0], [1.0, 2.0]),
    "words": vectors(["one"], ["two"]),
    "base64": vectors("AACAPw==", "AACAPw=="),
    "deep": b'{"data": ' + b"[" * 100_000,
    "too long": vectors([1.0] * 9_000, [1.0] * 9_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_answer_that_is_no_list_of_embeddings_is_an_error_with_its_place(
    server: ModelServer, body: bytes
) -> None:
    server.answers[EMBEDDINGS] = [answer(body)]

    with pytest.raises(InputError) as told:
        embedder(server).embed(["one", "two"])
    assert len(str(told.value)) < 300
    assert "embedding" in str(told.value)


def test_vectors_of_another_length_than_asked_for_are_refused(server: ModelServer) -> None:
    with pytest.raises(InputError, match="vectors of 26 numbers, not 64"):
        embedder(server, dimensions=64).embed(["a"])


def test_batches_that_do_not_agree_on_the_length_are_refused(server: ModelServer) -> None:
    server.answers[EMBEDDINGS] = [answer(embedded([1.0, 2.0])), answer(embedded([1.0]))]

    with pytest.raises(InputError, match="different lengths"):
        embedder(server, batch_size=1).embed(["a", "b"])


def test_huge_numbers_are_brought_to_length_one(server: ModelServer) -> None:
    server.answers[EMBEDDINGS] = [answer(embedded([3e300, 4e300]))]

    assert np.allclose(embedder(server).embed(["a"]), [[0.6, 0.8]])


def test_a_service_that_is_down_is_a_fetch_error(server: ModelServer) -> None:
    server.answers[EMBEDDINGS] = [answer(status=503)]

    with pytest.raises(FetchError, match="503"):
        embedder(server).embed(["a"])
