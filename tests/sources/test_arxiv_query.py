"""One paper by arXiv's query API."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from digest.errors import BusyError, FetchError, InputError, RefusedError
from digest.sources.arxiv_query import parse_answer
from digest.sources.protocol import Source
from tests.makers import NOW
from tests.sources.arxiv_makers import answer, found
from tests.sources.contract import FakeWeb, assert_clean, opened

OLD = "astro-ph/0601001"
WHERE = f"https://export.arxiv.org/api/query?id_list={OLD}&max_results=1"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return opened(tmp_path, kind="arxiv", categories=["cs.CL"])


@pytest.mark.parametrize("where", ["http://arxiv.org/abs/", "https://arxiv.org/abs/"])
def test_an_old_paper_is_found_by_its_id_without_version(where: str, source: Source) -> None:
    more = "<arxiv:doi>10.9999/TEA.1</arxiv:doi><arxiv:comment>7 cups</arxiv:comment>"
    web = FakeWeb({WHERE: answer(found(f"{OLD}v2", where=where, more=more))})

    entry = source.read_paper(web, OLD, at=NOW)

    assert entry is not None
    assert_clean(entry)
    assert entry.paper.id == OLD
    assert entry.paper.abstract == "We own a teapot, and n<N."
    assert entry.paper.authors == ("André Müller",)
    assert entry.paper.published == date(2006, 1, 2)
    assert entry.paper.url == "https://arxiv.org/abs/astro-ph/0601001"
    assert entry.paper.aliases == ("10.9999/tea.1",)


def test_an_old_id_with_a_subject_class_is_the_one_without(source: Source) -> None:
    web = FakeWeb({WHERE.replace(OLD, "math/0309136"): answer(found("math/0309136v1"))})

    entry = source.read_paper(web, "math.GT/0309136", at=NOW)

    assert entry is not None
    assert entry.paper.id == "math/0309136"


def test_a_paper_may_be_called_0() -> None:
    entry = parse_answer(answer(found("2104.12255v1", title="0")), "2104.12255", at=NOW)

    assert entry is not None
    assert entry.paper.title == "0"


def test_a_true_empty_answer_is_none() -> None:
    assert parse_answer(answer(), "2699.99999", at=NOW) is None


def test_an_empty_answer_that_does_not_say_so_could_not_be_got() -> None:
    for total in ("", "<opensearch:totalResults>1</opensearch:totalResults>"):
        with pytest.raises(BusyError, match="too often"):
            parse_answer(answer(total=total), OLD, at=NOW)


def test_an_error_is_an_entry_and_no_paper() -> None:
    error = (
        "<entry><id>https://arxiv.org/api/errors#incorrect_id_format_for_abc</id><title>Error</title>"
        "<summary>incorrect id format for abc</summary></entry>"
    )

    with pytest.raises(InputError, match="incorrect id format for abc"):
        parse_answer(answer(error), OLD, at=NOW, where=WHERE)


def test_another_paper_is_not_taken_for_it() -> None:
    with pytest.raises(InputError, match="other papers"):
        parse_answer(answer(found("2104.12255v1")), OLD, at=NOW)


@pytest.mark.parametrize("data", [b"", b"Rate exceeded.", b"<html/>", answer(found(OLD))[:-9]])
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_answer(data, OLD, at=NOW)


def test_other_ids_are_not_asked_for(source: Source) -> None:
    web = FakeWeb({})

    for identifier in ("10.9999/tea", "title:tea", "openreview:abc", "2603.10001&max_results=9"):
        assert source.read_paper(web, identifier, at=NOW) is None

    assert web.asked == []


def test_a_refused_id_is_no_paper(source: Source) -> None:
    refused = RefusedError("answered 400 Bad Request", where=WHERE, status=400)

    assert source.read_paper(FakeWeb({WHERE: refused}), OLD, at=NOW) is None


def test_who_asked_too_often_asks_no_more_that_day(source: Source) -> None:
    web = FakeWeb({WHERE: BusyError("the server answered 429 Too Many Requests", where=WHERE)})

    for _ in range(3):
        with pytest.raises(FetchError):
            source.read_paper(web, OLD, at=NOW)
    asked_today = len(web.asked)
    with pytest.raises(FetchError):
        source.read_paper(web, OLD, at=NOW + timedelta(days=1))

    assert asked_today == 1
    assert len(web.asked) == 2


def test_another_failure_is_no_reason_to_stop_asking(source: Source) -> None:
    web = FakeWeb({WHERE: FetchError("no answer in time", where=WHERE)})

    for _ in range(2):
        with pytest.raises(FetchError):
            source.read_paper(web, OLD, at=NOW)

    assert len(web.asked) == 2
