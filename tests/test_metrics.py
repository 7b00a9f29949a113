"""Every measure against its definition, written out as loops over models and items."""

from __future__ import annotations

import inspect
from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.mixture import Mixture as MixtureWorld
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from ecosystem import metrics
from ecosystem.metrics import MetricError
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Measuring, Recording, Scenario
from tests.toys import Murmur, Speaker

ALARM = 1e-6  # false-alarm rate of each statistical test below
K = 25
ITEMS = (
    "within_diversity", "between_similarity", "pooled_diversity", "differentiation", "support", "entropy",
    "human_divergence", "tail_coverage", "hallucination_share", "human_share_read", "human_share_corpus", "depth",
)  # fmt: skip


def run(steps: int = 2, seed: int = 0, **parts) -> Ecosystem:
    world = Ecosystem(Scenario(steps=steps, **parts), rng=seed)
    for _ in range(steps):
        world.step()
    return world


def group(name: str, learner=None, **keys) -> Group:
    return Group(**(dict(name=name, count=3, publish=9, read=30, learner=learner or Categorical()) | keys))


@pytest.fixture(scope="module")
def items() -> Ecosystem:
    """Three kinds of models of items and two communities: one writes what the other does not."""
    learners = {"copy": Categorical(), "sharp": Categorical(temperature=0.8), "smooth": Categorical(smoothing=0.1)}
    return run(
        world=Zipf(items=K, span=20), graph=Graph(kind="ring", self_loops=True), record=Recording(pairs=True),
        humans=(Community(name="many", rate=30), Community(name="few", rate=6, writes={"first": 15, "span": 8})),
        models=tuple(group(name, learner, read=80) for name, learner in learners.items()),
        metrics=(*ITEMS, "human_divergence@few", "tail_coverage@few", "tail_coverage@many"),
    )  # fmt: skip


def distributions(world: Ecosystem) -> np.ndarray:
    """(N, K) probabilities by asking each model."""
    return np.exp(world.readout.log_prob(np.arange(K)))


def human(world: Ecosystem) -> np.ndarray:
    return 30 / 36 * world.writers[0].probabilities + 6 / 36 * world.writers[1].probabilities


def test_the_readout_is_what_the_models_say(items):
    dense = np.zeros((9, K))
    atoms = items.readout.atoms
    for i, u in product(range(9), range(atoms.item_NU.shape[1])):
        dense[i, atoms.item_NU[i, u]] += atoms.mass_NU[i, u]
    assert dense == pytest.approx(distributions(items), abs=1e-12)
    assert dense.sum(axis=1) == pytest.approx(np.ones(9))


def test_diversity_and_likeness_are_chances_of_equal_draws(items):
    p, n = distributions(items), 9
    same = np.array([[sum(p[i, k] * p[j, k] for k in range(K)) for j in range(n)] for i in range(n)])
    values, agents = items.frame.values, items.frame.agents
    assert agents["within_diversity"] == pytest.approx([1 - same[i, i] for i in range(n)])
    apart = [same[i, j] for i in range(n) for j in range(n) if i != j]
    assert values["between_similarity"] == pytest.approx(np.mean(apart))
    assert values["pooled_diversity"] == pytest.approx(1 - same.mean())
    assert values["differentiation"] == pytest.approx(1 - (1 - np.trace(same) / n) / (1 - same.mean()))
    assert items.frame.pairs == pytest.approx(same)


def test_support_and_entropy_are_by_definition(items):
    p = distributions(items)
    assert items.frame.agents["support"].tolist() == [sum(q > 0 for q in row) for row in p]
    assert items.frame.agents["entropy"] == pytest.approx([-sum(q * np.log(q) for q in row if q > 0) for row in p])
    assert items.frame.values["support"] == pytest.approx(items.frame.agents["support"].mean())


