"""Runs that are killed and folders that are spoilt: nothing that was told is lost, and going on ends as it would have.

The full count (200 kills over five scenarios, every file) is `make robustness`; here are some of each.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError

from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.runs import checkpoints, provenance
from ecosystem.runs import folder as run_folder
from ecosystem.runs.attempt import Task
from ecosystem.runs.opened import open_run
from ecosystem.runs.runner import RunFailed, _record_death, replicate, run
from tests.killing import SMALL, killed, same, small, spoilt, tables
from tests.test_runner import tiny

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes of its own, which needs fork")


def stop_at(step: int):
    """A progress that stops the run when so many steps are done."""

    def progress(arm, seed, now, steps, documents):
        if now >= step:
            raise KeyboardInterrupt

    return progress


def stopped(tmp_path: Path, spec, step=3, **how) -> Path:
    """The folder of a run that was stopped after a step, with a checkpoint of every one."""
    with pytest.raises(KeyboardInterrupt):
        run(spec, out=tmp_path, progress=stop_at(step), **{"checkpoint": 0.0, **how})
    return run_folder.seed_folder(run_folder.digest_folder(tmp_path, spec), "base", spec.seed)


@pytest.fixture(scope="module")
def spec():
    return tiny(steps=6, record={"documents": "all"})


@pytest.fixture(scope="module")
def whole(tmp_path_factory, spec):
    return run(spec, out=tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    "name", ["tiny", *(pytest.param(name, marks=pytest.mark.slow) for name in SMALL)]
)  # fmt: skip
def test_whatever_the_moment_of_a_kill_nothing_told_is_lost_and_the_end_is_the_same(tmp_path, spec, name):
    found = killed(spec if name == "tiny" else small(name), tmp_path, 6)
    assert (found.lost, found.unread, found.other) == (0, 0, 0)
    assert found.survived == found.kills >= 6


def test_whatever_file_is_spoilt_every_command_ends_well_and_going_on_ends_the_same(tmp_path):
    for name, counts in spoilt(tiny(steps=4), tmp_path, 1).items():
        assert (name, counts["uncaught"], counts["other"]) == (name, 0, 0)


def test_a_stopped_run_goes_on_from_its_last_checkpoint(tmp_path, spec, whole):
    folder = stopped(tmp_path, spec)
    assert [path.name for path in checkpoints.there(folder / "checkpoints")] == ["step-000003", "step-000002"]
    made = run(spec, out=tmp_path)
    assert [part["from_step"] for part in made.provenance["resumed"]] == [3]
    assert made.status == "complete"
    assert same(tables(whole), tables(made))
    assert not (folder / "checkpoints").exists()  # nothing is left to go on with


def test_without_a_checkpoint_it_begins_anew_and_keeps_what_is_recorded(tmp_path, spec, whole):
    stopped(tmp_path, spec, checkpoint=1e9)
    made = run(spec, out=tmp_path)
    assert [part["from_step"] for part in made.provenance["resumed"]] == [0]
    assert same(tables(whole), tables(made))


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path, spec, whole):
    folder = stopped(tmp_path, spec)
    newest = checkpoints.there(folder / "checkpoints")[0]
    content = (newest / checkpoints.ARRAYS).read_bytes()
    (newest / checkpoints.ARRAYS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match="its checksum is another"):
        checkpoints.read(newest)
    made = run(spec, out=tmp_path)
    assert [part["from_step"] for part in made.provenance["resumed"]] == [2]
    assert same(tables(whole), tables(made))


def test_a_whole_checkpoint_that_does_not_fit_is_not_the_end(tmp_path, spec, whole):
    """Somebody edited it and put the checksums right."""
    import hashlib

    for place in checkpoints.there(stopped(tmp_path, spec) / "checkpoints"):
        told = json.loads((place / checkpoints.STATE).read_text())
        told["state"]["network"] = "another"
        raw = json.dumps(told).encode()
        (place / checkpoints.STATE).write_bytes(raw)
        first = (place / checkpoints.CHECKSUMS).read_text().splitlines()[0]
        (place / checkpoints.CHECKSUMS).write_text(f"{first}\n{hashlib.sha256(raw).hexdigest()}  state.json\n")
    made = run(spec, out=tmp_path)
    assert [part["from_step"] for part in made.provenance["resumed"]] == [0]
    assert same(tables(whole), tables(made))


@pytest.mark.parametrize("text", ["[]", "3", "null", '{"status": 1', ""])
def test_spoilt_provenance_is_made_anew(tmp_path, spec, whole, text):
    folder = stopped(tmp_path, spec)
    (folder / provenance.FILE).write_text(text)
    with pytest.raises(InputError, match=r"not a JSON file|is damaged, or written by another version"):
        _ = open_run(folder).status
    assert same(tables(whole), tables(run(spec, out=tmp_path)))


def test_a_checkpoint_that_other_code_made_is_not_gone_on_with(tmp_path, spec):
    folder = stopped(tmp_path, spec)
    provenance.write(folder, provenance.read(folder) | {"code": "another"})
    with pytest.raises(InputError, match="was made with other code; going on would change its numbers"):
        main_raises("resume", folder)
    assert "resumed" not in run(spec, out=tmp_path).provenance  # begun anew


def main_raises(command: str, folder: Path) -> None:
    from ecosystem.runs.resuming import resumable

    assert command == "resume"
    resumable(folder)


@pytest.mark.parametrize(
    "row, says",
    [
        ("steps SET within_diversity = within_diversity + 1e-12 WHERE step = 2", " 0"),
        ("agents SET within_diversity = within_diversity + 1e-12 WHERE step = 2 AND agent = 1", "of model 1 0"),
        ("agents SET within_diversity = NULL WHERE step = 2 AND agent = 0", "of model 0 0.* recorded None"),
    ],
)
def test_numbers_that_come_out_otherwise_than_recorded_end_the_run(tmp_path, spec, row, says):
    """The negative control of resuming: one recorded digit is changed."""
    import sqlite3

    folder = stopped(tmp_path, spec, checkpoint=1e9)
    with sqlite3.connect(folder / run_folder.DB) as db:
        db.execute(f"UPDATE {row}")
    with pytest.raises(RunFailed, match=f"step 2 came out otherwise than it is recorded: within_diversity.*{says}"):
        run(spec, out=tmp_path)


def test_the_command_resumes_every_run_of_a_study_that_was_asked_for(tmp_path, capsys, spec):
    with pytest.raises(KeyboardInterrupt):
        replicate(spec, 3, out=tmp_path, progress=stop_at(2), checkpoint=0.0)
    study = run_folder.digest_folder(tmp_path, spec)
    assert main(["resume", str(study), "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(study)
    made = open_run(study)
    assert [(each.seed, each.status) for each in made.every] == [(0, "complete"), (1, "complete"), (2, "complete")]
    assert main(["resume", str(study)]) == 0  # `until ecosystem resume RUN` ends
    told = capsys.readouterr()
    assert told.out.strip() == str(study)
    assert "is complete; there is nothing to go on with" in told.err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_step_end_and_keeps_the_state(tmp_path, stop):
    code = (
        "import sys; from ecosystem.runs.runner import run; from tests.test_runner import tiny\n"
        f"run(tiny(steps=100000), out={str(tmp_path)!r}, progress=lambda *a: print(a[2], flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 3:
            time.sleep(0.01)
        process.send_signal(stop)
        _, said = process.communicate(timeout=60)
    assert b"Stopping when the step is done" in said
    (made,) = open_run(tmp_path).every
    assert made.status == "interrupted"
    last = int(made.steps["step"].max())
    (kept,) = checkpoints.there(made.folder / "checkpoints")
    about, _ = checkpoints.read(kept)
    assert about["step"] == last >= 3


def test_a_signal_to_who_has_others_do_the_work_is_passed_on_to_them(tmp_path):
    code = (
        "from ecosystem.runs.runner import replicate; from tests.test_runner import tiny\n"
        f"replicate(tiny(steps=1000000), 2, jobs=2, out={str(tmp_path)!r}, checkpoint=1e9,\n"
        "          progress=lambda *a: print(a[1], flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = set()
        while told != {0, 1}:
            told.add(int(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    for made in open_run(tmp_path).every:
        (kept,) = checkpoints.there(made.folder / "checkpoints")
        assert (made.status, checkpoints.read(kept)[0]["step"]) == ("interrupted", int(made.steps["step"].max()))


def test_a_signal_in_the_last_step_of_a_run_keeps_the_next_from_beginning(tmp_path, spec):
    def progress(arm, seed, step, steps, documents):
        if step == steps:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        replicate(spec, 3, out=tmp_path, progress=progress)
    assert [(made.seed, made.status) for made in open_run(tmp_path).every] == [(0, "complete")]


def test_a_run_that_cannot_go_on_keeps_what_it_had_recorded(tmp_path, spec, whole, monkeypatch):
    folder = stopped(tmp_path, spec)

    def fails(*_):
        raise MemoryError("no room for it")

    with monkeypatch.context() as patched:
        patched.setattr("ecosystem.checkpoint.restore", fails)
        with pytest.raises(RunFailed, match="MemoryError: no room for it"):
            run(spec, out=tmp_path)
    assert open_run(folder).steps["step"].tolist() == [0, 1, 2, 3]
    made = run(spec, out=tmp_path)
    assert [part["from_step"] for part in made.provenance["resumed"]] == [3]
    assert same(tables(whole), tables(made))


def test_a_process_that_dies_takes_nothing_along(tmp_path, spec):
    folder = stopped(tmp_path, spec)
    task = Task(spec.arm("base"), "base", folder)
    _record_death(task, -15)
    made = open_run(folder)
    assert (made.status, made.steps["step"].tolist()) == ("failed", [0, 1, 2, 3])
    assert "exit code -15" in made.provenance["reason"]
    assert run(spec, out=tmp_path).status == "complete"
    _record_death(task, -9)  # after its last word to the record, before that to the parent
    assert open_run(folder).status == "complete"


def test_the_peak_of_memory_is_that_of_all_parts_of_a_run(tmp_path, spec):
    folder = stopped(tmp_path, spec)
    provenance.write(folder, provenance.read(folder) | {"peak_memory_bytes": 10**15})
    assert run(spec, out=tmp_path).provenance["peak_memory_bytes"] == 10**15


def test_two_processes_do_not_write_one_folder(tmp_path, spec):
    folder = stopped(tmp_path, spec)
    held = run_folder.lock(folder)
    child = os.fork()
    if child == 0:
        try:
            run(spec, out=tmp_path)
        except InputError as error:
            os._exit(0 if "is being written by another run" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run_folder.unlock(held)


def test_on_a_full_disk_a_run_ends_in_words_and_goes_on_when_there_is_room(tmp_path, spec, whole):
    """Files may not grow beyond what they have: as on a disk that is full."""
    folder = stopped(tmp_path, spec, step=2)
    size = (folder / run_folder.DB).stat().st_size
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            run(spec, out=tmp_path, checkpoint=0.0)
        except InputError as error:
            os._exit(0 if "cannot be written" in str(error) else 1)
        except BaseException:
            os._exit(2)
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, 3)
    assert len(open_run(folder).steps) >= 3
    assert same(tables(whole), tables(run(spec, out=tmp_path)))


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), SafetensorError("Error while serializing: No space left on device")],
)
def test_a_checkpoint_that_cannot_be_written_does_not_end_the_run(tmp_path, spec, whole, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    folder = stopped(tmp_path, spec)
    assert checkpoints.there(folder / "checkpoints") == []
    made = run(spec, out=tmp_path, checkpoint=0.0)
    assert same(tables(whole), tables(made))
    assert "No space left on device" in made.provenance["checkpoint_trouble"]


def test_nothing_of_a_checkpoint_is_code(tmp_path, spec):
    """JSON and safetensors, and nothing else; a pickle in their place is refused."""
    import pickle

    folder = stopped(tmp_path, spec)
    newest = checkpoints.there(folder / "checkpoints")[0]
    assert sorted(path.name for path in newest.iterdir()) == ["arrays.safetensors", "checksums", "state.json"]
    json.loads((newest / checkpoints.STATE).read_text())
    raw = pickle.dumps({"a": np.arange(3)})
    (newest / checkpoints.ARRAYS).write_bytes(raw)
    import hashlib

    told = (newest / checkpoints.CHECKSUMS).read_text().splitlines()
    (newest / checkpoints.CHECKSUMS).write_text(f"{hashlib.sha256(raw).hexdigest()}  arrays.safetensors\n{told[1]}\n")
    with pytest.raises(ValueError, match="is damaged"):
        checkpoints.read(newest)
