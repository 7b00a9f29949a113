"""A thousand small GPTs on one GPU: stacked, against the loop over transformers' models on the same GPU.

Without a GPU nothing is measured and one line says so.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks import _gpt2
from benchmarks._gpt2 import Size
from benchmarks._timing import in_turn, row
from benchmarks._twins import READ, diets, twins
from ecosystem import machine

MODELS, LOOPED = 1000, 16  # the loop's time is linear in models: it is measured on some of them


def against_loop(size: Size, updates: int, k: int) -> None:
    """One row: ms a model for training and for writing, in a loop and stacked, and the ratios."""
    machine.use(machine.Machine(device="cuda"))
    content = diets(size, MODELS, READ)
    ours, theirs = twins(size, MODELS, updates, endless=True, theirs=LOOPED)
    theirs = [model.cuda() for model in theirs]
    trained, taught = in_turn(
        _waited(lambda: _gpt2.train(theirs, size, content[:LOOPED], updates)),
        _waited(lambda: ours.train(content)),
        repeats=3,
    )
    wrote, written = in_turn(
        _waited(lambda: _gpt2.write(theirs, size, k)), _waited(lambda: ours.write(ours.params, k)), repeats=3
    )
    row(MODELS, size.width, *_a_model(trained, taught), *_a_model(wrote, written))


def _a_model(loop: float, stacked: float) -> tuple[float, float, float]:
    """Milliseconds a model of either side, and their ratio."""
    theirs, mine = loop / LOOPED * 1e3, stacked / MODELS * 1e3
    return theirs, mine, theirs / mine


def _waited(work: Callable[[], object]) -> Callable[[], object]:
    """The call, and the wait until the GPU has done all that it was given."""

    def whole() -> None:
        work()
        torch.cuda.synchronize()

    return whole


def main() -> None:
    if not torch.cuda.is_available():
        print("skipped: torch sees no GPU here (torch.cuda.is_available() is False)")
        return
    print(f"{torch.cuda.get_device_name()}: ms a model for 20 updates and for 32 documents, loop and stacked, ratios")
    row("models", "width", "loop train", "ours", "ratio", "loop write", "ours", "ratio")
    against_loop(Size(), updates=20, k=32)
    against_loop(Size(width=128), updates=20, k=32)


if __name__ == "__main__":
    main()