def test_divergence_from_humans_is_kullback_leibler(items):
    for name, h in (("human_divergence", human(items)), ("human_divergence@few", items.writers[1].probabilities)):
        for found, p in zip(items.frame.agents[name], distributions(items), strict=True):
            lost = any(h[k] > 0 and p[k] == 0 for k in range(K))
            divergence = np.inf if lost else sum(h[k] * np.log(h[k] / p[k]) for k in range(K) if h[k] > 0)
            assert found == pytest.approx(divergence)
    assert np.isfinite(items.frame.agents["human_divergence"][6:]).all()  # those that smooth
    assert np.isinf(items.frame.agents["human_divergence"]).any()


def test_tail_coverage_is_the_share_of_rare_items_left(items):
    h, p = human(items), distributions(items)
    rare = [k for k in range(K) if 0 < h[k] < 0.5 / K]
    assert len(rare) > 3
    for name, mine in (
        ("tail_coverage", rare),
        ("tail_coverage@few", [k for k in rare if items.writers[1].probabilities[k] > 0]),
        ("tail_coverage@many", [k for k in rare if items.writers[0].probabilities[k] > 0]),
    ):
        assert items.frame.agents[name] == pytest.approx([np.mean([row[k] > 0 for k in mine]) for row in p])
    assert len({tuple(items.frame.agents[f"tail_coverage@{c}"]) for c in ("few", "many")}) == 2


def test_hallucinations_are_what_no_human_writes(items):
    h, p = human(items), distributions(items)
    expected = [sum(row[k] for k in range(K) if h[k] == 0) for row in p]
    assert items.frame.agents["hallucination_share"] == pytest.approx(expected)
    assert items.frame.agents["hallucination_share"][6:].min() > 0  # smoothing gives mass to all


def test_the_stated_threshold_says_what_is_rare():
    parts = dict(world=Zipf(items=K), models=(group("a"),), metrics=("tail_coverage",))
    for below in (0.02, 0.05):
        world = run(measure=Measuring(rare_below=below), **parts)
        assert world.reference.rare_K.sum() == (world.writers[0].probabilities < below).sum()
    with pytest.raises(MetricError, match="no item is rare"):
        run(measure=Measuring(rare_below=1e-9), **parts)


def test_shares_of_humans_are_counted(items):
    counts = items.corpus.counts_S()
    assert items.frame.values["human_share_corpus"] == pytest.approx(36 / (36 + 9 * 9))
    assert counts.tolist() == [9] * 9 + [30, 6]
    assert items.frame.values["human_share_read"] == pytest.approx(items.frame.agents["human_share_read"].mean())
    assert 0 < items.frame.values["human_share_read"] < 1


WRITERS = ((0.5, 0.3, 0.2), (0.1, 0.2, 0.7), (0.05, 0.95, 0.0))


@pytest.mark.parametrize("kind", ["tokens", "items"])
def test_estimates_from_samples_have_no_bias(kind):
    """z-tests over many steps of models whose probabilities are fixed; the plug-in estimate is the negative control."""
    length = 2 if kind == "tokens" else 0
    padded = tuple((0.4, *(0.6 * q for q in row)) for row in WRITERS) if kind == "tokens" else WRITERS  # 0 ends a text
    measured = ("within_diversity", "between_similarity", "pooled_diversity")
    world = Ecosystem(Scenario(
        world=Murmur(length=2) if kind == "tokens" else Zipf(items=3), steps=1500, humans=(Community(rate=1),),
        models=(group("a", Speaker(probabilities=padded, length=length), publish=1, read=1),), metrics=measured,
        measure=Measuring(documents=6), record=Recording(pairs=True),
    ))  # fmt: skip
    found = {name: [] for name in (*measured, "plug-in", "pairs")}
    for _ in range(1500):
        world.step()
        for name in measured:
            found[name].append(world.frame.agents.get(name, world.frame.values[name]))
        mass = world.readout.atoms.mass_NU
        found["plug-in"].append(1 - (mass * mass).sum(axis=1))
        found["pairs"].append(world.frame.pairs)
    p = np.array(WRITERS)
    same = p @ p.T
    exact = {
        "within_diversity": 1 - np.diag(same), "between_similarity": (same.sum() - np.trace(same)) / 6,
        "pooled_diversity": 1 - same.mean(), "plug-in": 1 - np.diag(same), "pairs": same,
    }  # fmt: skip
    z = {name: _worst_z(np.array(found[name]), exact[name]) for name in found}
    assert max(z[name] for name in (*measured, "pairs")) < norm.isf(ALARM / 2 / 14)
    assert z["plug-in"] > norm.isf(ALARM / 2 / 14)


