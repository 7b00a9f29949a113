"""An oracle with a blind spot: what only one community knows is judged by rates of its own."""

from __future__ import annotations

import numpy as np
import pytest

from agents.humans.facts import Facts
from agents.verifiers.oracle import Oracle
from ecosystem import Ecosystem, Scenario
from ecosystem.errors import InputError
from ecosystem.verifier import Submitted


def world(**oracle) -> Ecosystem:
    """Three subjects in each of three parts; two communities share part 1."""
    return Ecosystem(Scenario.model_validate({
        "world": Facts(subjects=9, relations=1, values=3, places=0, parts=3),
        "humans": [{"name": "all but", "writes": {"part": [0, 1]}}, {"name": "few", "writes": {"part": [1, 2]}}],
        "models": [{"count": 2, "learner": Scenario.from_file("verify_before_reuse").models[0].learner}],
        "verifiers": [Oracle(name="gate", gate="publish", **oracle)], "metrics": ["fact_recall@few"], "steps": 1,
    }))  # fmt: skip


def accepted(world: Ecosystem) -> np.ndarray:
    """(F, V) probability that each claim is accepted."""
    desk, grammar = world.gates.desks["gate"], world.shape.grammar
    fact, slot = np.divmod(np.arange(grammar.facts * grammar.slots), grammar.slots)
    m, content = len(fact), grammar.write(fact[:, None], slot[:, None])
    nobody = np.full(m, -1)
    seen = Submitted(content, nobody, np.zeros(m, np.int32), np.zeros(m, np.float32), nobody, np.zeros(m, bool))
    return desk.verifier.accepts(desk.state, seen, desk.sight).reshape(grammar.facts, grammar.slots)


def test_what_only_one_community_knows_is_judged_apart():
    made = world(sensitivity=0.9, specificity=0.8, blind="few", blind_sensitivity=0.3, blind_specificity=0.1)
    p, truth = accepted(made), made.reference.truth
    true = np.arange(truth.grammar.slots) == truth.slot_F[:, None]
    own_F = truth.grammar.subject_F % 3 == 2  # part 1 is known to others as well
    assert np.allclose(p[own_F], np.where(true, 0.3, 0.9)[own_F])
    assert np.allclose(p[~own_F], np.where(true, 0.9, 0.2)[~own_F])


def test_a_rate_that_is_not_given_is_that_of_elsewhere():
    plain, blind = (accepted(world(sensitivity=0.9, specificity=0.8, **more)) for more in ({}, {"blind": "few"}))
    assert np.array_equal(plain, blind)


def test_a_blind_spot_that_is_none_is_refused():
    with pytest.raises(ValueError, match="blind_sensitivity: goes with blind"):
        Oracle(blind_sensitivity=0.1)
    with pytest.raises(InputError, match=r"must be one of all but, few\. Got 'fev'"):
        world(blind="fev")
    same = [{"name": "few"}, {"name": "others"}]
    spec = world(blind="few").spec
    with pytest.raises(InputError, match=r"verifiers.gate.*knows facts no other knows. Got 'few'"):
        Ecosystem(spec.with_(humans=same))


def test_a_community_may_know_several_parts_or_one_fact_only():
    spec = world(blind="few").spec
    known = [writer.known_F for writer in spec.world.open(spec.human_sources)]
    part_F = spec.world.truth().grammar.subject_F % 3
    assert [np.unique(part_F[known_F]).tolist() for known_F in known] == [[0, 1], [1, 2]]
    for wrong, why in (
        ({"part": [0, 3]}, "part: must be below parts, 3; got 3"),
        ({"part": []}, "part: must name a part"),
        ({"only": [9, 0]}, "only: its subject must be below subjects, 9; got 9"),
        ({"only": [0, 1]}, "only: its relation must be below relations, 1; got 1"),
    ):
        with pytest.raises(ValueError, match=why):
            Facts(**spec.world.model_dump() | wrong)
