"""What all neural learners share: the regime by which they are trained."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ecosystem.interfaces import Learner
from ecosystem.streams import Draws


class NeuralLearner(Learner):
    """A learner trained by gradient descent: AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) on minibatches.

    Every model of a group has an order of documents, a gradient norm and an optimiser state of its own. With
    `start: continue` a fit goes on with weights and optimiser as they stand; the learning rate's schedule begins anew.
    """

    row_tolerance: ClassVar[float] = 1e-3
    """AdamW divides by the size of gradients: where these are all but 0, the last bits of a matrix product, which may
    depend on how many models are stacked, grow to this in a few hundred updates."""

    epochs: int = Field(10, ge=1, le=10_000, description="Times a fit goes through its documents.")
    updates: int | None = Field(None, ge=1, le=10_000_000, description="Optimiser steps a fit, in place of epochs.")
    batch: int = Field(4, ge=1, le=65_536, description="Documents an update.")
    learning_rate: float = Field(3e-3, gt=0, le=10, description="Peak learning rate.")
    schedule: Literal["constant", "linear", "cosine"] = Field("cosine", description="Decay to 0 after warm-up.")
    warmup: float = Field(0.1, ge=0, le=1, description="Share of a fit's updates in which the learning rate rises.")
    weight_decay: float = Field(0.01, ge=0, le=10, description="Of matrices; biases, scales and shifts do not decay.")
    clip: float = Field(1.0, gt=0, description="Largest gradient norm of one model.")
    same_start: bool = Field(False, description="All models of the group begin with the same weights.")

    def start(self, rng: Draws) -> Draws:
        """Where first weights are drawn from: each model's own numbers, or the same ones for all."""
        return Draws(int(rng.key), int(rng.step), np.zeros(rng.n)) if self.same_start else rng
