"""How torch multiplies matrices on this processor.

MKL, which torch takes for float32, uses half of the vector width of processors that are not Intel's; oneDNN uses all of
it. torch takes oneDNN where it is allowed to round factors to bfloat16 ("medium"), but rounds only where the processor
has units for matrices of it. So that is allowed here where, on trial, nothing is rounded.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

EXACT = 1e-5  # float32 products of 256 terms err by some 1e-7 of their size, bfloat16 ones by 1e-3

_lock, _users, _before = threading.Lock(), 0, "highest"


@contextmanager
def fast_products() -> Iterator[None]:
    """Inside, float32 products on the processor go the fastest way that does not round; afterwards as before."""
    global _users, _before
    with _lock:
        if _users == 0 and _exact():
            _before = torch.get_float32_matmul_precision()
            torch.set_float32_matmul_precision("medium")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0 and _exact():
                torch.set_float32_matmul_precision(_before)


def alone() -> None:
    """To be called in every thread that multiplies: torch's limit of one thread does not reach a new one by itself."""
    torch.set_num_threads(1)


@functools.cache
def _exact() -> bool:
    """Does "medium" round nothing on this machine? Never on a GPU, where it would."""
    if torch.cuda.is_available():
        return False
    rows = torch.arange(256 * 256, dtype=torch.float64).reshape(1, 256, 256).mul(0.7).sin_().expand(4, -1, -1)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found = [torch.bmm(rows.float(), rows.float().mT), torch.bmm(rows.float().mT, rows.float())]
    finally:
        torch.set_float32_matmul_precision(before)
    wanted = [
        torch.bmm(rows.float().double(), rows.float().double().mT),
        torch.bmm(rows.float().double().mT, rows.float().double()),
    ]
    return all(bool(((f - w).abs().max() / w.abs().max()) < EXACT) for f, w in zip(found, wanted, strict=True))
