"""Which papers are almost the same, and which only share a subject, a phrase or a title."""

from itertools import permutations

import pytest

from digest.model import Candidate, Paper
from digest.pipeline import make_shelf
from digest.twins import find_twins
from tests.makers import candidate, paper

BUOYS = (
    "Encoders of images are usually trained on objects that fill the frame. We train one on eleven months of "
    "buoy cameras, where the horizon tilts and most of each picture is water. Redundancy between neighbouring "
    "frames makes the training collapse, and a penalty on whitened features repairs it. Linear probes on wave "
    "height then beat a model that had forty times the labels."
)
BUOYS_AGAIN = BUOYS.replace("eleven months", "two years").replace("forty", "sixty") + " All data are open."
HARBOURS = (
    "Harbour cameras see the same quay all day. We train an encoder of images on four harbours and find that "
    "ships, not water, decide what it learns. Masking the ships makes its features worse for counting gulls and "
    "better for forecasting fog. A second encoder, trained on the masked parts only, closes the difference."
)
RICE = (
    "A robot cooks rice in a kitchen it has never seen. It burns none of it after nine attempts, a small fire "
    "and a change of pots. We describe the gripper, the thermometer, and a policy learned from two hundred "
    "demonstrations by three retired chefs, one of whom disagrees with the result and says so in an appendix."
)


def wholly_unlike(_one: str, _other: str) -> float:
    return 0.0


def wholly_alike(_one: str, _other: str) -> float:
    return 1.0


def on_a_shelf(*candidates: Candidate) -> dict[str, str]:
    crowd = [candidate(f"crowd{n}", f"Dish {n}", abstract=f"Rice number {n}, cooked.") for n in range(30)]
    return dict(make_shelf([*candidates, *crowd]).twins)


def test_a_paper_uploaded_again_under_another_id_and_title_is_a_twin() -> None:
    twins = on_a_shelf(
        candidate("2603.2", "What Buoys See at Sea", abstract=BUOYS_AGAIN),
        candidate("2603.1", "What Buoys See", abstract=BUOYS),
        candidate("2603.3", "What Harbours See", abstract=HARBOURS),
        candidate("2603.4", "A Robot Cooks Rice", abstract=RICE),
    )

    assert twins == {"2603.1": "2603.1", "2603.2": "2603.1"}


def test_a_title_with_an_abstract_and_the_same_without_one_are_twins() -> None:
    twins = on_a_shelf(
        candidate("2603.1", "Slow Water: Encoders of Images at Sea", abstract=BUOYS),
        candidate("2603.2", "Slow water - encoders of images at sea (Extended Version)", abstract=None),
    )

    assert set(twins) == {"2603.1", "2603.2"}


def test_two_papers_that_share_a_title_and_nothing_else_are_strangers() -> None:
    twins = on_a_shelf(
        candidate("2603.1", "What the Cameras Cannot See", abstract=BUOYS),
        candidate("2603.2", "What the Cameras Cannot See", abstract=RICE),
    )

    assert twins == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Slow Water 2 Technical Report", "Slow Water 3 Technical Report"),
        ("Slow Water Technical Report", "Slow Water 2.5 Technical Report"),
        ("Editorial", "Editorial"),
        ("", ""),
    ],
)
def test_titles_of_a_series_and_titles_of_many_make_no_twins(one: str, other: str) -> None:
    bare = [paper("1", one, abstract=None), paper("2", other, abstract=None)]

    assert find_twins(bare, wholly_alike) == {}


@pytest.mark.parametrize(
    "note", ["v2", "(v2)", "(Extended Version)", ": full version", "[extended abstract]"]
)
def test_a_note_of_the_version_makes_no_other_title(note: str) -> None:
    bare = [
        paper("1", "Slow Water on the Open Sea", abstract=None),
        paper("2", f"Slow Water on the Open Sea {note}", abstract=None),
    ]

    assert set(find_twins(bare, wholly_alike)) == {"1", "2"}


def test_short_abstracts_say_too_little_to_be_twins() -> None:
    short = [paper(str(n), f"Dish number {n} of a long dinner") for n in range(3)]

    assert find_twins(short, wholly_alike) == {}


def test_twins_of_a_twin_are_one_group_whatever_the_order() -> None:
    three = [paper(str(n), f"Dish number {n} of a long dinner", abstract=BUOYS) for n in range(3)]

    for order in permutations(three):
        assert find_twins(order, wholly_alike) == {"0": "0", "1": "0", "2": "0"}


def test_only_papers_with_words_in_common_are_compared() -> None:
    asked: list[tuple[str, str]] = []

    def likeness(one: str, other: str) -> float:
        asked.append((one, other))
        return 0.0

    many = [
        paper(str(n), f"Dish number {n}", abstract=" ".join(f"word{n}x{i} is rare" for i in range(60)))
        for n in range(300)
    ]
    find_twins([*many, paper("a", "One", abstract=BUOYS), paper("b", "Two", abstract=BUOYS_AGAIN)], likeness)

    assert asked == [("a", "b")]


def test_a_flood_of_equal_papers_costs_no_more_than_one_comparison_each() -> None:
    asked: list[str] = []

    def likeness(_one: str, other: str) -> float:
        asked.append(other)
        return 1.0

    flood = [
        Paper(id=f"{n:05}", title="Buy Slow Water Today Only", source="x", abstract=BUOYS)
        for n in range(3000)
    ]
    groups = find_twins(flood, likeness)

    assert set(groups.values()) == {"00000"}
    assert len(groups) == 3000
    assert len(asked) < 3000


def test_strangers_by_likeness_are_no_twins_though_they_share_sentences() -> None:
    two = [paper("1", "One", abstract=BUOYS), paper("2", "Two", abstract=f"{RICE} {BUOYS}")]

    assert find_twins(two, wholly_unlike) == {}
