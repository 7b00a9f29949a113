"""A world that was stopped and resumed is, bit for bit, one that never stopped: for every component that there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecosystem import components, stored
from ecosystem.checkpoint import OWN, owners, restore, state_of
from ecosystem.checks import CheckFailed, check_resume
from ecosystem.descent import Lineage, joined
from ecosystem.errors import InputError
from ecosystem.files import scenario_file
from ecosystem.model import Ecosystem
from ecosystem.scenario import Scenario
from tests import entailment_model, pretrained_models
from tests.test_scenarios import with_data

FAMILIES = ("learners", "verifiers", "policies", "humans")
STEPS = 4
SMALLER = {  # so that a test takes seconds
    "mixed": {"models.transformers.count": 2, "models.grams.count": 2, "humans.writers.rate": 40},
    "curse_of_recursion": {
        "models.mixtures.count": 2, "models.mixtures.pretrain": 60, "models.autoencoders.count": 2,
        "models.autoencoders.pretrain": 60, "measure.documents": 100,
    },
    "digits": {
        "models.drawers.count": 2, "models.drawers.publish": 40, "models.drawers.read": 40, "measure.documents": 50,
        "metrics": ["within_diversity"], "claims": [],
    },
    "gap": {"models.0.publish": 5, "claims": []},
}
ARMS = [  # in which, taken together, most kinds of components act
    "anchors", "buy_or_verify verify", "mixed", "write_back", "biased_verifier", "curse_of_recursion",
    "label_mandate first", "debate", "digits", "gap", "gap reader", "minority_fund enough", "moratorium pause", "panel",
    "rare_modes kernels", "tail_subsidy rare", "watermark_mandate",
]  # fmt: skip
ITEMS = {
    "world": {"kind": "zipf", "items": 30},
    "models": [{"name": "models", "count": 4, "learner": {"kind": "categorical"}}],
}
PROSE = {"kind": "text", "path": "prose.txt", "length": 8, "tokenizer": {"kind": "byte"}}
OTHERS = {  # one for each kind that is in none of them
    "linear": {
        "world": {"kind": "regression"}, "models": [{"name": "models", "count": 3, "learner": {"kind": "linear"}}],
        "metrics": ["within_diversity"],
    },
    "surprise": {**ITEMS, "verifiers": [{"name": "guard", "kind": "surprise"}]},
    "provenance": {**ITEMS, "verifiers": [{"name": "guard", "kind": "provenance", "max_depth": 1.5, "recorded": 0.5}]},
    "constant": {**ITEMS, "policies": [{"name": "aid", "kind": "constant", "bought": {"people": 3}}]},
    "human_floor": {**ITEMS, "policies": [{"name": "floor", "kind": "human_floor", "floor": 0.5}]},
    "facts_file": {
        "world": {"kind": "facts_file", "path": "facts.jsonl"}, "metrics": ["false_share"],
        "models": [{"name": "models", "count": 3, "learner": {"kind": "belief"}}],
    },
    "entailment": {
        "world": {"kind": "facts", "subjects": 12, "values": 4, "error": 0.2, **entailment_model.KEYS},
        "models": [{
            "name": "models", "count": 3, "publish": 10, "learner": {"kind": "belief"},
            "questions": {"source": "web", "retrieve": 3},
        }],
        "verifiers": [{"name": "guard", "kind": "entailment", "gate": "publish", "model": "entailing"}],
        "metrics": ["false_share"],
    },
    "causal_lm": {
        "world": PROSE, "metrics": ["human_share_read"],
        "models": [{
            "name": "models", "count": 2, "publish": 3, "read": 4, "start": "continue",
            "learner": {"kind": "causal_lm", "model": "gpt2", "adapter": "lora", "rank": 2},
        }],
    },
}  # fmt: skip


def short(arm: str, steps: int = STEPS) -> Scenario:
    """A scenario that comes with the project, 'name' or 'name arm', cut short."""
    name, _, change = arm.partition(" ")
    spec = scenario_file.read(name, [], **SMALLER.get(name, {}))
    return spec.arm(change or "base").model_copy(update={"steps": steps})


def kinds(spec: Scenario) -> set[str]:
    """The kinds of components that act in a scenario."""
    acting = [*spec.verifiers, *spec.policies, *(g.learner for g in spec.models), *spec.human_sources]
    return {components.kind_of(one) for one in acting}


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return makes_others(tmp_path_factory.mktemp("others"))


def makes_others(folder: Path) -> Callable[[str], Scenario]:
    """Makes the scenario of a kind, with the model or the data that it needs."""
    (folder / "prose.txt").write_text("\n\n".join(pretrained_models.PROSE * 5))
    facts = [{"subject": f"Person {i}", "relation": "job", "object": f"job {i % 5}"} for i in range(20)]
    (folder / "facts.jsonl").write_text("".join(json.dumps(fact) + "\n" for fact in facts))
    pretrained_models.save(folder / "gpt2", "gpt2")
    entailment_model.save(folder / "entailing", entailment_model.model(entailment_model.LABELS))

    def made(kind: str) -> Scenario:
        plain = {"name": kind, "steps": 3, "humans": [{"name": "people", "rate": 10}], **OTHERS[kind]}
        (folder / f"{kind}.yaml").write_text(json.dumps(plain))
        return scenario_file.read(folder / f"{kind}.yaml")

    return made


def test_every_kind_of_component_is_resumed_below(other):
    covered = set().union(*map(kinds, [*map(short, ARMS), *map(other, OTHERS)]))
    assert {kind for family in FAMILIES for kind in components.available(family)} - covered == set()


@pytest.mark.parametrize("arm", ARMS)
def test_every_component_goes_on_as_if_it_had_never_stopped(arm):
    check_resume(short(arm), at=2)


@pytest.mark.parametrize("kind", OTHERS)
def test_every_other_component_goes_on_as_if_it_had_never_stopped(other, kind):
    check_resume(other(kind))


@pytest.mark.slow
@pytest.mark.parametrize("name", scenario_file.names())
def test_every_arm_of_every_scenario_goes_on_as_if_it_had_never_stopped(name, request):
    for arm in ("base", *scenario_file.read(name).arms):
        check_resume(with_data(short(f"{name} {arm}"), request), at=2)


@pytest.mark.parametrize(
    "sets",
    [
        ["corpus.keep=all", "reading.replacement=false"],
        ["corpus.keep={window: 2}", "models.0.archive=true"],
        ["corpus.keep={subsample: 40}", "models.0.archive=true"],
        ["humans.0.rate=0", "reading.unfed=self"],
        ["record.every=3", "record.documents=all"],
    ],
)
def test_every_way_of_keeping_and_reading_goes_on(sets):
    check_resume(scenario_file.read("guarded", [*sets, "claims=[]"]).model_copy(update={"steps": 5}), at=2)


def test_state_that_a_checkpoint_does_not_have_is_noticed(monkeypatch):
    """The negative control: without what models were last trained on they are others after the next step."""
    monkeypatch.setattr("ecosystem.population.Population.STATE", ("depth_n", "human_share_n", "mark", "publishes"))
    monkeypatch.setattr("ecosystem.population.Population.stored_state", None)
    with pytest.raises((CheckFailed, AttributeError, TypeError, InputError, ValueError, KeyError)):
        check_resume(short("baseline"), at=2)


def test_a_number_that_is_off_by_the_last_bit_is_noticed():
    straight = Ecosystem(short("baseline"))
    state = state_of(straight)
    resumed = Ecosystem(straight.spec, state=state)
    population = resumed.populations[0]
    name, array = next((name, a) for name, a in population.params.items() if a.dtype.kind in "fi")
    changed = array.copy()
    changed.flat[0] = changed.flat[0] + 1 if array.dtype.kind == "i" else np.nextafter(changed.flat[0], 9)
    population.params = population.params | {name: changed}
    from ecosystem.checks import resuming

    resuming._check_same(state, state_of(straight), "as it is")
    with pytest.raises(CheckFailed, match="another in the world that was stopped"):
        resuming._check_same(state, state_of(resumed), "as it is")


@pytest.mark.parametrize("name", ["guarded", "moratorium", "rumour", "patient_zero"])
def test_nothing_changes_in_a_world_but_what_is_kept(name):
    """What no class lists in its STATE is, after further steps, what it was."""
    world = Ecosystem(short(name))
    world.step()
    before = fixed_of(world)
    world.step()
    world.step()
    after = fixed_of(world)
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == set()


def fixed_of(world: Ecosystem) -> dict[str, str]:
    """All arrays, numbers and texts that hang on a world's parts and are no state, by path."""
    found: dict[str, str] = {}
    kept = {id(owner): set(owner.STATE) for _, owner in owners(world)}
    kept[id(world)] = {*OWN, "_values", "readout", "running", "frame"}
    parts, seen = {id(owner) for _, owner in owners(world)} | {id(world)}, set()

    def walk(value, path):
        if isinstance(value, np.ndarray):
            found[path] = f"{value.dtype} {value.shape} {hash(value.tobytes())}"
        elif isinstance(value, bool | int | float | str | type(None)):
            found[path] = repr(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}[{key!r}]")
        elif isinstance(value, list | tuple | set):
            for i, inner in enumerate(value):
                walk(inner, f"{path}[{i}]")
        elif id(value) not in seen and hasattr(value, "__dict__") and (id(value) in parts or frozen(value)):
            seen.add(id(value))
            cached = {name for name in vars(value) if hasattr(getattr(type(value), name, None), "attrname")}
            skipped = cached | kept.get(id(value), set())
            skipped |= {"_web", "verifier", "_agents", "_agents_by_type", "_all_agents"}  # made anew, or Mesa's
            for name in vars(value).keys() - skipped:
                walk(getattr(value, name), f"{path}.{name}")

    def frozen(value):
        return type(value).__module__.startswith("ecosystem.")

    walk(world, "world")
    return found


