"""Year-less dates: which year a page is of."""

from datetime import date

import pytest

from digest.sources.page_year import When, year_of_page

DEC_10 = When(month=12, day=10)
FEB_29 = When(month=2, day=29)
MANY = [2019, 2020, 2022, 2023, 2024]


@pytest.mark.parametrize(
    ("page", "explicit", "saved_on", "year", "is_doubted"),
    [
        pytest.param(DEC_10, MANY, date(2025, 12, 20), 2025, False, id="both bounds agree"),
        pytest.param(DEC_10, MANY, date(2027, 5, 1), 2025, True, id="many years win over a late file date"),
        pytest.param(DEC_10, MANY[-4:], date(2027, 5, 1), 2026, True, id="few years lose to the file date"),
        pytest.param(DEC_10, MANY, date(2026, 12, 10), 2026, False, id="saved on the page's own day"),
        pytest.param(DEC_10, MANY, date(2026, 12, 11), 2026, False, id="saved the day after"),
        pytest.param(DEC_10, MANY, date(2026, 12, 12), 2025, True, id="saved two days after"),
        pytest.param(
            DEC_10, [], date(2026, 12, 9), 2025, True, id="the day has not come yet in the file's year"
        ),
        pytest.param(DEC_10, [], date(2026, 12, 31), 2026, True, id="no year at all: the file's"),
        pytest.param(DEC_10, [], date(2026, 12, 10), 2026, False, id="no year at all, saved at once"),
        pytest.param(DEC_10, MANY, None, 2025, True, id="no file date: the first possible"),
        pytest.param(DEC_10, [2026], date(2026, 12, 30), 2027, True, id="a file older than its page"),
        pytest.param(DEC_10, [], None, None, True, id="nothing known"),
        pytest.param(FEB_29, [2024], date(2030, 1, 1), 2028, False, id="a leap day narrows it to one year"),
        pytest.param(FEB_29, [], date(2027, 1, 1), 2024, True, id="the last leap day before the file"),
        pytest.param(FEB_29, [2024], None, 2028, True, id="the first leap day after the last year"),
        pytest.param(None, MANY, date(2025, 6, 1), 2025, False, id="no page date, bounds agree"),
        pytest.param(None, MANY, date(2027, 6, 1), 2025, True, id="no page date, many years"),
        pytest.param(None, [], date(2026, 6, 1), 2026, True, id="no page date, no year"),
        pytest.param(When(month=1, day=2, year=2023), [2025], None, 2023, False, id="the page says it"),
    ],
)
def test_the_page_is_of_the_year_that_fits(
    page: When | None, explicit: list[int], saved_on: date | None, year: int | None, is_doubted: bool
) -> None:
    found = year_of_page(page, explicit, saved_on)

    assert found.year == year
    assert bool(found.warning) is is_doubted


def test_a_doubt_says_which_year_was_taken_and_how_to_say_another() -> None:
    found = year_of_page(DEC_10, MANY, date(2027, 5, 1))

    assert "2025 was taken" in found.warning
    assert "--saved-on YYYY-12-10" in found.warning


def test_saying_the_day_of_saving_overrides_the_many_years() -> None:
    doubted = year_of_page(DEC_10, MANY, date(2027, 5, 1))
    told = year_of_page(DEC_10, MANY, date(2026, 12, 10))

    assert (doubted.year, told.year) == (2025, 2026)
    assert told.until == date(2026, 12, 10)


def test_without_a_page_date_the_day_of_saving_is_the_last_that_dates_can_mean() -> None:
    assert year_of_page(None, [2025], date(2026, 6, 1)).until == date(2026, 6, 1)
    assert year_of_page(None, MANY, date(2027, 6, 1)).until == date(2025, 12, 31)
