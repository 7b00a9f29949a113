"""Compiled kernels come to the same numbers whenever they were compiled, and whatever was loaded before."""

import hashlib
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher
from numba.core.errors import TypingError

import agents
import ecosystem
from agents.kernels.sums import LANES, part_sum, row_product, row_sum, sum_where
from tests import regressed

ROOT = Path(__file__).resolve().parent.parent


@njit
def _four(x, y, first, ranks, least, size):
    return (
        row_sum(x, 1, size),
        row_product(x, 1, y, 0, size),
        part_sum(y[0], first, size),
        sum_where(y[1], ranks, least, size),
    )


def in_the_order_told(numbers):
    """What the docstring of `sums` says, number by number."""
    lanes, whole = [numbers.dtype.type(0)] * LANES, len(numbers) // LANES * LANES
    for i in range(whole):
        lanes[i % LANES] += numbers[i]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [a + b for a, b in zip(lanes[:half], lanes[half:], strict=True)]
    total = lanes[0]
    for number in numbers[whole:]:
        total += number
    return total


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 64, 401])
def test_sums_are_taken_in_the_order_that_is_written_down(kind, size):
    drawn = np.random.default_rng(size)
    x, y = drawn.normal(size=(2, 2, 450)).astype(kind)
    ranks = drawn.integers(-9, 9, 450).astype(np.int32)
    parts = (x[1, :size], x[1, :size] * y[0, :size], y[0, 3 : 3 + size], np.where(ranks >= 2, y[1], kind(0))[:size])
    assert _four(x, y, 3, ranks, np.int32(2), size) == tuple(in_the_order_told(part) for part in parts)


def test_another_order_is_another_sum():
    """The control: the order matters to the last bit, so the test above can tell one from another."""
    rows = np.random.default_rng(0).normal(size=(20, 401)).astype(np.float32)
    assert sum(in_the_order_told(x) != in_the_order_told(x[::-1]) for x in rows) > 10
    assert sum(in_the_order_told(x) != sum(x[1:], x[0]) for x in rows) > 10


def test_sums_of_what_does_not_lie_in_a_row_are_refused():
    x = np.zeros((40, 40), np.float32)
    with pytest.raises(TypingError, match="Sums are of arrays in C order, of numbers of one type"):
        _four(x.T, x, 0, np.zeros(40, np.int32), np.int32(0), 40)


def _kernels():
    for package in (agents, ecosystem):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            source = found.module_finder.find_spec(found.name).origin
            if b"njit" in Path(source).read_bytes():
                module = importlib.import_module(found.name)
                yield from (
                    (f"{found.name}.{name}", of) for name, of in vars(module).items() if isinstance(of, Dispatcher)
                )


def test_no_kernel_lets_the_compiler_choose_the_order_of_a_sum():
    """Such a kernel is compiled in many forms, and which one a process calls hangs on what it has loaded before."""
    kernels = dict(_kernels())
    assert len(kernels) > 100
    assert not [name for name, kernel in kernels.items() if kernel.targetoptions.get("fastmath")]


NUMBERS = """
import json, sys
from pathlib import Path
from tests import regressed
found = {}
for name in sys.argv[2:]:
    spec = regressed.Scenario.from_file(name, "steps=1") if "/" in name else regressed.scenario(name, Path(sys.argv[1]))
    found[name] = regressed.measured(spec)
print(json.dumps(found))
"""


@pytest.mark.slow
def test_numbers_do_not_hang_on_what_was_compiled_or_loaded_before(tmp_path):
    """All kinds of components: kernels compiled in the process that computes, then loaded in three other orders."""
    names = [*regressed.names(), str(ROOT / "scenarios/mixed.yaml")]
    found = {}
    for when, parts in (
        ("compiled", [names]),
        ("loaded", [names]),
        ("backwards", [names[::-1]]),
        ("alone", [[name] for name in names]),
    ):
        found[when] = {}
        for part in parts:
            done = subprocess.run(
                [sys.executable, "-c", NUMBERS, str(tmp_path / "models"), *part],
                env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")},
                capture_output=True,
                text=True,
                cwd=ROOT,
            )
            assert done.returncode == 0, done.stderr
            found[when] |= json.loads(done.stdout)
    digests = {
        when: {name: hashlib.sha256(json.dumps(of[name]).encode()).hexdigest() for name in names}
        for when, of in found.items()
    }
    for when in ("loaded", "backwards", "alone"):
        assert digests[when] == digests["compiled"], when
