"""Damaged scenario files through the command line (`make fuzz` tries ten thousand), and that a fault would be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import fuzzing
from tests.fuzzing import Outcome, all_tried, patience, sources, tried
from tests.good_scenario import GOOD
from tests.mutants import mutant

FEW = 150


@pytest.fixture
def told():
    """The mutants that ended as none may: number, source and why."""
    return []


def faults(told):
    return lambda number, name, raw, outcome: told.append((number, name, outcome.wrong)) if outcome.wrong else None


def test_damaged_scenarios_end_in_lines_or_in_a_run(told):
    texts = {"good": GOOD} | {k: v for k, v in sources().items() if k in ("guarded.yaml", "small baseline.yaml")}
    counts = all_tried(texts, range(FEW), 60, faults(told))
    assert told == []
    assert counts["show: status 2"] > FEW / 4  # the mutants are damaged
    assert counts["run: status 0"] > FEW / 20  # and not all of them beyond recognition


BAD = """\
import os, time
import numpy as np
from ecosystem.interfaces import Learner

class Bad(Learner):
    def init(self, n, shape, rng):
        {does}
        return {{"nothing": np.zeros(n)}}
    def train(self, params, content, weight, rng):
        return params
    def sample(self, params, k, rng):
        return np.zeros((len(params["nothing"]), k), np.int32)
    def log_prob(self, params, content):
        return np.zeros((len(params["nothing"]), len(content)))
"""


@pytest.mark.parametrize(
    "name, does, says",
    [
        ("writes", "open('/tmp/../tmp/elsewhere-of-a-test', 'w').close()", "it touched open /tmp/elsewhere-of-a-test"),
        ("starts", "os.system('true')", "it touched os.system"),
        ("waits", "time.sleep(60)", "no end after 8 s"),
        ("breaks", "{}['x']", "KeyError"),
        ("leaves", "raise SystemExit(3)", "SystemExit"),
        ("nothing", "pass", ""),
    ],
)
def test_the_fuzzer_finds_what_it_looks_for(tmp_path, monkeypatch, name, does, says):
    """The negative control: learners that do what no scenario may do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"bad_{name}.py").write_text(BAD.format(does=does))
    file = tmp_path / "s.yaml"
    file.write_text(f"""\
world: {{kind: zipf, items: 5}}
humans: [{{rate: 3}}]
models: [{{count: 2, publish: 2, read: 2, learner: {{kind: 'bad_{name}:Bad'}}}}]
metrics: [human_share_read]
""")
    fuzzing.watch([str(tmp_path)])
    outcome = tried(file, tmp_path / "outputs", 2 if name == "waits" else 60)
    Path("/tmp/elsewhere-of-a-test").unlink(missing_ok=True)
    assert (says in outcome.wrong) if says else (outcome == Outcome("run: status 0")), outcome


def endless():
    while True:
        pass


def test_patience_ends_a_loop_that_python_runs():
    with pytest.raises(fuzzing.Endless), patience(0.05):
        endless()


def test_the_same_number_is_the_same_mutant_and_another_one_another():
    made = [mutant(GOOD, number) for number in range(50)]
    assert made == [mutant(GOOD, number) for number in range(50)]
    assert len(set(made)) > 45  # what is put in and what is lost may be nothing
