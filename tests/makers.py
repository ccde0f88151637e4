"""Short ways to say a paper, a profile, an edition: every test names only what it is about."""

from datetime import UTC, date, datetime
from typing import Any

from digest.model import (
    Candidate,
    Edition,
    Entry,
    Interest,
    Observation,
    Outcome,
    Paper,
    Pick,
    Profile,
    Reason,
    ReasonKind,
    Score,
    Section,
    SectionName,
    Trend,
    Where,
)

NOW = datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
TODAY = date(2026, 3, 11)


def paper(identifier: str = "2603.00001", title: str = "Learning to Wait", **fields: Any) -> Paper:
    """A paper with an abstract, unless told otherwise."""
    defaults: dict[str, Any] = {"source": "listing", "abstract": "We study how to wait. It is hard."}
    return Paper(id=identifier, title=title, **(defaults | fields))


def entry(identifier: str = "2603.00001", title: str = "Learning to Wait", **fields: Any) -> Entry:
    """A paper as a list of today shows it; `upvotes`, `comments`, `stars` and `listed_on` are the list's."""
    observed = {
        key: fields.pop(key) for key in ("upvotes", "comments", "stars", "listed_on") if key in fields
    }
    return Entry(paper=paper(identifier, title, **fields), observation=Observation(at=NOW, **observed))


def interest(phrase: str, weight: float = 5, *aliases: str) -> Interest:
    """A phrase with a weight."""
    return Interest(phrase=phrase, weight=weight, aliases=aliases)


def profile(*interests: Interest, **fields: Any) -> Profile:
    """Ada, who reads at 7:30 UTC."""
    return Profile(**({"name": "ada", "email": "ada@example.org", "interests": interests} | fields))


def candidate(identifier: str = "2603.00001", title: str = "Learning to Wait", **fields: Any) -> Candidate:
    """A stored paper first seen now; `trend=(upvotes, percent, among)`."""
    trend = fields.pop("trend", None)
    return Candidate(
        paper=paper(identifier, title, **fields),
        first_seen=NOW,
        trend=Trend(upvotes=trend[0], percent=trend[1], among=trend[2]) if trend else None,
    )


def reason(label: str = "waiting (title)", points: int = 40, *words: str) -> Reason:
    """Points for an interest; the label may end in where the paper says it, as people read it."""
    about, _, where = label.removesuffix(")").rpartition(" (")
    if where not in ("title", "abstract"):
        about, where = label, ""
    place = Where(where) if where else None
    return Reason(kind=ReasonKind.INTEREST, about=about, where=place, points=points, words=words)


def pick(
    identifier: str = "2603.00001", title: str = "Learning to Wait", *reasons: Reason, **fields: Any
) -> Pick:
    """A paper with a score that its reasons add up to."""
    value = sum(r.points for r in reasons)
    return Pick(candidate=candidate(identifier, title, **fields), score=Score(value=value, reasons=reasons))


def edition(*picks: Pick, **fields: Any) -> Edition:
    """Ada's edition of today."""
    defaults: dict[str, Any] = {
        "profile": profile(interest("waiting")),
        "day": TODAY,
        "at": NOW,
        "outcome": Outcome.READY,
        "considered": 30,
        "sections": (Section(name=SectionName.PICKS, picks=picks),),
    }
    return Edition(**(defaults | fields))
