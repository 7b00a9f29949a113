"""Peak memory of training GPTs (d 64, two layers, minibatches of 8 documents of 64 tokens), by the number of models.

Every figure is that of a fresh process: its peak after a fit and a page of writing, less what it held after imports and
the fit of one tiny model (which loads what is compiled or loaded late). Beside it what the learner states before a
start (`Learner.memory`), and the weights with their optimiser alone.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from benchmarks._timing import row

MOST = 4.0  # GiB that 128 models may take


def measured(n: int, threads: int) -> list[float]:
    """MiB: the peak of n models, stated by the learner, and of weights with optimiser alone."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.transformer_memory", str(n), str(threads)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [float(x) for x in done.stdout.split()]


def child(n: int, threads: int) -> None:
    """In the process that is measured: prints the three figures."""
    from benchmarks._gpt2 import Size
    from benchmarks._twins import READ, diets, ours

    tiny = Size(width=4, heads=1, layers=1, vocabulary=16, context=4)
    _whole(ours(tiny, 2), diets(tiny, 2, 8), threads)
    before, size = _peak_mib(), Size()
    models = ours(size, n, updates=4)
    held = sum(array.nbytes for array in models.params.values()) / 2**20
    stated = models.learner.memory(n, models.shape, READ) / 2**20
    _whole(models, diets(size, n, READ), threads)
    print(_peak_mib() - before, stated, held)


def _whole(models, content, threads: int) -> None:
    models.write(models.train(content, threads), 16, threads)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    print("MiB of a fit on two threads: peak of all models, of one; what the learner states; weights, optimiser")
    row("models", "peak", "a model", "stated", "held")
    for n in (1, 8, 64, 128):
        peak, stated, held = measured(n, threads=2)
        row(n, peak, peak / n, stated, held)
    print(f"128 models of d 64 take {peak / 1024:.2f} GiB; wanted: under {MOST:g}")


if __name__ == "__main__":
    child(int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 1 else main()