def test_a_checkpoint_of_another_world_is_refused():
    state = state_of(Ecosystem(short("baseline")))
    with pytest.raises(InputError, match="reading graph is not the one"):
        Ecosystem(short("hub"), state=state)


def test_a_checkpoint_of_a_world_with_other_groups_is_refused():
    world = Ecosystem(short("baseline"))
    state = state_of(world)
    told = {name: node for name, node in state.told.items() if not name.startswith("models.")}
    with pytest.raises(InputError, match=r"not of this scenario, or damaged"):
        restore(world, type(state)(state.t, told, state.arrays))


def test_a_graph_of_ones_own_must_be_given_again():
    import networkx as nx

    spec = short("baseline")
    mine = nx.gnp_random_graph(spec.agents, 0.2, seed=1, directed=True)
    state = state_of(Ecosystem(spec, network=mine))
    assert Ecosystem(spec, network=mine, state=state).t == 0
    with pytest.raises(InputError, match="reading graph"):
        Ecosystem(spec, state=state)


VALUES = [
    None, True, 3, -(2**200), 0.1, float("inf"), "a\0b\u2028", (1, "a"), [1, [2]], {"a": 1, ("b", 2): [None]}, {3, 1},
    frozenset({2}), np.float64(0.1), np.int64(-5), np.bool_(True), np.arange(6).reshape(2, 3)[:, ::-1],
    np.zeros((0, 3), np.float32), np.array(5), np.array([np.nan, -0.0]), np.broadcast_to(np.int8(1), (2, 2)),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_values_come_back_as_they_were(value):
    storing = stored.Storing(())
    told = json.loads(json.dumps(storing.of(value)))
    back = stored.restored(told, storing.arrays, ())
    assert type(back) is type(value)
    if isinstance(value, np.ndarray | np.generic):
        assert (back.dtype, back.shape, back.tobytes()) == (value.dtype, value.shape, value.tobytes())
    else:
        assert back == value


@pytest.mark.parametrize("value", [object(), np.array(["a"]), np.array([None]), {"a": print}, 1j, b"a"])
def test_what_is_no_number_and_no_text_is_not_stored(value):
    with pytest.raises(stored.NotStorable, match=r"^here.*cannot be kept"):
        stored.Storing(()).of([value], "here")


@pytest.mark.parametrize("told", [[1], {"class": "os"}, {"array": "7"}, {"list": 3}, {"x": []}, {"scalar": ["os", 1]}])
def test_what_was_not_stored_is_not_read(told):
    with pytest.raises(ValueError, match=r"not what was stored|bare list"):
        stored.restored(told, {}, ())


def test_an_array_with_two_names_is_stored_once():
    one = np.arange(3)
    storing = stored.Storing(())
    told = storing.of({"a": one, "b": one})
    assert list(storing.arrays) == ["0"]
    back = stored.restored(told, storing.arrays, ())
    assert back["a"] is back["b"]




def test_a_lineage_of_which_nothing_is_known_goes_on_as_if_it_had_never_stopped():
    """Of a model that was never fed since pretraining, beside others that were."""
    unknown = Lineage(np.full((2, 3), -1), np.ones(6, np.float32), np.full(6, -1))
    column_nk, depth_n = np.array([[0, 2], [1, 1]]), np.array([0.5, 2.0])
    fresh = Lineage(np.array([[0, 1, 2], [1, 1, 1]]), np.full(3, 4, np.float32), 7)
    fed = np.array([True, False])
    after = tuple(joined(old, fresh, fed, 3) for old in (unknown, unknown.trimmed()))
    for lineage, back in ((unknown, unknown.trimmed()), after):
        for whole, kept in zip(lineage.descent(column_nk, depth_n), back.descent(column_nk, depth_n), strict=True):
            np.testing.assert_array_equal(whole, kept)
