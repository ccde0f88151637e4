"""Embeddings by a sentence-transformers model that lies in a folder of this machine; asks no network."""

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from digest.embedding.protocol import Vectors, normalised
from digest.errors import ConfigurationError, DigestError, InputError
from digest.text import clean

EXTRA = "pip install 'paperdigest[embeddings]'"
MODULES = "modules.json"
"""Names the parts of a model; every folder that sentence-transformers saved has it."""
LOOKED_AT = 65_536


@dataclass(kw_only=True)
class FolderEmbedder:
    """A model that runs in this process, on its processors; loaded when the first text comes."""

    path: Path
    batch_size: int = 8
    threads: int = 2
    _loaded: Any = field(init=False, repr=False, default=None)

    @cached_property
    def model(self) -> str:
        """The folder's name, and a digest of what lies in it.

        Raises ConfigurationError if there is no model there.
        """
        if not (self.path / MODULES).is_file():
            raise _no_model("there is no sentence-transformers model (a folder with modules.json)", self.path)
        try:
            return f"{self.path.name} {fingerprint(self.path)}"
        except OSError as problem:
            raise _no_model(f"the model cannot be read ({problem.strerror})", self.path) from problem

    def embed(self, texts: Sequence[str], *, within_s: float = math.inf) -> Vectors:
        """One row per text, each of length 1; the same texts always give the same rows.

        A model in this process cannot be cut, so `within_s` is not kept: a batch takes seconds.
        """
        if not texts:
            return np.empty((0, 0), np.float32)
        model = self._load()
        try:
            rows = model.encode(
                list(texts), batch_size=self.batch_size, convert_to_numpy=True, show_progress_bar=False
            )
        except Exception as problem:  # a foreign library on texts of any kind
            said = clean(f"{type(problem).__name__}: {problem}", 200)
            raise InputError(f"the model failed: {said}", where=str(self.path)) from problem
        return normalised(np.asarray(rows, np.float64), len(texts))

    def _load(self) -> Any:
        """Raises ConfigurationError if there is no model, no library for it, or it is broken."""
        if self._loaded is None:
            _ = self.model  # says so if there is none
            self._loaded = _load(self.path, self.threads)
        return self._loaded


def _load(path: Path, threads: int) -> Any:
    # Read when these libraries are imported: nothing is asked of the network, whatever a model's files name.
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as said_by_transformers
    except ImportError as problem:
        raise ConfigurationError(
            (
                DigestError(
                    f"a library is missing ({problem.name})", where=f"embedding: {path}", fix=f"Run: {EXTRA}"
                ),
            )
        ) from problem
    torch.set_num_threads(threads)
    said_by_transformers.disable_progress_bar()
    try:
        return SentenceTransformer(str(path), device="cpu", local_files_only=True, trust_remote_code=False)
    except Exception as problem:  # a foreign library on files of any kind
        raise _no_model(f"the model cannot be loaded ({type(problem).__name__})", path) from problem


def fingerprint(folder: Path) -> str:
    """Twelve hexadecimal digits for a model, in milliseconds: each file's name, size, beginning and end.

    Another training changes every weight, so the ends of the large files tell models apart.
    """
    told = hashlib.sha256()
    for file in sorted(_files(folder)):
        size = file.stat().st_size
        told.update(f"{file.relative_to(folder).as_posix()} {size}\n".encode())
        with file.open("rb") as opened:
            told.update(opened.read(LOOKED_AT))
            opened.seek(max(size - LOOKED_AT, 0))
            told.update(opened.read(LOOKED_AT))
    return told.hexdigest()[:12]


def _files(folder: Path) -> Iterator[Path]:
    """What makes the model: not its description, nor what version control or a desktop left there."""
    for file in folder.rglob("*"):
        is_hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.is_file() and not is_hidden and file.suffix.lower() != ".md":
            yield file


def _no_model(what: str, path: Path) -> ConfigurationError:
    fix = "Name such a folder as `path` under [embedding], or remove the table"
    return ConfigurationError((DigestError(what, where=str(path), fix=fix),))
