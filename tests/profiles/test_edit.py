"""A pause in a profile's text, and everything else as it was."""

import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DigestError
from digest.model import Pause
from digest.profiles.edit import with_pause

PAUSE = Pause(begins=date(2026, 12, 24), until=date(2027, 1, 4))
DAYS = {"begins": date(2026, 12, 24), "until": date(2027, 1, 4)}
WAYS = (
    'email = "ada@example.org"\n',
    'email = "ada@example.org"',
    'email = "ada@example.org"\n[interests]\ntea = 8\n',
    "pause.until = 2027-02-05\nthreshold = 40\npause.begins = 2027-01-01\n",
    "pause.until = 2027-02-05\nthreshold = 40\n",
    "pause = { until = 2027-02-05 }  # Graz\n[interests]\ntea = 8\n",
    "pause = {}\n",
    "[pause]\n\n# What I like\n[interests]\ntea = 8\n",
    "[interests]\ntea = 8\n\n[pause]  # Graz\n# by train\nuntil = 2027-02-05",
    '[pause]\nuntil = 2027-02-05\n[interests]\ntea = """\n[pause]\nuntil = 2028-01-01\n"""\n',
    "'pause'.until = 2027-02-05\n[interests]\ntea = 8\n",
)


@pytest.mark.parametrize("text", WAYS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_however_a_pause_is_written_it_is_replaced_and_taken_away(text: str, ends: str) -> None:
    given = text.replace("\n", ends)
    others = {name: value for name, value in tomllib.loads(given).items() if name != "pause"}

    paused, without = with_pause(given, PAUSE), with_pause(given, None)

    assert tomllib.loads(paused) == others | {"pause": DAYS}
    assert tomllib.loads(without) == others
    assert tomllib.loads(with_pause(given, Pause()))["pause"] == {}


def test_comments_stay_where_they_are() -> None:
    text = "# Ada\n[pause]\nuntil = 2027-02-05  # by train\n\n# What I like\n[interests]\ntea = 8  # much\n"

    assert with_pause(text, PAUSE) == (
        "# Ada\n[pause]\nuntil = 2027-01-04  # by train\nbegins = 2026-12-24\n\n"
        "# What I like\n[interests]\ntea = 8  # much\n"
    )
    assert with_pause(text, None) == "# Ada\n\n# What I like\n[interests]\ntea = 8  # much\n"


LINES = st.lists(
    st.sampled_from(
        ["", "# a note", "threshold = 40", "[interests]", "tea = 8", '"robots" = { weight = 3 }']
    ),
    unique=True,
)


@given(lines=LINES)
def test_a_pause_that_is_taken_back_leaves_no_trace(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in (*lines, "# the end"))

    assert with_pause(with_pause(text, PAUSE), None) == text


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(DigestError, match="cannot be edited"):
        with_pause("[pause\n", PAUSE)
