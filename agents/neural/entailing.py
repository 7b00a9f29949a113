"""Does one text entail another? Any sequence classifier that transformers loads and that names its labels.

Natural language inference as in Bowman et al. 2015 (doi:10.18653/v1/D15-1075).

Letters: M pairs of texts.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.neural.loading import model_of, quiet, tokenizer_of
from agents.neural.model_folder import ModelError, Stamp, configuration, model_folder, stamp
from ecosystem import machine

AT_ONCE, LONGEST = 32, 512  # pairs in a batch; tokens read of each (the longer text is cut)
ENTAILMENT = "entailment"
Pair = tuple[str, str]
"""Premise and hypothesis."""


def entailing(name: str) -> Entailing:
    """The model of a folder or hub id; loaded once a process, and anew where its files were changed.

    ModelError where it is not there, or does not say what entails what.
    """
    folder = model_folder(name)
    return _loaded(folder, stamp(folder))


class Entailing:
    """A loaded model and its tokenizer."""

    def __init__(self, folder: Path):
        from transformers import AutoModelForSequenceClassification

        self._label = _label(folder)
        with quiet():
            self._tokenizer = tokenizer_of(folder)
            self._model = model_of(folder, AutoModelForSequenceClassification, "a sequence classifier")
        room = getattr(self._model.config, "max_position_embeddings", None) or LONGEST
        self._longest = min(room, self._tokenizer.model_max_length, LONGEST)
        self._at_once = AT_ONCE if self._tokenizer.pad_token_id is not None else 1

    def probability(self, pairs: Sequence[Pair]) -> np.ndarray:
        """(M,) that the premise entails the hypothesis. A pair that occurs again is read once; batches are of pairs of
        like length."""
        different = sorted(set(pairs), key=lambda pair: (len(pair[0]) + len(pair[1]), pair))
        parts = [self._read(different[i : i + self._at_once]) for i in range(0, len(different), self._at_once)]
        found = np.concatenate(parts) if parts else np.zeros(0)
        place = {pair: row for row, pair in enumerate(different)}
        return found[[place[pair] for pair in pairs]]

    def _read(self, pairs: list[Pair]) -> np.ndarray:
        device = machine.here().device
        premise, hypothesis = map(list, zip(*pairs, strict=True))
        batch: Any = self._tokenizer(
            premise, hypothesis, padding=len(pairs) > 1, truncation=True, max_length=self._longest, return_tensors="pt"
        )
        with torch.inference_mode():
            logits = self._model.to(device)(**batch.to(device)).logits
            return torch.softmax(logits.double(), dim=1)[:, self._label].cpu().numpy()


def _label(folder: Path) -> int:
    """The number of the label that says entailment."""
    config = configuration(folder)
    count = config.get("num_labels")
    labels = config.get("id2label")
    if not isinstance(labels, dict) or not all(str(number).isdigit() for number in labels):
        labels = {i: f"LABEL_{i}" for i in range(count if isinstance(count, int) else 2)}
    found = [int(number) for number, label in labels.items() if str(label).casefold() == ENTAILMENT]
    if len(found) != 1 or len(labels) < 2:
        names = ", ".join(map(str, labels.values()))
        raise ModelError(
            f"{folder}: an entailment model must name one of its labels entailment, beside others such as neutral and "
            f"contradiction; got {names}. If it is one, say in its config.json what they mean (id2label)."
        )
    return found[0]


@functools.lru_cache(maxsize=2)
def _loaded(folder: Path, files: Stamp) -> Entailing:
    torch.set_num_threads(1)  # more are slower beside other work, and would change the last bits
    return Entailing(folder)
