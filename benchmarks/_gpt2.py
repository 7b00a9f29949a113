"""The other side of the neural benchmarks: transformers' GPT-2, one model after the other, as a user would do it.

One torch thread, torch's own precision of products, AdamW as torch has it, gradients clipped, fixed learning rate.
`Processes` does the same in two processes with half of the models each, which is the other way to use two cores.

Letters: n models, b documents of a diet, L tokens of one.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
import transformers

from benchmarks._products import as_torch_comes

torch.set_num_threads(1)
transformers.utils.logging.set_verbosity_error()
warnings.simplefilter("ignore")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

RATE, DECAY, CLIP = 1e-3, 0.01, 1.0


@dataclass(frozen=True)
class Size:
    """Of one model: width d, heads, layers, vocabulary V, context T; and the documents of a minibatch."""

    width: int = 64
    heads: int = 4
    layers: int = 2
    vocabulary: int = 512
    context: int = 64
    batch: int = 8

    def numbers(self) -> int:
        """Weights in matrix products: 12 d^2 a layer (3 + 1 attention, 4 + 4 feed-forward) and d V of the output."""
        return 12 * self.layers * self.width**2 + self.width * self.vocabulary

    def training_flops(self) -> float:
        """Of one update of one model, a token: 6 a weight (forward 2, backward 4) and 12 layers T d of attention.

        The attention's two products are counted over the whole square, masked or not, as both sides compute them.
        """
        a_token = 6 * self.numbers() + 12 * self.layers * self.context * self.width
        return a_token * self.batch * self.context

    def writing_flops(self) -> float:
        """Of one document: 2 a weight and token, 4 layers t d of attention to the t tokens so far."""
        attention = 4 * self.layers * self.width * self.context * (self.context + 1) / 2
        return 2 * self.numbers() * self.context + attention


def fresh(size: Size, n: int, weights: dict[str, np.ndarray] | None = None) -> list[transformers.GPT2LMHeadModel]:
    """n models without dropout, from weights by name (n, *shape) where given."""
    config = transformers.GPT2Config(
        vocab_size=size.vocabulary, n_positions=size.context, n_embd=size.width, n_layer=size.layers,
        n_head=size.heads, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
        pad_token_id=0,
    )  # fmt: skip
    models = [transformers.GPT2LMHeadModel(config) for _ in range(n)]
    for i, model in enumerate(models if weights is not None else []):
        model.load_state_dict({name: torch.tensor(of[i]) for name, of in weights.items()}, strict=False)
    return models


@as_torch_comes
def train(models: list, size: Size, content_nbL: np.ndarray, updates: int) -> None:
    """Each model in turn: so many updates on its own documents, epoch by epoch in a random order."""
    for model, documents_bL in zip(models, content_nbL, strict=True):
        target_bL = torch.from_numpy(documents_bL.astype(np.int64))
        tokens_bL = F.pad(target_bL[:, :-1], (1, 0))
        optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
        order = torch.cat([torch.randperm(len(tokens_bL)) for _ in range(updates * size.batch // len(tokens_bL) + 1)])
        for chosen in order[: updates * size.batch].split(size.batch):
            loss = _loss(model, tokens_bL[chosen], target_bL[chosen])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()


@torch.no_grad()
def loss(models: list, content_nbL: np.ndarray) -> float:
    """Mean nats a token of each model's own documents."""
    targets = torch.from_numpy(content_nbL.astype(np.int64))
    return float(np.mean([_loss(m, F.pad(x[:, :-1], (1, 0)), x) for m, x in zip(models, targets, strict=True)]))


def _loss(model, tokens_BL: torch.Tensor, target_BL: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(model(tokens_BL, use_cache=False).logits.flatten(0, 1), target_BL.flatten())


@as_torch_comes
def write(models: list, size: Size, k: int) -> list[torch.Tensor]:
    """k documents of each model, (k, 1 + T) with the begin token: drawn token by token, with a key-value cache."""
    begin = torch.zeros(k, 1, dtype=torch.long, device=models[0].device)
    return [
        model.eval().generate(
            begin, attention_mask=torch.ones_like(begin), do_sample=True, top_k=0, max_new_tokens=size.context,
            use_cache=True,
        )
        for model in models
    ]  # fmt: skip


class Processes:
    """Two processes with one torch thread each; models stay in them, only the call is timed."""

    def __init__(self, count: int = 2):
        self._count = count
        self._pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))

    def train(self, size: Size, content_nbL: np.ndarray, updates: int) -> None:
        parts = np.array_split(content_nbL, self._count)
        for done in [self._pool.submit(_train_some, size, part, updates) for part in parts]:
            done.result()

    def close(self) -> None:
        self._pool.shutdown()


@functools.cache
def _kept(size: Size, n: int) -> list:
    return fresh(size, n)


def _train_some(size: Size, content_nbL: np.ndarray, updates: int) -> None:
    train(_kept(size, len(content_nbL)), size, content_nbL, updates)
