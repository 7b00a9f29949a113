"""Where the weights of a GPT lie in its flat vector, as compiled kernels look them up.

Letters: d width, V vocabulary, P weights.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from agents.neural.gpt import GptShape, layout

LN_1, ATTENTION, PROJECTION, LN_2, OUTWARD, INWARD = 0, 2, 3, 4, 6, 7  # a layer's columns of `Places.vectors_L8`
VECTORS = 8
WTE, WPE, LN_F, OUTPUT = 0, 1, 2, 4  # `Places.outer_5`
MATRICES = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
NORMS_AND_BIASES = ("ln_1.weight", "ln_1.bias", "attn.c_attn.bias", "attn.c_proj.bias") + (
    "ln_2.weight", "ln_2.bias", "mlp.c_fc.bias", "mlp.c_proj.bias"
)  # fmt: skip


class Places(NamedTuple):
    """Where weights lie in a model's flat vector.

    matrices (layers, 4): c_attn, its c_proj, c_fc, its c_proj; vectors (layers, 8): scale and shift of ln_1, biases of
    the first two matrices, scale and shift of ln_2, biases of the others; outer (5,): wte, wpe, ln_f's two, output.
    """

    matrices_L4: np.ndarray
    vectors_L8: np.ndarray
    outer_5: np.ndarray


@functools.lru_cache(maxsize=64)
def places(shape: GptShape) -> Places:
    """Read off a model whose weights are 0 .. P - 1."""
    count = layout(shape).size
    first = {name: int(view.flat[0]) for name, view in layout(shape).views(np.arange(count)[None]).items()}
    layers = [f"transformer.h.{i}." for i in range(shape.layers)]
    outer = ["transformer.wte.weight", "transformer.wpe.weight", "transformer.ln_f.weight", "transformer.ln_f.bias"]
    outer.append("transformer.wte.weight" if shape.tied else "lm_head.weight")
    return Places(
        np.array([[first[f"{at}{name}.weight"] for name in MATRICES] for at in layers], np.int64),
        np.array([[first[at + name] for name in NORMS_AND_BIASES] for at in layers], np.int64),
        np.array([first[name] for name in outer], np.int64),
    )
