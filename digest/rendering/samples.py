"""Invented editions that try every corner of a template."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from digest.model import (
    Candidate,
    Edition,
    Every,
    Interest,
    Note,
    NoteKind,
    Observation,
    Outcome,
    Paper,
    Period,
    Pick,
    Profile,
    Reason,
    ReasonKind,
    Score,
    Section,
    SectionName,
    Stretch,
    Summary,
    Trend,
    Where,
)


def sample_editions(now: datetime) -> Mapping[str, Edition]:
    """Editions as of `now` (aware), by what they are; no paper in them exists."""
    return {
        "a rich day": _rich(now),
        "a rich day in German": _in(_rich(now), "de"),
        "a week": _week(now),
        "a quiet day": _quiet(now),
        "a day of 40 papers": _forty(now),
        "a day of hostile papers": _hostile(now),
    }


READER = Profile(
    name="check",
    email="check@example.org",
    interests=(Interest(phrase="waiting", weight=8), Interest(phrase="tea", weight=5)),
)
"""Who gets them."""
ABSTRACT = (
    "Patients wait. We let a waiting room learn when to offer tea, from 214 days of video of one room & its "
    "door. Patients who are offered tea in time complain 31 % less often, and drink 2 % more tea. The effect "
    "lasts for a week, and then for another. We release the video, the kettle, and what we know of biscuits."
)


def _edition(now: datetime, *sections: Section, **fields: object) -> Edition:
    base = Edition(
        profile=READER, day=now.date(), at=now, outcome=Outcome.READY, considered=214, sections=sections
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def _rich(now: datetime) -> Edition:
    """Every section, and everything that a card can tell."""
    teapots = _candidate(now, 90_001, "Teapots That Learn: A Study of $n^2$ Cups")
    said = Summary(
        text="A room learns when its patients want tea, and they complain less.", model="invented-7b"
    )
    picks = (
        Pick(candidate=teapots, score=_score(94), twins=(_candidate(now, 90_002, "Kettles That Learn"),)),
        Pick(candidate=_candidate(now, 90_003, "Waiting Rooms, Summarised"), score=_score(71), summary=said),
        Pick(candidate=_candidate(now, 90_004, "A Room of Few Words", authors=None), score=_score(58)),
    )
    return _edition(
        now,
        Section(name=SectionName.PICKS, picks=picks),
        Section(name=SectionName.TRENDING, picks=(_pick(now, 90_005, "What Everybody Reads", 0),)),
        Section(name=SectionName.EXPLORATION, picks=(_pick(now, 90_006, "Coffee, for Once", 31),)),
        Section(name=SectionName.LATE, picks=(_pick(now, 90_009, "Tea from Yesterday’s List", 52),)),
        Section(name=SectionName.ALSO, picks=(_pick(now, 90_007, "One More on Tea", 41),)),
        misses=(_pick(now, 90_008, "Nearly about Waiting", 33),),
        notes=(Note(kind=NoteKind.SOURCE, name="listing", day=now.date()),),
    )


def _in(edition: Edition, language: str) -> Edition:
    return replace(edition, profile=replace(edition.profile, language=language))


def _week(now: datetime) -> Edition:
    """The same with the week's chart; one of its days had no list."""
    day = now.date()
    before = [day - timedelta(days=n) for n in range(7, 0, -1)]
    counts = ((31, 3), (28, 1), (0, 0), (4, 0), (36, 2), (30, 30), (1, 0))
    chart = tuple(
        Stretch(first=one, last=one, listed=listed, matched=matched)
        for one, (listed, matched) in zip(before, counts, strict=True)
    )
    period = Period(every=Every.WEEK, first=before[0], last=before[-1])
    reader = replace(READER, every=Every.WEEK)
    return replace(_rich(now), profile=reader, period=period, chart=chart)


def _quiet(now: datetime) -> Edition:
    return _edition(now, outcome=Outcome.QUIET, misses=(_pick(now, 90_011, "Not Quite about Tea", 29),))


def _forty(now: datetime) -> Edition:
    """More than the HTML part can hold without shrinking cards."""
    picks = tuple(
        _pick(now, 90_100 + n, f"Waiting for Tea, in {n} Lessons and a Test", 99 - n) for n in range(40)
    )
    return _edition(now, Section(name=SectionName.PICKS, picks=picks))


def _hostile(now: datetime) -> Edition:
    """Papers that try to leave their place in the page."""
    breaking = (
        "Tea\r\nBcc: eve@example.org\r\n\r\n\"'></td></table><script>alert(1)</script><img src=x onerror=no>"
    )
    paper = Paper(
        id="hostile-1",
        title=breaking,
        source="listing",
        abstract=f"{breaking} {{{{ 7 * 7 }}}} \x00\x1b[2J\u202e We wait.",
        authors=(breaking, "\u202eknilB"),
        organization="<b>Acme & Sons</b>",
        url="javascript:alert(3)",
        code_url='https://example.org/"onclick="alert(4)',
    )
    long = _pick(now, 90_012, "T" * 300, 47)
    pick = Pick(candidate=Candidate(paper=paper, first_seen=now), score=_score(66, breaking))
    return _edition(now, Section(name=SectionName.PICKS, picks=(pick, long)))


# ---------------------------------------------------------------- their parts


def _pick(now: datetime, number: int, title: str, value: int) -> Pick:
    return Pick(candidate=_candidate(now, number, title), score=_score(value))


AUTHORS = ("Ada Byron", "Bo Lindqvist", "林雨桐", "Di Okafor", "Eve Øst")


def _candidate(
    now: datetime, number: int, title: str, authors: tuple[str, ...] | None = AUTHORS
) -> Candidate:
    """Under an id that arXiv never gives: no month has 90,000 papers."""
    paper = Paper(
        id=f"2603.{number}",
        title=title,
        source="listing",
        abstract=ABSTRACT,
        authors=authors,
        n_authors=7,
        organization="Institute of Waiting",
        published=now.date(),
        code_url="https://code.example.org/tea",
    )
    seen = Observation(at=now, listed_on=now.date(), upvotes=41, comments=3, stars=12)
    return Candidate(
        paper=paper, first_seen=now, observation=seen, trend=Trend(upvotes=41, percent=5, among=60)
    )


def _score(value: int, about: str = "waiting") -> Score:
    return Score(value=value, reasons=tuple(reason for reason in _reasons(value, about) if reason.points))


def _reasons(value: int, about: str) -> Iterator[Reason]:
    """Some of most kinds; they add up."""
    small = value // 10
    yield Reason(
        kind=ReasonKind.INTEREST, about=about, points=value - small, where=Where.TITLE, words=("waiting",)
    )
    yield Reason(kind=ReasonKind.INTEREST, about="tea", points=small, where=Where.NEAR, words=("kettle",))
    yield Reason(kind=ReasonKind.LIKED, about="On Biscuits", points=small, words=("biscuits",))
    yield Reason(kind=ReasonKind.AVOID, about="video", points=-small, where=Where.ABSTRACT)
