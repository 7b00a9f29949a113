"""Stacked variational autoencoders: layout of the weights, encoder, decoder, evidence bound and density.

Letters: n models, B documents (of a minibatch, or to score), d numbers of a document, l latent numbers, S and R
draws, P weights of one model. Weights by name are (n, in, out), biases (n, out).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import silu

from agents.neural.flat import Layout

ACTIVATIONS = {"silu": silu, "relu": torch.relu, "tanh": torch.tanh}
LOG_2PI = math.log(2 * math.pi)
MOST = 12.0  # of a log-variance of the encoder, either way: e^12 is beyond any use, and beyond e^80 float32 ends
SPEED = 5.0  # the learned log-variance is this many times its weight: it has far to go, and AdamW's steps are short
START = 0.02  # of the learned variance; see `objective`
LEAST = 1e-5  # variance of the decoder, of scaled numbers


@dataclass(frozen=True)
class Autoencoder:
    """Architecture: d - hidden - (mean and log-variance of l) and l - hidden backwards - d; variance None: learned."""

    size: int
    latent: int
    hidden: tuple[int, ...]
    activation: str = "silu"
    variance: float | None = None

    def layout(self) -> Layout:
        """Names and shapes of one model's weights."""
        shapes: dict[str, tuple[int, ...]] = {}
        for part, widths in (
            ("encoder", (self.size, *self.hidden, 2 * self.latent)),
            ("decoder", (self.latent, *self.hidden[::-1], self.size)),
        ):
            for i, (wide, out) in enumerate(itertools.pairwise(widths)):
                shapes |= {f"{part}.{i}.weight": (wide, out), f"{part}.{i}.bias": (out,)}
        return Layout(shapes if self.variance is not None else shapes | {"spread": (1,)})

    def fresh(self, normal_nP: np.ndarray) -> np.ndarray:
        """(n, P) weights at the start from standard normal numbers: variance 1 / inputs, biases 0."""
        layout = self.layout()
        named = layout.views(normal_nP)
        for name, array in named.items():
            array *= 1 / math.sqrt(array.shape[1]) if name.endswith("weight") else 0.0
        if self.variance is None:
            named["spread"][:] = math.log(START) / SPEED
        return layout.flat(named)

    def encode(self, named: dict[str, Tensor], x_nBd: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent numbers given documents, (n, B, l) each."""
        out = self._through("encoder", named, x_nBd)
        return out[..., : self.latent], out[..., self.latent :].clamp(-MOST, MOST)

    def decode(self, named: dict[str, Tensor], z_nBl: Tensor) -> Tensor:
        """(n, B, d): means of documents given latent numbers."""
        return self._through("decoder", named, z_nBl)

    def spread(self, named: dict[str, Tensor]) -> Tensor:
        """(n,) variance of the decoder's noise."""
        if self.variance is not None:
            return torch.full_like(named["decoder.0.bias"][:, 0], self.variance)
        return torch.exp(SPEED * named["spread"][:, 0]) + LEAST

    def set_spread(self, weights_nP: np.ndarray, variance_n: np.ndarray) -> None:
        """Puts a learned variance into the weights, in place."""
        self.layout().views(weights_nP)["spread"][:, 0] = np.log(np.maximum(variance_n - LEAST, LEAST / 100)) / SPEED

    def _through(self, part: str, named: dict[str, Tensor], x: Tensor) -> Tensor:
        activation, last = ACTIVATIONS[self.activation], len(self.hidden)
        for i in range(last + 1):
            x = torch.baddbmm(named[f"{part}.{i}.bias"][:, None], x, named[f"{part}.{i}.weight"])
            x = activation(x) if i < last else x
        return x


def objective(
    shape: Autoencoder, named: dict[str, Tensor], x_nBd: Tensor, weight_nB: Tensor, noise_nBl: Tensor
) -> Tensor:
    """(n,) what is minimised: `negative_bound` times the spread as it stands, which leaves the direction as it is.

    The spread starts small and is learned: a model first learns to tell documents apart and gives up what is not worth
    its nats. Had it started at the variance of the data, there would be little to gain from looking at them, and the
    decoder would soon ignore the latent numbers. Without the factor gradients would shrink a hundredfold as the spread
    grows, and AdamW, which remembers their size for a thousand updates, would all but stop.
    """
    return negative_bound(shape, named, x_nBd, weight_nB, noise_nBl) * shape.spread(named).detach()


def negative_bound(shape: Autoencoder, named: dict[str, Tensor], x_nBd: Tensor, weight_nB: Tensor, noise_nBl: Tensor):
    """(n,) nats a document: minus the evidence bound, mean by weight, with one latent draw a document:
    -log N(x; decoded, spread) + KL(N(mean, variance) || N(0, 1)).
    """
    square_nB, divergence_nBl = parts(shape, named, x_nBd, noise_nBl)
    spread_n1 = shape.spread(named)[:, None]
    each_nB = 0.5 * (square_nB / spread_n1 + x_nBd.shape[2] * (torch.log(spread_n1) + LOG_2PI)) + divergence_nBl.sum(2)
    return mean_by(weight_nB, each_nB)


def parts(shape: Autoencoder, named: dict[str, Tensor], x_nBd: Tensor, noise_nBl: Tensor) -> tuple[Tensor, Tensor]:
    """Squared error of the decoded document (n, B), and divergence of each latent number from its prior (n, B, l)."""
    mean, log_variance = shape.encode(named, x_nBd)
    decoded = shape.decode(named, torch.addcmul(mean, torch.exp(0.5 * log_variance), noise_nBl))
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
    return (decoded - x_nBd).square().sum(2), divergence


def mean_by(weight_nB: Tensor, value_nB: Tensor) -> Tensor:
    """Means over axis 1 by weight; 0 where all weights are 0."""
    return (weight_nB * value_nB).sum(1) / weight_nB.sum(1).clamp(min=1e-30)


def log_density(shape: Autoencoder, named: dict[str, Tensor], x_nBd: Tensor, near_Sl: Tensor, far_Rl: Tensor) -> Tensor:
    """(n, B) nats: log of the mean over draws of p(x, z) / r(z), by S draws from the encoder and R from the prior.

    r = (S q(z | x) + R p(z)) / (S + R) is the density of all draws together. The mean estimates p(x) without bias, so
    its log is a lower bound in expectation. The prior's draws bound every weight where the encoder is wrong about a
    document unlike any it has read; they are decoded once for all documents. near_Sl and far_Rl are standard normal.
    Importance weights: Burda et al. 2016, arXiv:1509.00519; from several densities: Veach & Guibas 1995,
    doi:10.1145/218380.218498, the balance heuristic.
    """
    mean, log_variance = (part[:, :, None] for part in shape.encode(named, x_nBd))
    z_nBSl = mean + torch.exp(0.5 * log_variance) * near_Sl
    near_nBSd = shape.decode(named, z_nBSl.flatten(1, 2)).view(*z_nBSl.shape[:3], -1)
    far_n1Rd = shape.decode(named, far_Rl.expand(len(x_nBd), -1, -1))[:, None]
    weights = [
        _weights(shape, named, x_nBd, mean, log_variance, z, decoded, len(near_Sl), len(far_Rl))
        for z, decoded in ((z_nBSl, near_nBSd), (far_Rl, far_n1Rd))
    ]
    return torch.logsumexp(torch.cat(weights, dim=2), dim=2)


def _weights(shape, named, x_nBd, mean, log_variance, z, decoded, near: int, far: int) -> Tensor:
    """(n, B, draws) log of p(x, z) / (near q(z | x) + far p(z))."""
    prior = -0.5 * (z.square() + LOG_2PI).sum(-1)
    encoder = -0.5 * ((z - mean).square() * torch.exp(-log_variance) + log_variance + LOG_2PI).sum(-1)
    spread = shape.spread(named)[:, None, None]
    square = (decoded - x_nBd[:, :, None]).square().sum(3)
    likelihood = -0.5 * (square / spread + shape.size * (torch.log(spread) + LOG_2PI))
    return likelihood + prior - torch.logaddexp(prior + math.log(far), encoder + math.log(near))
