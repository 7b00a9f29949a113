"""The tables of `law`, and what it says where no law is known."""

from __future__ import annotations

import numpy as np
import pytest

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.kde import Kde
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Reading, Recording, Retention, Scenario
from ecosystem.theory import MAX_BATCHES, NoLaw, conservation, law, web_of
from ecosystem.theory.web import walk

ALL = (
    "within_diversity", "between_similarity", "pooled_diversity", "differentiation", "human_share_read",
    "human_share_corpus", "depth",
)  # fmt: skip


def scenario(learner=None, **changes) -> Scenario:
    group = Group(name="a", count=4, publish=9, read=12, learner=learner or Categorical())
    parts = dict(
        steps=7, metrics=ALL, world=Zipf(items=20), humans=(Community(rate=5),), models=(group,),
        graph=Graph(kind="ring", self_loops=True), record=Recording(every=3, pairs=True),
    )  # fmt: skip
    return Scenario(**(parts | changes))


def vectors(learner=None, **changes) -> Scenario:
    parts = dict(world=GaussianWorld(dimensions=2, mean=3.0), metrics=(*ALL, "mean_error"))
    return scenario(learner or Gaussian(), **(parts | changes))


def stepped(spec: Scenario):
    world = Ecosystem(spec, spec.seed)
    frames = {0: world.frame}
    for _ in range(spec.steps):
        world.step()
        frames[world.frame.t] = world.frame
    return world, frames


@pytest.mark.parametrize("spec", [scenario(), vectors()], ids=["items", "vectors"])
def test_the_tables_are_laid_out_as_those_of_a_run(spec):
    exact, (world, frames) = law(spec), stepped(spec)
    assert list(exact.steps.columns) == ["step", *world.frame.values]
    assert list(exact.agents.columns) == ["step", "agent", "group_name", "kind", *world.frame.agents]
    assert list(exact.pairs.columns) == ["step", "agent", "other", "similarity"]
    assert exact.steps["step"].tolist() == sorted(frames) == [0, 3, 6, 7]
    assert exact.agents["agent"].tolist() == 4 * [0, 1, 2, 3]
    assert exact.agents["kind"].unique().tolist() == world.agent_table["kind"][:1].tolist()
    assert len(exact.pairs) == 4 * 12


def test_what_chance_does_not_touch_is_equal_to_the_run():
    spec = scenario(reading=Reading(replacement=False), record=Recording())
    spec = spec.model_copy(update={"models": (spec.models[0].model_copy(update={"read": 999, "pretrain": 10}),)})
    exact, (_, frames) = law(spec), stepped(spec)
    assert np.isnan(exact.steps["human_share_corpus"][0])
    for name in ("human_share_corpus", "human_share_read"):
        np.testing.assert_allclose(exact.steps[name], [f.values[name] for f in frames.values()], rtol=1e-12)


def test_world_level_numbers_follow_from_agents_and_pairs():
    exact = law(scenario(record=Recording(pairs=True)))
    within = exact.agents.groupby("step")["within_diversity"].mean().to_numpy()
    between = exact.pairs.groupby("step")["similarity"].mean().to_numpy()
    np.testing.assert_allclose(exact.steps["within_diversity"], within)
    np.testing.assert_allclose(exact.steps["between_similarity"], between)
    pooled = 1 - (12 * between + 4 * (1 - within)) / 16
    np.testing.assert_allclose(exact.steps["pooled_diversity"], pooled)
    np.testing.assert_allclose(exact.steps["differentiation"], 1 - within / pooled)


def test_what_a_model_loses_inside_it_has_drifted():
    for spec in (scenario(), vectors(graph=Graph(kind="random", density=0.5), reading=Reading(draw="sources"))):
        web = web_of(spec, 3)
        for moments in walk(web):
            np.testing.assert_allclose(conservation(web, moments), 0, atol=1e-12)
    web = web_of(vectors(Gaussian(ddof=1)), 3)
    assert min(abs(conservation(web, m)).max() for m in walk(web)) > 0.01


def test_complete_graphs_keep_models_diverse_and_make_them_alike():
    kinds = [Graph(kind=kind, self_loops=True) for kind in ("isolated", "complete")]
    alone, together = (law(scenario(graph=graph, steps=60)).steps.iloc[-1] for graph in kinds)
    assert together["within_diversity"] > alone["within_diversity"]
    assert together["between_similarity"] > alone["between_similarity"]
    assert together["differentiation"] < alone["differentiation"]


def one(**group) -> dict:
    return dict(models=(Group(**(dict(name="a", count=2, learner=Categorical()) | group)),))


REASONS = {
    "temperature 0.7 sharpens": scenario(Categorical(temperature=0.7)),
    "temperature 1.5 flattens": scenario(Categorical(temperature=1.5)),
    "top_p 0.9 cuts the tail": scenario(Categorical(top_p=0.9)),
    "smoothing 0.5": scenario(Categorical(smoothing=0.5)),
    "'kde' learners": vectors(Kde()),
    "subsample": scenario(corpus=Retention(keep={"subsample": 50})),
    "none of the metrics": scenario(metrics=("support", "entropy")),
    "has nothing to read": scenario(
        graph=Graph(kind="isolated"), humans=(Community(rate=0),), reading=Reading(unfed="error")
    ),
    "may run out of those of source": scenario(reading=Reading(draw="sources", replacement=False)),
    f"at most {MAX_BATCHES}": scenario(**one(count=MAX_BATCHES + 1)),
    "very long": scenario(**one(count=1000), steps=10_000_000, record=Recording(every=10_000)),
    "of over": scenario(**one(count=1000), steps=10_000),
}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_where_there_is_no_law_the_reason_is_given(reason):
    with pytest.raises(NoLaw, match=reason):
        law(REASONS[reason])


def test_metrics_without_a_closed_form_are_named():
    exact = law(scenario(metrics=("within_diversity", "support")))
    assert list(exact.steps.columns) == ["step", "within_diversity"]
    assert "No closed form: support" in exact.says


def test_without_pairs_the_table_is_empty():
    assert law(scenario(record=Recording())).pairs.empty
