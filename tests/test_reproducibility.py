"""What docs/reproducibility.md promises: the same numbers to the last bit, however many threads and processes work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecosystem import machine
from ecosystem.runs import workers
from ecosystem.runs.record import COLUMNS
from ecosystem.runs.runner import replicate
from tests.regressed import measured, scenario

ROOT = Path(__file__).resolve().parent.parent
NEURAL = ("pictures", "texts", "vectors")
MANY = {
    "steps": 1, "metrics": ["vendi_score", "between_similarity", "human_divergence"], "humans": [{"rate": 100}],
    "world": {"kind": "text", "length": 16}, "measure": {"documents": 400},
    "models": [{"count": 3, "publish": 50, "read": 100, "learner": {"kind": "ngram"}}],
}  # fmt: skip
NORMALS = {
    "steps": 1, "metrics": ["within_diversity", "human_divergence"], "humans": [{"rate": 100}],
    "world": {"kind": "gaussian", "dimensions": 60},
    "models": [{"count": 8, "publish": 100, "read": 300, "learner": {"kind": "gaussian"}}],
}  # fmt: skip
ELSEWHERE = """
import json, pathlib, sys
from ecosystem.files.scenario_file import read
from tests.regressed import measured, scenario
models = pathlib.Path(sys.argv[1])
specs = [*(scenario(name, models) for name in sys.argv[3:]), *map(read, json.loads(sys.argv[2]))]
print(json.dumps([measured(spec) for spec in specs]))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("reproducibility") / "models"


@pytest.fixture(scope="module")
def here(models):
    """The numbers of the scenarios with networks, made on one thread."""
    machine.use(machine.Machine())
    return {name: measured(scenario(name, models)) for name in NEURAL}


@pytest.mark.parametrize("name", NEURAL)
def test_threads_do_not_change_a_bit(name, here, models):
    machine.use(machine.Machine("cpu", 3))
    assert measured(scenario(name, models)) == here[name]


def test_another_seed_changes_nearly_every_number(here, models):
    """Negative control: numbers that nothing could change would be equal here, too."""
    other = measured(scenario("vectors", models).model_copy(update={"seed": 99}))
    assert sum(a[3] == b[3] for a, b in zip(here["vectors"], other, strict=True)) < len(other) / 2


@pytest.mark.skipif(machine.cores() == 1, reason="one core: libraries have one thread in any case")
def test_the_threads_of_libraries_do_not_change_a_bit(here, models):
    """One thread there, as many as there are cores here; matrices are large enough for BLAS and LAPACK to split."""
    from ecosystem.files.scenario_file import read

    words = [sys.executable, "-c", ELSEWHERE, str(models), json.dumps([MANY, NORMALS]), *NEURAL]
    environment = os.environ | dict.fromkeys(workers.THREADS, "1") | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [*here.values(), *map(measured, map(read, (MANY, NORMALS)))]


def test_jobs_do_not_change_a_bit_of_any_table(tmp_path, models):
    spec = scenario("vectors", models)
    one, two = (replicate(spec, 2, jobs=jobs, out=tmp_path / str(jobs)) for jobs in (1, 2))
    for table in COLUMNS:
        assert one.frame(table).equals(two.frame(table)), table
    assert [run.provenance["thread_settings"].get("OMP_NUM_THREADS") for run in two.every] == ["1", "1"]
