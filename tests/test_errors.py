"""Problems in words."""

from digest.errors import ConfigurationError, FetchError, each_once

FIX = "See whether it is plugged in"


def test_many_problems_of_one_cause_are_said_once_with_the_first_place_and_how_many_more() -> None:
    where = [f"https://kettle.example/{day}" for day in (1, 2, 2, 3)]

    told = each_once(FetchError("cannot be reached", where=one, fix=FIX) for one in where)

    assert told == (f"cannot be reached (https://kettle.example/1 and 2 more). {FIX}",)


def test_problems_of_several_causes_are_said_each_and_in_their_order() -> None:
    problems = [
        FetchError("is cold", where="kettle"),
        FetchError("leaks"),
        FetchError("is cold", where="pot"),
    ]

    assert each_once(problems) == ("is cold (kettle and 1 more)", "leaks")
    assert each_once([]) == ()


def test_what_problems_are_about_is_not_named_again() -> None:
    problems = [
        ConfigurationError.of("has no password", where="kettle", fix=FIX),
        FetchError("x", where="pot"),
    ]

    assert each_once(problems, "kettle") == (f"has no password. {FIX}", "x (pot)")
