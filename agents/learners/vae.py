"""The variational autoencoder: a network that writes vectors from a few latent numbers; what is rare it learns last."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, ClassVar, Literal, Union

import numpy as np
import torch
from pydantic import Field
from scipy.special import ndtri
from scipy.stats import qmc
from torch import Tensor

from agents.neural.autoencoder import Autoencoder, log_density, mean_by, objective, parts
from agents.neural.fit import fit, fresh_state
from agents.neural.learner import NeuralLearner
from ecosystem import machine
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Params
from ecosystem.streams import Draws, Streams

NEAR, FAR = 32, 256  # latent draws a document in `log_prob`: by the encoder, and from the prior
NUMBERS = 1 << 20  # at once in an array of a model's `log_prob`
TILE = 1 << 19  # weights that a thread works on at once, at most (but 4 models at least and 64 at most)
FURTHEST = 1e6  # standard deviations from the mean of what was read; what is beyond is taken to lie there
FLAT = 0.01  # least scale of a number, relative to that of all: a pixel that never varies is not divided by 0
ACTIVE = 0.01  # nats; a latent number below tells nothing of the document

Width = Annotated[int, Field(ge=1, le=8192)]


class Vae(NeuralLearner):
    """Learns an encoder to `latent` numbers and a decoder back, and writes what it decodes from standard normal ones.

    Trained to maximise the evidence bound. The decoder is a normal distribution round the decoded document, of one
    variance for all (scaled) numbers: learned with the network and set, after a fit, to the mean squared error on what
    was read. Documents are scaled by mean and spread of a model's first diet, so data of any size serve.

    Under `noise: true` documents are drawn from the model, decoder noise and all. Under `noise: false` they are the
    decoder's means, as generated images are mostly shown: each generation then lacks the noise of the one before, and
    `log_prob` is not the density of what is written.

    `log_prob` is a lower bound (in expectation) on the log-density: the log of the mean of 288 importance weights, from
    NEAR = 32 latent draws by the encoder and FAR = 256 from the prior, the same for every document and model.

    `used` in the state is the mean divergence (nats) of each latent number from its prior over the last diet. Where all
    are near 0 the posterior has collapsed: documents are written without regard to latent numbers. The metric
    `agents.learners.vae:active_units` counts those above 0.01.

    State: weights, first, second (n, P) and updates (n,), see `agents/neural/fit.py`; location, scale (n, d); used
    (n, latent); fitted (n,).

    Source: Kingma & Welling 2014, arXiv:1312.6114; learned variance: Rybkin et al. 2021, arXiv:2006.13202; as models
    trained on their own writing: Shumailov et al. 2024, arXiv:2305.17493.
    """

    reads: ClassVar[tuple[str, ...]] = ("vectors",)

    latent: int = Field(4, ge=1, le=1024, description="Latent numbers.")
    hidden: Union[Width, Annotated[tuple[Width, ...], Field(max_length=16)]] = Field(
        (64, 64), description="Width of each hidden layer of the encoder; the decoder has them backwards."
    )
    activation: Literal["silu", "relu", "tanh"] = Field("silu", description="Of hidden layers.")
    variance: Union[Literal["learned"], Annotated[float, Field(ge=1e-5, le=1e3)]] = Field(
        "learned", description="Of the decoder's noise, in scaled numbers: learned, or fixed (0.1: a tenth)."
    )
    noise: bool = Field(True, description="Documents include the decoder's noise; false: they are its means.")
    scale: Literal["each", "whole", "none"] = Field(
        "each",
        description="What documents are scaled by: the spread of each number (a hundredth of that of all at least), "
        "one for all, or nothing.",
    )
    epochs: int = Field(100, ge=1, le=10_000, description="Times a fit goes through its documents.")
    updates: int | None = Field(
        800, ge=1, le=10_000_000, description="Optimiser steps a fit, in place of epochs (null: by epochs)."
    )
    batch: int = Field(64, ge=1, le=65_536, description="Documents an update.")
    learning_rate: float = Field(0.01, gt=0, le=10, description="Peak learning rate.")
    clip: float = Field(10_000.0, gt=0, description="Largest gradient norm of one model.")

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        network = self.network(shape.size)
        return fresh_state(network.fresh(self.start(rng).normal(network.layout().size))) | {
            "location": np.zeros((n, shape.size)),
            "scale": np.ones((n, shape.size)),
            "used": np.zeros((n, self.latent)),
            "fitted": np.zeros(n, bool),
        }

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        network, content = self.network(content.shape[2]), np.where((weight > 0)[..., None], content, 0.0)
        params = params | self._scaling(params, content, weight)
        scaled, layout = _scaled(params, content), network.layout()
        noise_nbl = _narrow(rng.normal(content.shape[1], self.latent))  # of the last look at the diet

        def loss(flat: Tensor, x_nBd: Tensor, weight_nB: Tensor, rng: Draws) -> Tensor:
            noise_nBl = torch.from_numpy(_narrow(rng.normal(x_nBd.shape[1], self.latent))).to(x_nBd.device)
            return objective(network, layout.views(flat), x_nBd, weight_nB, noise_nBl)

        decayed_P = layout.mask(lambda name, shape: name.endswith("weight"))
        fitted = fit(self, params, scaled, weight, rng, loss, decayed_P, _tile(network))
        return self._settled(network, params | fitted, scaled, weight, noise_nbl)

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        n, d = params["location"].shape
        network, z_nkl = self.network(d), _narrow(rng.normal(k, self.latent))
        noise_nkd = rng.normal(k, d) if self.noise else np.zeros((n, k, d))

        def decode(named: dict[str, Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
            return network.decode(named, z), network.spread(named)

        mean_nkd, spread_n = _dealt(network, params, decode, z_nkl)
        scaled_nkd = mean_nkd + np.sqrt(spread_n)[:, None, None] * noise_nkd
        return params["location"][:, None] + params["scale"][:, None] * scaled_nkd

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        n, d = params["location"].shape
        network, draws = self.network(d), _fixed_draws(self.latent)
        block = max(1, NUMBERS // ((NEAR + FAR) * max(d, self.latent, *network.hidden)))

        def density(named: dict[str, Tensor], x: Tensor) -> tuple[Tensor]:
            near, far = (torch.from_numpy(draw).to(x.device) for draw in draws)
            return (torch.cat([log_density(network, named, some, near, far) for some in x.split(block, 1)], 1),)

        (log_nM,) = _dealt(network, params, density, _scaled(params, np.broadcast_to(content, (n, *content.shape))))
        return log_nM - np.log(params["scale"]).sum(axis=1)[:, None]

    def tile(self, n: int, shape: DocumentShape) -> int:
        return _tile(self.network(shape.size))

    def memory(self, n: int, shape: DocumentShape, read: int) -> int:
        network = self.network(shape.size)
        trained, diet = 2 * 3 * 4 * network.layout().size, 3 * 8 * read * shape.size
        step = 4 * 8 * self.batch * (2 * shape.size + 4 * self.latent + 2 * sum(network.hidden))
        return n * (trained + diet) + min(n, _tile(network)) * machine.here().threads * step

    def network(self, size: int) -> Autoencoder:
        """The architecture for documents of so many numbers."""
        hidden = (self.hidden,) if isinstance(self.hidden, int) else self.hidden
        fixed = None if self.variance == "learned" else float(self.variance)
        return Autoencoder(size, self.latent, hidden, self.activation, fixed)

    def _scaling(self, params: Params, content: np.ndarray, weight: np.ndarray) -> Params:
        """location and scale (n, d), by the first diet of a model; they stay, since its weights are made for them."""
        share_nb1 = (weight / weight.sum(axis=1, keepdims=True))[..., None]
        mean_nd = (share_nb1 * content).sum(axis=1)
        variance_nd = (share_nb1 * (content - mean_nd[:, None]) ** 2).sum(axis=1)
        whole_n1 = np.sqrt(variance_nd.mean(axis=1, keepdims=True))
        least = np.maximum(FLAT * whole_n1, 1e-9 * (1 + np.abs(mean_nd)))
        scale_nd = {"each": np.sqrt(variance_nd), "whole": whole_n1, "none": np.ones_like(whole_n1)}[self.scale]
        known = params["fitted"][:, None]
        return {
            "location": np.where(known, params["location"], mean_nd if self.scale != "none" else 0.0),
            "scale": np.where(known, params["scale"], np.maximum(scale_nd, least)),
            "fitted": np.ones(len(known), bool),
        }

    def _settled(
        self, network: Autoencoder, params: Params, scaled, weight: np.ndarray, noise_nbl: np.ndarray
    ) -> Params:
        """After a look at the whole diet: the learned variance at its best value, and what latent numbers tell."""

        def look(named: dict[str, Tensor], x: Tensor, weight_nb: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
            square_nb, divergence_nbl = parts(network, named, x, noise)
            return mean_by(weight_nb, square_nb), mean_by(weight_nb[..., None], divergence_nbl)

        square_n, used_nl = _dealt(network, params, look, scaled, _narrow(weight), noise_nbl)
        weights = params["weights"].copy()
        if network.variance is None:
            network.set_spread(weights, square_n / scaled.shape[2])
        return params | {"weights": weights, "used": used_nl}


def active_units(world) -> np.ndarray:
    """(N,) latent numbers that tell something of a document, more than 0.01 nats on average; 0: posterior collapse.

    A metric; NaN for models that are no autoencoders. After Burda et al. 2016, arXiv:1509.00519, section 5.2.
    """

    def of_group(p) -> np.ndarray:
        is_one = isinstance(p.group.learner, Vae)
        return (p.params["used"] > ACTIVE).sum(axis=1).astype(float) if is_one else np.full(p.n, np.nan)

    return world.per_agent(of_group)


def _scaled(params: Params, content_nbd: np.ndarray) -> np.ndarray:
    """Documents as the network takes them, float32."""
    scaled = (content_nbd - params["location"][:, None]) / params["scale"][:, None]
    return _narrow(np.clip(scaled, -FURTHEST, FURTHEST))


def _narrow(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.float32)


@lru_cache(maxsize=16)
def _fixed_draws(latent: int) -> tuple[np.ndarray, np.ndarray]:
    """(NEAR, latent) and (FAR, latent) standard normal numbers, the same for every document and model: Sobol's points,
    shifted at random, which fill the space more evenly than chance (Cranley & Patterson 1976, doi:10.1137/0713071)."""
    shift_2l = Streams(0).rows("vae/log_prob", 0, 2).uniform(latent)
    points = (qmc.Sobol(latent, scramble=False).random(k) for k in (NEAR, FAR))
    near, far = (_narrow(ndtri((p + shift) % 1)) for p, shift in zip(points, shift_2l, strict=True))
    return near, far


def _tile(network: Autoencoder) -> int:
    """Models that a thread works on at once: many where they are small, since each call of torch costs as much."""
    return 1 << min(max((TILE // network.layout().size).bit_length() - 1, 2), 6)  # a power of two: tiles come out even


def _dealt(network: Autoencoder, params: Params, work: Callable[..., tuple[Tensor, ...]], *arrays: np.ndarray):
    """work(weights by name, arrays) of tiles of models, without gradients; its results as float64 arrays."""
    layout, device = network.layout(), machine.here().device

    def of_tile(rows: slice) -> list[np.ndarray]:
        with torch.no_grad():
            flat, *given = (torch.from_numpy(a[rows]).to(device) for a in (params["weights"], *arrays))
            return [found.cpu().numpy() for found in work(layout.views(flat), *given)]

    tiles = machine.deal(of_tile, machine.tiles(len(params["weights"]), _tile(network)))
    return [np.concatenate(found).astype(np.float64) for found in zip(*tiles, strict=True)]
