"""Weights of stacked transformers go both ways: a folder that transformers loads, a folder or hub id to start from.

Only GPT-2 with the options that `gpt.py` computes is read, and only from safetensors: reading them runs no code.
Letters: P weights of one model.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file
from safetensors.torch import load_file

from agents.neural import world_tokenizer
from agents.neural.gpt import EPSILON, GptShape, layout
from agents.neural.model_folder import ModelError, Stamp, configuration, model_folder, stamp
from ecosystem.documents import DocumentShape
from ecosystem.text.tokens import END, Vocabulary

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
SIZES = {"vocab_size": 50257, "n_positions": 1024, "n_layer": 12, "n_embd": 768, "n_head": 12}
"""Sizes as GPT2Config names them, with what it takes where a configuration leaves one out."""
OPTIONS: dict[str, Any] = {
    "activation_function": "gelu_new",
    "layer_norm_epsilon": EPSILON,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "reorder_and_upcast_attn": False,
    "add_cross_attention": False,
}
"""What `gpt.py` computes, by the names and with the defaults of GPT2Config."""
MASKS = (".attn.bias", ".attn.masked_bias")  # constants that old files hold among the weights


def save_pretrained(
    weights_P: np.ndarray, shape: GptShape, folder: str | Path, vocabulary: Vocabulary | None = None
) -> Path:
    """Writes one model, weights_P (P,), as a folder that `AutoModelForCausalLM.from_pretrained` loads.

    With the world's vocabulary also a tokenizer whose ids are the world's tokens (see `world_tokenizer`). The end token
    0 is the model's bos, eos and pad: a document is generated from token 0 alone. Files of that name are replaced.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if np.shape(weights_P) != (layout(shape).size,):
        raise ValueError(f"weights_P must have shape ({layout(shape).size},). Got {np.shape(weights_P)}.")
    flat = np.ascontiguousarray(weights_P, np.float32)[None]
    named = {name: np.ascontiguousarray(view[0]) for name, view in layout(shape).views(flat).items()}
    save_file(named, folder / WEIGHTS, metadata={"format": "pt"})
    _write(folder / "config.json", _config(shape))
    _write(folder / "generation_config.json", _ends() | {"do_sample": True})
    if vocabulary is not None:
        world_tokenizer.save(vocabulary, folder, shape.context)
    return folder


def pretrained_shape(source: str, documents: DocumentShape | None = None, context: int | None = None) -> GptShape:
    """The sizes of a pretrained model; ModelError where it is none that can start here.

    `documents`: those of the world that it is to read, and `context` the positions asked for, where they are known.
    """
    folder = model_folder(source)
    shape = _shape(configuration(folder), folder)
    if documents is not None:
        _check_documents(shape, documents, folder)
    if context is not None and context > shape.context:
        raise ModelError(f"{folder}: has {shape.context} positions; got context {context}. Leave context out.")
    return shape


def load_pretrained(source: str, documents: DocumentShape | None = None) -> tuple[GptShape, np.ndarray]:
    """A model's sizes and its weights (P,), float32 and read-only, from a local folder or a hub id; see above."""
    shape = pretrained_shape(source, documents)
    folder = model_folder(source)
    return shape, _weights(folder, stamp(folder), shape)


def _config(shape: GptShape) -> dict[str, Any]:
    sizes = (shape.vocabulary, shape.context, shape.layers, shape.width, shape.heads)
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "dtype": "float32",
        **dict(zip(SIZES, sizes, strict=True)),
        "n_inner": None,
        **OPTIONS,
        **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), 0.0),
        "tie_word_embeddings": shape.tied,
        **_ends(),
    }


def _ends() -> dict[str, int]:
    return dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), END)


