"""Numbers that no commit changes without saying why (see `tests/regressed.py`).

On a machine like the one they were made on (processor, C library, versions of libraries) they are equal to the last
digit. Elsewhere libraries choose other kernels, which add up in another order: FAR says how far apart numbers may then
be. False alarms there: a draw lands on the other side of a bound that moved. Networks (float32, moved by some 1e-7)
draw some thousand times: 1 in 1,000 at most; all else (float64, 1e-16) 1 in 10^10. docs/reproducibility.md has figures.
"""

from __future__ import annotations

import json
import math

import pytest

from ecosystem import components, metrics
from ecosystem.components import kind_of
from tests import regressed
from tests.regressed import HEADER, measured, recorded, scenario

FAR = {
    "texts": 1e-5,  # networks in float32; measured 7e-9
    "pictures": 5e-3,  # networks, and shares of forty pictures by a judge's nearest class; measured 1e-7
    "facts": 1e-2,  # ranks of probabilities that are equal but for the last bit; measured 6e-4
}
"""Relative (absolute below 1), on another processor; measured with AVX2 in place of AVX-512."""
ELSEWHERE = 1e-9  # of all other scenarios: logarithms and the like differ in last bits between C libraries

@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Where the models are made that scenarios start from."""
    return tmp_path_factory.mktemp("regressed") / "models"


def unlike(one: list[str], other: list[str], far: float) -> bool:
    """Are two rows of the same step, metric and model further apart than `far`, relatively? 0: in any digit."""
    if one[:3] != other[:3] or not far:
        return one != other
    a, b = float(one[3]), float(other[3])
    return not (a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= far * max(1.0, abs(a), abs(b)))


@pytest.mark.parametrize("name", regressed.names())
def test_every_number_is_the_recorded_one(name, models):
    alike = json.loads(regressed.MADE_ON.read_text()) == regressed.made_on()
    found, expected = measured(scenario(name, models)), recorded(name)
    assert len(found) == len(expected)
    far = 0.0 if alike else FAR.get(name, ELSEWHERE)
    wrong = [(there, here) for there, here in zip(expected, found, strict=True) if unlike(there, here, far)]
    told = "\n".join(f"{dict(zip(HEADER, there, strict=True))} is now {here[3]}" for there, here in wrong[:5])
    assert not wrong, f"{len(wrong)} of {len(found)} numbers changed; if that is right: make regression WHY=...\n{told}"


def test_the_last_bit_of_one_number_would_be_seen():
    """Negative control of the test above."""
    row = next(row for row in recorded("items") if "." in row[3])
    other = [*row[:3], repr(math.nextafter(float(row[3]), 2))]
    assert unlike(row, other, 0.0)
    assert not unlike(row, row, 0.0)
    assert unlike(row, [*row[:3], "nan"], 0.1)
    assert unlike(row, [*row[:3], repr(float(row[3]) + 0.2)], 0.1)


def test_numbers_change_only_with_a_reason():
    line = regressed.REASONS.read_text(encoding="utf-8").splitlines()[-1]
    _, digest, changed, why, _ = (part.strip() for part in line.split("|"))
    assert digest == regressed.digest(), "numbers were changed by hand: make regression WHY=..."
    assert set(changed.split(", ")) <= set(regressed.names())
    assert len(why) > 10


def kinds(spec) -> set[tuple[str, str]]:
    """(family, kind) of every component of a scenario."""
    parts = {"humans": [spec.world], "verifiers": spec.verifiers, "policies": spec.policies}
    parts["learners"] = [group.learner for group in spec.models]
    return {(family, kind_of(part)) for family, of in parts.items() for part in of}


def test_every_kind_of_component_and_every_metric_is_in_one_of_the_scenarios(models):
    specs = [scenario(name, models) for name in regressed.names()]
    there = {(family, kind) for family in components.FAMILIES for kind in components.available(family)}
    assert there - set().union(*map(kinds, specs)) == set()
    assert set(metrics.available()) - {m.partition("@")[0] for spec in specs for m in spec.metrics} == set()
