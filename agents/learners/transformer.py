"""The transformer learner: GPT-2 language models, a whole group at once, trained on what they read."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from agents.kernels.choice import Rules
from agents.neural import gpt
from agents.neural.decoding import write
from agents.neural.fit import fit, fresh_state
from agents.neural.fused import Surprise
from agents.neural.learner import NeuralLearner
from agents.neural.pretrained import load_pretrained, pretrained_shape, save_pretrained
from agents.neural.products import alone, fast_products
from agents.neural.train_native import NativeLoss, numbers_at_work
from ecosystem import machine
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.interfaces import Params
from ecosystem.marks import Mark
from ecosystem.streams import Draws
from ecosystem.text.tokens import Vocabulary

TILE = {"cpu": 256, "cuda": 16_384}  # width of all agents trained at once: on a CPU so much stays in its cache
PIECES = (
    4  # tiles at least, for the cores there may be; the number of threads must not decide, numbers would depend on it
)
SCORED = {"cpu": 1 << 23, "cuda": 1 << 30}  # logits held at once


class Transformer(NeuralLearner):
    """A decoder-only language model with the architecture and initialisation of GPT-2 (`agents/neural/gpt.py`).

    It minimises the mean negative log-likelihood of the tokens it reads, end tokens included; documents count by
    weight. It writes token by token from nothing, or goes on from the openings of documents that it last read
    (`prompt`), which beam search and greedy writing need: without it they write one and the same document.

    State, the agent axis first: weights (n, P) float32; first and second (n, P), updates (n,): the optimiser;
    shape (n, 6): vocabulary, context, layers, width, heads, tied; length (n,); openings (n, b, prompt), the first
    opened (n,) of which are in use.

    Source: Radford et al. 2019, Language models are unsupervised multitask learners; Vaswani et al. 2017,
    arXiv:1706.03762. Sampling: top-k Fan et al. 2018, arXiv:1805.04833; nucleus Holtzman et al. 2020, arXiv:1904.09751;
    repetition penalty Keskar et al. 2019, arXiv:1909.05858.
    """

    exports: ClassVar[tuple[str, ...]] = ("transformers",)
    reads: ClassVar[tuple[str, ...]] = ("tokens",)
    answers: ClassVar[bool] = True

    layers: int = Field(2, ge=1, le=100, description="Blocks of attention and feed-forward network.")
    width: int = Field(64, ge=1, le=16_384, description="Size of a token's vector; a multiple of heads.")
    heads: int = Field(4, ge=1, le=256, description="Attention heads.")
    context: int | None = Field(
        None, ge=1, le=65_536, description="Positions, at least a document's tokens (default: these)."
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Of embeddings, attention and what each block adds, in training."
    )
    tied: bool = Field(True, description="Output weights are the embedding's.")
    model: str | None = Field(
        None, min_length=1, description="Start from these GPT-2 weights: a local folder or a hub id (its sizes count)."
    )
    temperature: float = Field(1.0, ge=0, le=20, description="Below 1 sharpens what is written; 0: greedy.")
    top_k: int = Field(0, ge=0, description="Only the k likeliest tokens are written; 0: all.")
    top_p: float = Field(1.0, gt=0, le=1, description="Only the likeliest tokens that make up so much probability.")
    repetition_penalty: float = Field(
        1.0, ge=1, le=10, description="Tokens already there lose by this factor; 1: none."
    )
    beams: int = Field(1, ge=1, le=64, description="Beam search of this width in place of drawing; 1: none.")
    prompt: int = Field(
        0, ge=0, description="Opening tokens taken from a document it last read; 0: writes from nothing."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Transformer:
        if self.width % self.heads:
            raise ValueError(f"width: must be a multiple of heads ({self.heads}); got {self.width}")
        self._rules.check()
        return self

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        of, weights = self._first(shape, rng)
        sizes = [of.vocabulary, of.context, of.layers, of.width, of.heads, int(of.tied)]
        return {
            **fresh_state(weights),
            "shape": np.tile(np.array(sizes, np.int64), (n, 1)),
            "length": np.full(n, shape.length, np.int64),
            "openings": np.zeros((n, 1, min(self.prompt, shape.length)), np.int32),
            "opened": np.ones(n, np.int64),
        }

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        if not len(content):
            return params
        shape = _shape_of(params)
        tile = _tile(len(content), shape.width)
        decayed = gpt.layout(shape).mask(lambda name, of: len(of) > 1)
        loss = NativeLoss(shape) if self._native else functools.partial(self._loss, shape)
        trained = fit(self, params, content, weight, rng, loss, decayed, tile)
        return params | trained | {"openings": self._openings(content, weight), "opened": (weight > 0).sum(axis=1)}

    @property
    def marks(self) -> bool:
        """Beam search compares whole documents, which a watermark would have to be taken out of."""
        return self.beams == 1

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        return self._sampled(params, k, rng, None)

    def sample_marked(self, params: Params, k: int, rng: Draws, mark: Mark) -> np.ndarray:
        return self._sampled(params, k, rng, mark)

    def _sampled(self, params: Params, k: int, rng: Draws, mark: Mark | None) -> np.ndarray:
        openings = params["openings"]
        n, _, opening = openings.shape
        chosen = rng.uniform(k) * params["opened"][:, None] if opening else np.zeros((n, k))
        prompt = openings[np.arange(n)[:, None], chosen.astype(np.int64)]
        return self._written(params, prompt, rng, mark)

    def answer(self, params: Params, prompt_PL: np.ndarray, k: int, rng: Draws) -> np.ndarray:
        n, (asked, length) = len(params["weights"]), prompt_PL.shape
        answers = np.zeros((n, asked, k, length), np.int32)
        given_P = (prompt_PL != 0).sum(axis=1)
        for given in np.unique(given_P):  # prompts of one length at a time
            which = np.flatnonzero(given_P == given)
            prompt = np.repeat(prompt_PL[which, :given], k, axis=0)[None].repeat(n, axis=0)
            written = self._written(params, prompt.astype(np.int32), rng)[:, :, given:length]
            answers[:, which, :, : length - given] = written.reshape(n, len(which), k, length - given)
        return answers

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        return self._scored(params, np.broadcast_to(content, (len(params["weights"]), *content.shape)))

    def log_prob_own(self, params: Params, content: np.ndarray) -> np.ndarray:
        return self._scored(params, content)

    def _scored(self, params: Params, content_nML: np.ndarray) -> np.ndarray:
        """(n, M) nats of each model's row of documents, a tile of models at a time."""
        n, m, length = content_nML.shape
        shape, out, device = _shape_of(params), np.zeros((n, m)), machine.here().device
        tile = _tile(n, shape.width)
        rows = max(1, SCORED[device] // (tile * length * shape.vocabulary))

        def score(part: slice) -> None:
            alone()
            with torch.no_grad():  # is each thread's own
                w = gpt.layout(shape).views(torch.from_numpy(params["weights"][part]).to(device))
                for first in range(0, m, rows):
                    some = torch.from_numpy(content_nML[part, first : first + rows].astype(np.int64)).to(device)
                    out[part, first : first + rows] = -_surprise(shape, w, some).sum(-1).double().cpu().numpy()

        with fast_products():
            machine.deal(score, machine.tiles(n, tile))
        return out

    def save_pretrained(
        self, params: Params, row: int, folder: str | Path, vocabulary: Vocabulary | None = None
    ) -> Path:
        """Writes model `row` as a folder for `AutoModelForCausalLM`, with a tokenizer where the vocabulary is given."""
        return save_pretrained(params["weights"][row], _shape_of(params), folder, vocabulary)

    def tile(self, n: int, shape: DocumentShape) -> int:
        return _tile(n, self._shape(shape).width)

    def memory(self, n: int, shape: DocumentShape, read: int) -> int:
        """Weights and optimiser of all, twice while a fit replaces them; on each thread what its tile works on."""
        of = self._shape(shape)
        tile = min(n, _tile(n, of.width))
        if self._native:
            a_thread = numbers_at_work(of, tile, min(self.batch, read), shape.length)
        else:
            a_token = self.layers * (self.width * 34 + 3 * self.heads * shape.length)
            a_token += 4 * of.vocabulary + 8 * self.width
            a_thread = tile * min(self.batch, read) * shape.length * a_token
        threads = min(machine.here().threads, math.ceil(n / max(tile, 1)))
        return 4 * (6 * n * gpt.layout(of).size + threads * a_thread)

    def _shape(self, shape: DocumentShape) -> gpt.GptShape:
        """The sizes of a model that reads documents of `shape`; refuses a pretrained one that cannot."""
        if self.model is not None:
            return pretrained_shape(self.model, shape, self.context)
        if self.context is not None and self.context < shape.length:
            raise InputError(f"context: must hold a document of {shape.length} tokens; got {self.context}")
        context = self.context or shape.length
        return gpt.GptShape(shape.size, context, self.layers, self.width, self.heads, self.tied)

    def _first(self, shape: DocumentShape, rng: Draws) -> tuple[gpt.GptShape, np.ndarray]:
        """Sizes and first weights (n, P)."""
        if self.model is not None:
            of, weights_P = load_pretrained(self.model)
            return of, np.tile(weights_P, (rng.n, 1))
        of = self._shape(shape)
        return of, gpt.first_weights(of, self.start(rng))

    @property
    def _rules(self) -> Rules:
        return Rules(self.temperature, self.top_k, self.top_p, self.repetition_penalty, self.beams)

    @property
    def _native(self) -> bool:
        """Whether the compiled loss serves, which knows no GPU and no dropout."""
        return machine.here().device == "cpu" and not self.dropout

    def _loss(self, shape: gpt.GptShape, weights: Tensor, content: Tensor, weight: Tensor, rng: Draws) -> Tensor:
        """(n,) mean over the tokens of each model's minibatch, documents by weight; `NativeLoss` is equal to it."""
        w = gpt.layout(shape).views(weights)
        surprise = _surprise(shape, w, content.long(), self._keep(rng))
        tokens = gpt.counted(content).sum(-1) * weight
        return (surprise.sum(-1) * weight).sum(-1) / tokens.sum(-1).clamp(min=1e-9)

    def _keep(self, rng: Draws) -> gpt.Keep:
        """Dropout: each model's own numbers decide what of it is kept."""
        if not self.dropout:
            return lambda of: None

        def keep(of: tuple[int, ...]) -> Tensor:
            kept = rng.uniform(math.prod(of) // rng.n) >= self.dropout
            return torch.from_numpy(kept.reshape(of) / np.float32(1 - self.dropout)).to(machine.here().device)

        return keep

    def _openings(self, content: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """(n, b, prompt) int32: how the documents of each model begin, those of weight 0 last."""
        order = (weight <= 0).argsort(axis=1, kind="stable")
        return content[np.arange(len(content))[:, None], order, : self.prompt].astype(np.int32)

    def _written(self, params: Params, prompt: np.ndarray, rng: Draws, mark: Mark | None = None) -> np.ndarray:
        length = int(params["length"][0]) if len(params["length"]) else 1
        return write(_shape_of(params), params["weights"], prompt, length, self._rules, rng, mark)


def _surprise(shape: gpt.GptShape, w: gpt.Weights, content: Tensor, keep: gpt.Keep = lambda of: None) -> Tensor:
    """(n, B, L) nats of each token of content (n, B, L), 0 after the end of a document."""
    scores = gpt.logits(shape, w, gpt.follows(content), keep)
    nats: Tensor = Surprise.apply(scores.view(-1, shape.vocabulary), content.reshape(-1))
    return nats.view(content.shape) * gpt.counted(content)


def _shape_of(params: Params) -> gpt.GptShape:
    if not len(params["shape"]):  # no models
        return gpt.GptShape(1, 1, 1, 1, 1)
    vocabulary, context, layers, width, heads, tied = params["shape"][0].tolist()
    return gpt.GptShape(vocabulary, context, layers, width, heads, bool(tied))


def _tile(n: int, width: int) -> int:
    """Agents computed at once."""
    most, n = max(1, TILE[machine.here().device] // width), machine.whole(n)
    return max(1, min(most, -(-n // PIECES))) if machine.here().device == "cpu" else most