def _shape(config: dict[str, Any], folder: Path) -> GptShape:
    """The sizes that a configuration names; ModelError where it is of a model that `gpt.py` does not compute."""
    _require(config.get("model_type") == "gpt2", folder, "model_type", "gpt2", config.get("model_type"))
    for key, ours in OPTIONS.items():
        _require(config.get(key, ours) == ours, folder, key, ours, config.get(key))
    _require("quantization_config" not in config, folder, "quantization_config", "left out", "one")
    sizes = {key: config.get(key, default) for key, default in SIZES.items()}
    for key, size in sizes.items():
        whole = isinstance(size, int) and not isinstance(size, bool) and size >= 1
        _require(whole, folder, key, "a whole number from 1", size)
    vocabulary, context, layers, width, heads = sizes.values()
    inner = config.get("n_inner")
    _require(width % heads == 0, folder, "n_embd", f"a multiple of n_head ({heads})", width)
    _require(inner in (None, 4 * width), folder, "n_inner", f"4 n_embd ({4 * width})", inner)
    return GptShape(vocabulary, context, layers, width, heads, bool(config.get("tie_word_embeddings", True)))


def _require(holds: bool, folder: Path, key: str, rule: object, value: object) -> None:
    if not holds:
        hint = "" if key in SIZES else " The causal_lm learner takes any causal language model."
        raise ModelError(f"{folder}: {key} must be {rule} for a transformer; got {value}.{hint}")


def _check_documents(shape: GptShape, documents: DocumentShape, folder: Path) -> None:
    """Can the model read the documents of this world? Its tokens must be the world's, and its context long enough."""
    if shape.vocabulary != documents.size:
        raise ModelError(
            f"{folder}: has a vocabulary of {shape.vocabulary:,} tokens; this world's has {documents.size:,}. "
            "The causal_lm learner keeps a model's own tokenizer."
        )
    if shape.context < documents.length:
        raise ModelError(
            f"{folder}: has {shape.context:,} positions; documents of this world have {documents.length:,} tokens "
            f"(lower world.length to {shape.context})."
        )
    end = configuration(folder).get("eos_token_id")
    if isinstance(end, int) and end != END and end < shape.vocabulary:
        raise ModelError(f"{folder}: eos_token_id must be {END}, the end token of this world; got {end}.")
    vocabulary = getattr(documents.codec, "vocabulary", None)
    difference = None if vocabulary is None else world_tokenizer.difference(vocabulary, folder)
    if difference:
        raise ModelError(f"{folder}: its tokenizer is not this world's: {difference}.")


@functools.lru_cache(maxsize=4)
def _weights(folder: Path, files: Stamp, shape: GptShape) -> np.ndarray:
    """(P,) float32, checked against the layout; kept while its files stay as they are."""
    found = _read(folder)
    wanted = layout(shape).shapes
    bare = {name.removeprefix("transformer."): array for name, array in found.items()}  # as GPT2Model saves itself
    named = {}
    for name, size in wanted.items():
        array = bare.pop(name.removeprefix("transformer."), None)
        if array is None or array.shape != size:
            got = "nothing" if array is None else array.shape
            raise ModelError(f"{folder}: {name} must have shape {size}; got {got}.")
        named[name] = array[None]
    unknown = [name for name in bare if not name.endswith(MASKS) and name != "lm_head.weight"]
    if unknown:
        raise ModelError(f"{folder}: holds weights that GPT-2 has none of: {unknown[0]}.")
    flat = layout(shape).flat(named)[0]
    if not np.isfinite(flat).all():
        raise ModelError(f"{folder}: holds weights that are not finite numbers.")
    flat.flags.writeable = False
    return flat


def _read(folder: Path) -> dict[str, np.ndarray]:
    """All arrays of a folder's safetensors, whole or in parts, as float32."""
    found: dict[str, np.ndarray] = {}
    try:
        for part in _parts(folder):
            found |= {name: tensor.float().numpy() for name, tensor in load_file(folder / part).items()}
    except (OSError, SafetensorError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise ModelError(f"{folder}: its weights cannot be read: {' '.join(str(error).split())}.") from None
    return found


def _parts(folder: Path) -> list[str]:
    """Names of the files of weights."""
    index = folder / INDEX
    if not index.is_file():
        return [WEIGHTS]
    return sorted({Path(name).name for name in json.loads(index.read_text("utf-8"))["weight_map"].values()})


def _write(file: Path, data: dict[str, Any]) -> None:
    file.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
