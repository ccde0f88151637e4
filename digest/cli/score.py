"""`digest score`: the scorer alone, as a program that others can talk to in JSON lines."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, TypeVar

import click
import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FiniteFloat, ValidationError

from digest.errors import DigestError, UsageError
from digest.model import Interest, Paper
from digest.scoring.recipe import DEFAULT, Recipe
from digest.scoring.taste import Taste, each_once
from digest.text import MAX_ABSTRACT, MAX_TITLE, clean

if TYPE_CHECKING:
    from digest.embedding.protocol import Embedder, Vectors
    from digest.scoring.scope import Scope

Answer = Mapping[str, Any]
LONGEST_LINE = 100_000_000
ALL_COMPARED = 2_000
"""Up to so many papers all are the reference; of more, some, as in an edition."""


@click.command()
@click.option("--jsonl", is_flag=True, help="Read JSON lines from standard input, answer on standard output.")
@click.option(
    "--embedding",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A sentence-transformers model to compare papers with, too (extra `embeddings`).",
)
def score(jsonl: bool, embedding: Path | None) -> None:
    """Score papers without mail, store or configuration, for other programs.

    One JSON object a line; every `score` is answered by one line, at once.

    \b
    {"op": "reset"}                                     forget all papers (no answer)
    {"op": "background", "papers": [PAPER, ...]}        papers to know, in pieces (no answer)
    {"op": "score", "id": "t1", "candidates": [PAPER, ...],
     "profile": {"keywords": [{"phrase": "...", "weight": 1.0}],
                 "liked": [PAPER, ...], "disliked": [PAPER, ...]}}
    -> {"id": "t1", "scores": {"<paper id>": 0..100, ...}}
    -> {"id": "t1", "error": "what is wrong with the line"}

    A PAPER is {"id": "...", "title": "...", "abstract": "..."}. The more papers it knows, the better it
    scores; what was said first of an id stands until a reset. Tell papers as background before they are
    scored: one that was never told makes it read all of them again, and scores may shift a little. Weights
    are those of a profile's interests, up to 10; a phrase of weight 0 or less is left out. A line that
    cannot be understood is answered with an error, whatever it was. Ends with the input.
    """
    if not jsonl:
        raise UsageError("what to read?", fix="Say --jsonl; `digest score --help` shows the lines")
    session = Session(embedder=_embedder(embedding) if embedding else None)
    for answer in session.answers(lines_of(sys.stdin.buffer)):
        click.echo(json.dumps(answer))  # in ASCII, whatever the locale; flushed, so that it can be waited for


def lines_of(stream: BinaryIO, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """The lines of a stream, each read up to `longest` bytes; what stands beyond is left out."""
    while line := stream.readline(longest):
        yield line
        while len(line) == longest and not line.endswith(b"\n"):
            line = stream.readline(longest)


Line = TypeVar("Line")
Listed = Annotated[list[Line], BeforeValidator(lambda given: given or [])]
"""A list, for which null stands, too, if it is empty."""


class PaperLine(BaseModel):
    """A paper as a line names it."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: str
    title: str | None = None
    abstract: str | None = None


class KeywordLine(BaseModel):
    """A phrase the reader cares for."""

    phrase: str
    weight: Annotated[FiniteFloat, AfterValidator(lambda weight: min(weight, 10.0))] = 1.0


class ProfileLine(BaseModel):
    """A reader."""

    keywords: Listed[KeywordLine] = []
    liked: Listed[PaperLine] = []
    disliked: Listed[PaperLine] = []


class RequestLine(BaseModel):
    """Any line."""

    op: Literal["reset", "background", "score"]
    id: str | int | FiniteFloat | None = None
    papers: Listed[PaperLine] = []
    candidates: Listed[PaperLine] = []
    profile: Annotated[ProfileLine, BeforeValidator(lambda given: given or {})] = ProfileLine()


