"""The optional tiers: bounded, kept paper by paper, and stopped by what will not pass."""

import json
import math
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digest.embedding.endpoint import EndpointEmbedder
from digest.embedding.protocol import Vectors
from digest.errors import DigestError, FetchError, InputError, RefusedError
from digest.model import Edition, Listing, Paper, Section, SectionName, Summary
from digest.store.database import Database
from digest.store.papers import find_papers, record_listings
from digest.store.vectors import stored_vectors
from digest.summaries import Writer
from digest.tiers import (
    Filled,
    Run,
    embeddable,
    fill_summaries,
    fill_vectors,
    known_summaries,
    with_summaries,
)
from tests.makers import NOW, edition, entry, paper, pick, profile, reason
from tests.model_server import CHAT, EMBEDDINGS, GOOD, ModelServer, chatted, embedded, letters
from tests.stores import open_copy
from tests.web import answer

IDS = [f"2603.{number:05}" for number in range(1, 11)]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    running = ModelServer()
    yield running
    running.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Ten papers, each stored a minute after the one before it."""
    opened = open_copy(tmp_path / "digest.sqlite3")
    for minute, identifier in enumerate(IDS):
        with opened.begin() as connection:
            listed = entry(identifier, f"Waiting, Part {identifier}", abstract="Agents are waiting.")
            at = NOW + timedelta(minutes=minute)
            record_listings(connection, "test", [Listing(layout="t", entries=(listed,))], at)
    yield opened
    opened.close()


def papers(database: Database, *ids: str) -> list[Paper]:
    with database.read() as connection:
        found = find_papers(connection, ids or IDS)
    return [found[identifier] for identifier in ids or IDS]


def embedder(server: ModelServer, batch_size: int = 4, **fields: Any) -> EndpointEmbedder:
    return EndpointEmbedder(endpoint=server.endpoint(**fields), name="letters", batch_size=batch_size)


def vectors(database: Database, server: ModelServer) -> dict[str, Vectors]:
    with database.read() as connection:
        return dict(stored_vectors(connection, embedder(server).model, IDS))


def refuse(server: ModelServer, *ids: str) -> None:
    """Make a service that spoils every batch with one of these papers."""

    def spoilt(asked: Any) -> bytes:
        is_spoilt = [any(one in text for one in ids) for text in asked["input"]]
        given = zip(asked["input"], is_spoilt, strict=True)
        return embedded(*([0.0] * 26 if spoils else letters(text) for text, spoils in given))

    server.answers[EMBEDDINGS] = [server.by(spoilt)]


def run(max_papers: int = 100, **fields: Any) -> Run:
    return Run(max_papers=max_papers, **fields)


# ---------------------------------------------------------------- embeddings


def test_every_paper_is_embedded_once(database: Database, server: ModelServer) -> None:
    first = fill_vectors(database, embedder(server), papers(database), run())
    second = fill_vectors(database, embedder(server), papers(database), run())

    assert (first.count, first.problem) == (10, None)
    assert (second.count, second.problem) == (0, None)
    assert set(vectors(database, server)) == set(IDS)
    assert sum(len(post["input"]) for post in server.posts(EMBEDDINGS)) == 10


def test_each_paper_gets_the_vector_of_its_own_text(database: Database, server: ModelServer) -> None:
    fill_vectors(database, embedder(server, batch_size=3), papers(database), run())

    for one in papers(database):
        own = np.array(letters(f"{one.title}. {one.abstract}"))
        assert float(vectors(database, server)[one.id] @ own) / np.linalg.norm(own) > 0.999


def test_a_run_embeds_no_more_than_it_may_and_the_next_goes_on(
    database: Database, server: ModelServer
) -> None:
    told: list[tuple[int, int]] = []
    fill_vectors(database, embedder(server), papers(database), run(6, tell=lambda *heard: told.append(heard)))

    assert list(vectors(database, server)) == IDS[:6]
    assert told == [(4, 6), (6, 6)]
    assert fill_vectors(database, embedder(server), papers(database), run(6)).count == 4


def test_an_abstract_that_comes_later_is_embedded_anew(database: Database, server: ModelServer) -> None:
    fill_vectors(database, embedder(server), papers(database), run())
    changed = paper(IDS[0], "Waiting, Part 1", abstract="Zzz. Zzzzzz.")

    assert fill_vectors(database, embedder(server), [changed], run()).count == 1
    assert vectors(database, server)[IDS[0]].argmax() == 25


def test_one_text_that_spoils_its_batch_is_left_out_alone(database: Database, server: ModelServer) -> None:
    refuse(server, IDS[4])

    filled = fill_vectors(database, embedder(server), papers(database), run())

    assert (filled.count, filled.left_out, filled.ended) == (9, 1, False)
    assert "zero or not a number" in str(filled.problem)
    assert set(vectors(database, server)) == set(IDS) - {IDS[4]}


@pytest.mark.parametrize(("batch_size", "asked"), [(1, 3), (2, 2 + 1 + 2), (4, 1 + 3)])
def test_three_failures_in_a_row_end_the_run_whatever_the_batch(
    database: Database, server: ModelServer, batch_size: int, asked: int
) -> None:
    server.answers[EMBEDDINGS] = [answer(status=422)]

    filled = fill_vectors(database, embedder(server, batch_size), papers(database), run())

    assert (filled.left_out, filled.ended) == (3, True)
    assert len(server.posted) == asked


def test_a_batch_of_one_text_is_asked_about_once(database: Database, server: ModelServer) -> None:
    refuse(server, IDS[4])

    assert fill_vectors(database, embedder(server, batch_size=1), papers(database), run()).count == 9
    assert len(server.posted) == 10


def test_papers_left_out_before_say_nothing_of_the_model_when_nothing_else_is_left(
    database: Database, server: ModelServer
) -> None:
    refuse(server, *IDS[:3])
    fill_vectors(database, embedder(server), papers(database, *reversed(IDS)), run())

    again = fill_vectors(database, embedder(server), papers(database), run())

    assert (again.count, again.left_out, again.ended) == (0, 3, False)


def test_what_is_left_of_the_time_bounds_each_request(database: Database) -> None:
    class Slow:
        """Takes 20 s of its own clock for each request, and cannot do whole batches."""

        model, batch_size, now = "slow", 4, 0.0

        def __init__(self) -> None:
            self.within_s: list[float] = []

        def embed(self, texts: Sequence[str], *, within_s: float = math.inf) -> Vectors:
            self.within_s.append(within_s)
            self.now += 20
            if len(texts) > 1:
                raise InputError("too many at once")
            return np.ones((1, 2), np.float32)

    slow = Slow()
    filled = fill_vectors(database, slow, papers(database), run(total_s=50, monotonic=lambda: slow.now))

    assert slow.within_s == [50, 30, 10]
    assert (filled.count, filled.ended) == (2, True)
    assert "50 s were over after 2 of 10" in str(filled.problem)


@pytest.mark.slow
def test_a_service_that_drips_is_cut_when_the_time_of_the_run_is_up(
    database: Database, server: ModelServer
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    server.answers[EMBEDDINGS] = [drip]
    begun = time.monotonic()

    filled = fill_vectors(database, embedder(server), papers(database), run(total_s=0.3))

    assert filled.ended
    assert time.monotonic() - begun < 3


def test_what_was_left_out_is_told_in_a_sentence() -> None:
    problem = RefusedError("the server answered 422 Odd", where="http://localhost/v1/chat/completions")

    assert Filled(left_out=1, problem=problem).told == (
        "1 paper was left out until the next run; "
        "the server answered 422 Odd (http://localhost/v1/chat/completions)"
    )
    assert str(Filled(left_out=2, problem=problem).told).startswith(
        "2 papers were left out until the next run; of the last, the server answered 422 Odd"
    )
    assert str(Filled(left_out=3, problem=problem, ended=True).told).startswith(
        "3 papers were left out until the next run, and the run given up; of the last, the server answered"
    )
    down = FetchError("cannot be reached", where="http://localhost/v1/embeddings")
    assert Filled(left_out=1, problem=down, ended=True).told == str(down)
    assert Filled().told is None


def test_a_service_that_is_down_is_asked_no_further(database: Database, server: ModelServer) -> None:
    whole = server.answers[EMBEDDINGS][0]
    server.answers[EMBEDDINGS] = [whole, answer(status=503)]

    filled = fill_vectors(database, embedder(server), papers(database), run())

    assert filled.count == 4
    assert "503" in str(filled.problem)
    assert len(server.posted) == 1 + 3


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"data": []}', b'{"data": [{"index": 0, "embedding": [NaN]}]}']
)
def test_a_service_that_answers_nonsense_is_given_up_soon(
    database: Database, server: ModelServer, body: bytes
) -> None:
    server.answers[EMBEDDINGS] = [answer(body)]

    filled = fill_vectors(database, embedder(server), papers(database), run())

    assert filled.count == 0
    assert filled.problem is not None
    assert len(server.posted) == 1 + 3


def test_the_time_of_a_run_is_kept_and_the_next_goes_on(database: Database, server: ModelServer) -> None:
    # Each batch that was posted takes 20 s of this clock.
    short = run(total_s=30, monotonic=lambda: 20.0 * len(server.posted))

    filled = fill_vectors(database, embedder(server), papers(database), short)

    assert filled.count == 8
    assert "30 s were over after 8 of 10" in str(filled.problem)
    assert fill_vectors(database, embedder(server), papers(database), run()).count == 2


def test_no_model_at_all_is_a_value_not_a_crash(database: Database) -> None:
    class NoModel:
        batch_size = 4

        @property
        def model(self) -> str:
            raise DigestError("there is none")

        def embed(self, texts: Sequence[str], *, within_s: float = math.inf) -> Vectors:
            raise AssertionError("nothing to embed with")

    filled = fill_vectors(database, NoModel(), papers(database), run())

    assert (filled.count, str(filled.problem)) == (0, "there is none")


def test_the_newest_papers_come_first_then_those_that_readers_judged(database: Database) -> None:
    with database.begin() as connection:
        old = entry("1901.00001", "An Old Paper")
        record_listings(connection, "liked", [Listing(layout="t", entries=(old,))], None)
    now = NOW + timedelta(minutes=20)

    with database.read() as connection:
        wanted = embeddable(connection, ["1901.00001", IDS[3], "nobody"], window_days=1, now=now)

    assert [one.id for one in wanted] == [*reversed(IDS), "1901.00001"]


# ---------------------------------------------------------------- summaries


def writer(server: ModelServer, **fields: Any) -> Writer:
    return Writer(endpoint=server.endpoint(**fields), model="tiny")


def picking(*ids: str, name: str = "ada") -> Edition:
    picks = [pick(one, f"Waiting, Part {one}", reason(), abstract="Agents are waiting.") for one in ids]
    return edition(*picks, profile=profile(name=name))


def known(database: Database, server: ModelServer) -> dict[str, Summary]:
    shown = [one.paper for one in picking(*IDS).shown]
    with database.read() as connection:
        return dict(known_summaries(connection, writer(server), shown))


def summarise(database: Database, server: ModelServer, *editions: Edition, **fields: Any) -> Any:
    return fill_summaries(database, writer(server), editions, NOW, run(**fields))


def test_a_paper_is_summarised_once_for_all_readers(database: Database, server: ModelServer) -> None:
    both = picking(IDS[0], IDS[1]), picking(IDS[1], IDS[2], name="bob")

    assert summarise(database, server, *both).count == 3
    assert summarise(database, server, *both).count == 0
    assert len(server.posted) == 3
    assert known(database, server) == {one: Summary(text=GOOD, model="tiny") for one in IDS[:3]}


def test_where_not_all_can_be_asked_for_most_readers_come_first(
    database: Database, server: ModelServer
) -> None:
    both = picking(IDS[0], IDS[1]), picking(IDS[1], IDS[2], name="bob")

    summarise(database, server, *both, max_papers=1)

    assert set(known(database, server)) == {IDS[1]}


def test_only_what_is_picked_and_has_an_abstract_is_asked_for(
    database: Database, server: ModelServer
) -> None:
    bare = pick(IDS[0], "Waiting", reason(), abstract=None)
    nowhere = pick("title:waiting", "Waiting", reason(), url=None)
    aside = pick(IDS[1], "Trending", reason())
    sections = (
        Section(name=SectionName.PICKS, picks=(bare, nowhere)),
        Section(name=SectionName.TRENDING, picks=(aside,)),
    )

    assert summarise(database, server, edition(sections=sections)).count == 0
    assert server.posted == []


def test_what_arrived_late_is_summarised_too(database: Database, server: ModelServer) -> None:
    section = Section(name=SectionName.LATE, picks=picking(IDS[0]).shown)

    summarise(database, server, edition(sections=(section,)))

    assert set(known(database, server)) == {IDS[0]}


def test_what_one_paper_fails_another_may_not(database: Database, server: ModelServer) -> None:
    server.answers[CHAT] = [answer(chatted("")), answer(status=400), answer(chatted(GOOD))]

    filled = summarise(database, server, picking(*IDS[:4]))

    assert filled.count == 2
    assert "400" in str(filled.problem)


def test_failures_in_a_row_end_the_run(database: Database, server: ModelServer) -> None:
    server.answers[CHAT] = [answer(chatted(""))]

    filled = summarise(database, server, picking(*IDS))

    assert (filled.count, len(server.posted)) == (0, 3)
    assert "is empty" in str(filled.problem)


@pytest.mark.parametrize("status", [401, 404, 505])
def test_a_failure_that_will_not_pass_ends_the_run_at_once(
    database: Database, server: ModelServer, status: int
) -> None:
    server.answers[CHAT] = [answer(status=status)]

    filled = summarise(database, server, picking(*IDS))

    assert isinstance(filled.problem, FetchError)
    assert len(server.posted) == 1


def test_the_time_for_summaries_is_kept(database: Database, server: ModelServer) -> None:
    # Each question that was posted takes 12 s of this clock.
    filled = summarise(
        database, server, picking(*IDS), total_s=30, monotonic=lambda: 12.0 * len(server.posted)
    )

    assert filled.count == 3
    assert "30 s were over after 3 of 10" in str(filled.problem)
    assert len(known(database, server)) == 3


def test_an_abstract_that_changed_is_summarised_anew(database: Database, server: ModelServer) -> None:
    summarise(database, server, picking(IDS[0]))
    changed = edition(pick(IDS[0], "Waiting", reason(), abstract="Agents wait no more for costs."))

    assert summarise(database, server, changed).count == 1
    assert json.loads(server.posted[-1][2])["messages"][1]["content"].count("no more") == 1


def test_with_summaries_changes_nothing_but_the_picks_that_have_one() -> None:
    plain = picking(IDS[0], IDS[1])
    said = Summary(text=GOOD, model="tiny")

    summarised = with_summaries(plain, {IDS[1]: said})

    assert [one.summary for one in summarised.shown] == [None, said]
    assert [one.candidate for one in summarised.shown] == [one.candidate for one in plain.shown]
    assert with_summaries(plain, {}) is plain
