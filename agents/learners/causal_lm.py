"""The causal_lm learner: any causal language model that transformers loads, with its own tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from agents.kernels.choice import Rules
from agents.neural import text_model
from agents.neural.fit import fit, fresh_state
from agents.neural.learner import NeuralLearner
from agents.neural.pretrained_lm import PretrainedLm, pretrained_lm
from agents.neural.spelling import table
from ecosystem import machine
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Params
from ecosystem.streams import Draws

REMEMBERED = 34  # numbers kept for gradients, a token, layer and unit of width (Korthikanti et al. 2022, 2205.05198)


class CausalLm(NeuralLearner):
    """A pretrained language model, fine-tuned by every agent on what it reads.

    It reads and writes text, spelt by the model's own tokenizer: it fits beside learners of any other tokenizer in a
    world of text. Every agent owns a copy of the weights, or (`adapter: lora`) a low-rank adapter beside one frozen
    model that all share. It starts from the weights as loaded; with `start: scratch` so does every fit.

    A fit minimises the mean negative log-likelihood of the tokens it reads, end tokens included; documents count by
    weight. Dropout is off. Of documents that are longer than the model's context it reads the beginning; they are
    scored whole, in windows that overlap by half. It writes from the begin token (eos where there is no bos) until the
    end token, or as many of its own tokens as the longest document of its last fit had, the context at most.

    `log_prob` is that of the model at temperature 1 and of the one way in which its tokenizer spells the text: a lower
    bound of the text's probability, usually a close one. It is in nats of the whole document and so comparable between
    tokenizers; nats per token are not.

    State, the agent axis first: weights (n, P) float32, those that are trained; first and second (n, P), updates (n,):
    the optimiser; length (n,): own tokens it writes at most. That is 12 bytes a trained weight and agent at rest, and
    twice that during a fit; one model is computed at a time on each thread.

    Weights are read from safetensors only, code of a model's own is never run, and a local folder needs no network. A
    hub id is looked for in the local cache first, then fetched.

    Sources: LoRA: Hu et al. 2021, arXiv:2106.09685. Sampling: see `transformer`.
    """

    reads: ClassVar[tuple[str, ...]] = ("text",)
    answers: ClassVar[bool] = True

    model: str = Field(min_length=1, description="A local folder as saved by transformers, or a hub id.")
    adapter: Literal["none", "lora"] = Field("none", description="lora: train adapters only, on a model all share.")
    rank: int = Field(8, ge=1, le=4096, description="Rank of adapters.")
    epochs: int = Field(1, ge=1, le=10_000, description="Times a fit goes through its documents.")
    learning_rate: float = Field(5e-5, gt=0, le=10, description="Peak learning rate.")
    temperature: float = Field(1.0, ge=0, le=20, description="Below 1 sharpens what is written; 0: greedy.")
    top_k: int = Field(0, ge=0, description="Only the k likeliest tokens are written; 0: all.")
    top_p: float = Field(1.0, gt=0, le=1, description="Only the likeliest tokens that make up so much probability.")
    repetition_penalty: float = Field(1.0, ge=1, le=10, description="Tokens already there lose by so much; 1: none.")

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        lm = self._lm()
        length = np.full(n, min(shape.length, lm.context), np.int64)
        return {**fresh_state(lm.first_weights(n, rng)), "length": length}

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        lm, read = self._lm(), np.flatnonzero(weight.ravel() > 0)
        rows = [np.zeros(0, np.int32)] * content.size
        for place, row in zip(read, lm.spelling.tokens(content.ravel()[read].tolist()), strict=True):
            rows[place] = row
        rows_nbT = table(rows, lm.context).reshape(*content.shape, -1)
        decayed_P = lm.layout.mask(lambda name, of: len(of) > 1)

        def loss(weights, documents, weight, _):
            return text_model.loss(lm, weights, documents, weight)

        trained = fit(self, params, rows_nbT, weight, rng, loss, decayed_P, tile=1)
        longest = (rows_nbT > 0).sum(axis=2).max(axis=1)
        return params | trained | {"length": np.maximum(longest, 1).astype(np.int64)}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        return self._written(params, [""], k, rng)[:, 0]

    def answer(self, params: Params, prompt_P: np.ndarray, k: int, rng: Draws) -> np.ndarray:
        """(n, P, k) answers, as text, to P prompts, as text."""
        return self._written(params, prompt_P.tolist(), k, rng)

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        lm = self._lm()
        tokens = lm.spelling.tokens(content.tolist())
        scores = self._each(params, lambda i, weights: text_model.log_prob(lm, weights, tokens))
        return np.array(scores).reshape(len(params["weights"]), len(tokens))

    def memory(self, n: int, shape: DocumentShape, read: int) -> int:
        """Weights and optimiser of all, twice while a fit replaces them; on each thread a gradient and what is
        remembered for it, documents taken to have as many tokens as in the world."""
        lm = self._lm()
        length = min(shape.length, lm.context)
        a_token = lm.layers * (REMEMBERED * lm.width + 3 * lm.heads * length) + 4 * lm.vocabulary
        at_once = 3 * lm.layout.size + min(self.batch, max(read, 1)) * length * a_token
        return 4 * (lm.shared + 6 * n * lm.layout.size + min(n, machine.here().threads) * at_once)

    def _lm(self) -> PretrainedLm:
        return pretrained_lm(self.model, self.rank if self.adapter == "lora" else None)

    def _written(self, params: Params, prompts: list[str], k: int, rng: Draws) -> np.ndarray:
        """(n, P, k) of str. Numbers are drawn by each agent for itself: it may write longer documents than others."""
        lm = self._lm()
        rules = Rules(float(self.temperature), self.top_k, float(self.top_p), float(self.repetition_penalty))
        spelt = lm.spelling.tokens(prompts)
        lengths_P = np.array([len(tokens) for tokens in spelt])

        def written(i: int, weights) -> list[tuple[np.ndarray, np.ndarray]]:
            longest, found = int(params["length"][i]), []
            u_PkT = rng.take(np.array([i])).uniform(len(prompts), k, longest)[0]
            for length in np.unique(lengths_P):  # prompts of one length at a time
                which = np.flatnonzero(lengths_P == length)
                prompt = np.repeat(np.stack([spelt[p] for p in which]), k, axis=0)
                u = u_PkT[which, :, : max(longest - length, 1)]
                tokens = text_model.write(lm, weights, prompt, u.reshape(-1, u.shape[2]), rules)
                found.append((which, tokens))
            return found

        out = np.empty((len(params["weights"]), len(prompts), k), object)
        for i, found in enumerate(self._each(params, written)):
            for which, tokens in found:
                out[i, which] = np.array(lm.spelling.texts(tokens), object).reshape(len(which), k)
        rng.next_call()
        return out

    def _each(self, params: Params, work: Callable) -> list:
        """work(i, weights (1, P) on the device) of each agent, dealt to threads."""

        def one(rows: slice):
            return work(rows.start, torch.from_numpy(params["weights"][rows]).to(machine.here().device))

        return machine.deal(one, machine.tiles(len(params["weights"]), 1))
