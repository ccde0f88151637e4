"""What a personal mail costs: messages a second and CPU of one message, of editions of 25 picks.

    python benchmarks/rendering.py [--quick] [--readers 4000] [--picks 25] [--json FILE]

Papers and readers are invented from a seed. A day has 200 papers, each with eight phrases that some readers
care for; every reader picks some, with scores and three reasons each that are that reader's own. Half of
the readers have the words of their phrases marked; the other half know liked papers, too, whose words are
marked as well, so that hardly any two of them read the same excerpt. Each way makes the same editions into
messages, in a process of its own on one core, after a first share of the readers that is not counted:

  digest       as `digest send` does: Renderer and compose
  plain        the same templates with the styles inlined once, filled whole for every mail; EmailMessage
  naive        the same templates, filled whole; premailer inlines the styles of every mail; EmailMessage

The slower ways make a sample. What `digest` costs before its forms are made is told as the first mail, and
its memory after that first share and at the end.
"""

import argparse
import json
import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digest.model import Candidate, Edition, Interest, Pick

SEED = 20_260_311
PAPERS = 200
PHRASES = 300
LIKED = 2_000
DAY = date(2026, 3, 11)
AT = datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
SLOW_SAMPLE = 60
FIRST = 0.2
"""The share of the readers that is not counted."""
Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How many mails of how many picks."""

    readers: int
    picks: int


# ---------------------------------------------------------------- invented readers


@dataclass(frozen=True)
class World:
    """A day's papers, each with the phrases it says and its own terms, and what readers care for."""

    papers: "list[tuple[Candidate, list[str], list[str]]]"
    phrases: list[str]
    liked: list[str]


def invented() -> World:
    """The day."""
    chance = random.Random(SEED)
    words = ["".join(chance.choices("aeioulnrstmdpc", k=chance.randint(3, 10))) for _ in range(4_000)]
    phrases = [" ".join(chance.sample(words, 2)) for _ in range(PHRASES)]
    liked = [" ".join(chance.sample(words, 7)).title() for _ in range(LIKED)]
    return World([_paper(chance, number, words, phrases) for number in range(PAPERS)], phrases, liked)


def _paper(
    chance: random.Random, number: int, words: list[str], phrases: list[str]
) -> "tuple[Candidate, list[str], list[str]]":
    from digest.model import Candidate, Observation, Paper, Trend

    said, terms = chance.sample(phrases, 8), chance.sample(words, 12)
    sentences = [
        " ".join(
            [*chance.sample(words, 9), chance.choice(said), *chance.sample(words, 6), chance.choice(terms)]
        )
        for _ in range(8)
    ]
    paper = Paper(
        id=f"2603.{number:05}",
        title=" ".join(chance.sample(words, 10)).title(),
        source="huggingface",
        abstract=". ".join(sentence.capitalize() for sentence in sentences) + ".",
        authors=tuple(" ".join(chance.sample(words, 2)).title() for _ in range(chance.randint(1, 9))),
        organization=chance.choice(words).title(),
        published=date(2026, 3, 10),
        code_url=f"https://example.org/{number}",
    )
    trend = Trend(upvotes=chance.randint(1, 300), percent=chance.randint(1, 99), among=PAPERS)
    seen = Observation(at=AT, listed_on=DAY, upvotes=trend.upvotes, stars=chance.randint(0, 2_000))
    return Candidate(paper=paper, first_seen=AT, observation=seen, trend=trend), said, terms


def editions(world: World, setting: Setting) -> "Iterator[Edition]":
    """One a reader, made when it is asked for, so that the heap is as small as in `digest send`."""
    from digest.model import Edition, Interest, Outcome, Profile, Section, SectionName

    chance = random.Random(SEED + 1)
    for number in range(setting.readers):
        interests = tuple(Interest(phrase=one, weight=5) for one in chance.sample(world.phrases, 8))
        picks = tuple(_picks(chance, world, interests, setting.picks))
        yield Edition(
            profile=Profile(name=f"reader{number}", email=f"reader{number}@example.org", interests=interests),
            day=DAY,
            at=AT,
            outcome=Outcome.READY,
            considered=PAPERS,
            sections=(Section(name=SectionName.PICKS, picks=picks),),
        )


def _picks(
    chance: random.Random, world: World, interests: "tuple[Interest, ...]", number: int
) -> "Iterator[Pick]":
    """Some papers with three reasons each: a phrase they say, one they come near, and a liked paper."""
    from digest.model import Pick, Reason, ReasonKind, Score, Where

    liked = chance.sample(world.liked, 5)
    knows_papers = chance.random() < 0.5
    for candidate, said, terms in chance.sample(world.papers, number):
        points = chance.randint(12, 45), chance.randint(6, 30), chance.randint(5, 24)
        phrase, near = chance.choice(said), chance.choice(interests).phrase
        where = chance.choice((Where.TITLE, Where.ABSTRACT))
        reasons: tuple[Reason, ...] = (
            Reason(kind=ReasonKind.INTEREST, about=phrase, where=where, points=points[0], words=(phrase,)),
            Reason(kind=ReasonKind.INTEREST, about=near, where=Where.NEAR, points=points[1]),
            Reason(
                kind=ReasonKind.LIKED,
                about=chance.choice(liked),
                points=points[2],
                words=tuple(chance.sample(terms, 3)),
            )
            if knows_papers
            else Reason(kind=ReasonKind.INTEREST, about=chance.choice(said), points=points[2]),
        )
        yield Pick(candidate=candidate, score=Score(value=sum(points), reasons=reasons))


