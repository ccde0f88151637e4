"""Real documents of arXiv, where they are at hand."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digest.errors import InputError
from digest.sources.arxiv_feed import parse_feed
from digest.sources.arxiv_list import parse_list
from digest.sources.arxiv_query import parse_answer
from digest.sources.protocol import Wanted
from tests.sources.contract import FakeWeb, opened

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "arxiv"
RECORDED = sorted(SAMPLES.glob("api_*.xml")) + sorted(SAMPLES.glob("api_recorded/*.xml"))
SATURDAY = datetime(2026, 8, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="no saved documents of arXiv beside this checkout"
)


def test_the_empty_feed_of_a_weekend_is_quiet(tmp_path: Path) -> None:
    data = (SAMPLES / "rss_weekend_empty.xml").read_bytes()
    web = FakeWeb({"https://rss.arxiv.org/rss/cs.CL": data})

    (listing,) = opened(tmp_path, kind="arxiv", categories=["cs.CL"]).read(
        web, Wanted(today=SATURDAY.date(), at=SATURDAY, since=SATURDAY - timedelta(days=1))
    )

    assert "Saturdays" in getattr(listing, "quiet", "")
    assert parse_feed(data, at=SATURDAY).day == date(2026, 8, 1)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("list_new__*.html")), ids=lambda path: path.name)
def test_every_paper_of_a_real_list_is_read_whole(path: Path) -> None:
    data = path.read_bytes()
    category = path.name.split("__")[1].split("_")[0]

    read = parse_list(data, category=category, at=datetime(2026, 8, 12, 12, tzinfo=UTC))

    assert [one.entry.paper.id for one in read.papers] == re.findall(r'id="([\d.]+)"', data.decode())
    assert len(read.papers) == sum(read.totals.values()) == sum(read.shown.values())
    assert read.warnings == ()
    for one in read.papers:
        paper = one.entry.paper
        assert paper.title
        assert paper.authors
        assert len(paper.abstract or "") > 200
        assert one.categories


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_every_paper_of_a_recorded_answer_is_found_by_its_id(path: Path) -> None:
    data = path.read_bytes()
    ids = re.findall(r"<id>https?://arxiv\.org/abs/([^<]+)v\d+</id>", data.decode())
    at = datetime(2026, 8, 12, 12, tzinfo=UTC)

    found = [parse_answer(data, one, at=at) for one in ids]

    assert [one.paper.id if one else None for one in found] == ids
    assert all(one and one.paper.abstract and one.paper.authors and one.paper.published for one in found)
    if b"totalResults>0<" in data:
        assert parse_answer(data, "0000.0000", at=at) is None
    if b"/api/errors" in data:
        with pytest.raises(InputError, match="incorrect id format"):
            parse_answer(data, "0000.0000", at=at)
