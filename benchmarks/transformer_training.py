"""Training many small GPTs at once against transformers' GPT-2 in a loop, and against two processes of such loops.

Both sides start from the same weights and take as many updates on as many tokens; the losses at the end (each model on
the documents it was trained on) say that they learned the same. Beside it what the machine does at best, and the share
of it that is reached, by the operations that the model needs (`_gpt2.Size.training_flops`).
"""

from __future__ import annotations

from benchmarks import _gpt2
from benchmarks._gpt2 import Processes, Size
from benchmarks._products import Work, peaks
from benchmarks._timing import in_turn, row
from benchmarks._twins import diets, twins


def train(n: int, size: Size, updates: int, others: Processes, repeats: int = 3) -> None:
    """One row: ms an update of one model in a loop, how many times as fast the others are, and the losses."""
    content = diets(size, n)
    ours, theirs = twins(size, n, updates)
    mine = ours.loss(ours.train(content, threads=1), content)
    _gpt2.train(theirs, size, content, updates)
    loss = _gpt2.loss(theirs, content)
    product = Work()
    loop, two, one_core, both, at_best = in_turn(
        lambda: _gpt2.train(theirs, size, content, updates),
        lambda: others.train(size, content, updates),
        lambda: ours.train(content, threads=1),
        lambda: ours.train(content, threads=2),
        product,
        repeats=repeats,
    )
    flops = n * updates * size.training_flops() / 1e9
    row(
        n, size.width, loop / n / updates * 1e3, loop / two, loop / one_core, loop / both, two / both,
        flops / loop, flops / both, flops / both * at_best / product.gflop, loss, mine,
    )  # fmt: skip


def main() -> None:
    peaks()
    print("\none update of one model in a loop, ms; how many times as fast: two processes of loops, ours on one core,")
    print("ours on both, ours on both against the two processes; GFLOP/s of the loop and of ours on both, its share of")
    print("the peak; nats a token at the end, theirs and ours")
    row("models", "width", "loop ms", "two procs", "one core", "both", "/ two procs", "GF loop", "GF both", "of peak",
        "nats", "ours")  # fmt: skip
    others = Processes()
    train(8, Size(), 20, others, repeats=5)
    train(32, Size(), 6, others)
    train(8, Size(width=128), 8, others)
    train(4, Size(width=256), 6, others)
    train(2, Size(width=512, heads=8), 4, others)
    others.close()


if __name__ == "__main__":
    main()
