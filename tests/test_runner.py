"""Runs, replicates and comparisons: the same numbers however they are made, and nothing lost when one of them fails."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.runs import folder as run_folder
from ecosystem.runs import provenance, workers
from ecosystem.runs.findings import findings
from ecosystem.runs.opened import open_run
from ecosystem.runs.runner import RunFailed, compare, replicate, run

ROOT = Path(__file__).resolve().parent.parent
METRICS_OF_ONES_OWN = '''
import os, signal

def fragile(world):
    """Fails for seed 1 at step 2."""
    if world.seed == 1 and world.t == 2:
        raise RuntimeError("the readings\\nare off")
    return 0.0

def stillborn(world):
    """Fails for seed 1 at step 0."""
    return 1 / (world.seed != 1)

def deadly(world):
    """Takes its whole process down for seed 1 at step 2."""
    if world.seed == 1 and world.t == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.0

def threads(world):
    """What libraries of this process take for the number of threads."""
    return float(os.environ.get("OMP_NUM_THREADS", "nan"))

def dealt(world):
    """Threads that tiles of agents are dealt to."""
    from ecosystem import machine
    return float(machine.here().threads)
'''


def tiny(**more):
    plain = {
        "name": "tiny",
        "steps": 3,
        "metrics": ["within_diversity", "differentiation"],
        "world": {"kind": "zipf", "items": 20},
        "humans": [{"rate": 6}],
        "models": [{"count": 3, "publish": 8, "read": 12, "learner": {"kind": "categorical"}}],
        "arms": {"none": {"humans.0.rate": 0}},
    }
    return read(plain | more)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Names a metric of a module outside the package."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own_metrics.py").write_text(METRICS_OF_ONES_OWN)
    monkeypatch.syspath_prepend(tmp_path / "code")
    yield lambda name: ["within_diversity", f"own_metrics:{name}"]
    sys.modules.pop("own_metrics", None)


def test_numbers_do_not_depend_on_the_number_of_processes(tmp_path):
    spec = tiny()
    alone = replicate(spec, [0, 5], arms=("base", "none"), out=tmp_path / "one")
    dealt = replicate(spec, [0, 5], arms=("base", "none"), jobs=2, out=tmp_path / "two")
    assert alone.steps.equals(dealt.steps)
    assert alone.agents.equals(dealt.agents)
    assert {run.status for run in dealt.every} == {"complete"}


def test_workers_count_one_thread(tmp_path, own, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    study = replicate(tiny(metrics=own("threads"), steps=0), 2, jobs=2, out=tmp_path)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert set(study.steps["threads"]) == {1.0}


@pytest.mark.parametrize("jobs, threads, each", [(1, None, 6), (2, None, 3), (9, None, 3), (1, 5, 5), (2, 5, 5)])
def test_runs_at_the_same_time_share_the_cores(tmp_path, own, monkeypatch, jobs, threads, each):
    monkeypatch.setattr(machine, "cores", lambda: 6)
    study = replicate(tiny(metrics=own("dealt"), steps=0), 2, jobs=jobs, threads=threads, out=tmp_path)
    assert set(study.steps["dealt"]) == {each}
    assert {run.provenance["threads"] for run in study.every} == {each}


def test_a_run_on_another_device_is_made_again_and_one_on_other_threads_is_not(tmp_path):
    first = run(tiny(), threads=1, out=tmp_path)
    assert (first.provenance["device"], first.provenance["threads"]) == ("cpu", 1)
    assert run(tiny(), threads=2, out=tmp_path).provenance == first.provenance
    on_gpu = first.provenance | {"device": "cuda"}
    provenance.write(first.folder, on_gpu)
    assert run_folder.complete(first.folder, first.spec, "cuda")
    again = run(tiny(), threads=2, out=tmp_path).provenance
    assert (again["device"], again["threads"]) == ("cpu", 2)
    assert again["start"] > first.provenance["start"]


def test_a_device_that_is_none_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="device: must be cpu or cuda; got 'gpu'"):
        run(tiny(), device="gpu", out=tmp_path / "out")
    with pytest.raises(InputError, match="threads: must be a whole number from 1; got 0"):
        run(tiny(), threads=0, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_there_is_not_made_again(tmp_path):
    spec = tiny()
    first = run(spec, out=tmp_path)
    assert run(spec, out=tmp_path).provenance == first.provenance
    changed_words = spec.model_copy(update={"question": "Why?"})
    assert run(changed_words, out=tmp_path).provenance == first.provenance
    assert run(spec, out=tmp_path, fresh=True).provenance["start"] > first.provenance["start"]


def test_a_run_on_other_data_is_made_again(tmp_path):
    edges = tmp_path / "edges.csv"
    edges.write_text("reader,author\n0,1\n1,2\n2,0\n")
    spec = tiny(graph={"kind": "file", "path": str(edges)})
    before = run(spec, out=tmp_path / "out").steps
    edges.write_text("reader,author\n0,1\n1,0\n2,0\n")
    assert not run(spec, out=tmp_path / "out").steps.equals(before)


def test_a_run_that_was_not_completed_is_made_again(tmp_path):
    first = run(tiny(), out=tmp_path)
    provenance.write(first.folder, first.provenance | {"status": "interrupted"})
    assert run(tiny(), out=tmp_path).status == "complete"


def test_a_run_that_fails_says_why_and_keeps_what_it_measured(tmp_path, own):
    with pytest.raises(RunFailed, match="seed 1: RuntimeError: the readings are off"):
        run(tiny(metrics=own("fragile")), seed=1, out=tmp_path)
    failed = open_run(next(tmp_path.glob("tiny/*/base/seed-001")))
    assert failed.status == "failed"
    assert failed.provenance["reason"].startswith("RuntimeError: the readings are off (own_metrics.py:")
    assert failed.steps["step"].tolist() == [0, 1]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("metric", ["fragile", "stillborn"])
def test_when_a_run_fails_the_others_go_on(tmp_path, own, metric, jobs):
    study = replicate(tiny(metrics=own(metric)), 3, jobs=jobs, out=tmp_path)
    assert [(r.seed, r.status) for r in study.every] == [(0, "complete"), (1, "failed"), (2, "complete")]
    assert [r.seed for r in study.failed] == [1]
    assert study.seeds == (0, 2)
    assert (study.summary["n"] == 2).all()


def test_a_study_in_which_nothing_was_measured_can_be_read(tmp_path, own):
    study = replicate(tiny(metrics=own("stillborn")), [1], out=tmp_path)
    assert study.arms == ("base",)
    assert len(study.steps) == len(study.agents) == len(study.summary) == 0
    assert findings(study)[0].startswith("Nothing was measured: arm base, seed 1 failed: ZeroDivisionError")
    assert "ZeroDivisionError" in study._repr_html_()
    assert "failed" in study.every[0]._repr_html_()


def test_when_a_process_dies_the_others_go_on(tmp_path, own):
    study = replicate(tiny(metrics=own("deadly")), 4, jobs=2, out=tmp_path)
    assert [run.status for run in study.every] == ["complete", "failed", "complete", "complete"]
    dead = study.every[1]
    assert "exit code -9" in dead.provenance["reason"]
    assert dead.steps["step"].tolist() == [0, 1]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_keeps_whole_steps(tmp_path, jobs):
    def interrupt(arm, seed, step, steps, documents):
        if step >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replicate(tiny(steps=1_000_000), jobs + 1, jobs=jobs, out=tmp_path, progress=interrupt)
    study = open_run(tmp_path)
    assert {run.status: run.provenance.get("reason") for run in study.every} == {"interrupted": ""}
    for each in study.every:
        steps = each.steps["step"].tolist()
        assert steps == list(range(len(steps)))
        assert (each.agents.groupby("step").size() == 3).all()


def test_an_interrupt_that_comes_out_as_another_error_is_an_interrupt():
    """Compiled code reports an interrupt inside it as a SystemError."""
    error = SystemError("returned a result with an exception set")
    error.__cause__ = KeyboardInterrupt()
    assert workers.interrupted(error)
    assert not workers.interrupted(SystemError("its own"))
    assert not workers.interrupted()


def test_progress_is_told_step_by_step(tmp_path):
    told = []
    run(tiny(), seed=4, out=tmp_path, progress=lambda *word: told.append(word))
    assert told == [("base", 4, step, 3, step * 30) for step in range(4)]
    told.clear()
    replicate(tiny(), [5, 6], jobs=2, out=tmp_path, progress=lambda *word: told.append(word))
    assert {("base", 5, 3, 3, 90), ("base", 6, 3, 3, 90)} <= set(told)


@pytest.mark.parametrize("place", ["a file", "a folder below a file", "a place where nobody can write"])
def test_an_output_folder_that_cannot_be_written_is_named_before_anything_is_computed(tmp_path, place):
    (tmp_path / "taken").write_text("")
    out = {"a file": tmp_path / "taken", "a folder below a file": tmp_path / "taken" / "x"}.get(place, Path("/proc/x"))
    if place == "a place where nobody can write" and not Path("/proc/self").exists():
        pytest.skip("this system has no /proc")
    with pytest.raises(InputError, match=r"The output folder .* cannot be (made|written)"):
        run(tiny(), out=out, progress=lambda *_: pytest.fail("something was computed"))
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


FULL_DISK = """
import resource, sys
from ecosystem.errors import InputError
from ecosystem.runs.findings import findings
from ecosystem.runs.runner import run
from ecosystem.files.scenario_file import read
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    run(read(sys.argv[1]), out=sys.argv[2])
except InputError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
@pytest.mark.parametrize("allowed", [100_000, 2_000_000])
def test_a_full_disk_ends_in_one_clear_line(tmp_path, allowed):
    tiny(steps=2000, record={"documents": "all"}).to_file(tmp_path / "long.yaml")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "long.yaml", tmp_path / "out", str(allowed)], cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stdout
    assert done.stdout.count("\n") == 1
    if allowed < provenance.SPARE_BYTES:
        assert not (tmp_path / "out").exists()
    else:
        found = open_run(tmp_path / "out").every[0]
        assert found.status == "failed"
        assert (found.documents.groupby("step").size() == 30).all()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_scenario_that_fits_no_world_leaves_nothing_behind(tmp_path, jobs):
    spec = tiny(graph={"kind": "file", "path": str(tmp_path / "edges.csv")})
    (tmp_path / "edges.csv").write_text("reader,author\n0,1\n")
    with pytest.raises(InputError, match="2 nodes but the scenario has 3 models"):
        replicate(spec, 2, jobs=jobs, out=tmp_path / "deep" / "out")
    assert not (tmp_path / "deep" / "out" / "tiny").exists()


