"""An edition for programs: JSON whose points add up, with the same papers in the same order as the mail."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from digest.language import ENGLISH
from digest.links import pages_of
from digest.model import Candidate, Edition, Every, Period, Pick, Reason, Stretch
from digest.wording import note_in_words


def to_json(edition: Edition, subject: str) -> str:
    """The edition as indented JSON; the same edition always gives the same text."""
    told = json.dumps(as_dict(edition, subject), ensure_ascii=False, indent=2)
    return told.encode(errors="replace").decode()  # half a surrogate pair has no UTF-8


def as_dict(edition: Edition, subject: str) -> dict[str, Any]:
    """The edition in JSON's own types; the points of each pick's reasons add up to its score.

    The `subject` is the mail's, in the reader's `language`; what else is in words is English. `null` is what
    is not known. The reader's address is not in it: archives are for showing.
    """
    told = {
        "profile": edition.profile.name,
        "day": edition.day.isoformat(),
        "at": edition.at.isoformat(),
        "language": edition.profile.language,
        "subject": subject,
        "outcome": edition.outcome.value,
        "considered": edition.considered,
        "n_new": edition.considered - edition.n_known,
        "threshold": edition.profile.threshold,
        "sections": [
            {"name": section.name.value, "picks": [_pick(pick) for pick in section.picks]}
            for section in edition.sections
        ],
        "misses": [_pick(pick) for pick in edition.misses],
        "notes": [note_in_words(note, ENGLISH) for note in edition.notes],
    }
    return told | (_looking_back(edition.period, edition.chart) if edition.period else {})


def _looking_back(period: Period, chart: Sequence[Stretch]) -> dict[str, Any]:
    """Of a weekly or monthly edition: its days, and how many papers they brought."""
    rows = [_days(one.first, one.last) | {"listed": one.listed, "matched": one.matched} for one in chart]
    return {"period": {"every": period.every.value, **_days(period.first, period.last)}, "chart": rows}


def _days(first: date, last: date) -> dict[str, Any]:
    return {"first": first.isoformat(), "last": last.isoformat()}


def _pick(pick: Pick) -> dict[str, Any]:
    paper, written = pick.paper, pick.summary
    shown: dict[str, Any] = {
        "id": paper.id,
        "title": paper.title,
        "score": pick.score.value,
        "reasons": [_reason(reason) for reason in pick.score.reasons],
        "followed": pick.score.followed,
        "authors": list(paper.authors) if paper.authors else None,
        "n_authors": paper.n_authors or (len(paper.authors) if paper.authors else None),
        "organization": paper.organization,
        "published": paper.published.isoformat() if paper.published else None,
        "abstract": paper.abstract,
        "links": pages_of(paper),
        "votes": _votes(pick.candidate),
        "twins": [{"id": twin.paper.id, "title": twin.paper.title} for twin in pick.twins],
    }
    return shown | ({"summary": {"text": written.text, "model": written.model}} if written else {})


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "label": reason.label,
        "points": reason.points,
        "kind": reason.kind.value,
        "about": reason.about,
        "where": reason.where.value if reason.where else None,
        "said": reason.said or None,
        "words": list(reason.words),
    }


def _votes(candidate: Candidate) -> dict[str, int | str | None]:
    """What was counted last; the paper is in the `top_percent` of the `among` papers of its list day.

    Where they are those of a whole period, `over` says `week` or `month`.
    """
    seen, trend = candidate.observation, candidate.trend
    over = {"over": trend.over.value} if trend and trend.over is not Every.DAY else {}
    return over | {
        "upvotes": trend.upvotes if trend else seen.upvotes if seen else None,
        "comments": seen.comments if seen else None,
        "stars": seen.stars if seen else None,
        "top_percent": trend.percent if trend else None,
        "among": trend.among if trend else None,
    }
