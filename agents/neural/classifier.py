"""A small network that tells classes of human documents apart, and knows when it is not sure.

It is trained once, on what humans wrote, with the regime that models are trained with. It is also shown, as a class of
its own, documents with their numbers shuffled, noise, and flat ones: without those a network is as sure of nonsense as
of a document.

Letters: M documents, D numbers of one, C classes, F features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import silu

from agents.neural.fit import fit, fresh_state
from agents.neural.flat import Layout
from agents.neural.learner import NeuralLearner
from ecosystem.streams import Draws, Streams

HIDDEN, FEATURES = 128, 32
JITTER = 0.2  # of the numbers' spread, added to what it is shown: a judge should not mind a little noise
REGIME = NeuralLearner(updates=1000, batch=128, learning_rate=5e-3, clip=1e4)
SURE = 0.9  # probability below which a document is taken for none of the classes
BLOCK = 8192  # documents judged at once


@dataclass(frozen=True)
class Classifier:
    """weights by name, each with a first axis of 1; location and scale of documents."""

    weights: np.ndarray
    location: np.ndarray
    scale: float
    classes: int

    def judged(self, content: np.ndarray) -> np.ndarray:
        """(M,) class of documents (M, D); -1: none, or not sure."""
        logits = self._asked(content)[1]
        best_M = logits.argmax(axis=1)
        with np.errstate(invalid="ignore"):  # documents that are no numbers are none of the classes
            sure_M = np.exp(logits.max(axis=1) - np.logaddexp.reduce(logits, axis=1)) >= SURE
        return np.where(sure_M & (best_M < self.classes), best_M, -1)

    def features(self, content: np.ndarray) -> np.ndarray:
        """(M, F): the last hidden layer."""
        return self._asked(content)[0]

    def _asked(self, content: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        named = _layout(content.shape[1], self.classes).views(torch.from_numpy(self.weights))
        scaled = np.clip((content - self.location) / self.scale, -1e6, 1e6).astype(np.float32)
        with torch.no_grad():
            parts = [_forward(named, part[None]) for part in torch.from_numpy(scaled).split(BLOCK)]
        hidden, logits = (torch.cat(found, dim=1)[0].numpy().astype(np.float64) for found in zip(*parts, strict=True))
        return hidden, logits


def trained(content_MD: np.ndarray, class_M: np.ndarray, classes: int) -> Classifier:
    """A classifier of documents of known classes 0 .. classes - 1; the same ones always give the same classifier."""
    location, scale = content_MD.mean(axis=0), float(np.sqrt(content_MD.var(axis=0).mean())) or 1.0
    rng, layout = Streams(0).rows("classifier", 0, 1), _layout(content_MD.shape[1], classes)
    shown_MD, label_M = _with_nonsense((content_MD - location) / scale, class_M, classes, rng.generator(0))
    rare_M = 1 / np.bincount(label_M, minlength=classes + 1)[label_M]
    diet = np.concatenate([shown_MD, label_M[:, None]], axis=1).astype(np.float32)[None]

    def loss(flat: Tensor, x: Tensor, weight: Tensor, draws: Draws) -> Tensor:
        jitter = torch.from_numpy(draws.normal(*x.shape[1:]).astype(np.float32)).to(x.device)
        logits = _forward(layout.views(flat), x[..., :-1] + JITTER * jitter[..., :-1])[1]
        wrong = torch.nn.functional.cross_entropy(logits[0], x[0, :, -1].long(), reduction="none")
        return (weight * wrong).sum(dim=1) / weight.sum(dim=1)

    rng.next_call()
    weights = rng.normal(layout.size)
    for array in layout.views(weights).values():
        array *= array.shape[1] ** -0.5 if array.ndim == 3 else 0.0
    decayed_P = layout.mask(lambda name, shape: len(shape) == 2)
    state = fit(REGIME, fresh_state(weights), diet, rare_M[None], rng, loss, decayed_P, 1)
    return Classifier(state["weights"], location, scale, classes)


def _with_nonsense(x_MD: np.ndarray, class_M: np.ndarray, classes: int, rng: np.random.Generator):
    """Documents and nonsense, and the label of each: nonsense has the label `classes`."""
    few, (low_D, high_D) = len(x_MD) // 8 + 1, (x_MD.min(axis=0), x_MD.max(axis=0))
    shuffled = rng.permuted(x_MD[rng.permutation(len(x_MD))[: 4 * few]], axis=1)
    noise = rng.uniform(low_D, high_D, (2 * few, len(low_D)))
    flat = low_D + (high_D - low_D) * rng.uniform(size=(few, 1))
    nonsense = np.concatenate([shuffled, noise, flat])
    return np.concatenate([x_MD, nonsense]), np.append(class_M, np.full(len(nonsense), classes))


def _layout(size: int, classes: int) -> Layout:
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (wide, out) in enumerate(((size, HIDDEN), (HIDDEN, FEATURES), (FEATURES, classes + 1))):
        shapes |= {f"{i}.weight": (wide, out), f"{i}.bias": (out,)}
    return Layout(shapes)


def _forward(named: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Features (n, M, F) and logits (n, M, C + 1)."""
    for i in range(2):
        x = silu(torch.baddbmm(named[f"{i}.bias"][:, None], x, named[f"{i}.weight"]))
    return x, torch.baddbmm(named["2.bias"][:, None], x, named["2.weight"])
