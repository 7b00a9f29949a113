"""The live page without a browser: what can be moved, what the panel is told, what a visitor cannot do."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ecosystem.errors import InputError
from ecosystem.model import Ecosystem
from ecosystem.scenario import Scenario
from ecosystem.view.feed import TAIL, Feed
from ecosystem.view.parameters import changed, parameters
from tests.test_view_replay import spec, unpacked


@pytest.mark.parametrize("name", ["baseline", "guarded", "mixed", "town", "containment"])
def test_what_can_be_moved_holds_the_scenario_as_it_stands(name):
    base = Scenario.from_file(name)
    known = parameters(base)
    assert known
    assert len({p.address for p in known}) == len(known)
    for p in known:
        assert p.checked(p.value) == p.value
        assert p.options or p.low <= p.value <= p.high
    assert changed(base, known, {p.address: p.value for p in known}) is base


@pytest.mark.parametrize("name", ["baseline", "guarded"])
def test_every_slider_can_be_moved_to_both_ends(name):
    base = Scenario.from_file(name)
    known = parameters(base)
    for p in known:
        for end in p.options or (p.low, p.high):
            moved = changed(base, known, {p.address: end})
            assert moved.claims == () or moved is base


def test_a_moved_parameter_is_in_the_scenario():
    base = spec()
    known = parameters(base)
    moved = changed(base, known, {"models.small.publish": 3.0, "verifiers.guards.placement.share": 0.25})
    assert moved.models[0].publish == 3
    assert moved.verifiers[0].placement.share == 0.25


@pytest.mark.parametrize("name", ["tail_subsidy", "buy_or_verify", "moratorium", "minority_fund"])
def test_numbers_of_policies_can_be_moved_to_both_ends(name):
    found = Scenario.from_file(name)
    base = next(arm for arm in map(found.arm, found.arms) if arm.policies)
    known = [p for p in parameters(base) if p.address.startswith("policies.")]
    assert known
    for p in known:
        for end in (p.low, p.high):
            changed(base, parameters(base), {p.address: end})


def test_the_panel_is_told_what_policies_hold_and_what_they_spent():
    bought = {"kind": "schedule", "price": 2.0, "periods": [{"begins": 1, "bought": {"people": 10}}, {"begins": 2}]}
    world = Ecosystem(Scenario.from_file("baseline").with_({"policies": [bought], "models.0.count": 4}), rng=0)
    feed = Feed(world)
    assert feed.message()["policies"] == {"t": 0, "now": [], "spent": []}
    world.step()
    told = feed.message()["policies"]
    assert told == {"t": 1, "now": ["10 more documents of people a step"], "spent": [["human documents", 20.0]]}
    json.dumps(told)
    world.step()
    assert feed.message()["policies"] == {"t": 2, "now": [], "spent": [["human documents", 20.0]]}
    assert Feed(Ecosystem(Scenario.from_file("baseline"), rng=0)).message()["policies"] is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"world.path": "/etc/passwd"}, "cannot be changed here"),
        ({"models.small.publish": 10**9}, "must be a number from 0 to"),
        ({"models.small.publish": "; rm -rf /"}, "must be a number from 0 to"),
        ({"models.small.publish": True}, "must be a number from 0 to"),
        ({"models.small.publish": float("nan")}, "must be a number from 0 to"),
        ({"corpus.keep": "../all"}, "must be one of step, all"),
    ],
)
def test_a_page_can_send_nothing_else(values, said):
    base = spec()
    with pytest.raises(InputError, match=said):
        changed(base, parameters(base), values)


def test_the_panel_is_told_what_the_frame_says():
    world = Ecosystem(spec())
    feed = Feed(world)
    start = feed.message()
    world.step()
    told = feed.message(pinned=2)
    assert [f["t"] for f in told["tail"]] == [0, 1]
    assert start["run"] == told["run"] == feed.start["run"]
    measured = world.frame.values["within_diversity"]
    assert told["tail"][1]["world"]["within_diversity"] == pytest.approx(measured, abs=1e-6)
    code = told["agents"]["tail_coverage"]
    back = code["low"] + unpacked(code["values"]) * (code["high"] - code["low"]) / (code["none"] - 1)
    assert np.allclose(back, world.frame.agents["tail_coverage"], atol=(code["high"] - code["low"]) / 250)
    assert told["pinned"]["place"] == 2
    newest = world.corpus.newest()
    assert told["pinned"]["texts"] == [str(i) for i in newest.content[newest.source == 2][:6]]
    assert sum(told["pinned"]["distribution"]["model"]) <= 1 + 1e-9
    json.dumps([feed.start, told], allow_nan=False)


def test_steps_that_a_browser_skipped_are_told_again():
    world = Ecosystem(spec(steps=100))
    feed = Feed(world)
    for _ in range(TAIL + 5):
        world.step()
        told = feed.message()
    assert len(told["tail"]) == TAIL
    assert [f["t"] for f in told["tail"]] == list(range(6, TAIL + 6))


@pytest.mark.parametrize("pinned", [-1, 12, 10**9])
def test_a_model_that_is_not_there_is_not_told_of(pinned):
    assert Feed(Ecosystem(spec())).message(pinned)["pinned"] is None


@pytest.mark.parametrize("kind", ["vectors", "pairs", "tokens", "claims"])
def test_every_kind_of_world_can_be_told(kind):
    from ecosystem.checks.metric import small_world

    world = small_world(kind)
    told = Feed(world).message(pinned=0)
    json.dumps(told, allow_nan=False)
    assert told["pinned"]["texts"]


def test_two_feeds_are_two_runs():
    one, other = Feed(Ecosystem(spec())), Feed(Ecosystem(spec()))
    assert one.start["run"] != other.start["run"]


def test_the_page_renders_and_steps_without_a_browser():
    solara = pytest.importorskip("solara", reason="the page needs the extra viz")
    import ipyvuetify as v

    from ecosystem.view.component import PanelWidget
    from ecosystem.view.page import Page

    _, rc = solara.render(solara.AppLayout(children=[Page()]), handle_error=False)
    panel = rc.find(PanelWidget).widget
    assert panel.message["tail"][-1]["t"] == 0
    rc.find(v.Btn, children=["Step"]).widget.click()
    assert rc.find(PanelWidget).widget.message["tail"][-1]["t"] == 1
    panel.vue_pin("__import__('os')")
    assert panel.pinned == -1
    rc.close()


def test_a_mesa_page_of_ones_own_takes_the_panel():
    solara = pytest.importorskip("solara", reason="the page needs the extra viz")
    from mesa.visualization import SolaraViz

    from ecosystem.view.component import PanelWidget, make_ecosystem_component

    page = SolaraViz(Ecosystem(spec()), components=[make_ecosystem_component()], model_params={"spec": spec()})
    _, rc = solara.render(solara.AppLayout(children=[page]), handle_error=False)
    rc.find(PanelWidget).wait_for(timeout=10)
    assert rc.find(PanelWidget).widget.start["name"] == "played"
    rc.close()


def test_a_cell_shows_a_run_in_a_frame_that_reaches_nothing(tmp_path):
    from ecosystem.runs.runner import replicate
    from ecosystem.view.notebook import show

    study = replicate(spec(), seeds=1, out=tmp_path)
    shown = show(study)._repr_html_()
    assert shown.startswith('<iframe sandbox="allow-scripts"')
    assert "<script" not in shown
    assert show(study.folder)._repr_html_() == shown
