"""Tiles of agents dealt to threads: the same results, in order, and the same error, whatever the number of threads."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.machine import Machine, deal, go_on, here, tiles, use
from ecosystem.streams import Streams

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def as_it_was():
    before = here()
    yield
    use(before)


@pytest.mark.parametrize("n, size, parts", [(0, 8, []), (3, 8, [(0, 3)]), (16, 8, [(0, 8), (8, 16)]), (9, 4, None)])
def test_tiles_cover_everyone_once_in_order(n, size, parts):
    found = [(t.start, t.stop) for t in tiles(n, size)]
    assert [i for first, last in found for i in range(first, last)] == list(range(n))
    assert found == (parts if parts is not None else [(0, 4), (4, 8), (8, 9)])


def test_a_process_computes_where_it_was_told_to():
    assert here() == Machine("cpu", 1)
    use(Machine("cuda", 3))
    assert here() == Machine("cuda", 3)


def test_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {1, 5, 7}, raising=False)
    assert machine.cores() == 3
    monkeypatch.delattr(machine.os, "sched_getaffinity")
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 4)
    assert machine.cores() == 4


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_parts(threads):
    use(Machine(threads=threads))

    def slowest_first(tile):
        time.sleep(0.02 if tile.start == 0 else 0)
        return tile.start

    assert deal(slowest_first, tiles(7, 2)) == [0, 2, 4, 6]
    assert deal(slowest_first, []) == []


def test_two_threads_work_at_the_same_time():
    use(Machine(threads=2))
    meeting = threading.Barrier(2, timeout=30)  # passed only by two that are there together
    assert sorted(deal(lambda _: meeting.wait(), tiles(2, 1))) == [0, 1]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_error_is_that_of_the_first_part_that_fails(threads):
    use(Machine(threads=threads))

    def fails(tile):
        time.sleep(0.05 if tile.start == 1 else 0)  # the later ones fail earlier
        if tile.start >= 1:
            raise ValueError(f"part {tile.start}")

    with pytest.raises(ValueError, match="part 1"):
        deal(fails, tiles(6, 1))


def test_a_part_after_one_that_failed_ends_early_and_one_before_it_does_not():
    use(Machine(threads=3))
    failed, done = threading.Event(), []

    def work(tile):
        if tile.start == 1:
            failed.set()
            raise ValueError("part 1")
        failed.wait(30)
        deadline = time.monotonic() + (0.3 if tile.start == 0 else 30)
        while time.monotonic() < deadline:
            go_on()
        done.append(tile.start)

    with pytest.raises(ValueError, match="part 1"):
        deal(work, tiles(3, 1))
    assert done == [0]


def test_an_interrupt_stops_every_part():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores interrupts
    use(Machine(threads=2))
    done = []

    def work(tile):
        if tile.start == 1:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            go_on()
        done.append(tile.start)

    try:
        with pytest.raises(KeyboardInterrupt):
            deal(work, tiles(3, 1))
    finally:
        signal.signal(signal.SIGINT, before)
    assert not done
    go_on()  # outside of a deal nothing is stopped


@pytest.mark.parametrize("device", ["tpu", "", "CPU", "cuda:1"])
def test_a_device_that_is_none_is_refused(device):
    with pytest.raises(InputError, match=f"device: must be cpu or cuda; got '{device}'"):
        machine.placed(device)


def test_cuda_is_refused_where_torch_sees_none(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"device: torch .* sees no CUDA device on this machine; choose cpu"):
        machine.placed("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert machine.placed("cuda", 2) == Machine("cuda", 2)


@pytest.mark.parametrize("threads, jobs, each", [(None, 1, 8), (None, 3, 2), (None, 20, 1), (None, 0, 8), (3, 20, 3)])
def test_runs_at_the_same_time_share_the_cores(monkeypatch, threads, jobs, each):
    monkeypatch.setattr(machine, "cores", lambda: 8)
    assert machine.placed("cpu", threads, jobs) == Machine("cpu", each)


def test_a_number_of_threads_is_at_least_one():
    with pytest.raises(InputError, match="threads: must be a whole number from 1; got 0"):
        machine.placed("cpu", 0)


def test_random_numbers_drawn_on_threads_are_those_drawn_alone():
    draws = Streams(3).rows("publish/models", 2, 64)
    alone = draws.take(np.arange(64)).uniform(500)
    use(Machine(threads=4))
    parts = deal(lambda tile: draws.take(np.arange(tile.start, tile.stop)).uniform(500), tiles(64, 5))
    assert np.array_equal(np.concatenate(parts), alone)


def test_neural_models_become_the_same_on_any_number_of_threads():
    """20 models are several tiles; every number is equal to the last bit, since tiles do not depend on threads."""
    from agents.learners.transformer import Transformer
    from ecosystem.documents import DocumentShape

    learner, shape = Transformer(layers=1, width=8, heads=2, updates=3, batch=4), DocumentShape("tokens", 9, 6)

    def life():
        draws = {purpose: Streams(0).rows(purpose, 1, 20) for purpose in ("read", "init", "train", "sample")}
        content = draws["read"].integers(9, 5, 6).astype(np.int32)
        params = learner.init(20, shape, draws["init"])
        params = learner.train(params, content, np.ones((20, 5)), draws["train"])
        return params["weights"], learner.sample(params, 3, draws["sample"]), learner.log_prob(params, content[0])

    alone = life()
    use(Machine(threads=3))
    for one, three in zip(alone, life(), strict=True):
        assert np.array_equal(one, three)


LIVES_ON_THREADS = """
import sys
import numpy as np
from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.components import find
from ecosystem.documents import DocumentShape
from ecosystem.streams import Streams

shapes = {"items": DocumentShape("items", 30), "vectors": DocumentShape("vectors", 2),
          "pairs": DocumentShape("pairs", 3), "tokens": DocumentShape("tokens", 12, 6)}

def documents(shape, n):
    u = Streams(0).rows("read", 0, n).uniform(40, *shape.trailing)
    return (u * shape.size).astype(np.int32) if shape.dtype == np.int32 else u

def life(kind, rows):
    learner = find("learners", kind)()
    shape = shapes[learner.reads[0]]
    draws = lambda purpose: Streams(1).rows(purpose, 0, 8).take(np.arange(8)[rows])
    content = documents(shape, 8)[rows]
    params = learner.init(len(content), shape, draws("init"))
    params = learner.train(params, content, np.ones(content.shape[:2]), draws("train"))
    written = learner.sample(params, 20, draws("sample"))
    content = written[0] if isinstance(written, tuple) else written
    return content, learner.log_prob(params, documents(shape, 1)[0])

kinds = sys.argv[1:]
machine.use(machine.Machine(threads=4))
parts = [(kind, rows) for kind in kinds for rows in machine.tiles(8, 3)]
dealt = machine.deal(lambda part: life(*part), parts)
again = [life(*part) for part in parts]
assert all(np.array_equal(a, b) for x, y in zip(dealt, again) for a, b in zip(x, y))
print("alike")
"""


@pytest.mark.parametrize("kept", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_kernels_loaded_or_compiled_and_called_on_many_threads_give_the_same(tmp_path, kept):
    """In a fresh process: threads load, or (nothing kept) compile, the same kernels at the same time."""
    done = subprocess.run(
        [sys.executable, "-c", LIVES_ON_THREADS, "categorical", "ngram", "gaussian", "mixture", "kde", "linear"],
        env=os.environ | ({} if kept else {"NUMBA_CACHE_DIR": str(tmp_path)}), capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.strip() == "alike", done.stderr
