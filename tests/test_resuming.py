"""What can go on, and what is said where it cannot; how a signal to stop is heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ecosystem.errors import InputError
from ecosystem.runs import checkpoints, provenance, stopping
from ecosystem.runs.resuming import resumable
from ecosystem.runs.runner import RunFailed, run
from ecosystem.runs.verify import differences
from tests.test_runner import tiny
from tests.test_survival import stopped


@pytest.fixture(scope="module")
def spec():
    return tiny(steps=6)


def test_a_study_is_resumed_by_any_name_of_its_folder_whatever_else_lies_there(tmp_path, spec, monkeypatch):
    folder = stopped(tmp_path, spec)
    (folder.parent / "seed-000 copy").mkdir()
    monkeypatch.chdir(folder.parent)
    study, _, left = resumable(Path(".."))
    assert (study, left) == (folder.parent.parent, [("base", spec.seed)])
    folder.rename(folder.with_name("seed-x"))
    with pytest.raises(InputError, match="must be called seed-NNN"):
        resumable(Path("seed-x"))


def test_a_study_goes_on_under_its_own_name_with_its_own_scenario(tmp_path, spec):
    study = stopped(tmp_path, spec).parent.parent
    renamed = study.rename(study.with_name("mine"))
    with pytest.raises(InputError, match=f"mine/scenario.yaml: is the scenario of a folder tiny/{spec.digest}, not of"):
        resumable(renamed)
    renamed.rename(study)
    (study / "scenario.yaml").write_text((study / "scenario.yaml").read_text().replace("steps: 6", "steps: 7"))
    with pytest.raises(InputError, match=r"is the scenario of a folder tiny/[0-9a-f]{12}, not of this one; give"):
        resumable(study)


def test_what_was_made_on_another_device_goes_on_there(tmp_path, spec):
    folder = stopped(tmp_path, spec)
    provenance.write(folder, provenance.read(folder) | {"device": "cuda"})
    with pytest.raises(InputError, match="was made on cuda; go on with --device cuda"):
        resumable(folder)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), RuntimeError("reentrant call")])
def test_a_signal_is_heard_where_nobody_can_be_told(monkeypatch, error):
    class Gone:
        def write(self, text):
            raise error

        flush = write

    stop = stopping.Stop(say="Stopping")
    monkeypatch.setattr(sys, "stderr", Gone())
    stop()
    assert stop.asked


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of Unix")
def test_a_sweep_over_processes_that_is_told_to_stop_ends_as_by_ctrl_c(tmp_path):
    code = (
        "from ecosystem.runs.sweep import sweep; from ecosystem.runs.sweep_design import grid\n"
        "from tests.test_runner import tiny\n"
        f"sweep(tiny(steps=20), grid({{'humans.0.rate': [1, 2]}}), 100000, jobs=2, out={str(tmp_path)!r},\n"
        "      progress=lambda done, *_: print(done, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 3:
            pass
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
    assert b"KeyboardInterrupt" in said
    assert process.returncode != -signal.SIGTERM


def test_a_run_that_goes_on_elsewhere_says_where_it_was_before(tmp_path, spec):
    folder = stopped(tmp_path, spec)
    provenance.write(folder, provenance.read(folder) | {"processor": "an older one"})
    made = run(spec, out=tmp_path)
    (part,) = made.provenance["resumed"]
    assert part["made_on"] == {"processor": "an older one"}
    (said,) = differences(made.provenance, made.spec, "cpu")
    assert "processor an older one to step 3, " in said
    told = made.provenance | {"resumed": [{"at": "", "from_step": 3}]}
    assert list(differences(told, made.spec, "cpu")) == []


def signal_at(wanted: int):
    """A progress that sends this process a Ctrl-C when a step is done."""

    def progress(arm, seed, step, steps, documents):
        if step == wanted:
            os.kill(os.getpid(), signal.SIGINT)

    return progress


def test_a_state_that_is_kept_already_is_not_written_again(tmp_path, spec, monkeypatch):
    """The one that is there would be removed first."""
    write, written = checkpoints.write, []
    monkeypatch.setattr(checkpoints, "write", lambda *a: written.append(a[1].t) or write(*a))
    with pytest.raises(KeyboardInterrupt):
        run(spec, out=tmp_path, checkpoint=0.0, progress=signal_at(3))
    assert written == [1, 2, 3]


def test_an_interrupt_while_the_state_is_kept_leaves_the_folder_free(tmp_path, spec, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(spec, out=tmp_path, checkpoint=1e9, progress=signal_at(3))
    made = run(spec, out=tmp_path)
    assert (made.status, made.provenance["resumed"][0]["stopped"]) == ("complete", "interrupted")


def test_a_record_that_cannot_be_opened_leaves_the_folder_free(tmp_path, spec, monkeypatch):
    folder = stopped(tmp_path, spec)

    def fails(*_):
        raise ValueError("cannot be opened")

    with monkeypatch.context() as patched:
        patched.setattr("ecosystem.runs.record._connect", fails)
        with pytest.raises(RunFailed, match="cannot be opened"):
            run(spec, out=tmp_path)
    assert run(spec, out=tmp_path).status == "complete"
    assert folder.is_dir()


@pytest.mark.parametrize("told, ends", [(True, KeyboardInterrupt), (False, InputError)])
def test_who_is_told_to_stop_while_its_input_is_found_wrong_stops(tmp_path, spec, monkeypatch, told, ends):
    """A worker that went on would wait for work that never comes."""

    def wrong(*_):
        if told:
            os.kill(os.getpid(), signal.SIGINT)
        raise InputError("wrong")

    monkeypatch.setattr("ecosystem.runs.attempt._begun", wrong)
    with pytest.raises(ends):
        run(spec, out=tmp_path)
