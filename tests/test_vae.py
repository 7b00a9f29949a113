"""Stacked variational autoencoders against a loop over torch modules, exact densities and probabilistic PCA."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from agents.humans.mixture import Mixture
from agents.learners.gaussian import Gaussian
from agents.learners.vae import Vae
from agents.neural.autoencoder import LEAST, SPEED, Autoencoder, log_density, negative_bound
from ecosystem.checks import check_learner
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Diverged
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Scenario
from ecosystem.streams import Streams
from tests.chance import mean_is

QUICK = {"updates": 40, "hidden": 16, "latent": 2}


def draws(purpose: str, n: int, seed: int = 0):
    return Streams(seed).rows(purpose, 1, n)


def fitted(learner: Vae, content: np.ndarray, seed: int = 0):
    n, b, d = content.shape
    fresh = learner.init(n, DocumentShape("vectors", d), draws("init", n, seed))
    return learner.train(fresh, content, np.ones((n, b)), draws("train", n, seed))


def modes(n: int, b: int, seed: int = 0) -> np.ndarray:
    """(n, b, 2): a mixture of four common and four rare modes."""
    return Mixture().open([Mixture()])[0].sample(b, draws("humans", n, seed))


@pytest.mark.parametrize(
    "learner",
    [
        Vae(**QUICK),
        Vae(**QUICK, variance=0.2, activation="tanh", scale="whole"),
        Vae(updates=None, epochs=5, batch=7, hidden=(), latent=1, activation="relu", scale="none"),
    ],
    ids=repr,
)
def test_autoencoders_of_other_kinds_keep_the_rules(learner):
    check_learner(learner)


class Module(torch.nn.Module):
    """One autoencoder as one would write it: Kingma & Welling, appendix B and C."""

    def __init__(self, shape: Autoencoder, named: dict[str, torch.Tensor], row: int):
        super().__init__()
        self.encoder, self.decoder = self._stack("encoder", named, row), self._stack("decoder", named, row)
        self.spread = torch.nn.Parameter(named["spread"][row].clone())
        self.latent = shape.latent

    def _stack(self, part: str, named: dict[str, torch.Tensor], row: int) -> torch.nn.Sequential:
        layers: list[torch.nn.Module] = []
        for i in range(sum(name.startswith(f"{part}.") for name in named) // 2):
            weight, bias = named[f"{part}.{i}.weight"][row], named[f"{part}.{i}.bias"][row]
            linear = torch.nn.Linear(*weight.shape, dtype=weight.dtype)
            linear.weight.data, linear.bias.data = weight.T.clone(), bias.clone()
            layers += [linear, torch.nn.SiLU()]
        return torch.nn.Sequential(*layers[:-1])

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        mean, log_variance = self.encoder(x).split(self.latent, dim=1)
        posterior = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
        decoded = self.decoder(mean + posterior.scale * noise)
        written = torch.distributions.Normal(decoded, torch.sqrt(torch.exp(SPEED * self.spread) + LEAST))
        prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        divergence = torch.distributions.kl_divergence(posterior, prior).sum(1)
        return (divergence - written.log_prob(x).sum(1)).mean()


@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=str)
def test_bound_and_gradients_are_those_of_a_loop_over_modules(dtype, allowed):
    shape, n, b = Autoencoder(size=5, latent=3, hidden=(16, 12)), 4, 20
    layout, random = shape.layout(), np.random.default_rng(0)
    flat = torch.tensor(shape.fresh(random.standard_normal((n, layout.size))), dtype=dtype, requires_grad=True)
    x, noise = (torch.tensor(random.standard_normal((n, b, k)), dtype=dtype) for k in (5, 3))
    together = negative_bound(shape, layout.views(flat), x, torch.ones(n, b, dtype=dtype), noise)
    together.sum().backward()
    gradient = layout.views(flat.grad)
    for i in range(n):
        module = Module(shape, layout.views(flat.detach()), i)
        alone = module(x[i], noise[i])
        alone.backward()
        assert together[i].item() == pytest.approx(alone.item(), rel=allowed)
        for part in ("encoder", "decoder"):
            for j, linear in enumerate(layer for layer in getattr(module, part) if hasattr(layer, "weight")):
                for ours, theirs in (
                    (gradient[f"{part}.{j}.weight"][i], linear.weight.grad.T),
                    (gradient[f"{part}.{j}.bias"][i], linear.bias.grad),
                ):
                    assert torch.linalg.norm(ours - theirs) <= allowed * torch.linalg.norm(theirs)
        assert gradient["spread"][i].item() == pytest.approx(module.spread.grad.item(), rel=allowed)


def test_the_estimate_of_a_density_is_without_bias():
    """A decoder without hidden layers is probabilistic PCA: x ~ N(b, W'W + variance) exactly, whatever the encoder."""
    shape, random = Autoencoder(size=3, latent=2, hidden=(), variance=0.3), np.random.default_rng(1)
    layout = shape.layout()
    flat = torch.tensor(shape.fresh(random.standard_normal((1, layout.size))))
    named = layout.views(flat)
    factor = named["decoder.0.weight"][0].numpy().astype(float)
    x = random.standard_normal((1, 6, 3))
    sets = (torch.tensor(random.standard_normal((400, k, 2)), dtype=torch.float32) for k in (4, 12))
    with torch.no_grad():
        found = [
            log_density(shape, named, torch.tensor(x, dtype=torch.float32), near, far)[0].numpy()
            for near, far in zip(*sets, strict=True)
        ]
    spread = factor.T @ factor
    exact, other = (multivariate_normal(np.zeros(3), spread + v * np.eye(3)).logpdf(x[0]) for v in (0.3, 0.4))
    share = np.exp(np.array(found) - exact)
    assert all(mean_is(share[:, m], 1.0) for m in range(6))
    assert not all(mean_is(np.exp(np.array(found) - other)[:, m], 1.0) for m in range(6)), "another variance is refused"
    assert np.mean(found) < exact.mean(), "the log of it is a lower bound"


def test_a_linear_autoencoder_becomes_probabilistic_pca():
    """Their optimum is the same (Lucas et al. 2019, arXiv:1911.02469; Tipping & Bishop 1999, equation 8): 95% of what
    PCA gains over a round normal distribution is reached."""
    random = np.random.default_rng(2)
    x = random.standard_normal((2000, 2)) @ random.standard_normal((2, 6)) + 0.3 * random.standard_normal((2000, 6))
    learner = Vae(hidden=(), latent=2, updates=1500, batch=200, learning_rate=0.03, scale="none")
    params = fitted(learner, x[None])
    value, axes = np.linalg.eigh(np.cov(x.T, bias=True))
    covariance = axes[:, 4:] * value[4:] @ axes[:, 4:].T + value[:4].mean() * axes[:, :4] @ axes[:, :4].T
    best = multivariate_normal(x.mean(axis=0), covariance).logpdf(x).mean()
    round_ = multivariate_normal(x.mean(axis=0), value.mean() * np.eye(6)).logpdf(x).mean()
    reached = learner.log_prob(params, x).mean()
    assert round_ + 0.95 * (best - round_) < reached < best + 0.01


def test_modes_are_learned_with_few_documents():
    """300 documents: every common mode is met, and held-out documents are better predicted than by one normal."""
    content, unread = modes(3, 300), modes(1, 300, seed=1)[0]
    learner, one = Vae(latent=2), Gaussian()
    params = fitted(learner, content)
    normal = one.train(one.init(3, DocumentShape("vectors", 2), draws("init", 3)), content, np.ones((3, 300)), None)
    assert (learner.log_prob(params, unread).mean(axis=1) > one.log_prob(normal, unread).mean(axis=1) + 0.2).all()
    centre = Mixture().modes().centre_CD[:4]
    written = learner.sample(params, 500, draws("sample", 3))
    near = (((written[:, :, None] - centre) ** 2).sum(axis=3) < 9).mean(axis=1)
    assert (near > 0.1).all(), "each is written at least half as often as people write it, 0.23"


def test_the_learned_variance_is_the_best_there_is():
    """A fifth more or less of it makes the bound on what was read worse; 20 latent draws a document."""
    content, learner = modes(2, 500), Vae(latent=2, updates=200)
    params, shape = fitted(learner, content), learner.network(2)
    x = torch.tensor((content - params["location"][:, None]) / params["scale"][:, None], dtype=torch.float32)
    noise = torch.tensor(np.random.default_rng(0).standard_normal((2, 10_000, 2)), dtype=torch.float32)
    x = x.repeat(1, 20, 1)
    bounds = []
    for times in (0.8, 1.0, 1.25):
        named = shape.layout().views(torch.from_numpy(params["weights"].copy()))
        named["spread"] = named["spread"] + np.log(times) / SPEED
        bounds.append(negative_bound(shape, named, x, torch.ones(2, 10_000), noise).numpy())
    assert (bounds[1] < bounds[0]).all()
    assert (bounds[1] < bounds[2]).all()


def test_posterior_collapse_is_visible():
    """Noise far wider than the data leaves nothing to say for latent numbers; the learned one does not."""
    content = modes(2, 200)
    assert (fitted(Vae(latent=2), content)["used"] > 0.3).any(axis=1).all()
    assert (fitted(Vae(latent=2, variance=30.0), content)["used"] < 0.01).all()


def test_a_world_counts_active_units_of_its_autoencoders_and_of_no_one_else():
    few = {"latent": 2, "updates": 200}
    learners = {"alive": Vae(**few), "collapsed": Vae(**few, variance=30), "other": Gaussian()}
    spec = Scenario(
        world=Mixture(), humans=(Community(rate=20),), graph=Graph(kind="isolated"), steps=0,
        metrics=("agents.learners.vae:active_units",),
        models=tuple(Group(name=k, count=2, publish=5, read=200, learner=v) for k, v in learners.items()),
    )  # fmt: skip
    (units,) = Ecosystem(spec).frame.agents.values()
    assert (units[:2] > 0).all()
    assert (units[2:4] == 0).all()
    assert np.isnan(units[4:]).all()


@pytest.mark.parametrize("scale", ["each", "whole"])
def test_data_of_any_size_serve(scale):
    """Powers of two, so that not even rounding differs."""
    learner, content, times = Vae(**QUICK, scale=scale), modes(2, 50), 2.0**30
    small, large = (fitted(learner, x) for x in (content / times, content))
    one, other = (learner.sample(p, 20, draws("sample", 2)) for p in (small, large))
    np.testing.assert_array_equal(one * times, other)
    np.testing.assert_allclose(
        learner.log_prob(small, content[0] / times), learner.log_prob(large, content[0]) + 2 * np.log(times), rtol=1e-12
    )


def test_numbers_of_different_units_are_scaled_apart():
    content = modes(1, 200) * (1.0, 50.0) + (5.0, -1e6)
    for scale, told in (("each", True), ("whole", False)):
        learner = Vae(updates=300, scale=scale)
        written = learner.sample(fitted(learner, content), 500, draws("sample", 1))[0]
        spread = written.std(axis=0) / content[0].std(axis=0)
        assert bool(((spread > 0.5) & (spread < 2)).all()) == told


def test_who_reads_one_document_over_and_over_writes_it():
    learner, content = Vae(**QUICK), np.broadcast_to((3.0, -7.0), (2, 30, 2))
    params = fitted(learner, content)
    np.testing.assert_allclose(learner.sample(params, 30, draws("sample", 2)), content, atol=1e-6)
    assert np.isfinite(learner.log_prob(params, content[0])).all()


def test_noise_is_what_sets_documents_and_means_apart():
    content = modes(2, 100)
    params = fitted(Vae(**QUICK), content)
    noisy, mean = (Vae(**QUICK, noise=noise).sample(params, 4000, draws("sample", 2)) for noise in (True, False))
    network = Vae(**QUICK).network(2)
    deviation = network.spread(network.layout().views(torch.from_numpy(params["weights"]))).sqrt().numpy()
    apart = (noisy - mean) / params["scale"][:, None] / deviation[:, None, None]
    assert all(mean_is(apart[i, :, r] ** 2, 1.0) for i in range(2) for r in range(2))


def test_going_on_keeps_the_scale_and_counts_updates():
    learner, content = Vae(**QUICK), modes(2, 50)
    first = fitted(learner, content)
    again = learner.train(first, 100 * content, np.ones((2, 50)), draws("again", 2))
    np.testing.assert_array_equal(again["scale"], first["scale"])
    np.testing.assert_array_equal(again["updates"], [80, 80])
    assert learner.log_prob(again, 100 * content[0]).mean() > learner.log_prob(first, 100 * content[0]).mean()


def test_a_learning_rate_out_of_bounds_is_told_with_the_model_it_breaks():
    content = modes(3, 50)
    with pytest.raises(Diverged, match="lower learning_rate"):
        fitted(Vae(**QUICK | {"updates": 400}, learning_rate=10.0, schedule="constant"), content)


def test_memory_is_stated_and_grows_with_models_and_documents():
    shape = DocumentShape("vectors", 64)
    one, many, more = (Vae().memory(n, shape, b) for n, b in ((1, 100), (100, 100), (100, 10_000)))
    weights = 4 * Vae().network(64).layout().size
    assert 3 * weights < one < many < more
    assert many > 100 * 3 * weights
