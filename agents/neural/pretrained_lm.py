"""Any causal language model that transformers loads: one model and tokenizer a process, agents' weights beside it.

What is trained lies outside of the model, as a flat vector an agent; the model lends its structure and, where only
adapters are trained (LoRA, Hu et al. 2021, arXiv:2106.09685), its frozen weights. Dropout is off: chance comes from the
world's streams alone.

Letters: n agents, P trained weights of one.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from agents.neural.flat import Layout
from agents.neural.loading import model_of, quiet, said, tokenizer_of
from agents.neural.model_folder import ModelError, Stamp, configuration, model_folder, stamp
from agents.neural.spelling import Spelling
from ecosystem.streams import Draws

ENDLESS = 65_536  # tokens read at once by models whose configuration names no limit
SCALE = 2  # lora_alpha / rank: adapters act with twice their product, as is usual


class PretrainedLm:
    """A loaded model: `spelling` its tokenizer, `layout` the weights that agents own, `context` tokens it sees at most.

    `shared`: numbers kept once, whoever owns what. `rank`: of LoRA adapters on every linear layer but the last; None:
    all weights are trained.
    """

    def __init__(self, folder: Path, rank: int | None):
        with quiet():
            self.spelling = Spelling(tokenizer_of(folder), folder)
            model = _model(folder)
            self._model = model if rank is None else _with_adapters(model, rank, folder)
        _check_vocabulary(model, self.spelling, folder)
        _check_order(model, folder)
        self.config = model.config.get_text_config()
        self.context = int(getattr(self.config, "max_position_embeddings", None) or ENDLESS)
        self.layers, self.width, self.heads = (
            int(getattr(self.config, name, None) or 1)
            for name in ("num_hidden_layers", "hidden_size", "num_attention_heads")
        )
        self.kept_a_token = 2 * self.layers * self.width  # keys and values
        self.vocabulary = int(model.get_input_embeddings().weight.shape[0])
        own = {k: p for k, p in self._model.named_parameters() if rank is None or "lora_" in k}
        self.layout = Layout({name: tuple(p.shape) for name, p in own.items()})
        self._loaded = None if rank else self.layout.flat({k: p.detach().numpy()[None] for k, p in own.items()})[0]
        self._model = _emptied(self._model, own)
        self.shared = sum(p.numel() for p in self._model.parameters()) - (self.layout.size if rank else 0)
        self._lock = threading.Lock()
        self._placed: dict[str, dict[int, Tensor]] = {}
        self._shells: dict[str, list[nn.Module]] = {}

    def first_weights(self, n: int, rng: Draws) -> np.ndarray:
        """(n, P): the weights as loaded; of adapters those with which the model is as loaded (B = 0, A at random)."""
        if self._loaded is not None:
            return np.tile(self._loaded, (n, 1))
        named = {
            name: _uniform(rng, shape) if "lora_A" in name else np.zeros((n, *shape), np.float32)
            for name, shape in self.layout.shapes.items()
        }
        return self.layout.flat(named)

    def run(self, weights_1P: Tensor, **given: Any) -> Any:
        """What transformers' model gives with one agent's weights; gradients flow to them."""
        named = {name: view[0] for name, view in self.layout.views(weights_1P).items()}
        with self._shell(str(weights_1P.device)) as shell:
            return torch.func.functional_call(shell, named, (), given)

    @contextmanager
    def _shell(self, device: str) -> Iterator[nn.Module]:
        """The model without the weights that agents own, lent to one thread: a call puts weights into it."""
        free = self._shells.setdefault(device, [])
        try:
            shell = free.pop()
        except IndexError:
            with self._lock:
                shell = self._made_shell(device)
        yield shell
        free.append(shell)

    def _made_shell(self, device: str) -> nn.Module:
        placed = self._placed.setdefault(device, {})  # frozen weights: once a device
        for name, p in self._model.named_parameters():
            where = "meta" if name in self.layout.shapes else device
            placed.setdefault(id(p), nn.Parameter(p.detach().to(where), requires_grad=False))
        shell = copy.deepcopy(self._model, dict(placed))
        for module in shell.modules():
            for name, buffer in module._buffers.items():
                module._buffers[name] = None if buffer is None else buffer.to(device)
        return shell


def pretrained_lm(name: str, rank: int | None) -> PretrainedLm:
    """The model of a folder or hub id; loaded once a process, and anew where its files were changed."""
    folder = model_folder(name)
    return _loaded(folder, stamp(folder), rank)


_loading = threading.Lock()


def _loaded(folder: Path, files: Stamp, rank: int | None) -> PretrainedLm:
    with _loading:
        return _kept(folder, files, rank)


@functools.lru_cache(maxsize=4)
def _kept(folder: Path, files: Stamp, rank: int | None) -> PretrainedLm:
    return PretrainedLm(folder, rank)


def _model(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return model_of(folder, AutoModelForCausalLM, "a causal language model")


def _check_vocabulary(model: Any, spelling: Spelling, folder: Path) -> None:
    """Every token needs a row of the embedding; more rows than tokens are usual, and never learned."""
    rows = model.get_input_embeddings().weight.shape[0]
    if spelling.size > rows:
        raise ModelError(
            f"{folder}: tokenizer and model do not match: {spelling.size:,} tokens, the embedding has {rows:,} rows."
        )


@torch.no_grad()
def _check_order(model: Any, folder: Path) -> None:
    """What comes later must not matter: what tells a language model that writes from one that fills gaps."""
    one, other = (model(input_ids=torch.tensor([[0, later]])).logits[0, 0] for later in (0, 1))
    if not torch.allclose(one, other, rtol=1e-4, atol=1e-5):
        kind = configuration(folder).get("architectures") or [type(model).__name__]
        raise ModelError(f"{folder}: must be a causal language model; a {kind[0]} looks at what comes later.")


def _with_adapters(model: Any, rank: int, folder: Path) -> nn.Module:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ModelError("adapter: lora needs peft, which is not installed: pip install peft.") from error
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, lora_dropout=0.0, target_modules="all-linear")
    try:
        with torch.random.fork_rng(devices=[]):  # peft draws first adapters that are not used
            return get_peft_model(model, config).eval().requires_grad_(False)
    except ValueError as error:
        raise ModelError(f"{folder}: LoRA adapters do not fit this model: {said(error)}") from error


def _emptied(model: Any, own: dict[str, nn.Parameter]) -> Any:
    """The model with frozen weights as they are, and without those that agents own."""
    memo: dict[int, Any] = {id(p): p for p in model.parameters()}
    memo |= {id(p): nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=False) for p in own.values()}
    return copy.deepcopy(model, memo)


def _uniform(rng: Draws, shape: tuple[int, ...]) -> np.ndarray:
    """(n, *shape) float32, uniform within 1 / sqrt(inputs) of 0, as peft begins."""
    return ((2 * rng.uniform(*shape) - 1) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
