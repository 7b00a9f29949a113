"""A scenario file is read whole or refused whole: every mistake on its own line, with its place and a way out."""

import json
import re

import pytest
from good_scenario import GOOD
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from ecosystem import network
from ecosystem.errors import InputError
from ecosystem.files import json_schema, scenario_file, yaml_positions
from ecosystem.files.checks import GRAPH_KEYS
from ecosystem.scenario import Community, Graph, Group, Scenario
from ecosystem.streams import Streams


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    return scenario_file.read(tmp_path / "good.yaml")


def test_a_file_becomes_the_scenario_it_says(good):
    assert good.world == Zipf(items=50)
    assert good.models[0].learner == Categorical(temperature=0.9)
    assert good.models[1].read == 100
    assert good.humans[1].rate_at(2) == 5
    assert good.humans[1].rate_at(3) == 0
    assert good.corpus.rule.window == 3
    assert good.agents == 6


def test_json_is_yaml(good, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps(good.plain(), indent="\t"))
    assert scenario_file.read(tmp_path / "s.json") == good


def test_numbers_and_words_are_those_of_yaml_1_2():
    read = yaml_positions.load("[1e-3, 1E3, .5, 1., 0x10, 0o10, 010, no, on, 1:30, 1_0, ~, True, .inf, '1']").data
    assert read == [1e-3, 1e3, 0.5, 1.0, 16, 8, 10, "no", "on", "1:30", "1_0", None, True, float("inf"), "1"]
    assert [type(v) for v in read[:3]] == [float, float, float]


def test_what_is_written_reads_back_equal(good, tmp_path):
    assert scenario_file.read(good.to_file(tmp_path / "again.yaml")) == good
    assert scenario_file.read(good.plain()) == good
    assert scenario_file.read(tmp_path / "again.yaml").digest == good.digest
    assert json.loads(json.dumps(good.plain())) == good.plain()


@settings(deadline=None, max_examples=200)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
))  # fmt: skip
def test_any_plain_data_reads_back_as_it_was_written(data):
    tree = yaml_positions.load(yaml_positions.dump(data))
    assert not tree.faults
    assert tree.data == data


@pytest.mark.parametrize("name", scenario_file.names())
def test_every_scenario_shown_reads_back_equal(name, tmp_path):
    spec = scenario_file.read(name)
    assert spec.name == name
    assert spec.question == scenario_file.question(name)
    assert scenario_file.read(spec.to_file(tmp_path / "shown.yaml")) == spec


def test_show_writes_every_default_that_holds(good):
    shown = good.plain()
    assert shown["world"] == {"kind": "zipf", "items": 50, "exponent": 1.0, "first": 0, "span": None}
    assert shown["models"][0]["publish"] == Group.model_fields["publish"].default
    assert list(shown) == list(Scenario.model_fields)
    web = {"kind": "small_world", "self_loops": True, "neighbours": 4, "rewire": 0.1}
    assert good.arm("web").plain()["graph"] == web


@pytest.mark.parametrize("kind", [k for k in GRAPH_KEYS if k != "file"])
def test_the_graph_defaults_written_out_are_those_that_are_used(kind):
    plain, written = (Graph(kind=kind, **keys) for keys in ({}, GRAPH_KEYS[kind]))
    a, b = (network.build(g, 40, Streams(3).get("graph")).matrix() for g in (plain, written))
    assert abs(a - b).sum() == 0


def test_every_key_of_a_graph_belongs_to_some_kind():
    used = {key for keys in GRAPH_KEYS.values() for key in keys}
    assert used | {"kind", "self_loops"} == set(Graph.model_fields)


def test_items_are_addressed_by_position_or_by_name(good):
    assert good.with_(**{"models.small.count": 5}).models[0].count == 5
    assert good.with_(**{"models.1.count": 5}).models[1].count == 5
    assert good.with_(**{"models.large.one.count": 5}).models[1].count == 5
    assert good.with_(**{"humans.rebels.rate.1.1": 9}).humans[1].rate == ((0, 5), (3, 9))
    assert good.with_(steps=9, **{"collapse.below": 0.1}).collapse.below == 0.1


def test_with_takes_objects_and_checks_everything_anew(good):
    learner = {"models.0.learner": Categorical(top_p=0.3)}
    changed = good.with_(**learner, humans=(Community(name="x"),), arms={}, claims=())
    assert changed.models[0].learner.top_p == 0.3
    with pytest.raises(InputError) as caught:
        good.with_(steps=-1, **{"models.tiny.count": 2})
    assert caught.value.lines == (
        "models.tiny.count: the items of models are 0 (small), 1 (large.one); got 'tiny'",
        "steps: must be a whole number from 0 to 10,000,000; got -1",
    )


def test_the_order_of_changes_is_that_of_giving(good):
    sets = ["models.0.learner={kind: categorical, top_p: 0.2}", "models.0.learner.top_p=0.4"]
    spec = scenario_file.read(good.plain(), sets)
    assert spec.models[0].learner == Categorical(top_p=0.4)