def _worst_z(values: np.ndarray, expected) -> float:
    return float(np.max(np.abs(values.mean(axis=0) - expected) / (values.std(axis=0, ddof=1) / np.sqrt(len(values)))))


def test_the_end_of_a_text_is_no_item():
    """Speakers that end at once: no token is ever written."""
    mute = Speaker(length=3, probabilities=((1.0, 0.0, 0.0, 0.0),) * 2)
    world = run(world=Murmur(length=3), models=(group("a", mute, count=2),), metrics=("within_diversity", "support"))
    assert world.frame.agents["support"].tolist() == [0, 0]
    assert world.frame.agents["within_diversity"].tolist() == [0, 0]


@pytest.fixture(scope="module")
def vectors() -> Ecosystem:
    return run(
        world=GaussianWorld(dimensions=2, mean=1.0), graph=Graph(), record=Recording(pairs=True),
        humans=(Community(name="many", rate=30), Community(name="few", rate=10, writes={"mean": -1.0})),
        models=(group("a", Gaussian(), read=40), group("b", Gaussian(ddof=1), read=20)),
        metrics=(*ITEMS[:4], "entropy", "mean_error", "human_divergence", "human_divergence@few"),
    )  # fmt: skip


def test_measures_of_vectors_are_by_definition(vectors):
    moments, (values, agents) = vectors.readout.moments, (vectors.frame.values, vectors.frame.agents)
    mean, covariance = moments.mean_ND, moments.covariance_NDD
    within = np.array([np.trace(c) for c in covariance])
    assert agents["within_diversity"] == pytest.approx(within)
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    assert values["between_similarity"] == pytest.approx(np.mean([mean[i] @ mean[j] for i, j in pairs]))
    assert vectors.frame.pairs == pytest.approx(mean @ mean.T)
    pooled = within.mean() + np.mean([(m - mean.mean(axis=0)) @ (m - mean.mean(axis=0)) for m in mean])
    assert values["pooled_diversity"] == pytest.approx(pooled)
    assert values["differentiation"] == pytest.approx(1 - within.mean() / pooled)
    assert agents["entropy"] == pytest.approx([multivariate_normal(cov=c).entropy() for c in covariance])
    assert agents["mean_error"] == pytest.approx([(m - 0.5) @ (m - 0.5) for m in mean])  # 3/4 of 1 and 1/4 of -1


def test_divergence_of_vectors_is_estimated_on_human_documents(vectors):
    """Against the closed form for two normals, within the error of the fixed sample (z below the bound of ALARM)."""
    few, moments = vectors.writers[1].moments, vectors.readout.moments
    sample, divergence = vectors.reference.sample_of(1), vectors.frame.agents["human_divergence@few"]
    for found, m, c in zip(divergence, moments.mean_ND, moments.covariance_NDD, strict=True):
        ratio = vectors.writers[1].log_prob(sample) - multivariate_normal(m, c).logpdf(sample)
        assert found == pytest.approx(ratio.mean())
        apart, inverse = few.mean_ND[0] - m, np.linalg.inv(c)
        exact = 0.5 * (np.trace(inverse @ few.covariance_NDD[0]) + apart @ inverse @ apart - 2
                       + np.log(np.linalg.det(c) / np.linalg.det(few.covariance_NDD[0])))  # fmt: skip
        bound = norm.isf(ALARM / 2) * ratio.std(ddof=1) / np.sqrt(len(ratio))
        assert abs(found - exact) < bound
        assert abs(found - 0.3 * exact) > bound  # negative control
    assert np.array_equal(vectors.reference.sample, run_again(vectors).reference.sample)


