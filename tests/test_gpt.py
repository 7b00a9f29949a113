"""The stacked GPT is transformers' GPT-2: logits, gradients and training on the same weights."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from agents.learners.transformer import Transformer, _surprise
from agents.neural import gpt, minibatches
from agents.neural.fit import Adam, fit, fresh_state
from agents.neural.train_native import NativeLoss
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Diverged
from ecosystem.streams import Streams

SHAPE = gpt.GptShape(vocabulary=97, context=24, layers=2, width=32, heads=4)
N = 3


def library_model(shape: gpt.GptShape, seed: int) -> GPT2LMHeadModel:
    """A model of transformers with weights larger than at the start, so that every term matters."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=shape.vocabulary, n_positions=shape.context, n_embd=shape.width, n_layer=shape.layers,
        n_head=shape.heads, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, tie_word_embeddings=shape.tied,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


def stacked(models: list[GPT2LMHeadModel], shape: gpt.GptShape) -> np.ndarray:
    names = gpt.layout(shape).shapes
    rows = [{k: v.detach().numpy() for k, v in m.named_parameters(remove_duplicate=False)} for m in models]
    return gpt.layout(shape).flat({name: np.stack([row[name] for row in rows]) for name in names})


def documents(shape: gpt.GptShape, n: int, b: int, seed: int = 0) -> np.ndarray:
    """(n, b, L) with ends here and there."""
    rng = np.random.default_rng(seed)
    content = rng.integers(1, shape.vocabulary, (n, b, shape.context)).astype(np.int32)
    ends = rng.integers(3, 2 * shape.context, (n, b, 1))
    return np.where(np.arange(shape.context) < ends, content, 0)


def library_loss(model: GPT2LMHeadModel, content: np.ndarray) -> torch.Tensor:
    """Mean nats a token up to and including the end token, as a user would write it."""
    tokens = torch.from_numpy(content).long()
    labels = tokens.clone()
    ended = torch.cummax((tokens == 0).int(), dim=1).values
    labels[(ended - (tokens == 0).int() * (torch.cumsum((tokens == 0).int(), 1) == 1).int()) == 1] = -100
    fed = torch.cat([torch.zeros(len(tokens), 1, dtype=torch.long), tokens], dim=1)
    return model(input_ids=fed[:, :-1], labels=None).logits.flatten(0, 1).float().log_softmax(-1).gather(
        1, labels.flatten().clamp(min=0)[:, None]
    ).squeeze(1).neg()[labels.flatten() != -100].mean()  # fmt: skip


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("heads", [1, 4])
def test_logits_equal_the_librarys(tied, heads):
    shape = gpt.GptShape(97, 24, 2, 32, heads, tied)
    models = [library_model(shape, seed) for seed in range(N)]
    tokens = torch.from_numpy(documents(shape, N, 5)).long()
    ours = gpt.logits(shape, gpt.layout(shape).views(torch.from_numpy(stacked(models, shape))), tokens)
    for i, model in enumerate(models):
        torch.testing.assert_close(ours[i], model(input_ids=tokens[i]).logits, atol=1e-4, rtol=0)
    assert ours.std() > 0.5  # so that 1e-4 means something


def test_gradients_equal_the_librarys():
    models = [library_model(SHAPE, seed) for seed in range(N)]
    content = documents(SHAPE, N, 6)
    weights = torch.from_numpy(stacked(models, SHAPE)).requires_grad_()
    learner = Transformer(layers=2, width=32, heads=4)
    rng = Streams(0).rows("loss", 0, N)
    loss = learner._loss(SHAPE, weights, torch.from_numpy(content), torch.ones(N, 6), rng)
    loss.sum().backward()
    for i, model in enumerate(models):
        theirs = library_loss(model, content[i])
        theirs.backward()
        assert loss[i].item() == pytest.approx(theirs.item(), abs=1e-5)
        theirs_P = gpt.layout(SHAPE).flat(
            {
                k: dict(model.named_parameters(remove_duplicate=False))[k].grad.numpy()[None]
                for k in gpt.layout(SHAPE).shapes
            }
        )[0]
        apart = np.linalg.norm(weights.grad[i].numpy() - theirs_P) / np.linalg.norm(theirs_P)
        assert apart < 1e-5


