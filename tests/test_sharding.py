"""One world over shards is the world in one process, to the last digit; what cannot be sharded says so."""

from __future__ import annotations

import importlib
import json
from functools import partial

import numpy as np
import pytest
from sharded import Here, first_difference

from agents.humans.gaussian import Gaussian as GaussianWriting
from agents.humans.regression import Regression
from agents.humans.text import Text
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.kde import Kde
from agents.learners.linear import Linear
from agents.learners.mixture import Mixture
from agents.learners.ngram import Ngram
from agents.learners.transformer import Transformer
from agents.learners.vae import Vae
from agents.policies.human_floor import HumanFloor
from agents.policies.moratorium import Moratorium
from agents.verifiers.detector import Detector
from agents.verifiers.quorum import Quorum
from agents.verifiers.watermark import Watermark
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Reading, Recording, Retention, Scenario
from ecosystem.sharding.cuts import cuts
from ecosystem.sharding.world import ShardedEcosystem

SelfCheck = importlib.import_module("agents.verifiers.self").SelfCheck  # asks models what they find likely
WORDS = ["raven", "door", "night", "sea", "cloud", "bird", "shore", "chamber"]
SMALL = {"layers": 1, "width": 64, "heads": 2, "epochs": 2}
RECORD = Recording(documents="all", pairs=True)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    rng, file = np.random.default_rng(0), tmp_path_factory.mktemp("library") / "texts.jsonl"
    texts = [" ".join(WORDS[p] for p in np.cumsum(rng.choice([1, 2], 6 + i)) % len(WORDS)) for i in range(40)]
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(file)


def group(learner, name="models", count=7, **keys) -> Group:
    return Group(**({"name": name, "count": count, "publish": 5, "read": 9, "learner": learner} | keys))


def items(*groups, **parts) -> Scenario:
    from agents.humans.zipf import Zipf

    given = dict(
        world=Zipf(items=20), humans=(Community(rate=6),), models=groups or (group(Categorical()),), steps=3,
        graph=Graph(kind="ring", self_loops=True), record=RECORD,
        metrics=("within_diversity", "pooled_diversity", "entropy", "human_share_read", "depth", "tail_coverage"),
    )  # fmt: skip
    return Scenario(**(given | parts))


def vectors(learner, world, metrics=("within_diversity", "depth", "between_similarity")) -> Scenario:
    return items(group(learner, read=12), world=world, metrics=metrics)


def texts(learner, path: str, count=7, **keys) -> Scenario:
    """With a community of others, whom models read, too."""
    groups = group(learner, count=count, **keys), group(Ngram(), "others", 3)
    metrics = ("within_diversity", "human_divergence", "depth", "support")
    return items(*groups, world=Text(path=path, length=12), metrics=metrics, steps=2)


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_a_world_of_copies_is_the_same_over_any_number_of_shards(shards):
    assert first_difference(items(), shards) == ""


@pytest.mark.parametrize(
    "spec",
    [
        items(group(Categorical(temperature=0.5), read=200), graph=Graph(kind="complete", self_loops=True)),
        items(group(Categorical(smoothing=0.1)), group(Categorical(), "others", 4, publish=2)),
        vectors(Gaussian(), GaussianWriting(dimensions=2)),
        vectors(Mixture(components=2), GaussianWriting(dimensions=2)),
        vectors(Kde(), GaussianWriting(dimensions=2)),
        vectors(Linear(), Regression(), ("within_diversity", "depth")),
    ],
    ids=["tempered", "groups", "gaussian", "mixture", "kde", "linear"],
)
def test_learners_become_over_shards_what_they_become_together(spec):
    assert first_difference(spec) == ""


def test_text_learners_become_over_shards_what_they_become_together(library):
    assert first_difference(texts(Ngram(order=2), library)) == ""


def test_transformers_cut_between_tiles_become_what_they_become_together(library):
    spec = texts(Transformer(**SMALL), library, count=8, start="continue")
    assert cuts(spec, DocumentShape("tokens", 300, 12), 3)[0] == [0, 2, 4, 8]  # tiles of 2
    assert first_difference(spec) == ""


def in_tiles(monkeypatch) -> Scenario:
    """Nine networks, computed in tiles of four."""
    monkeypatch.setattr("agents.learners.vae.TILE", 1)
    return vectors(Vae(updates=20, hidden=16), GaussianWriting(dimensions=2)).with_({"models.0.count": 9})


def test_networks_that_depend_on_their_tile_are_cut_between_tiles(monkeypatch):
    spec = in_tiles(monkeypatch)
    assert cuts(spec, DocumentShape("vectors", 2), 2) == [[0, 4, 9]]
    assert first_difference(spec, 2) == ""


def test_the_comparison_sees_a_cut_within_a_tile(monkeypatch):
    """Negative control: cut elsewhere, the last digits differ."""
    monkeypatch.setattr(Vae, "tile", lambda self, n, shape: 3)
    spec = in_tiles(monkeypatch)
    assert first_difference(spec, 2) != ""


def test_the_comparison_sees_other_luck(monkeypatch):
    """Negative control: models that draw by their place in the shard are other models."""
    from ecosystem.sharding.shard import Part

    spec = items()
    monkeypatch.setattr(Part, "draws", lambda self, purpose, step: self.streams.rows(purpose, step, self.n))
    assert first_difference(spec) != ""


