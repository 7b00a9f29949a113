"""Recorded runs as one file: what is packed comes back, it is small, and nothing in it can run."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest

from ecosystem.errors import InputError
from ecosystem.runs.opened import Study, open_run
from ecosystem.runs.runner import replicate
from ecosystem.scenario import Scenario
from ecosystem.view import packing, recording, replay, topology
from ecosystem.view.packing import TYPES, packed, quantised, script_json

EVIL = "</script><script>alert(1)</script>"


def unpacked(given: dict) -> np.ndarray:
    raw = base64.b64decode(given["data"])
    return np.frombuffer(zlib.decompress(raw) if given.get("z") else raw, np.dtype(TYPES[given["type"]]))


def spec(**more) -> Scenario:
    from ecosystem.files import scenario_file

    given = {
        "name": "played", "question": f"Who forgets? {EVIL}", "steps": 12,
        "metrics": ["within_diversity", "tail_coverage", "human_share_read", "collapsed", "between_similarity"],
        "world": {"kind": "zipf", "items": 60},
        "humans": [{"name": "people", "rate": [[0, 20], [6, 2]], "reach": 0.5}],
        "models": [
            {"name": "small", "count": 8, "publish": 8, "read": 12, "learner": {"kind": "categorical"}},
            {"name": "large", "count": 4, "publish": 8, "read": 40, "learner": {"kind": "categorical"}},
        ],
        "verifiers": [{"name": "guards", "kind": "detector", "placement": {"share": 0.0}}],
        "graph": {"kind": "small_world", "self_loops": True},
        "collapse": {"metric": "tail_coverage", "below": 0.5},
        "arms": {"guarded": {"verifiers.guards.placement.share": 0.5}},
    }  # fmt: skip
    return scenario_file.read(given | more)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return replicate(spec(), arms=("base", "guarded"), seeds=2, out=tmp_path_factory.mktemp("out"))


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_packed_comes_back(kind):
    array = np.arange(200).astype(TYPES[kind])
    assert np.array_equal(unpacked(packed(array, kind)), array)
    assert np.array_equal(unpacked(packed(array, kind, plain=True)), array)


@pytest.mark.parametrize("fine", [False, True])
def test_values_come_back_within_half_a_grain(fine):
    values = np.random.default_rng(0).normal(size=500)
    values[[3, 70]] = np.nan, np.inf
    given = quantised(values, fine)
    code = unpacked(given["values"]).astype(float)
    grain = (given["high"] - given["low"]) / (given["none"] - 1)
    back = np.where(code == given["none"], np.nan, given["low"] + code * grain)
    known = np.isfinite(values)
    assert np.array_equal(np.isfinite(back), known)
    assert np.abs(back - values)[known].max() <= grain / 2 * 1.001


@pytest.mark.parametrize("values", [np.zeros(0), np.full(4, 2.5), np.full(3, np.nan)])
def test_values_that_do_not_vary_are_packed_too(values):
    given = quantised(values)
    assert np.isfinite([given["low"], given["high"]]).all()
    assert len(unpacked(given["values"])) == len(values)


def test_text_in_a_page_ends_no_script():
    text = script_json({"a": EVIL, "b": "&amp; \u2028"})
    assert "<" not in text
    assert ">" not in text
    assert json.loads(text)["a"] == EVIL


def test_a_recording_says_what_the_tables_say(study):
    given = recording.recording(study)
    run = next(r for r in study.runs if r.arm == "guarded")
    arm = given["arms"][1]
    assert unpacked(arm["steps"]).tolist() == run.steps["step"].tolist()
    found = unpacked(arm["world"]["between_similarity"]["values"])
    assert np.allclose(found, run.steps["between_similarity"], rtol=1e-6)
    wide = run.agents.pivot(index="step", columns="agent", values="tail_coverage").to_numpy()
    code = arm["agents"]["tail_coverage"]
    grain = (code["high"] - code["low"]) / (code["none"] - 1)
    back = code["low"] + unpacked(code["values"]).reshape(wide.shape) * grain
    assert np.abs(back - wide).max() < 1e-4
    low = unpacked(arm["world"]["tail_coverage"]["low"])
    assert np.allclose(low, np.percentile(wide, 10, axis=1), rtol=1e-6)


def test_arms_share_a_layout_and_the_guarded_are_marked(study):
    given = recording.recording(study)
    assert [arm["name"] for arm in given["arms"]] == ["base", "guarded"]
    assert [arm["topology"] for arm in given["arms"]] == [0, 0]
    assert len(given["topologies"]) == 1
    none, half = (arm["guarded"] for arm in given["arms"])
    assert none is None
    assert sum(half) == 6


def test_arms_of_other_models_or_links_stand_as_they_are(tmp_path):
    arms = {"fewer": {"models.small.count": 2}, "ring": {"graph": {"kind": "ring", "self_loops": True}}}
    made = replicate(spec(arms=arms, steps=2), arms=("base", "fewer", "ring"), seeds=1, out=tmp_path)
    given = recording.recording(made)
    assert [len(unpacked(given["topologies"][arm["topology"]]["numbers"])) for arm in given["arms"]] == [12, 6, 12]
    assert len(unpacked(given["topologies"][2]["reader"])) == 12  # a ring's links, and no others
    replay.render(made)


def test_an_arm_or_seed_that_is_not_there_is_named(study):
    with pytest.raises(InputError, match=r"has the arms base, guarded\. Got 'nope'"):
        recording.recording(study, ["nope"])
    with pytest.raises(InputError, match=r"has the seeds 0, 1\. Got 5"):
        recording.recording(study, seed=5)


def test_events_are_told_for_the_timeline(study):
    events = recording.recording(study)["arms"][0]["events"]
    assert {"step": 6, "mark": "policy", "text": "people now write 2 documents a step"} in events
    assert any(e["mark"] == "collapse" for e in events)


def test_the_page_is_one_file_in_which_nothing_of_a_run_can_run(study):
    text = replay.render(study)
    assert EVIL not in text
    assert text.count("<script") == 2  # the recording and the renderer
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert "default-src 'none'" in text


def test_the_same_runs_give_the_same_bytes(study):
    assert replay.render(study) == replay.render(open_run(study.folder))


def test_it_is_small(tmp_path):
    """60 models, 300 steps, two arms: under 300 kB (the bound of the project)."""
    group = {"name": "models", "count": 60, "publish": 5, "read": 20, "learner": {"kind": "categorical"}}
    long = spec(steps=300, models=[group], question="", verifiers=[], arms={"fed": {"humans.people.rate": 40}})
    made = replicate(long, arms=("base", "fed"), seeds=1, out=tmp_path)
    size = len(replay.render(made).encode())
    assert size < 300_000, size


def test_everyone_reads_everyone_is_said_and_not_listed():
    whole = spec(graph={"kind": "complete"})
    from ecosystem.model import Ecosystem

    world = Ecosystem(whole)
    found = topology.of_world(whole, world.network, 0).plain
    assert found["complete"]
    assert len(unpacked(found["reader"])) == 0
    assert set(unpacked(found["audience"])) == {11}


@pytest.mark.parametrize("kind", ["scale_free", "hub", "complete"])
def test_people_reach_whom_they_reach_in_the_world(kind):
    from ecosystem.model import Ecosystem

    people = [{"name": "all"}, {"name": "some", "reach": 0.3}, {"name": "one", "reach": "most_read"}]
    people.append({"name": "listed", "reach": [2, 5]})
    whole = spec(graph={"kind": kind, "self_loops": True}, humans=people, arms={})
    world = Ecosystem(whole, rng=4)
    found = topology.of_world(whole, world.network, 4).plain["communities"]
    for h, community in enumerate(found):
        told = list(range(12)) if community["reach"] is None else community["reach"]
        assert told == np.flatnonzero(world.humans.reach_NH[:, h]).tolist(), community


def test_of_many_models_the_most_read_are_drawn(monkeypatch):
    monkeypatch.setattr(topology, "MOST", 5)
    whole = spec(graph={"kind": "hub"})
    from ecosystem.model import Ecosystem

    found = topology.of_world(whole, Ecosystem(whole).network, 0)
    assert 0 in found.models
    assert len(found.models) == 5
    assert found.plain["left_out"] == 7


def test_a_study_without_a_step_cannot_be_played(study, tmp_path):
    empty = Study(study.folder, (("base", 99),))
    with pytest.raises(InputError, match="nothing to play"):
        recording.recording(empty)


def test_long_runs_are_thinned(study, monkeypatch):
    monkeypatch.setattr(recording, "FRAMES", 5)
    steps = unpacked(recording.recording(study)["arms"][0]["steps"])
    assert steps.tolist() == [0, 3, 6, 9, 12]
    assert packing.COARSE == 255
