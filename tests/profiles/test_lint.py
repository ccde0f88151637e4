"""What in a profile may not do what was meant."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.model import Candidate, Every, Interest, Pause, Profile
from digest.pipeline import Reader, make_shelf
from digest.profiles.calendar import FORGOTTEN_AFTER, check_calendar
from digest.profiles.findings import Finding, key_of
from digest.profiles.lint import in_order, lint_alone, lint_with_papers
from tests.makers import TODAY, candidate, interest, paper, profile


def alone(one: Profile) -> list[tuple[str, str]]:
    return [(finding.check, finding.key) for finding in lint_alone(one)]


def crowd(*titles: str, **fields: object) -> list[Candidate]:
    return [candidate(f"id{n}", title, abstract="Soup.", **fields) for n, title in enumerate(titles)]


def with_papers(one: Profile, papers: Iterable[Candidate], **fields: object) -> list[Finding]:
    shelf = make_shelf(papers)
    return list(lint_with_papers(Reader(profile=one, **fields), shelf))  # type: ignore[arg-type]


def checks(findings: Iterable[Finding]) -> list[str]:
    return [finding.check for finding in findings]


# ---------------------------------------------------------------- phrases against each other


def test_a_sound_profile_has_no_finding() -> None:
    sound = profile(
        interest("waiting"), interest("cooking rice", 5, "rice cooker"), authors=("Ada Lovelace",)
    )

    assert alone(sound) == []


def test_an_interest_within_another_doubles_its_points() -> None:
    found = alone(
        profile(interest("learning"), interest("self-supervised learning"), interest("deep learning"))
    )

    assert found == [("contained", 'interests."learning"')]


@pytest.mark.parametrize("other", ["Self supervised learning", "self-supervised learnings"])
def test_the_same_phrase_with_other_hyphens_and_endings_is_said_twice(other: str) -> None:
    assert [check for check, _ in alone(profile(interest("self-supervised learning"), interest(other)))] == [
        "said-twice"
    ]


def test_words_that_only_look_contained_are_not() -> None:
    assert alone(profile(interest("rice"), interest("price models"))) == []


def test_an_alias_that_finds_nothing_new_is_needless() -> None:
    found = alone(profile(interest("LLM agent", 5, "LLM agents", "web LLM agent")))

    assert found == [("alias-needless", 'interests."LLM agent".aliases')] * 2


def test_an_alias_that_widens_its_phrase_is_well() -> None:
    assert alone(profile(interest("speculative decoding", 5, "decoding"))) == []


def test_what_is_wanted_and_avoided_is_told() -> None:
    assert alone(profile(interest("agents"), avoid=(interest("agent"),))) == [
        ("interest-and-avoid", 'avoid."agent"')
    ]


def test_avoiding_a_part_of_an_interest_is_told_and_the_reverse_is_well() -> None:
    assert [check for check, _ in alone(profile(interest("web agents"), avoid=(interest("agents"),)))] == [
        "interest-and-avoid"
    ]
    assert alone(profile(interest("agents"), avoid=(interest("web agents"),))) == []


@pytest.mark.parametrize(
    ("author", "check"),
    [("K. He", "author-initials"), ("He, K.", "author-initials"), ("Madonna", "author-one-word")],
)
def test_a_name_that_says_too_little_is_told(author: str, check: str) -> None:
    assert alone(profile(authors=(author,))) == [(check, "follow.authors")]


def test_a_profile_without_any_taste_is_told() -> None:
    assert alone(profile()) == [("no-taste", "interests")]


def test_a_key_is_quoted_as_toml_does() -> None:
    assert key_of("avoid", 'say "hi" \\ go') == r'avoid."say \"hi\" \\ go"'


# ---------------------------------------------------------------- phrases against papers

TITLES = [f"Dish {n} of beans" for n in range(30)]


def test_an_interest_that_no_paper_has_is_told_with_how_many_were_looked_at() -> None:
    findings = with_papers(profile(interest("telescopes")), crowd(*TITLES))

    (finding,) = [each for each in findings if each.check == "matches-nothing"]
    assert "none of 30 papers" in finding.what


def test_a_misspelt_word_is_told_with_what_was_meant() -> None:
    (finding,) = with_papers(profile(interest("baens")), crowd(*TITLES, "Telescope beans"))[:1]

    assert finding.fix == "Did you mean “beans”?"


def test_an_interest_lives_by_any_of_its_aliases_and_dead_ones_are_told() -> None:
    one = profile(interest("telescopes", 5, "spyglass"), interest("lenses", 5, "optical glass"))

    found = with_papers(one, crowd(*TITLES, "A telescope", "Optical glass"))

    assert [(f.check, f.key) for f in found] == [("alias-matches-nothing", 'interests."telescopes".aliases')]


def test_a_phrase_that_most_papers_have_is_told() -> None:
    titles = ["Beans"] * 18 + ["Rice"] * 12

    assert "matches-most" in checks(with_papers(profile(interest("bean")), crowd(*titles)))
    assert "matches-most" not in checks(with_papers(profile(interest("rice")), crowd(*titles)))


def test_few_papers_do_not_make_a_phrase_common() -> None:
    assert "matches-most" not in checks(with_papers(profile(interest("bean")), crowd("Beans", "Bean soup")))


# ---------------------------------------------------------------- names


def by(*teams: tuple[str, ...]) -> list[Candidate]:
    return [candidate(f"id{n}", f"Dish {n}", authors=team) for n, team in enumerate(teams)]


def test_a_name_whose_papers_have_no_common_co_author_is_probably_shared() -> None:
    papers = by(
        ("Jo Li", "A One"), ("Jo Li", "B Two"), ("Jo Li", "C Three"), ("Jo Li", "D Four"), ("Li, Jo", "A One")
    )

    (finding,) = with_papers(profile(authors=("Jo Li",)), papers)

    assert finding.check == "author-shared"
    assert "5 papers" in finding.what
    assert "4 groups" in finding.what
    assert "“A One”" in finding.fix


def test_a_name_whose_papers_hang_together_is_one_person() -> None:
    papers = by(("Jo Li", "A One"), ("Jo Li", "A One", "B Two"), ("Jo Li", "B Two"), ("Jo Li", "C Three"))

    assert with_papers(profile(authors=("Jo Li",)), papers) == []


def test_an_organisation_of_no_paper_is_told_with_what_was_meant() -> None:
    papers = crowd("Dish", "Soup", organization="Lindqvist Institute", organization_slug="lindqvist")

    (finding,) = with_papers(profile(organizations=("Lindquist Institute",)), papers)

    assert finding.check == "organization-unknown"
    assert finding.fix == "Did you mean “Lindqvist Institute”?"
    assert with_papers(profile(organizations=("lindqvist",)), papers) == []


# ---------------------------------------------------------------- liked papers and the threshold


def test_liked_papers_that_are_not_stored_are_told() -> None:
    one = profile(interest("beans"), liked=("2104.14294", "2104.00001"))

    findings = with_papers(one, crowd(*TITLES[:3]), liked=(paper("2104.00001"),))

    (finding,) = [each for each in findings if each.check == "liked-unknown"]
    assert "1 of 2" in finding.what
    assert "2104.14294" in finding.what


def test_a_threshold_that_nothing_reaches_is_told_with_one_that_works() -> None:
    high = profile(interest("telescopes", 1), threshold=100)

    findings = with_papers(high, crowd(*TITLES, "A telescope"))

    (finding,) = [each for each in findings if each.check == "threshold-high"]
    assert "none of 31 papers reaches 100" in finding.what
    assert "`threshold = " in finding.fix


def test_a_threshold_that_nearly_everything_reaches_is_told() -> None:
    low = profile(interest("beans", 10), threshold=1)

    assert "threshold-low" in checks(with_papers(low, crowd(*TITLES)))


def test_findings_stand_in_the_order_of_the_file() -> None:
    def at(key: str) -> Finding:
        return Finding(check="x", key=key, what="", fix="")

    keys = ["threshold", 'avoid."a"', "follow.authors", 'interests."b"', "liked.papers"]

    assert [one.key.partition(".")[0] for one in in_order(map(at, keys))] == [
        "interests",
        "avoid",
        "follow",
        "liked",
        "threshold",
    ]


def test_a_hostile_phrase_is_only_looked_for() -> None:
    strange = Interest(phrase="a (b|c)* [d" + " e" * 50, weight=5)

    assert "matches-nothing" in checks(with_papers(profile(strange), crowd(*TITLES)))


def test_a_reader_of_papers_without_abstracts_is_served() -> None:
    bare = [replace(one, paper=replace(one.paper, abstract=None)) for one in crowd("Beans", "Rice")]

    assert with_papers(profile(interest("beans")), bare) == []


# ---------------------------------------------------------------- days

A_DAY = timedelta(days=1)
LONG_AGO = TODAY - FORGOTTEN_AFTER


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, []),
        ({"days": frozenset()}, [("no-days", "days")]),
        ({"days": frozenset({0, 2}), "every": Every.WEEK}, [("days-unused", "days")]),
        ({"days": frozenset({2}), "every": Every.WEEK}, []),
        ({"every": Every.WEEK}, []),
        ({"days": frozenset({0, 2}), "every": Every.MONTH}, []),
        ({"pause": Pause(until=LONG_AGO)}, [("pause-over", "pause.until")]),
        ({"pause": Pause(until=LONG_AGO + A_DAY)}, []),
        ({"pause": Pause(begins=LONG_AGO)}, [("pause-endless", "pause")]),
        ({"pause": Pause(begins=LONG_AGO + A_DAY)}, []),
        ({"pause": Pause(begins=LONG_AGO, until=TODAY + A_DAY)}, []),
        ({"pause": Pause()}, [("pause-endless", "pause")]),
    ],
)
def test_days_that_nothing_comes_of_and_a_forgotten_pause_are_told(
    fields: dict[str, object], found: list[tuple[str, str]]
) -> None:
    told = list(check_calendar(profile(**fields), TODAY))

    assert [(one.check, one.key) for one in told] == found
    assert in_order(told) == told
