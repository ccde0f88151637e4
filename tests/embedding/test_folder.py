"""A model in a folder: told from others, and missed in words. The real one is in tests/acceptance."""

import os
from pathlib import Path

import pytest

from digest.embedding.folder import FolderEmbedder, fingerprint
from digest.embedding.protocol import text_of
from digest.errors import ConfigurationError
from tests.makers import paper


def model(folder: Path, weights: bytes = b"w" * 500_000) -> Path:
    folder.mkdir(parents=True)
    (folder / "modules.json").write_text("[]", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_a_folder_without_a_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigurationError, match=r"modules\.json.*\[embedding\]"):
            _ = FolderEmbedder(path=path).model
        with pytest.raises(ConfigurationError, match=r"modules\.json"):
            FolderEmbedder(path=path).embed(["a text"])


def test_a_model_is_known_by_its_name_and_what_lies_in_the_folder(tmp_path: Path) -> None:
    path = model(tmp_path / "tiny")

    assert FolderEmbedder(path=path).model == f"tiny {fingerprint(path)}"


def test_other_weights_of_the_same_size_are_another_model(tmp_path: Path) -> None:
    one = model(tmp_path / "one" / "tiny")
    other = model(tmp_path / "other" / "tiny", b"w" * 499_999 + b"x")

    assert fingerprint(one) != fingerprint(other)


def test_the_same_model_elsewhere_with_other_notes_is_the_same(tmp_path: Path) -> None:
    one, other = model(tmp_path / "one" / "tiny"), model(tmp_path / "other" / "tiny")
    (other / "README.md").write_text("Copied by hand.", encoding="utf-8")
    (other / ".git").mkdir()
    (other / ".git" / "config").write_text("", encoding="utf-8")
    os.utime(other / "modules.json", (0, 0))

    assert fingerprint(one) == fingerprint(other)


def test_what_is_embedded_is_title_and_abstract() -> None:
    assert text_of(paper(title="On Tea", abstract="It is hot.")) == "On Tea. It is hot."
    assert text_of(paper(title="On Tea", abstract=None)) == "On Tea."