def test_arms_are_the_base_with_their_changes(good):
    rare, web, base = good.arm("rare"), good.arm("web"), good.arm("base")
    assert (rare.humans[0].rate, rare.humans[1].rate) == (0, 1)
    assert (web.graph.kind, web.models[1].count) == ("small_world", 4)
    assert rare.arms == base.arms == {}
    assert rare.claims == base.claims == ()
    assert base.with_(arms=good.plain()["arms"], claims=good.plain()["claims"]) == good
    with pytest.raises(InputError, match=r"Unknown arm 'rar' of small. Did you mean 'rare'"):
        good.arm("rar")


def test_a_tokenizer_named_by_its_size_alone_is_kept_in_arms(tmp_path):
    """It has a `kind` of its own, which is no component's."""
    world = {"kind": "text", "tokenizer": {"vocabulary": 300}}
    arms = {"longer": {"world.length": 9}}
    models, humans = [{"learner": {"kind": "ngram"}}], [{"rate": 1}]
    data = {"name": "a", "world": world, "humans": humans, "models": models, "arms": arms}
    (tmp_path / "a.json").write_text(json.dumps(data))
    spec = scenario_file.read(tmp_path / "a.json")
    assert spec.arm("longer").world.tokenizer == spec.world.tokenizer
    assert spec.with_({"world.tokenizer.kind": "word"}).world.tokenizer.vocabulary == 300


def test_relative_paths_are_taken_from_the_folder_of_the_file(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "edges.csv").write_text("reader,author\n0,1\n")
    graph = "graph: {kind: file, path: data/edges.csv}"
    text = GOOD.replace("graph: {kind: ring, self_loops: true}", graph).replace("graph.kind: small_world, ", "")
    (tmp_path / "s.yaml").write_text(text.replace("  rare: {", "  rare: {graph.path: data/other.csv, "))
    spec = scenario_file.read(tmp_path / "s.yaml")
    assert spec.graph.path == str(tmp_path / "data" / "edges.csv")
    assert spec.arm("rare").graph.path == str(tmp_path / "data" / "other.csv")


def test_a_path_that_is_set_may_also_be_seen_from_here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.csv").write_text("reader,author\n0,1\n")
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "s.yaml").write_text(GOOD.replace("  web: {graph.kind: small_world, ", "  web: {"))
    spec = scenario_file.read(tmp_path / "s.yaml", ["graph={kind: file, path: mine.csv}"])
    assert spec.graph.path == str(tmp_path / "here" / "mine.csv")


def test_the_folder_of_a_pretrained_model_is_taken_from_there_too_and_a_hub_id_left_alone(tmp_path, monkeypatch):
    (tmp_path / "gpt" / "small").mkdir(parents=True)
    (tmp_path / "here" / "other").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    plain = """\
world: {kind: text}
humans: [{rate: 5}]
models:
  - {name: local, learner: {kind: transformer, model: gpt/small}}
  - {name: hub, learner: {kind: transformer, model: some/model}}
  - {name: missing, learner: {kind: transformer, model: ./gpt/smal}}
arms:
  two: {models.hub.learner.model: gpt/small, models.local.learner.model: also/hub}
"""
    (tmp_path / "s.yaml").write_text(plain)
    spec = scenario_file.read(tmp_path / "s.yaml", ["models.missing.learner.model=other"])
    folder = str(tmp_path / "gpt" / "small")
    assert [g.learner.model for g in spec.models] == [folder, "some/model", str(tmp_path / "here" / "other")]
    assert [g.learner.model for g in spec.arm("two").models][:2] == ["also/hub", folder]
    unset = scenario_file.read(tmp_path / "s.yaml")
    assert unset.models[2].learner.model == str(tmp_path / "gpt" / "smal")


def test_the_schema_knows_every_key_and_every_component(good):
    schema = json_schema.schema()
    text = json.dumps(schema)
    assert "x-family" not in text
    assert set(schema["properties"]) == set(Scenario.model_fields)
    kinds = {k["properties"]["kind"].get("const") for k in schema["$defs"]["Group"]["properties"]["learner"]["oneOf"]}
    assert {"categorical", None} <= kinds
    for name in re.findall(r'"\$ref": "#/\$defs/([^"]+)"', text):
        assert name in schema["$defs"]
    assert "description" in schema["properties"]["world"]


def test_the_schema_accepts_what_is_shown(good):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    jsonschema.validate(good.plain(), json_schema.schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(good.plain() | {"steps": -1}, json_schema.schema())


@pytest.mark.parametrize("name", ["neutral", "town", "guarded"])
def test_the_files_of_the_contract_say_what_is_not_there_yet_and_nothing_else(shared_data, name):
    file = shared_data.parent / "contract" / f"{name}.yaml"
    unknown = {"town": ["models.1.learner.kind"], "guarded": ["verifiers", "arms.half", "arms.all"]}
    try:
        lines = ()
        assert scenario_file.read(file).name == name
    except InputError as error:
        lines = error.lines
    assert all(any(f": {key}: " in line for key in unknown.get(name, [])) for line in lines), lines
