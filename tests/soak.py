"""One long run of a world with most of what there is, and how much memory it takes as time goes on.

    python -m tests.soak 3600          # seconds

A web of n-grams and transformers behind a verifier, steered by a policy, recorded, checkpointed every ten seconds.
Memory is that of the process itself (resident), read every second; where it compiles its kernels itself, the first time
that these sources run, the compiler keeps some 400 MiB of it. Prints one line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from ecosystem.files import scenario_file
from ecosystem.runs.runner import run

SETTLING = 0.2  # share of the time in which caches and the web fill
PLAIN = {
    "name": "soak", "steps": 10_000_000,
    "metrics": ["human_divergence", "tail_coverage", "between_similarity", "depth"],
    "world": {"kind": "text", "tokenizer": {"kind": "bpe", "vocabulary": 300}, "length": 16},
    "humans": [{"name": "people", "rate": 40}],
    "models": [
        {"name": "grams", "count": 8, "publish": 8, "read": 32, "learner": {"kind": "ngram"}},
        {"name": "transformers", "count": 4, "publish": 8, "read": 32,
         "learner": {"kind": "transformer", "layers": 1, "width": 32, "heads": 2}},
    ],
    "graph": {"kind": "scale_free", "links": 2, "self_loops": True},
    "corpus": {"keep": {"window": 5}},
    "verifiers": [{"name": "guard", "kind": "detector", "false_positive_rate": 0.1, "false_negative_rate": 0.2}],
    "policies": [{"name": "floor", "kind": "human_floor", "community": "people", "floor": 0.3}],
    "record": {"documents": 0.01, "judgements": 0.01},
}  # fmt: skip


def soak(seconds: float, out: Path) -> dict[str, Any]:
    """Runs for so long; memory in bytes: at the settled start, at the peak, its growth an hour by least squares, and at
    every minute."""
    spec = scenario_file.read(PLAIN)
    seen: list[tuple[float, int]] = []
    steps = [0]
    began = time.monotonic()

    def watch() -> None:
        while time.monotonic() - began < seconds:
            seen.append((time.monotonic() - began, _resident()))
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)  # a shell may have its background jobs ignore SIGINT

    threading.Thread(target=watch, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        run(spec, out=out, checkpoint=10.0, progress=lambda arm, seed, step, *_: steps.__setitem__(0, step))
    at, size = np.array(seen).T
    settled = at >= SETTLING * seconds
    slope = np.polyfit(at[settled], size[settled], 1)[0]
    return {
        "seconds": round(time.monotonic() - began), "steps": steps[0], "settled": float(np.median(size[settled][:60])),
        "peak": float(size.max()), "end": float(np.median(size[-60:])), "growth_an_hour": float(slope * 3600),
        "by_minute": [int(each) for each in size[np.searchsorted(at, np.arange(0, at[-1], 60.0))]],
    }  # fmt: skip


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(soak(float(sys.argv[1]), Path(folder))), flush=True)