def run_again(world: Ecosystem) -> Ecosystem:
    return Ecosystem(world.spec.model_copy(update={"graph": Graph(kind="isolated")}), world.seed)


def test_the_reference_is_the_mixture_of_communities(vectors):
    reference, x = vectors.reference, np.array([[0.3, -0.2], [4.0, 1.0]])
    assert reference.weights_H == pytest.approx([0.75, 0.25])
    density = 0.75 * multivariate_normal([1, 1]).pdf(x) + 0.25 * multivariate_normal([-1, -1]).pdf(x)
    assert reference.log_prob(x) == pytest.approx(np.log(density))
    assert reference.moments.mean_ND[0] == pytest.approx([0.5, 0.5])
    assert reference.moments.covariance_NDD[0] == pytest.approx(np.eye(2) + 0.75 * 0.25 * 4)
    assert reference.sample_weight.sum() == pytest.approx(1)
    assert reference.sample_weight[:64].sum() == pytest.approx(0.75)


def test_a_human_mode_that_two_communities_share_is_one_mode():
    """A minority writes the rare modes; the majority none of them."""
    few = Community(name="few", rate=10, reach=(0,), writes={"rare_weight": 0.3})
    world = run(
        world=MixtureWorld(components=3, rare=2, rare_weight=0.0), graph=Graph(kind="isolated"),
        humans=(Community(name="many", rate=90), few),
        models=(group("a", Gaussian(), count=2, read=400),), steps=1,
        metrics=("mode_coverage", "tail_coverage", "tail_coverage@few", "hallucination_share"),
    )  # fmt: skip
    modes = world.reference.modes
    assert modes.weight_C == pytest.approx([1 / 3 - 0.02] * 3 + [0.03] * 2)
    assert world.reference.rare_C.tolist() == [False] * 3 + [True] * 2
    assert world.reference.modes_of("many").tolist() == [True] * 3 + [False] * 2
    sample = world.readout.sample
    distance = np.linalg.norm(sample[:, :, None] - modes.centre_CD, axis=3)
    inside = distance.min(axis=2) <= np.sqrt(-2 * np.log(0.001))  # 99.9% of a round normal in two dimensions
    for i, agent in enumerate(sample):
        met = {int(np.argmin(distance[i, k])) for k in range(len(agent)) if inside[i, k]}
        assert world.frame.agents["mode_coverage"][i] == pytest.approx(len(met) / 5)
        assert world.frame.agents["tail_coverage"][i] == pytest.approx(len(met & {3, 4}) / 2)
        assert world.frame.agents["hallucination_share"][i] == pytest.approx((~inside[i]).mean())
    assert np.array_equal(world.frame.agents["tail_coverage"], world.frame.agents["tail_coverage@few"])
    with pytest.raises(MetricError, match="no rare modes"):
        metrics.find("tail_coverage@many")(world)


def test_metrics_are_found_by_name_and_helped_with():
    for name in metrics.available():
        assert metrics.find(name).__name__ == name
        assert inspect.getdoc(metrics.find(name))
    assert metrics.find("tests.test_metrics:of_my_own").__name__ == "of_my_own"
    assert metrics.column("tests.test_metrics:of_my_own") == "of_my_own"
    for name, says in (
        ("supprt", "Did you mean 'support'"),
        ("tests.test_metrics:none", "cannot be loaded"),
        ("no.module:f", "cannot be loaded"),
        ("depth@people", "takes no community or verifier. Those that do: .*tail_coverage"),
    ):
        with pytest.raises(MetricError, match=says):
            metrics.find(name)


def of_my_own(world) -> np.ndarray:
    """Documents of each model's group."""
    return np.arange(world.n, dtype=float)


def test_a_metric_of_ones_own_is_a_column():
    world = run(world=Zipf(items=5), models=(group("a"),), metrics=("tests.test_metrics:of_my_own",))
    assert world.frame.agents["of_my_own"].tolist() == [0, 1, 2]
    assert world.frame.values == {"of_my_own": 1.0}
