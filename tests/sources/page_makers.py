"""Listing pages as Hugging Face writes them, with invented papers."""

import json
from dataclasses import dataclass
from html import escape
from typing import Any

BANNER = "Get trending papers in your email inbox!"
BY = "byAK and the research community"
AT_ONCE = "Get trending papers in your email inbox once a day!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A paper as a text page shows it: `meta` are the lines under the abstract."""

    title: str
    abstract: str
    meta: tuple[str, ...] = ()


def prose(subject: str, length: int = 400) -> str:
    """Some sentences of about that length on a subject."""
    sentence = f"We study how {subject} learn to pour tea without spilling any of it. "
    return (sentence * (length // len(sentence) + 1)).strip()


def who_and_when(who: str, when: str) -> tuple[str, ...]:
    return (who, "·", when)


def spaced_page(*cards: Card, day: str = "Mar 14", daily: bool = True) -> str:
    """Layout A, or B where cards have metas."""
    head = ["new", BANNER, "Subscribe", *(["Daily Papers"] if daily else []), BY, day]
    blocks = head + [block for card in cards for block in (card.title, card.abstract, "\n".join(card.meta))]
    return "\n\n".join(block for block in blocks if block)


def dense_page(*cards: Card) -> str:
    """Layout C: no blank lines, the first title glued to the header."""
    return f"{AT_ONCE}\n{BANNER}\nSubscribe" + "\n".join(f"{card.title}\n{card.abstract}" for card in cards)


def api_row(
    identifier: object = "2603.00001", title: object = "Tin Robots Pour Tea", **paper: Any
) -> dict[str, Any]:
    """One entry of the API's list; what is given goes into its `paper`."""
    fields = {
        "id": identifier,
        "title": title,
        "summary": "We study how tin robots\nlearn to pour tea.",
        "authors": [{"name": "Ada Example", "hidden": False}, {"name": "Ben Sample", "hidden": True}],
        "publishedAt": "2026-03-09T00:00:00.000Z",
        "upvotes": 7,
    }
    return {
        "paper": fields | paper,
        "publishedAt": "2026-03-08T19:00:00.000Z",
        "title": title,
        "numComments": 2,
    }


def api_answer(*rows: Any) -> bytes:
    return json.dumps(list(rows)).encode()


def html_page(props: dict[str, Any] | str, body: str = "") -> bytes:
    """A page with its data inside, as JSON in an attribute."""
    data = props if isinstance(props, str) else json.dumps(props)
    return (
        f"<!doctype html><html><head><title>Daily Papers</title></head><body>"
        f'<div class="SVELTE" data-target="DailyPapers" data-props="{escape(data, quote=True)}"></div>{body}</body></html>'
    ).encode()