@pytest.mark.parametrize("native", [False, True], ids=["plain", "compiled"])
def test_fifty_updates_equal_the_librarys(native):
    """AdamW with decay of matrices only, a clipped norm, warm-up and cosine: the same losses, model by model."""
    learner = Transformer(
        layers=2, width=32, heads=4, updates=50, batch=4, learning_rate=2e-3, clip=0.5, weight_decay=0.1
    )
    models = [library_model(SHAPE, seed) for seed in range(N)]
    content, rng = documents(SHAPE, N, 32), Streams(3)
    state = fresh_state(stacked(models, SHAPE))
    plan = minibatches.plan(np.ones((N, 32)), 4, 1, 50, rng.rows("train", 1, N))
    rates = minibatches.learning_rates(np.full(N, 50), 50, 2e-3, "cosine", 0.1)
    ours: list[torch.Tensor] = []

    path = NativeLoss(SHAPE) if native else functools.partial(learner._loss, SHAPE)

    def loss(*of):
        found = path(*of)
        ours.append(found[0] if native else found)
        return found

    decayed = gpt.layout(SHAPE).mask(lambda name, of: len(of) > 1)
    trained = fit(learner, state, content, np.ones((N, 32)), rng.rows("train", 1, N), loss, decayed, tile=8)
    for i, model in enumerate(models):
        matrices = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim == 1]
        adam = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}])
        for u in range(50):
            for group in adam.param_groups:
                group["lr"] = rates[i, u]
            adam.zero_grad()
            theirs = library_loss(model, content[i, plan[i, u]])
            theirs.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            adam.step()
            assert ours[u][i].item() == pytest.approx(theirs.item(), abs=1e-3)
    assert ours[-1].max() < ours[0].min()  # they did learn
    assert (trained["updates"] == 50).all()


def test_models_at_updates_of_their_own_step_as_those_that_are_alike():
    """One that skips an update stays as it is; the others take the step they would take if all were alike."""
    rng = np.random.default_rng(0)
    state = fresh_state(rng.normal(size=(3, 40)))
    state["first"], state["second"] = rng.normal(size=(2, 3, 40)).astype(np.float32) ** 2
    state["updates"][:] = 6
    gradient = torch.from_numpy(rng.normal(size=(3, 40)).astype(np.float32))

    def stepped(takes: list[bool]) -> dict[str, np.ndarray]:
        part = {name: array.copy() for name, array in state.items()}
        adam = Adam(part, np.full((3, 1), 1e-2), np.array(takes)[:, None], 0.1, np.arange(40) < 20, 1.0, "cpu")
        adam.weights.grad = gradient.clone()
        adam.update(0)
        adam.write_back(part)
        return part

    alike, some = stepped([True, True, True]), stepped([True, False, True])
    assert some["updates"].tolist() == [7, 6, 7]
    for name in ("weights", "first", "second"):
        np.testing.assert_allclose(some[name][[0, 2]], alike[name][[0, 2]], rtol=2e-6, atol=1e-7)
        np.testing.assert_array_equal(some[name][1], state[name][1])
        assert not np.array_equal(alike[name][1], state[name][1])


def test_first_weights_are_drawn_as_the_librarys():
    """Standard deviations of every matrix against transformers' own initialisation; 5 sigma of the estimate."""
    shape = gpt.GptShape(500, 64, 4, 64, 4)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=500, n_positions=64, n_embd=64, n_layer=4, n_head=4))
    ours = gpt.layout(shape).views(gpt.first_weights(shape, Streams(0).rows("init", 0, 1)))
    for name, theirs in model.named_parameters():
        mine, wanted = ours[name][0], theirs.detach().numpy()
        assert mine.shape == wanted.shape
        assert abs(mine.mean() - wanted.mean()) <= 5 * wanted.std() / np.sqrt(wanted.size / 2)
        assert abs(mine.std() - wanted.std()) <= 5 * wanted.std() / np.sqrt(wanted.size)


def test_every_document_is_read_once_an_epoch_and_those_of_weight_zero_never():
    weight = np.ones((2, 10))
    weight[1, 3:] = 0
    plan = minibatches.plan(weight, 4, 3, None, Streams(0).rows("train", 0, 2))
    assert plan.shape == (2, 8, 4)
    assert np.bincount(plan[0][plan[0] >= 0], minlength=10).tolist() == [3] * 10
    assert np.bincount(plan[1][plan[1] >= 0], minlength=10).tolist() == [3, 3, 3] + [0] * 7
    assert sorted(plan[0].ravel()[:10].tolist()) == list(range(10))
    assert (plan[1, 3:] == -1).all()


def test_a_model_that_diverges_is_named_with_what_to_lower():
    shape = DocumentShape("tokens", SHAPE.vocabulary, SHAPE.context)
    learner = Transformer(layers=1, width=32, heads=4, updates=40, learning_rate=10, clip=1e30)
    rng = Streams(0)
    params = learner.init(N, shape, rng.rows("init", 0, N))
    params["weights"][1] *= 1e25
    with pytest.raises(Diverged, match="learning_rate") as caught:
        learner.train(params, documents(SHAPE, N, 8), np.ones((N, 8)), rng.rows("train", 0, N))
    assert caught.value.row == 1


def test_surprise_stops_after_the_end():
    model = library_model(SHAPE, 0)
    content = torch.tensor([[[5, 6, 0] + [0] * 21, [1] * 24]])
    w = gpt.layout(SHAPE).views(torch.from_numpy(stacked([model], SHAPE)))
    nats = _surprise(SHAPE, w, content)[0]
    assert (nats[0, :3] > 0).all()
    assert (nats[0, 3:] == 0).all()
    assert (nats[1] > 0).all()
