"""A metric at points of an experiment: what runs of their own would give, and refused in one line."""

from __future__ import annotations

import pytest

from ecosystem.errors import InputError
from ecosystem.runs import sweep_cells
from ecosystem.runs.runner import RunFailed, run
from ecosystem.value import measured

POINTS = [{"humans.0.rate": 3}, {"humans.0.rate": 30}]


def test_a_value_is_that_of_a_run_of_its_own(small_world, tmp_path):
    spec = small_world()
    found = measured(spec, POINTS, "within_diversity", [2, 5], at=[1, 4], out=tmp_path)
    assert list(found.columns) == ["point", "humans.0.rate", "seed", "step", "value"]
    assert len(found) == 8
    alone = run(spec.with_(POINTS[1]), seed=5, out=tmp_path).steps.set_index("step")["within_diversity"]
    cell = found[(found["point"] == 1) & (found["seed"] == 5)].set_index("step")["value"]
    assert (cell == alone.loc[[1, 4]]).all()


def test_only_the_seeds_asked_for_are_there(small_world, tmp_path):
    """More may lie in the folder of an earlier call."""
    more = measured(small_world(), POINTS, "depth", 3, out=tmp_path)
    fewer = measured(small_world(), POINTS, "depth", [1], out=tmp_path)
    assert fewer.equals(more[more["seed"] == 1].reset_index(drop=True))


def test_a_metric_that_is_not_measured_is_refused_before_anything_runs(small_world, tmp_path):
    with pytest.raises(InputError, match=r"does not measure 'dept'\. Did you mean 'depth'\?"):
        measured(small_world(), POINTS, "dept", 1, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cell_that_fails_says_where_and_why(small_world, tmp_path, monkeypatch):
    alone = sweep_cells.measured

    def failing(spec, seed, at):
        if spec.humans[0].rate == 30 and seed == 1:
            raise ArithmeticError("no such luck")
        return alone(spec, seed, at)

    monkeypatch.setattr(sweep_cells, "measured", failing)
    with pytest.raises(RunFailed, match=r"seed 1: .*\"humans.0.rate\": 30.*no such luck"):
        measured(small_world(), POINTS, "depth", 2, out=tmp_path)
