"""The exact law against the world itself: runs of many seeds, a z-score for each step, model, pair and measure.

False-alarm rate: ALARM for each case, by Bonferroni over its comparisons (two-sided, normal). The same test must reject
the law of a transposed graph, of the other replacement rule and of a human share that is 5% off.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from ecosystem.model import Ecosystem
from ecosystem.network import Network
from ecosystem.scenario import Community, Graph, Group, Reading, Recording, Retention, Scenario
from ecosystem.theory import law

ALARM = 1e-4
ITEMS = dict(world=Zipf(items=30), metrics=("within_diversity", "human_share_read", "human_share_corpus", "depth"))
VECTORS = dict(
    world=GaussianWorld(dimensions=2, mean=1.0), metrics=("within_diversity", "mean_error", "human_share_read", "depth")
)


def graph(folder, seed: int = 0, n: int = 6, transposed: bool = False) -> Graph:
    """A random directed graph with unequal weights and self-loops here and there, as a file."""
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((n, n)) < 0.4, rng.uniform(0.2, 3, (n, n)), 0)
    for i, j in pairwise([*range(n), 0]):
        matrix[i, j] = max(matrix[i, j], 0.5)
    matrix = matrix.T if transposed else matrix
    edges = [f"{i},{j},{matrix[i, j]}" for i, j in zip(*np.nonzero(matrix), strict=True)]
    path = folder / f"graph_{seed}_{transposed}.csv"
    path.write_text("\n".join(["reader,author,weight", *edges]))
    return Graph(kind="file", path=str(path))


def scenario(base, learner, read=(20, 30), publish=(15, 9), archive=False, **parts) -> Scenario:
    """Two groups with budgets of their own; two communities, one of which fades and reaches half of the models."""
    groups = tuple(
        Group(name=name, count=3, read=r, publish=p, pretrain=24, archive=archive, learner=learner)
        for name, r, p in zip("ab", read, publish, strict=True)
    )
    minority = {"first": 15} if base is ITEMS else {"mean": -1.0, "deviation": (0.5, 2.0)}
    humans = parts.pop("humans", None) or (
        Community(name="many", rate=12),
        Community(name="few", rate=((0, 6), (3, 2)), reach=(0, 1, 5), writes=minority),
    )
    record = Recording(pairs=True)
    return Scenario(steps=4, models=groups, humans=humans, record=record, **base, **parts)


def simulated(spec: Scenario, seeds: int, network: Network | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Agents' measures (R, rows, measures) and similarities (R, rows), laid out as the law's tables.

    `network`: in place of each seed's own.
    """
    agents, pairs = [], []
    apart = ~np.eye(spec.agents, dtype=bool)
    for seed in range(seeds):
        world = Ecosystem(spec, seed, network)
        frames = [world.frame]
        for _ in range(spec.steps):
            world.step()
            frames.append(world.frame)
        agents.append(np.concatenate([np.stack(list(f.agents.values()), axis=1) for f in frames]))
        pairs.append(np.concatenate([f.pairs[apart] for f in frames]))
    return np.array(agents), np.array(pairs)


def worst(claimed: Scenario, runs: tuple[np.ndarray, np.ndarray]) -> float:
    """The largest |z| over its Bonferroni bound: above 1 the law of `claimed` is rejected."""
    exact, (agents, pairs) = law(claimed, 0), runs
    columns = exact.agents.columns[4:]
    z = np.concatenate([
        _z(agents, exact.agents[columns].to_numpy()).ravel(), _z(pairs, exact.pairs["similarity"].to_numpy()),
    ])  # fmt: skip
    return float(np.abs(z).max() / norm.isf(ALARM / 2 / z.size))


def _z(measured, expected):
    error = measured.std(axis=0, ddof=1) / np.sqrt(len(measured))
    return (measured.mean(axis=0) - expected) / np.maximum(error, 1e-5)  # depth is kept in single precision


def neutral(**changes) -> Scenario:
    """The settings of the contract's neutral.yaml, a tenth of its steps."""
    group = Group(name="neutral", count=6, publish=25, read=40, learner=Categorical())
    parts = dict(
        steps=4, world=Zipf(items=50), metrics=ITEMS["metrics"], humans=(Community(rate=15),), models=(group,),
        graph=Graph(kind="ring", self_loops=True), record=Recording(pairs=True),
    )  # fmt: skip
    return Scenario(**(parts | changes))


def keep(rule) -> Retention:
    return Retention(keep=rule)


