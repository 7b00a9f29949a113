"""How many times as many runs independent seeds would need for the same interval: the table of docs/seeds.md.

`python -m benchmarks.shared_seeds [SEEDS]` (default 64): arms of the scenario `baseline` that change more and more.
"""

from __future__ import annotations

import sys
import tempfile

from ecosystem import Scenario, replicate
from ecosystem.runs.comparison import shared
from ecosystem.runs.effect_sizes import saving
from ecosystem.runs.opened import Study

METRICS = ("tail_coverage", "within_diversity")
ARMS = {
    "read": {"models.readers.read": 220}, "without": {"reading.replacement": False},
    "fewer": {"humans.people.rate": 900}, "rare": {"humans.people.rate": 20},
}  # fmt: skip


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    spec = Scenario.from_file("baseline").with_({"claims": [], "arms": ARMS})
    print("arm against base, metric: saving (95% interval; wanted of one: above 3)")
    with tempfile.TemporaryDirectory() as folder:
        study = replicate(spec, seeds, ("base", *ARMS), jobs=2, out=folder)
        others = replicate(spec, range(seeds, 2 * seeds), ("base", "read"), jobs=2, out=f"{folder}/others")
        for metric in METRICS:
            for arm in ARMS:
                print(f"{arm}, {metric}: {saved(study, study, metric, arm)}")
            print(f"read, with other seeds (the control), {metric}: {saved(others, study, metric, 'read')}")


def saved(one: Study, other: Study, metric: str, arm: str) -> str:
    """Of an arm in one study against the base of another, seed by seed in the order of seeds."""
    ends, base = (shared(study, metric, arm, "base")[of] for study, of in ((one, arm), (other, "base")))
    found = saving(ends.to_numpy(), base.to_numpy())
    return f"{found.estimate:.1f} ({found.low:.1f} to {found.high:.1f})"


if __name__ == "__main__":
    main()