@pytest.mark.parametrize(
    "parts",
    [
        {"corpus": Retention(keep={"subsample": 40})},
        {"corpus": Retention(keep={"window": 2}), "models": (group(Categorical(), archive=True, start="continue"),)},
        {"models": (group(Categorical(), read="all", pretrain=8),), "corpus": Retention(keep="all")},
        {"graph": Graph(kind="hub"), "humans": (Community(rate=3, reach=0.3),), "reading": Reading(unfed="self")},
        {"graph": Graph(kind="hub"), "humans": (Community(rate=3, reach=[1, 5]),)},
        {"reading": Reading(draw="sources", replacement=False)},
        {"policies": (Moratorium(since=2, until=2), HumanFloor(name="floor", floor=0.4)), "steps": 4},
        {"verifiers": (Detector(gate="publish"),), "graph": Graph(kind="complete")},
        {"verifiers": (SelfCheck(gate="publish", refill=True),)},
        {"verifiers": (Detector(placement={"share": 0.6}),), "corpus": Retention(keep={"window": 2})},
        {"verifiers": (Detector(false_negative_rate=0.0, false_positive_rate=0.9),), "steps": 4},
        {"verifiers": (Detector(name="a", gate="panel"), Detector(name="b", gate="panel"), Quorum(members=("a", "b")))},
    ],
    ids=["subsample", "archives", "all", "self", "unfed", "sources", "policies", "verifier", "asked"]
    + ["before reading", "starved", "panel"],
)
def test_rules_of_the_web_hold_over_shards(parts):
    spec = items(**parts)
    if parts.get("verifiers"):
        spec = spec.model_copy(update={"record": RECORD.model_copy(update={"judgements": "all"})})
    if parts.get("steps") and parts.get("verifiers"):
        alone = Ecosystem(spec)
        alone.step()
        assert alone.gates.starved_N.any()  # it is a world in which some find nothing that passes
    assert first_difference(spec) == ""


def test_measures_that_follow_diets_are_the_same():
    spec = items(
        group(Categorical(temperature=0.3)), metrics=("collapsed", "attack_rate", "within_diversity"),
        graph=Graph(kind="complete", self_loops=True), steps=5,
    ).with_({"collapse": {"metric": "within_diversity", "below": 0.8}})  # fmt: skip
    assert first_difference(spec) == ""


def test_believers_of_facts_are_the_same():
    from fact_worlds import FILE

    from ecosystem.files.scenario_file import read

    group = FILE["models"][0] | {"count": 5, "questions": None}
    spec = read(FILE | {"models": [group], "metrics": ["false_share", "fact_recall", "false_share_read"]})
    assert first_difference(spec) == ""


def test_watermarks_are_written_by_shards(library):
    spec = texts(Transformer(**SMALL), library, count=8).with_({"models.1.count": 3})
    marked = spec.model_copy(update={"verifiers": (Watermark(name="mark", gate="publish", compliance=0.5),)})
    assert first_difference(marked, 2) == ""


def test_a_group_that_cannot_be_cut_lies_whole_on_one_shard(library):
    spec = texts(Transformer(**SMALL), library, count=8)
    judged = spec.model_copy(update={"verifiers": (Detector(gate="publish"),)})
    assert cuts(judged, DocumentShape("tokens", 300, 12), 2) == [[0, 8, 8], [0, 1, 3]]


def test_one_with_nothing_to_read_among_tiles_ends_the_run_with_a_line(library):
    spec = texts(Transformer(**SMALL), library, count=8).with_({"graph": {"kind": "hub"}, "humans.0.reach": [1]})
    world = ShardedEcosystem(spec.with_({"models.0.publish": 0}), Here, 2)
    with pytest.raises(InputError, match=r"models\.models: model \d has nothing to read in step 1, .* without shards"):
        world.step()


@pytest.mark.parametrize(
    "shards, says",
    [(0, "must be a whole number from 1; got 0"), (8, r"must be from 1 to 7 for these 7 models; got 8")],
)
def test_too_many_shards_are_refused(shards, says):
    with pytest.raises(InputError, match=f"shards: {says}"):
        ShardedEcosystem(items(), Here, shards)


def test_what_cannot_be_sharded_is_named():
    from fact_worlds import FILE

    from ecosystem.files.scenario_file import read

    spec = read(FILE).model_copy(update={"verifiers": (SelfCheck(name="guard"),)})
    with pytest.raises(InputError) as error:
        ShardedEcosystem(spec, Here, 2)
    assert [line.partition(":")[0] for line in error.value.lines] == ["verifiers.guard", "models.models.questions"]


def test_memory_is_asked_of_each_shard_for_its_own_models(monkeypatch):
    """A world that one machine cannot hold may fit several."""
    monkeypatch.setattr(Categorical, "memory", lambda self, n, shape, read: n * 2**30)
    monkeypatch.setattr("ecosystem.machine.memory", lambda device="cpu": 5 * 2**30)
    with pytest.raises(InputError, match=r"7 models, 1\.0 GiB each, 7\.0 GiB in all"):
        Ecosystem(items())
    assert ShardedEcosystem(items(), Here, 2).n == 7
    with pytest.raises(InputError, match=r"6 models, 1\.0 GiB each"):
        ShardedEcosystem(items(group(Categorical(), count=12)), Here, 2)


def test_shards_are_asked_twice_a_step_and_for_each_measure_once():
    """Once to write and once to read: what else is sent is asked for by measures."""
    world = ShardedEcosystem(items(metrics=("human_share_read", "depth")), partial(Here), 2)
    before = world.crew.asked
    world.step()
    assert world.crew.asked - before <= 3  # similarity of pairs asks for distributions