def test_unknown_arms_are_named(tmp_path):
    with pytest.raises(InputError, match="non"):
        run(tiny(), arm="non", out=tmp_path)
    assert not any(tmp_path.iterdir())


SCRIPT = """
import sys
from ecosystem.runs.runner import replicate
from ecosystem.files.scenario_file import read
study = replicate(read(sys.argv[1]), 2, jobs=2, out=sys.argv[2])
print(len(study.every), study.every[0].status)
"""


def test_a_script_needs_no_guard_to_use_several_processes(tmp_path):
    tiny().to_file(tmp_path / "tiny.yaml")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path / "tiny.yaml", tmp_path / "out"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("2 complete\n", 0), done.stderr


def test_the_summary_is_the_mean_and_interval_over_seeds(tmp_path):
    import pandas as pd

    study = replicate(tiny(), 4, arms=("base", "none"), out=tmp_path)
    written = pd.read_csv(study.folder / "summary.csv")
    assert list(written.columns) == [
        "arm", "step", "metric", "mean", "median", "standard_deviation", "low", "high", "n",
    ]  # fmt: skip
    assert len(written) == 2 * 4 * 2
    ends = study.steps.query("arm == 'none' and step == 3")["within_diversity"].to_numpy()
    row = written.query("arm == 'none' and step == 3 and metric == 'within_diversity'").iloc[0]
    low, high = stats.t.interval(0.95, 3, ends.mean(), stats.sem(ends))
    assert row["mean"] == pytest.approx(ends.mean())
    assert row["median"] == pytest.approx(np.median(ends))
    assert row["standard_deviation"] == pytest.approx(ends.std(ddof=1))
    assert (row["low"], row["high"], row["n"]) == (pytest.approx(low), pytest.approx(high), 4)


