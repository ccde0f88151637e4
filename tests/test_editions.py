"""The sample editions keep to the rules that real ones keep to."""

from collections.abc import Iterable

import pytest

from digest.links import is_arxiv_id
from digest.model import Edition, Pick, SectionName
from tests.editions import DAY, EVERY, SAMPLES

parametrized = pytest.mark.parametrize("edition", EVERY.values(), ids=EVERY.keys())


def everything(edition: Edition) -> Iterable[Pick]:
    return (*edition.shown, *edition.misses)


@parametrized
def test_the_reasons_of_every_pick_add_up_to_its_score(edition: Edition) -> None:
    for pick in everything(edition):
        assert pick.score.value == sum(reason.points for reason in pick.score.reasons)


@parametrized
def test_no_paper_stands_twice_in_an_edition(edition: Edition) -> None:
    ids = [one.paper.id for pick in everything(edition) for one in (pick.candidate, *pick.twins)]

    assert len(ids) == len(set(ids))
    assert all(is_arxiv_id(one) and one[5] == "9" for one in ids)


@parametrized
def test_every_edition_is_of_the_same_day(edition: Edition) -> None:
    assert edition.day == DAY == edition.at.date()
    assert edition.at.utcoffset() is not None


@pytest.mark.parametrize("edition", SAMPLES.values(), ids=SAMPLES.keys())
def test_a_sample_shows_what_a_selection_could_have_made(edition: Edition) -> None:
    for section in edition.sections:
        values = [pick.score.value for pick in section.picks]
        assert section.name is SectionName.TRENDING or values == sorted(values, reverse=True)
        assert all(0 <= value <= 100 for value in values)
    assert all(miss.score.value < edition.profile.threshold for miss in edition.misses)
