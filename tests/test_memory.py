"""Memory stays flat however many readers there are: what is kept has a bound, and nothing of theirs is kept."""

import ast
import gc
from pathlib import Path

import numpy as np
import pytest

from benchmarks import delivery
from digest.model import Edition, Message, Profile
from digest.scoring.corpus import read_papers
from digest.scoring.literal import MOST_KEPT, Index
from digest.scoring.scope import Scope
from tests.makers import paper
from tests.test_layers import MODULES, ROOT

OF_FEW_VALUES = {
    ("digest/language.py", "_made"),
    ("digest/language.py", "_translations"),
    ("digest/message.py", "_part_headers"),
}
"""Asked about the languages there are, and about the two parts of a message."""


def unbounded(module: Path) -> set[tuple[str, str]]:
    """The functions of a module with arguments, and a cache that forgets nothing."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {
        (str(module.relative_to(ROOT)), node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.args.args
        for one in map(ast.unparse, node.decorator_list)
        if one in ("cache", "functools.cache") or "maxsize=None" in one
    }


@pytest.mark.slow
def test_every_cache_has_a_bound_or_few_things_to_be_asked() -> None:
    found = {one for module in MODULES for one in unbounded(module)}

    assert found == OF_FEW_VALUES


@pytest.mark.slow
def test_nothing_of_a_reader_is_kept_once_the_message_waits_in_the_store(tmp_path: Path) -> None:
    setting = delivery.Setting(readers=110, today=8, stored=20, picks=3, thresholds=(1,), sample=1)

    figures, messages = delivery.making(setting, tmp_path / "digest.db")

    assert figures["papers"] > 0
    assert len(messages) == 1
    gc.unfreeze()
    gc.collect()
    assert [one for one in map(reader_of, gc.get_objects()) if one.startswith("reader")] == []


def reader_of(thing: object) -> str:
    """Whom it belongs to; empty for what is no reader's.

    By its type alone: asked for its class, some object of a library says that it is deprecated.
    """
    kind = type(thing)
    if issubclass(kind, Profile | Edition | Message):
        return _named(thing)
    return ""


def _named(thing: object) -> str:
    match thing:
        case Profile():
            return thing.name
        case Edition():
            return thing.profile.name
        case Message():
            return thing.envelope.recipient
    return ""


@pytest.mark.slow
def test_what_is_known_of_phrases_is_forgotten_where_it_is_too_much() -> None:
    corpus = read_papers([paper(title="Moss on stones", organization="Moss")])
    index = Index(Scope(corpus, np.arange(1)), np.arange(1))

    for number in range(MOST_KEPT + 1):
        index.said((f"moss{number}",))
        index.from_organization(f"moss{number}")

    kept = (index._holding, index._saying, index._said, index._from)
    assert [len(one) <= MOST_KEPT for one in kept] == [True] * 4
    assert index.said(("moss",))
    assert index.from_organization("moss")
