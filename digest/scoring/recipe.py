"""The constants of the learned score in one place; what each gives stands in docs/relevance.md."""

from dataclasses import dataclass, replace

MOST_STORED = 3_000
"""How many stored papers scores are measured against: the latest that lists brought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How much each part of the learned evidence counts."""

    terms: float = 0.6
    """Share of the terms in how alike two papers are ..."""
    subjects: float = 0.2
    """... of their subjects ..."""
    meanings: float = 0.2
    """... and of what their words mean."""
    vectors: float = 0.0
    """... and of their embeddings, where there is a model; then the others' shares shrink in proportion."""
    direct: float = 1.0
    """Likeness to what is liked, less that to what is disliked."""
    dislike: float = 0.1
    """How sure a disliked paper is taken to be, beside 1 for a liked one; together no surer than those."""
    near_enough: float = 0.2
    """A paper counts in full that comes so near to what is liked, where the liked papers themselves are 1."""
    graph: float = 1.0
    """What reaches a paper from the liked ones through its neighbours."""
    faint: float = 1e-5
    """Added to what reaches a paper before its logarithm is taken: less than that is nothing."""
    telling: float = 2.0
    """What sets the liked papers apart from everything stored, at very many of them ..."""
    telling_from: float = 15.0
    """... and a quarter of that at so many."""
    answers: float = 0.5
    """How well a paper answers the phrases: by its words, by its subjects, by what they mean."""
    answers_graph: float = 1.0
    """What reaches a paper from the best answers."""
    seeds: int = 10
    """How many are the best answers."""
    fading: float = 2.0
    """With n liked papers the phrases count fading / (fading + n)."""


DEFAULT = Recipe()
VECTORS = 0.5
"""Share of the embeddings where there are any."""


def with_vectors(recipe: Recipe) -> Recipe:
    """The recipe for papers that have embeddings."""
    rest = 1 - VECTORS
    return replace(
        recipe,
        terms=rest * recipe.terms,
        subjects=rest * recipe.subjects,
        meanings=rest * recipe.meanings,
        vectors=VECTORS,
    )


LEFT_OUT = {
    "no graph": replace(DEFAULT, graph=0.0, answers_graph=0.0),
    "no direct": replace(DEFAULT, direct=0.0),
    "not telling": replace(DEFAULT, telling=0.0),
    "no subjects": replace(DEFAULT, terms=0.8, subjects=0.0),
    "no meanings": replace(DEFAULT, terms=0.8, meanings=0.0),
    "terms only": replace(DEFAULT, terms=1.0, subjects=0.0, meanings=0.0),
    "no answers": replace(DEFAULT, answers=0.0),
    "no fading": replace(DEFAULT, fading=1e9),
    "no dislikes": replace(DEFAULT, dislike=1e-9),
    "no nearness": replace(DEFAULT, near_enough=1e-9),
}
"""The recipe without each of its parts, for the table of docs/relevance.md."""