def test_the_summary_of_one_seed_claims_no_interval(tmp_path):
    summary = replicate(tiny(), 1, out=tmp_path).summary
    assert summary["low"].isna().all()
    assert (summary["n"] == 1).all()


def test_arms_are_compared_seed_by_seed(tmp_path):
    found = compare(tiny(steps=10), ("none", "base"), 6, out=tmp_path).set_index("metric")
    study = open_run(tmp_path)
    ends = study.steps.query("step == 10").pivot(index="seed", columns="arm", values="within_diversity")
    expected = stats.ttest_rel(ends["none"], ends["base"])
    row = found.loc["within_diversity"]
    assert row["difference"] == pytest.approx((ends["none"] - ends["base"]).mean())
    assert row["p"] == pytest.approx(expected.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected.confidence_interval()))
    assert row["p_holm"] >= row["p"]
    assert row["seeds"] == 6
    unpaired = 6 * (ends["none"].var() + ends["base"].var()) / (ends["none"] - ends["base"]).var()
    assert row["independent_seeds"] == pytest.approx(unpaired)


def test_arms_that_share_a_seed_share_their_luck(tmp_path):
    # at step 0 the arms are the same world, so every difference within a seed is exactly 0
    found = compare(tiny(), ("none", "base"), 3, at=0, out=tmp_path)
    assert (found["difference"] == 0).all()
    assert (found["p"] == 1).all()
    apart = replicate(tiny(), [0, 1], out=tmp_path).steps.query("step == 0")["within_diversity"]
    assert apart.iloc[0] != apart.iloc[1]


def test_comparing_at_a_step_that_was_not_measured_is_refused(tmp_path):
    with pytest.raises(InputError, match="not measured at step 9; the nearest is 3"):
        compare(tiny(), ("none", "base"), 2, at=9, out=tmp_path)


def test_one_seed_compares_without_an_interval(tmp_path):
    found = compare(tiny(), ("none", "base"), 1, out=tmp_path)
    assert found["low"].isna().all()
    assert not math.isnan(found["difference"].iloc[0])
