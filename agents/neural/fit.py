"""Training of many models at once: minibatches, AdamW and gradient clipping, a model's own each.

Letters: n models, b documents of a diet, B of a minibatch, P weights of one model, x the trailing shape of a document.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.optim.adamw import adamw

from agents.neural import minibatches
from agents.neural.learner import NeuralLearner
from agents.neural.products import alone, fast_products
from ecosystem import machine
from ecosystem.interfaces import Diverged, Params
from ecosystem.streams import Draws

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
LOOK_EVERY = 32  # updates between two looks at whether all losses are finite: each look waits for the device

Loss = Callable[[Tensor, Tensor, Tensor, Draws], Tensor | tuple[Tensor, Tensor]]
"""loss(weights (n, P), content (n, B, *x), weight (n, B), rng) -> (n,): mean by weight over each model's minibatch.

Rows of weight 0 hold a document that must not matter; a row may be all zero, then its loss is 0. A loss that knows its
gradient (n, P) gives both, and the gradient may be overwritten; else torch finds it."""


def fresh_state(weights: np.ndarray) -> Params:
    """The state of models that have not been trained: weights (n, P) and an optimiser that has seen nothing."""
    n = len(weights)
    moments = {name: np.zeros(weights.shape, np.float32) for name in ("first", "second")}
    return {"weights": weights.astype(np.float32), **moments, "updates": np.zeros(n, np.int64)}


def fit(
    learner: NeuralLearner, state: Params, content: np.ndarray, weight: np.ndarray, rng: Draws, loss: Loss,
    decayed_P: np.ndarray, tile: int,
) -> Params:  # fmt: skip
    """State after training on content (n, b, *x) with weight (n, b); agents go in tiles, each on its own thread.

    Diverged where a model's loss is not finite.
    """
    trained = {name: np.array(state[name]) for name in ("weights", "first", "second", "updates")}

    def train(rows: slice) -> None:
        alone()
        part = {name: array[rows] for name, array in trained.items()}
        of_rows = rng.take(np.arange(rows.start, rows.stop))
        try:
            _fit_tile(learner, part, content[rows], weight[rows], of_rows, loss, decayed_P)
        except Diverged as error:
            bad = tuple(rows.start + row for row in error.rows)
            raise Diverged(bad[0], error.detail, rows=bad) from None

    with fast_products():
        machine.deal(train, machine.tiles(len(content), tile))
    return trained


def _fit_tile(learner, part: Params, content, weight, rng: Draws, loss: Loss, decayed_P: np.ndarray) -> None:
    """Trains a tile, in place."""
    device = machine.here().device
    plan_nUB = minibatches.plan(weight, learner.batch, learner.epochs, learner.updates, rng)
    takes_nU = (plan_nUB >= 0).any(axis=2)
    rate_nU = minibatches.learning_rates(
        takes_nU.sum(axis=1), takes_nU.shape[1], learner.learning_rate, learner.schedule, learner.warmup
    )
    adam = Adam(part, rate_nU, takes_nU, learner.weight_decay, decayed_P, learner.clip, device)
    safe = np.where(_extended(weight > 0, content.ndim), content, 0)  # what has weight 0 may hold anything
    row = np.arange(len(content))[:, None]
    losses: list[Tensor] = []
    for u in range(takes_nU.shape[1]):
        machine.go_on()
        column = np.maximum(plan_nUB[:, u], 0)
        share = np.where(plan_nUB[:, u] >= 0, weight[row, column], 0)
        chosen = torch.from_numpy(safe[row, column]).to(device)
        weight_nB = torch.from_numpy(share.astype(np.float32)).to(device)
        losses.append(_with_gradient(loss, adam.weights, chosen, weight_nB, rng))
        adam.update(u)
        if (u + 1) % LOOK_EVERY == 0 or u + 1 == takes_nU.shape[1]:
            _look(losses, u + 1 - len(losses), takes_nU.shape[1], learner)
            losses.clear()
    adam.write_back(part)


def _with_gradient(loss: Loss, weights: Tensor, content: Tensor, weight: Tensor, rng: Draws) -> Tensor:
    """The loss (n,), without its graph; its gradient becomes that of `weights`."""
    weights.grad = None
    found = loss(weights, content, weight, rng)
    if isinstance(found, tuple):
        loss_n, weights.grad = found
        return loss_n
    found.sum().backward()  # summed, not averaged: a model's step does not depend on how many there are
    return found.detach()


class Adam:
    """AdamW on one flat array: p -= rate (m / (sqrt(v) + epsilon) + decay p), m and v corrected for their bias.

    As torch.optim.AdamW, with a learning rate, a clipped gradient norm and a count of updates of each model's own.
    """

    def __init__(self, part: Params, rate_nU, takes_nU, decay: float, decayed_P, clip: float, device: str):
        self.weights = torch.from_numpy(part["weights"]).to(device).requires_grad_()
        self._first, self._second = (torch.from_numpy(part[name]).to(device) for name in ("first", "second"))
        self._decay_P = torch.from_numpy(decay * decayed_P.astype(np.float32)).to(device) if decay else None
        self._clip, self._takes_nU = clip, takes_nU
        self._count_nU = part["updates"][:, None] + np.cumsum(takes_nU, axis=1)
        self._rate_nU = np.where(takes_nU, rate_nU, 0.0)

    @torch.no_grad()
    def update(self, u: int) -> None:
        """One step of the models that take update u; the others stay as they are."""
        gradient, p = self.weights.grad, self.weights
        assert gradient is not None
        norm_n1 = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        gradient.mul_((self._clip / (norm_n1 + 1e-6)).clamp_(max=1.0))  # as torch.nn.utils.clip_grad_norm_
        count_n, rate_n, takes_n = self._count_nU[:, u], self._rate_nU[:, u], self._takes_nU[:, u]
        if self._decay_P is not None:
            p.addcmul_(p, self._column(rate_n) * self._decay_P, value=-1.0)
        if takes_n.all() and (count_n == count_n[0]).all() and (rate_n == rate_n[0]).all():
            self._step_alike(gradient, int(count_n[0]), float(rate_n[0]))
        else:
            self._step(gradient, np.maximum(count_n, 1), rate_n, takes_n)

    def _step_alike(self, gradient: Tensor, count: int, rate: float) -> None:
        """All models are at the same update: torch's own step, which passes over the memory once."""
        before = torch.tensor(count - 1.0, device=gradient.device)
        adamw(
            [self.weights], [gradient], [self._first], [self._second], [], [before], fused=True, amsgrad=False,
            beta1=BETA1, beta2=BETA2, lr=rate, weight_decay=0.0, eps=EPSILON, maximize=False,
        )  # fmt: skip

    def _step(self, gradient: Tensor, count_n: np.ndarray, rate_n: np.ndarray, takes_n: np.ndarray) -> None:
        """Each model at an update of its own, or at none."""
        for moment, seen, beta in ((self._first, gradient, BETA1), (self._second, gradient.square(), BETA2)):
            moment.addcmul_(seen - moment, self._column(np.where(takes_n, 1 - beta, 0.0)))
        size = self._second.sqrt().div_(self._column(np.sqrt(1 - BETA2**count_n))).add_(EPSILON)
        rate = self._column(rate_n / (1 - BETA1**count_n))
        self.weights.sub_(torch.div(self._first, size, out=size).mul_(rate))

    def write_back(self, part: Params) -> None:
        """The state as it now is, into the arrays it came from."""
        for name, tensor in (("weights", self.weights.detach()), ("first", self._first), ("second", self._second)):
            part[name][...] = tensor.cpu().numpy()
        part["updates"][...] = self._count_nU[:, -1] if self._count_nU.shape[1] else part["updates"]

    def _column(self, values_n: np.ndarray) -> Tensor:
        """(n, 1) on the device."""
        return torch.from_numpy(values_n[:, None].astype(np.float32)).to(self.weights.device)


def _extended(mask_nb: np.ndarray, dimensions: int) -> np.ndarray:
    return mask_nb.reshape(*mask_nb.shape, *(1,) * (dimensions - 2))


def _look(losses: list[Tensor], first: int, of: int, learner: NeuralLearner) -> None:
    """Diverged for the first model whose loss is not finite."""
    bad_Un = ~torch.isfinite(torch.stack(losses)).cpu().numpy()
    if bad_Un.any():
        update, row = (int(x) for x in np.argwhere(bad_Un)[0])
        others = np.flatnonzero(bad_Un.any(axis=0)).tolist()
        raise Diverged(
            row,
            f"the loss is not a finite number in update {first + update + 1} of {of}; "
            f"lower learning_rate (now {learner.learning_rate:g}) or clip (now {learner.clip:g})",
            rows=(row, *(other for other in others if other != row)),
        )
