"""Arrays for the panel: base64 of little-endian numbers, deflated where that is shorter."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np

TYPES = {"u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "f32": np.float32}
COARSE, FINE = 255, 65535  # the number that stands for no value, in one byte or in two


def packed(array: np.ndarray, kind: str, plain: bool = False) -> dict[str, Any]:
    """{type, data, z}: an array of any shape, flattened, as numbers of a kind (`TYPES`); `plain`: never deflated."""
    raw = np.ascontiguousarray(array, np.dtype(TYPES[kind]).newbyteorder("<")).tobytes()
    small = raw if plain else zlib.compress(raw, 9)
    shorter = len(small) < len(raw)
    return {"type": kind, "data": base64.b64encode(small if shorter else raw).decode(), **({"z": 1} if shorter else {})}


def quantised(values: np.ndarray, fine: bool = False, plain: bool = False) -> dict[str, Any]:
    """{values, low, high, none}: numbers as whole numbers 0 .. none - 1 between low and high; `none`: no finite value.

    `fine`: two bytes each; `plain`: never deflated.
    """
    finite = np.isfinite(values)
    none, kind = (FINE, "u16") if fine else (COARSE, "u8")
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    scaled = np.zeros(values.shape) if high == low else (values - low) / (high - low) * (none - 1)
    code = np.where(finite, np.round(np.where(finite, scaled, 0)), none)
    return {"values": packed(code, kind, plain), "low": low, "high": high, "none": none}


def script_json(value: Any) -> str:
    """JSON that may stand in a page's script element: nothing in it ends the element or begins another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
