"""Writing by many small GPTs at once against transformers' `generate`, model after model, with its key-value cache.

The same weights on both sides, documents of 64 tokens drawn at temperature 1 from models that never draw the end
token, so that no side does less. The share of the peak counts the operations that the model needs
(`_gpt2.Size.writing_flops`).
"""

from __future__ import annotations

import torch

from benchmarks import _gpt2
from benchmarks._gpt2 import Size
from benchmarks._products import Work, peaks
from benchmarks._timing import in_turn, row
from benchmarks._twins import twins

LEAST = 256  # documents that ours writes in one measurement, in several calls where it must


def write(n: int, k: int, size: Size, repeats: int = 3) -> None:
    """One row: microseconds a token by `generate`, how many times as fast ours is, and the operations a second."""
    ours, theirs = twins(size, n, endless=True)
    assert ours.write(ours.params, k, threads=1).all(), "a document of ours ended early"
    drawn = torch.stack(_gpt2.write(theirs, size, k))[:, :, 1:]
    assert drawn.shape == (n, k, size.context), "documents of theirs have another length"
    assert drawn.all(), "a document of theirs ended early"
    product, times = Work(), -(-LEAST // (n * k))  # a few milliseconds alone would mostly tell how cold the caches are

    def again(threads: int) -> None:
        for _ in range(times):
            ours.write(ours.params, k, threads=threads)

    loop, one_core, both, at_best = in_turn(
        lambda: _gpt2.write(theirs, size, k), lambda: again(1), lambda: again(2), product, repeats=repeats
    )
    one_core, both = one_core / times, both / times
    flops, tokens = n * k * size.writing_flops() / 1e9, n * k * size.context
    row(
        n, k, size.width, loop / tokens * 1e6, both / tokens * 1e6, loop / one_core, loop / both,
        flops / loop, flops / both, flops / both * at_best / product.gflop,
    )  # fmt: skip


def main() -> None:
    peaks()
    print("\nmicroseconds a token of `generate` in a loop and of ours on both cores; how many times as fast ours is on")
    print("one core and on both; GFLOP/s of the loop and of ours on both, its share of the peak")
    row("models", "documents", "width", "loop us", "both us", "one core", "both", "GF loop", "GF both", "of peak")
    write(8, 32, Size(), repeats=5)
    write(32, 32, Size())
    write(128, 32, Size(), repeats=1)
    write(8, 1, Size(), repeats=5)
    write(8, 4, Size(), repeats=5)
    write(8, 32, Size(width=128))
    write(4, 32, Size(width=256))
    write(2, 32, Size(width=512, heads=8))


if __name__ == "__main__":
    main()