# ---------------------------------------------------------------- ways to make a mail


def _digest() -> "Callable[[Edition], bytes]":
    from digest.message import compose
    from digest.model import Sender
    from digest.rendering.renderer import Renderer

    renderer, sender = Renderer(), Sender(address="digest@example.org")

    def make(edition: "Edition") -> bytes:
        said = renderer.render(edition, sender)
        return compose(said.subject, said.text_part, said.html_part, edition=edition, sender=sender).data

    return make


def _plain() -> "Callable[[Edition], bytes]":
    return _whole(lambda html: html, is_inlined=True)


def _naive() -> "Callable[[Edition], bytes]":
    from premailer import Premailer

    from digest.resources import shipped

    styles = (shipped("templates") / "edition.css").read_text(encoding="utf-8")

    def inline(html: str) -> str:
        page = html.replace("</head>", f"<style>{styles}</style></head>")
        return str(Premailer(page, cssutils_logging_level="CRITICAL", disable_validation=True).transform())

    return _whole(inline, is_inlined=False)


def _whole(finish: Callable[[str], str], *, is_inlined: bool) -> "Callable[[Edition], bytes]":
    """Each part filled as a whole, each message built by the standard library."""
    from digest.language import ENGLISH
    from digest.model import Sender
    from digest.rendering.cards import describe
    from digest.rendering.letter import make_letter
    from digest.rendering.parts import Part
    from digest.rendering.templates import HTML, TEXT, Templates
    from digest.resources import shipped

    sender = Sender(address="digest@example.org")
    templates = Templates((shipped("templates"),), inline=is_inlined)
    html, text = Part(templates, HTML, ENGLISH), Part(templates, TEXT, ENGLISH)

    def make(edition: "Edition") -> bytes:
        letter = make_letter(edition, sender, ENGLISH, lambda one: describe(one, DAY, ENGLISH))
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = sender.address, edition.profile.email
        message["Subject"], message["Date"] = letter.subject, edition.at
        message.set_content(text.filled("edition", letter=letter))
        message.add_alternative(finish(html.filled("edition", letter=letter)), subtype="html")
        return message.as_bytes()

    return make


WAYS = {"digest": _digest, "plain": _plain, "naive": _naive}


# ---------------------------------------------------------------- measuring


def measured(way: str, setting: Setting) -> Figures:
    """CPU and wall time a message, after a first share of them; of the first, too."""
    make = WAYS[way]()
    shown = editions(invented(), setting)
    first_s = _cpu_s(make, next(shown))
    for edition, _ in zip(shown, range(round(FIRST * setting.readers)), strict=False):
        make(edition)
    early_mb, cpu_s, wall_s, n, size = _peak_mb(), 0.0, 0.0, 0, 0
    for edition in shown:
        wall, cpu = time.perf_counter(), time.process_time()
        size += len(make(edition))
        cpu_s, wall_s, n = cpu_s + time.process_time() - cpu, wall_s + time.perf_counter() - wall, n + 1
    return {
        "cpu_ms": 1e3 * cpu_s / n,
        "per_s": n / wall_s,
        "first_ms": 1e3 * first_s,
        "kb": size / n / 1e3,
        "early_mb": early_mb,
        "peak_mb": _peak_mb(),
    }


def _cpu_s(make: "Callable[[Edition], bytes]", edition: "Edition") -> float:
    began = time.process_time()
    make(edition)
    return time.process_time() - began


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few readers: to see that it runs")
    parser.add_argument("--readers", type=int, default=4_000)
    parser.add_argument("--picks", type=int, default=25)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    readers = 300 if asked.quick else asked.readers
    found = {}
    print(
        f"{'way':8} {'CPU ms':>8} {'x':>7} {'per s':>8} {'first ms':>9} {'kB':>6} {'MB, early':>10} {'MB':>6}"
    )
    for way in WAYS:
        sample = readers if way == "digest" else max(SLOW_SAMPLE // (3 if asked.quick else 1), 10)
        found[way] = _apart(way, Setting(readers=sample, picks=asked.picks))
        row, times = found[way], found[way]["cpu_ms"] / found["digest"]["cpu_ms"]
        print(
            f"{way:8} {row['cpu_ms']:8.3f} {times:7.1f} {row['per_s']:8.0f} {row['first_ms']:9.1f} "
            f"{row['kb']:6.1f} {row['early_mb']:10.0f} {row['peak_mb']:6.0f}",
            flush=True,
        )
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _apart(way: str, setting: Setting) -> Figures:
    """Measured in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (way, setting))


if __name__ == "__main__":
    main()
