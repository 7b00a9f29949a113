"""How many float32 operations a second this machine does in a large matrix product: what all speeds are beside.

On some processors the library behind torch.mm leaves half of the machine unused (MKL on AMD: no AVX-512), so the same
product by oneDNN, which torch also carries, is measured too; shares of the peak are of that one where there is one.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import torch

from benchmarks._timing import row, seconds

LARGE, REPEATS = 1024, 4

Product = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def as_torch_comes(work: Callable) -> Callable:
    """The call under torch's default precision of float32 products, whatever else is set in this process."""

    @functools.wraps(work)
    def called(*arguments: Any, **named: Any) -> Any:
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            return work(*arguments, **named)
        finally:
            torch.set_float32_matmul_precision(before)

    return called


@as_torch_comes
def by_torch(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.mm(a, b)


def by_onednn(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")


FASTER = by_onednn if torch.backends.mkldnn.is_available() else by_torch


class Work:
    """Large products on so many threads, each with matrices of its own: called beside what is measured."""

    def __init__(self, threads: int = 2, product: Product = FASTER):
        self.gflop = threads * REPEATS * 2 * LARGE**3 / 1e9
        self._pairs = [(torch.randn(LARGE, LARGE), torch.randn(LARGE, LARGE)) for _ in range(threads)]
        self._product = product

    def __call__(self) -> None:
        running = [threading.Thread(target=self._some, args=pair) for pair in self._pairs]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    def _some(self, a: torch.Tensor, b: torch.Tensor) -> None:
        torch.set_num_threads(1)  # what another thread has set does not hold for matrix products in this one
        for _ in range(REPEATS):
            self._product(a, b)


def peaks() -> None:
    """Prints GFLOP/s of both libraries on one thread and on two."""
    print(f"a product of {LARGE} x {LARGE} float32 matrices, GFLOP/s on one and on two threads")
    libraries = {"torch.mm": by_torch} | ({"oneDNN": FASTER} if FASTER is not by_torch else {})
    row(*(f"{name}, {threads}" for name in libraries for threads in ("one", "two")))
    works = [Work(threads, product) for product in libraries.values() for threads in (1, 2)]
    row(*(work.gflop / seconds(work) for work in works))
