"""Variational autoencoders of many models at once against a loop over modules, one after the other.

The same architecture (d - hidden - latent - hidden - d, SiLU, one learned variance of the decoder) from the same
weights, the same bound, as many AdamW updates on as many documents. Ours also scales its documents before a fit and
takes a last look at them to set the variance, as in a run; the loop has neither to do. The mean squared error of
decoded documents in units of their variance says that both learned the same.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from agents.learners.vae import Vae
from agents.neural.autoencoder import SPEED
from benchmarks._products import as_torch_comes
from benchmarks._timing import in_turn, row
from benchmarks._twins import STREAMS, with_threads
from ecosystem.documents import DocumentShape

READ, BATCH, RATE, CLIP = 512, 64, 1e-3, 1000.0


class Module(nn.Module):
    """One autoencoder, as in the textbook, from weights by name (matrices are (in, out))."""

    def __init__(self, size: int, hidden: int, latent: int, named: dict[str, np.ndarray]):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(size, hidden), nn.SiLU(), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, size))
        self.spread = nn.Parameter(torch.tensor(named["spread"]))
        for part, layers in (("encoder", self.encoder), ("decoder", self.decoder)):
            for i, layer in enumerate((layers[0], layers[2])):
                layer.weight.data = torch.tensor(named[f"{part}.{i}.weight"].T.copy())
                layer.bias.data = torch.tensor(named[f"{part}.{i}.bias"])

    def forward(self, x_Bd: Tensor) -> tuple[Tensor, Tensor]:
        """Minus the evidence bound, nats a document; and the squared error of a number."""
        mean, log_variance = self.encoder(x_Bd).chunk(2, dim=1)
        decoded = self.decoder(mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        square, spread = (decoded - x_Bd).square(), SPEED * self.spread
        surprise = 0.5 * (square / spread.exp() + spread + math.log(2 * math.pi)).sum(1)
        return (surprise + divergence).mean(), square.mean()


@as_torch_comes
def loop(modules: list[Module], content: Tensor, updates: int) -> float:
    """Each module in turn; the mean squared error of the last updates."""
    errors = []
    for module, documents in zip(modules, content, strict=True):
        optimiser = torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=0.01)
        order = torch.cat([torch.randperm(READ) for _ in range(updates * BATCH // READ + 1)])
        for chosen in order[: updates * BATCH].split(BATCH):
            loss, error = module(documents[chosen])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), CLIP)
            optimiser.step()
        errors.append(error.item())
    return float(np.mean(errors))


def documents(n: int, size: int, latent: int) -> np.ndarray:
    """(n, READ, size): numbers that follow a few latent ones, with noise; mean 0, variance 1."""
    rng = np.random.default_rng(0)
    seen = np.tanh(rng.normal(size=(n, READ, latent)) @ rng.normal(size=(n, latent, size)) / math.sqrt(latent))
    seen += 0.1 * rng.normal(size=seen.shape)
    return (seen - seen.mean(1, keepdims=True)) / seen.std(1, keepdims=True)


def train(n: int, size: int, hidden: int, latent: int, updates: int) -> None:
    """One row: ms an update of one module in a loop, how many times as fast ours is, and the errors reached."""
    content = documents(n, size, min(latent, size))
    learner = Vae(
        hidden=hidden, latent=latent, batch=BATCH, updates=updates, learning_rate=RATE, schedule="constant", warmup=0,
        clip=CLIP,
    )  # fmt: skip
    fresh = learner.init(n, DocumentShape("vectors", size), STREAMS.rows("init", 0, n))
    named, tensors = learner.network(size).layout().views(fresh["weights"]), torch.from_numpy(content).float()
    modules = [Module(size, hidden, latent, {name: of[i] for name, of in named.items()}) for i in range(n)]

    def stacked(threads: int):
        with_threads(threads)
        return learner.train(fresh, content, np.ones((n, READ)), STREAMS.rows("train", 0, n))

    error, mine = loop(modules, tensors, updates), _error(learner, stacked(1), tensors)
    theirs, one_core, both = in_turn(
        lambda: loop(modules, tensors, updates), lambda: stacked(1), lambda: stacked(2), repeats=3
    )
    widths = f"{size}-{hidden}-{latent}"
    row(n, widths, theirs / n / updates * 1e3, both / n / updates * 1e3, theirs / one_core, theirs / both, error, mine)


@torch.no_grad()
def _error(learner: Vae, params: dict[str, np.ndarray], content: Tensor) -> float:
    """Mean squared error of our models' decoded documents; these have mean 0 and variance 1 already."""
    network = learner.network(content.shape[2])
    named = network.layout().views(torch.from_numpy(params["weights"]))
    mean, log_variance = network.encode(named, content)
    decoded = network.decode(named, mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean))
    return float((decoded - content).square().mean())


def main() -> None:
    torch.set_num_threads(1)
    print("one update of one model, ms, in a loop and by ours on both cores; how many times as fast ours is on one")
    print("core and on both; mean squared error of decoded documents (of variance 1), theirs and ours")
    row("models", "widths", "loop ms", "both ms", "one core", "both", "error", "ours")
    train(32, 64, 128, 8, updates=60)
    train(128, 2, 32, 2, updates=20)
    train(16, 784, 256, 16, updates=40)


if __name__ == "__main__":
    main()
