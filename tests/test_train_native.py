"""The compiled loss and gradient of GPTs are those of the plain path, and no model's depend on another's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.learners.transformer import Transformer
from agents.neural.gpt import GptShape, first_weights, layout
from agents.neural.train_native import ROWS, NativeLoss, numbers_at_work
from ecosystem.streams import Streams

SHAPES = {
    "whole vectors": GptShape(vocabulary=96, context=24, layers=2, width=64, heads=4),
    "no whole vectors": GptShape(vocabulary=61, context=24, layers=2, width=18, heads=3),
    "untied, one head": GptShape(vocabulary=61, context=40, layers=1, width=20, heads=1, tied=False),
    "wide": GptShape(vocabulary=61, context=24, layers=1, width=288, heads=4),
    "longer than a block": GptShape(vocabulary=61, context=ROWS + 13, layers=2, width=16, heads=2),
}


def draws(n: int, purpose: str = "train"):
    return Streams(2).rows(purpose, 0, n)


def case(shape: GptShape, n: int = 2, b: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights that all matter, documents that end here and there, weights of documents, one of them 0."""
    rng = np.random.default_rng(0)
    weights = first_weights(shape, draws(n, "init"))
    weights += 0.1 * rng.normal(size=weights.shape).astype(np.float32)
    content = rng.integers(1, shape.vocabulary, (n, b, shape.context)).astype(np.int32)
    content[np.arange(shape.context) >= rng.integers(0, 2 * shape.context, (n, b, 1))] = 0
    weight = rng.uniform(0.5, 2, (n, b)).astype(np.float32)
    weight[:, 2] = 0
    return weights, content, weight


def plain(shape: GptShape, weights: np.ndarray, content: np.ndarray, weight: np.ndarray) -> tuple[Tensor, Tensor]:
    flat, learner = torch.from_numpy(weights.copy()).requires_grad_(), Transformer()
    loss = learner._loss(shape, flat, torch.from_numpy(content), torch.from_numpy(weight), draws(len(weights)))
    loss.sum().backward()
    assert flat.grad is not None
    return loss.detach(), flat.grad


def native(shape: GptShape, weights: np.ndarray, content: np.ndarray, weight: np.ndarray) -> tuple[Tensor, Tensor]:
    given = (torch.from_numpy(array) for array in (weights, content, weight))
    return NativeLoss(shape)(*given, draws(len(weights)))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_loss_and_gradient_are_those_of_the_plain_path(shape):
    """Every matrix and vector for itself; rounding of float32 sums of some hundred terms is 1e-6 of their size."""
    given = case(shape)
    (loss, gradient), (loss_too, gradient_too) = plain(shape, *given), native(shape, *given)
    torch.testing.assert_close(loss_too.float(), loss, rtol=1e-6, atol=0)
    wanted, found = layout(shape).views(gradient), layout(shape).views(gradient_too)
    for name, of in wanted.items():
        apart = (found[name] - of).norm() / of.norm()
        # keys' biases move all scores of a row alike: their gradient is 0 but for rounding, a third of this vector
        assert apart < 1e-5, name


def test_a_model_alone_says_how_much_room_it_takes():
    """What is stated is what is laid out: 5% off at most, for the vectors that rows are filled up to."""
    shape, (n, batch, length) = SHAPES["wide"], (3, 8, 24)
    loss = NativeLoss(shape)
    sizes, room, gradient = loss._room(n, batch, length)
    assert sizes.rows == batch * length  # fewer tokens than the model is wide
    laid_out = gradient.size + sum(np.asarray(of).size for of in room if not isinstance(of, tuple))
    assert numbers_at_work(shape, n, batch, length) == pytest.approx(laid_out, rel=0.05)


@pytest.mark.parametrize("length", [1, 2, 15, 17])
def test_short_documents_share_a_block(length):
    shape = GptShape(61, 24, 1, 16, 2)
    weights, content, weight = case(shape, b=20)
    content = np.ascontiguousarray(content[:, :, :length])
    (loss, gradient), (loss_too, gradient_too) = (path(shape, weights, content, weight) for path in (plain, native))
    torch.testing.assert_close(loss_too.float(), loss, rtol=1e-6, atol=0)
    assert (gradient_too - gradient).norm() < 1e-5 * gradient.norm()


def test_a_model_in_a_stack_is_the_model_alone_to_the_last_bit():
    shape = SHAPES["no whole vectors"]
    weights, content, weight = case(shape, n=4)
    loss, gradient = native(shape, weights, content, weight)
    for i in range(4):
        loss_too, gradient_too = native(shape, weights[i : i + 1], content[i : i + 1], weight[i : i + 1])
        assert loss_too[0] == loss[i]
        assert (gradient_too[0] == gradient[i]).all()


def test_what_does_not_count_does_not_matter():
    """Tokens behind the end, and documents of weight 0; a minibatch of nothing has loss and gradient 0."""
    shape = SHAPES["no whole vectors"]
    weights, content, weight = case(shape)
    other = content.copy()
    other[:, 2] = 5
    other[(np.cumsum(content == 0, axis=2) - (content == 0)) > 0] = 7
    assert (other != content).any()
    loss, gradient = native(shape, weights, content, weight)
    loss_too, gradient_too = native(shape, weights, other, weight)
    assert (loss == loss_too).all()
    assert (gradient == gradient_too).all()
    weight[1] = 0
    loss, gradient = native(shape, weights, content, weight)
    assert loss[1] == 0
    assert (gradient[1] == 0).all()
    assert (gradient[0] == gradient_too[0]).all()
