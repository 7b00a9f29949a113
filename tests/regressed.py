"""Numbers that no commit changes without saying why: small scenarios in `tests/regression/`, all metrics at all steps.

    make regression WHY="what changes them, and why that is right"

writes `NAME.csv` anew (a row a step, metric and model, floats as Python writes them, so that they read back equal), the
machine they were made on (`made_on.json`), and the reason into `reasons.md`, without which the test fails.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
import sys
import tempfile
from pathlib import Path

from ecosystem import Ecosystem, Scenario
from ecosystem.runs import computer, provenance
from ecosystem.runs.provenance import replace_text

FOLDER = Path(__file__).resolve().parent / "regression"
MADE_ON, REASONS = FOLDER / "made_on.json", FOLDER / "reasons.md"
STARTS = {"texts": ("models.guests.learner.model", "gpt2"), "facts": ("verifiers.entails.model", "entailment")}
HEADER = ["step", "metric", "agent", "value"]
MATTERING = (
    "python", "numpy", "scipy", "numba", "torch", "transformers", "tokenizers", "scikit-learn", "datasketch", "bm25s",
)  # fmt: skip


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def scenario(name: str, models: Path) -> Scenario:
    """A scenario of the folder; models that it starts from are made in `models`, where they are not there yet."""
    starts = STARTS.get(name)
    if starts is None:
        return Scenario.from_file(FOLDER / f"{name}.yaml")
    if not models.is_dir():
        _make_models(models)
    key, model = starts
    return Scenario.from_file(FOLDER / f"{name}.yaml", f"{key}={models / model}")


def measured(spec: Scenario) -> list[list[str]]:
    """Every metric at every step: of the world (no agent), and of each model where it is a model's."""
    world, rows = Ecosystem(spec), []
    while True:
        assert world.frame is not None
        for metric, value in world.frame.values.items():
            rows.append([str(world.t), metric, "", repr(float(value))])
            for agent, own in enumerate(world.frame.agents.get(metric, ())):
                rows.append([str(world.t), metric, str(agent), repr(float(own))])
        if world.t == spec.steps:
            return rows
        world.step()


def recorded(name: str) -> list[list[str]]:
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == HEADER
    return rows


def made_on() -> dict:
    """What last bits may depend on."""
    here = computer.told()
    return {
        "machine": platform.machine(), "libc": " ".join(platform.libc_ver()), "processor": here["processor"],
        "vectors": here["vectors"], "blas": here["blas"], "kernel_settings": here["kernel_settings"],
        "versions": {name: provenance.versions()[name] for name in MATTERING if name in provenance.versions()},
    }  # fmt: skip


def digest() -> str:
    """Of all numbers that are recorded."""
    total = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.csv")):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]


def write(why: str) -> list[str]:
    """Writes anew what has changed, with the reason; the names of the scenarios that have."""
    changed = []
    with tempfile.TemporaryDirectory() as place:
        for name in names():
            text = io.StringIO()
            written = csv.writer(text, lineterminator="\n")
            written.writerows([HEADER, *measured(scenario(name, Path(place) / "models"))])
            path = FOLDER / f"{name}.csv"
            if not path.is_file() or path.read_text(encoding="utf-8") != text.getvalue():
                replace_text(path, text.getvalue())
                changed.append(name)
    replace_text(MADE_ON, json.dumps(made_on(), indent=2) + "\n")
    if changed:
        row = f"| {digest()} | {', '.join(changed)} | {' '.join(why.split())} |\n"
        replace_text(REASONS, REASONS.read_text(encoding="utf-8") + row)
    return changed


def _make_models(folder: Path) -> None:
    """Untrained models, the same ones every time."""
    from tests import entailment_model, pretrained_models

    pretrained_models.save(folder / "gpt2", "gpt2")
    entailment_model.save(folder / "entailment", entailment_model.model(entailment_model.LABELS))


if __name__ == "__main__":
    why = " ".join(sys.argv[1:]).strip()
    if not why:
        sys.exit('say why: make regression WHY="what changes the numbers, and why that is right"')
    print("changed:", ", ".join(write(why)) or "nothing")
