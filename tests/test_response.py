"""Response curves: which arms make one, what is drawn, and from where on a collapse is called contained."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ecosystem.files.scenario_file import read
from ecosystem.report import write
from ecosystem.report.response import curve
from ecosystem.runs.findings import findings
from ecosystem.runs.response import least_below, response
from ecosystem.runs.runner import replicate

SCENARIO = {
    "name": "turned_up",
    "steps": 4,
    "metrics": ["attack_rate", "within_diversity"],
    "world": {"kind": "zipf", "items": 40},
    "humans": [{"name": "people", "rate": 10}],
    "models": [{"name": "some", "count": 8, "publish": 20, "read": 400,
                "learner": {"kind": "categorical", "temperature": 0.6}}],
    "graph": {"kind": "ring", "self_loops": True},
    "collapse": {"metric": "within_diversity", "below": 0.8},
    "arms": {
        "fed": {"humans.people.rate": 200},
        "well_fed": {"humans.people.rate": 4000},
        "hub_fed": {"humans.people.rate": 200, "graph.kind": "hub"},
        "hub_well_fed": {"humans.people.rate": 4000, "graph.kind": "hub"},
        "hub": {"graph.kind": "hub"},
        "cool": {"models.some.learner.temperature": 0.3},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = read(SCENARIO)
    return replicate(made, 3, arms=("base", *made.arms), out=tmp_path_factory.mktemp("response"))


def test_arms_that_turn_up_one_number_make_a_line_for_each_setting(study):
    found = response(study)
    assert (found.over, found.by) == ("humans.people.rate", "graph.kind")
    assert found.lines == {
        "ring": [(10.0, "base"), (200.0, "fed"), (4000.0, "well_fed")],
        "hub": [(10.0, "hub"), (200.0, "hub_fed"), (4000.0, "hub_well_fed")],
    }


def test_two_values_are_no_curve(study):
    few = SimpleNamespace(spec=study.spec, arms=("base", "fed", "cool", "hub"))
    assert response(few) is None
    assert curve(few, "attack_rate") is None


def test_the_page_and_the_findings_tell_the_response(study):
    page = write(study.folder).read_text(encoding="utf-8")
    assert 'id="response"' in page
    assert "a line for each graph.kind" in page
    figure = curve(study, "attack_rate")
    drawn = [line.get_ydata() for line in figure.axes[0].lines]
    ends = study.steps[study.steps["step"] == 4].groupby("arm")["attack_rate"].mean()
    assert drawn[0] == pytest.approx(ends[["base", "fed", "well_fed"]].to_numpy())
    assert drawn[1] == pytest.approx(ends[["hub", "hub_fed", "hub_well_fed"]].to_numpy())
    told = findings(study)
    assert ends["base"] > 0.9
    assert ends["well_fed"] == 0
    assert told[0].startswith("Contained (the whole interval of models that ever collapsed below 0.25) by humans")
    assert "ring from 4,000" in told[0] or "ring from 200" in told[0]


@pytest.mark.parametrize("values, least", [
    ({"a": (0.9, 0.8), "b": (0.1, 0.12), "c": (0.0, 0.01)}, 2),
    ({"a": (0.1, 0.1), "b": (0.1, 0.9), "c": (0.0, 0.0)}, 3),  # not yet from the first: the second strays
    ({"a": (0.0, 0.0), "b": (0.0, 0.0), "c": (0.1, 0.5)}, None),
    ({"a": (0.0, 0.0), "b": (0.0, 0.0), "c": (0.0, np.nan)}, None),  # one seed has no interval
])  # fmt: skip
def test_contained_is_from_where_on_the_whole_interval_lies_below(values, least):
    line = [(1.0, "a"), (2.0, "b"), (3.0, "c")]
    rows = [(arm, seed, 5, x) for arm, xs in values.items() for seed, x in enumerate(xs)]
    steps = pd.DataFrame(rows, columns=["arm", "seed", "step", "attack_rate"])
    runs = [
        SimpleNamespace(arm=arm, seed=seed, steps=steps[(steps["arm"] == arm) & (steps["seed"] == seed)])
        for arm in values
        for seed in range(2)
    ]
    assert least_below(SimpleNamespace(runs=runs, steps=steps), "attack_rate", line, 0.25) == least