class Session:
    """What was said so far. Papers are read when they are first needed, all at once."""

    def __init__(self, recipe: Recipe = DEFAULT, embedder: "Embedder | None" = None) -> None:
        self._recipe, self._embedder = recipe, embedder
        self._vectors: dict[str, Vectors] = {}
        self._papers: dict[str, Paper] = {}
        self._scope: Scope | None = None

    def answers(self, lines: Iterable[bytes]) -> Iterator[Answer]:
        """The answer to each line that wants one."""
        for line in lines:
            try:
                request = RequestLine.model_validate_json(line) if line.strip() else None
            except ValidationError as problem:
                yield {"id": _id_in(line), "error": _told(problem)}
                continue
            try:
                answer = self.answer(request) if request else None
            except DigestError as problem:  # an embedding model that fails
                answer = {"id": request.id if request else None, "error": str(problem)}
            if answer:
                yield answer

    def answer(self, request: RequestLine) -> Answer | None:
        """The answer to one line; `None` where none is wanted."""
        if request.op == "score":
            return {"id": request.id, "scores": self._scores(request)}
        if request.op == "reset":
            self._papers, self._vectors, self._scope = {}, {}, None
        self._store(request.papers)
        return None

    def _store(self, papers: Iterable[PaperLine]) -> None:
        for one in papers:
            if one.id not in self._papers:
                self._papers[one.id] = _paper(one)
                self._scope = None

    def _scores(self, request: RequestLine) -> dict[str, float]:
        from digest.scoring.corpus import read_papers
        from digest.scoring.literal import Index
        from digest.scoring.scope import Scope
        from digest.scoring.scorer import score as score_papers

        self._store(request.candidates)
        if self._scope is None:
            self._embed()
            self._scope = Scope(read_papers(self._papers.values(), self._recipe, self._vectors))
        corpus = self._scope.corpus
        ids = list(dict.fromkeys(one.id for one in request.candidates))
        rows = np.array([corpus.rows[one] for one in ids], np.intp)
        few = len(corpus.papers) <= ALL_COMPARED
        scope, places = (self._scope, rows) if few else (Scope(corpus, rows), np.arange(len(rows)))
        scored = score_papers(scope, Index(scope, places), self._taste(request.profile))
        return dict(zip(ids, scored.exact[places].tolist(), strict=True))

    def _embed(self) -> None:
        from digest.embedding.protocol import text_of

        new = [paper for key, paper in self._papers.items() if key not in self._vectors]
        if self._embedder and new:
            rows = self._embedder.embed([text_of(paper) for paper in new])
            self._vectors |= {paper.id: row for paper, row in zip(new, rows, strict=True)}

    def _taste(self, profile: ProfileLine) -> Taste:
        wanted = (one for one in profile.keywords if one.weight > 0)
        interests = (Interest(phrase=one.phrase, weight=one.weight) for one in wanted)
        return Taste(
            interests=tuple(interests),
            liked=each_once(self._papers.get(one.id) or _paper(one) for one in profile.liked),
            disliked=each_once(self._papers.get(one.id) or _paper(one) for one in profile.disliked),
        )


def _embedder(folder: Path) -> "Embedder":
    from digest.embedding.folder import FolderEmbedder

    return FolderEmbedder(path=folder)


def _paper(line: PaperLine) -> Paper:
    abstract = clean(line.abstract, MAX_ABSTRACT) if line.abstract else None
    return Paper(id=line.id, title=clean(line.title or "", MAX_TITLE), abstract=abstract, source="jsonl")


def _id_in(line: bytes) -> str | int | float | None:
    """The id that a line that is wrong elsewhere names."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    identifier = said.get("id") if isinstance(said, dict) else None
    is_told = isinstance(identifier, str) or (isinstance(identifier, int | float) and isfinite(identifier))
    return identifier if is_told else None


def _told(problem: ValidationError) -> str:
    """The first thing that is wrong with a line, and where in it."""
    first = problem.errors(include_url=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