RULES = {
    "documents": dict(),
    "documents once": dict(reading=Reading(replacement=False)),
    "sources": dict(reading=Reading(draw="sources")),
    "sources once": dict(reading=Reading(draw="sources", replacement=False), read=(8, 5), humans=(Community(rate=9),)),
    "share": dict(reading=Reading(draw="share", human_share=0.3)),
    "share once": dict(reading=Reading(draw="share", human_share=0.3, replacement=False)),
    "share once, humans exhausted": dict(reading=Reading(draw="share", human_share=0.45, replacement=False)),
    "window, archives": dict(corpus=keep({"window": 2}), archive=True),
    "window by sources, archives": dict(corpus=keep({"window": 3}), archive=True, reading=Reading(draw="sources")),
    "all kept": dict(corpus=keep("all"), reading=Reading(replacement=False)),
    "all kept, all read": dict(corpus=keep("all"), archive=True, read=("all", 30)),
    "silent group": dict(publish=(0, 20), corpus=keep({"window": 2})),
    "unfed keep": dict(graph=Graph(kind="isolated"), humans=(Community(rate=9, reach=(0, 4)),)),
    "unfed self": dict(
        graph=Graph(kind="isolated"), humans=(Community(rate=9, reach=(0, 4)),), reading=Reading(unfed="self")
    ),
    "unfed self once": dict(
        graph=Graph(kind="hub"), humans=(Community(rate=9, reach=(4,)),), read=(10, 30),
        reading=Reading(unfed="self", replacement=False),
    ),
}  # fmt: skip


BOTH = pytest.mark.parametrize(
    ("base", "learner"), [(ITEMS, Categorical()), (VECTORS, Gaussian())], ids=["items", "vectors"]
)


def test_neutral_models_on_a_ring_obey_the_law():
    assert worst(neutral(), simulated(neutral(), 300)) < 1


@pytest.mark.parametrize("name", RULES)
def test_categorical_models_on_a_random_graph_obey_the_law(name, tmp_path):
    spec = scenario(ITEMS, Categorical(), **({"graph": graph(tmp_path)} | RULES[name]))
    assert worst(spec, simulated(spec, 200)) < 1


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("name", ["documents", "sources", "share once", "window, archives"])
def test_gaussian_models_on_a_random_graph_obey_the_law(name, ddof, tmp_path):
    spec = scenario(VECTORS, Gaussian(ddof=ddof), graph=graph(tmp_path), **RULES[name])
    assert worst(spec, simulated(spec, 200)) < 1


@pytest.mark.slow
def test_neutral_models_obey_the_law_for_forty_steps():
    spec = neutral(steps=40)
    assert worst(spec, simulated(spec, 2000)) < 1


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("name", RULES)
def test_every_rule_obeys_the_law_on_another_graph_with_more_runs(name, base, learner, tmp_path):
    spec = scenario(base, learner, **({"graph": graph(tmp_path, seed=1)} | RULES[name]))
    assert worst(spec, simulated(spec, 2000)) < 1


@BOTH
def test_the_law_of_a_transposed_graph_is_rejected(base, learner, tmp_path):
    runs = simulated(scenario(base, learner, graph=graph(tmp_path)), 300)
    assert worst(scenario(base, learner, graph=graph(tmp_path, transposed=True)), runs) > 2


@BOTH
def test_the_law_of_the_wrong_replacement_rule_is_rejected(base, learner, tmp_path):
    parts = dict(graph=graph(tmp_path), read=(40, 40))
    runs = simulated(scenario(base, learner, reading=Reading(replacement=False), **parts), 300)
    assert worst(scenario(base, learner, **parts), runs) > 1.5


@BOTH
def test_a_human_share_that_is_five_percent_off_is_rejected(base, learner, tmp_path):
    def spec(share):
        return scenario(base, learner, graph=graph(tmp_path), reading=Reading(draw="share", human_share=share))

    runs = simulated(spec(0.5), 600)
    assert worst(spec(0.5), runs) < 1
    assert worst(spec(0.5 * 1.05), runs) > 1.5


@pytest.mark.parametrize("number", range(3))
def test_what_gaussian_models_lose_inside_they_have_drifted(number, tmp_path):
    """v + |mu - mu*|^2 = v* = 2 on average, on random graphs; with ddof 1 it is not."""

    def rejected(ddof):
        people = (Community(rate=6, reach=0.5),)
        spec = scenario(VECTORS, Gaussian(ddof=ddof), humans=people, graph=graph(tmp_path, seed=number))
        agents, _ = simulated(spec, 200)
        z = _z(agents[:, :, 0] + agents[:, :, 1], 2.0)
        return np.abs(z).max() > norm.isf(ALARM / 2 / z.size)

    assert not rejected(ddof=0)
    assert rejected(ddof=1)
