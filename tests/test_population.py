"""Populations: who is trained on what, where it stands, and where every document comes from."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from ecosystem.interfaces import Diverged
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Measuring, Reading, Recording, Retention, Scenario
from tests.toys import Counter, Frail, Shelf


def group(name: str = "models", learner=None, **keys) -> Group:
    return Group(**(dict(name=name, count=4, publish=6, read=8, learner=learner or Categorical()) | keys))


def world(**parts) -> Ecosystem:
    given = dict(
        world=Zipf(items=1000), humans=(Community(rate=5),), models=(group(),), steps=6,
        graph=Graph(kind="ring"), record=Recording(documents="all"), metrics=("depth",),
    )  # fmt: skip
    return Ecosystem(Scenario(**(given | parts)))


def published(world: Ecosystem, steps: int = 6) -> dict[int, tuple]:
    """Every document of a run by its number: (content, source, step, depth, parent)."""
    found = {}
    for _ in range(steps):
        world.step()
        for d in world.frame.documents:
            columns = (d.document, d.content, d.source, d.step, d.depth, d.parent)
            found |= {row[0]: row[1:] for row in zip(*(column.tolist() for column in columns), strict=True)}
    return found


COPIERS = {
    "ring": dict(),
    "once": dict(reading=Reading(replacement=False)),
    "window": dict(corpus=Retention(keep={"window": 3})),
    "all kept, all read": dict(corpus=Retention(keep="all"), models=(group(read="all", pretrain=5),)),
    "subsample": dict(corpus=Retention(keep={"subsample": 40})),
    "some unfed": dict(graph=Graph(kind="isolated"), humans=(Community(rate=((0, 5), (2, 0), (4, 5)), reach=(0, 2)),)),
    "pretrained on more, some unfed": dict(
        graph=Graph(kind="isolated"), models=(group(pretrain=30),),
        humans=(Community(rate=5, reach=(0, 2)), Community(name="late", rate=((0, 0), (4, 5)), reach=(3,))),
    ),
    "all unfed": dict(graph=Graph(kind="isolated"), humans=(Community(rate=((0, 5), (2, 0), (5, 5))),)),
    "unfed read themselves": dict(
        graph=Graph(kind="isolated"), humans=(Community(rate=5, reach=(0,)),), reading=Reading(unfed="self")
    ),
    "budgets change, some unfed": dict(
        graph=Graph(kind="isolated"), models=(group(read="all", pretrain=5),),
        humans=(
            Community(rate=((0, 50), (2, 3), (4, 20)), reach=(0, 1)),
            Community(name="late", rate=((0, 0), (3, 9)), reach=(2,)),
        ),
    ),
    "two groups": dict(models=(group(), group("more", publish=3, read=20)), graph=Graph(kind="complete")),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIERS)
def test_a_copy_equals_its_parent_and_is_one_deeper(name):
    made = world(**COPIERS[name])
    documents = published(made)
    copies = {d: row for d, row in documents.items() if row[4] >= 0}
    assert len(copies) > 30
    for content, _, step, depth, parent in copies.values():
        copied, source, before, shallower, _ = documents[parent]
        assert (content, depth) == (copied, shallower + 1)
        assert before < step
        assert source < made.n or shallower == 0


@pytest.mark.parametrize("name", COPIERS)
def test_only_humans_and_copies_of_pretraining_documents_have_no_parent(name):
    made = world(**COPIERS[name])
    for _, source, step, depth, parent in published(made).values():
        if source >= made.n:
            assert (depth, parent) == (0, -1)
        elif parent < 0:
            assert depth == 1  # of a pretraining document, which was never published
            assert step == 1 or "unfed" in name


def test_a_parent_was_readable_by_who_copied_it():
    made = world(graph=Graph(kind="scale_free"), humans=(Community(rate=5, reach=(1, 3)),), models=(group(count=8),))
    documents, reads = published(made), made.network.matrix().toarray() > 0
    for _, source, step, _, parent in documents.values():
        if parent >= 0:
            author, before = documents[parent][1:3]
            assert before == step - 1  # keep: step
            assert reads[source, author] if author < made.n else made.humans.reach_NH[source, author - made.n]


def test_an_unfed_model_stands_by_its_last_diet():
    """Fed in steps 1 and 2, not in 3 and 4: what it writes in steps 3 to 5 copies documents of step 2."""
    made = world(graph=Graph(kind="isolated"), humans=(Community(rate=((0, 5), (3, 0), (5, 5))),))
    documents = published(made)
    steps = {(step, documents[parent][2]) for _, _, step, _, parent in documents.values() if parent >= 0}
    assert steps == {(2, 1), (3, 2), (4, 2), (5, 2), (6, 5)}


def test_depth_of_what_does_not_copy_is_one_more_than_the_mean_of_what_was_read():
    made = world(models=(group(learner=Categorical(temperature=0.5)),))
    for _ in range(4):
        depth_n = made.populations[0].depth_n.copy()
        made.step()
        for d in made.frame.documents:
            mine = d.source < made.n
            assert d.depth[mine] == pytest.approx(np.repeat(1 + depth_n, 6))
            assert (d.parent == -1).all()
            assert (d.depth[~mine] == 0).all()


def test_depth_and_human_share_are_those_of_the_last_diet():
    made = world(corpus=Retention(keep="all"), models=(group(read="all", pretrain=3),), graph=Graph(kind="hub"))
    documents = published(made, 4)
    for agent, (read, human) in enumerate(zip(made.frame.agents["depth"], _human_share(made), strict=True)):
        mine = [row for row in documents.values() if row[1] >= made.n or (agent > 0 and row[1] == 0)]
        assert read == pytest.approx(np.mean([row[3] for row in mine]))
        assert human == pytest.approx(np.mean([row[1] >= made.n for row in mine]))


def _human_share(made: Ecosystem) -> np.ndarray:
    return made.populations[0].human_share_n


@pytest.mark.parametrize(("start", "fits"), [("scratch", [1, 1, 1, 1]), ("continue", [1, 2, 3, 4])])
def test_a_fit_begins_anew_or_where_the_model_stands(start, fits):
    made = world(models=(group(learner=Counter(), start=start),))
    found = [made.populations[0].params["fits"].tolist()]
    for _ in range(3):
        made.step()
        found.append(made.populations[0].params["fits"].tolist())
    assert found == [[n] * 4 for n in fits]


@pytest.mark.parametrize("start", ["scratch", "continue"])
def test_a_model_that_reads_nothing_stays_as_it_is(start):
    """Model 1 is fed in step 2 only; its neighbours' draws are as if it were not there."""
    parts = dict(models=(group(learner=Counter(), start=start),), graph=Graph(kind="isolated"))
    once = Community(name="once", rate=((0, 0), (2, 4), (3, 0)), reach=(1,))
    few = world(humans=(Community(rate=5, reach=(0, 3)), once), **parts)
    all_fed = world(humans=(Community(rate=5),), **parts)
    stands = [_state(few)]
    for _ in range(3):
        few.step()
        all_fed.step()
        stands.append(_state(few))
        assert [_state(few)[i] for i in (0, 3)] == [_state(all_fed)[i] for i in (0, 3)]
    assert stands[0][1] == stands[1][1] != stands[2][1] == stands[3][1]
    assert stands[0][2] == stands[1][2] == stands[2][2] == stands[3][2]


def _state(made: Ecosystem) -> list[tuple]:
    population = made.populations[0]
    columns = [*population.params.values(), population.depth_n, population.human_share_n]
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_an_unfed_model_is_told_of_once():
    made = world(graph=Graph(kind="isolated"), humans=(Community(rate=((0, 5), (2, 0)), reach=(0,)),))
    told = []
    for _ in range(4):
        made.step()
        told += [(event.step, event.agent, event.kind) for event in made.frame.events]
    assert told == [(1, 1, "unfed"), (1, 2, "unfed"), (1, 3, "unfed"), (2, 0, "unfed")]


def test_read_all_reads_every_document_once():
    made = world(
        world=Shelf(size=1000), humans=(Community(rate=9, reach=(0, 2)),), graph=Graph(kind="hub"),
        models=(group(learner=Counter(), read="all", pretrain=4, publish=3),),
    )  # fmt: skip
    made.step()
    human = made.corpus.documents(1).content[12:]
    expected = [human.sum(), 3, 3 + human.sum(), 3]  # model 0 wrote 0 + 1 + 2 and does not read itself
    assert made.populations[0].params["sum"].tolist() == expected


def test_a_group_may_publish_nothing():
    made = world(models=(group(publish=0), group("loud", publish=2)), graph=Graph(kind="complete"))
    made.step()
    assert made.corpus.counts_S().tolist() == [0] * 4 + [2] * 4 + [5]
    assert made.populations[0].depth_n.shape == (4,)


class Wrong(Categorical):
    """Writes what it may not: items, shapes or columns that do not exist."""

    fault: str

    def sample(self, params, k, rng):
        content, column = super().sample(params, k, rng)
        if self.fault == "shape":
            return content[:, :-1], column
        if self.fault == "column":
            return content, column + 8
        return content + (1000 if self.fault == "high" else -1000), column


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("shape", r"models.models: Wrong must write content of shape \(4, 6\). Got \(4, 5\)"),
        ("column", "models.models: Wrong must say of each document, .* which column of the diet it copies, 0 to 7"),
        ("high", "models.models: Wrong must write items from 0 to 999. Got 1"),
        ("low", "models.models: Wrong must write items from 0 to 999. Got -"),
    ],
)
def test_what_a_learner_may_not_write_ends_the_run_with_its_name(fault, says):
    """Compiled loops trust what is on the web: it is checked when it is published."""
    made = world(models=(group(learner=Wrong(fault=fault)),), measure=Measuring(documents=6))
    if fault == "column":
        made.step()  # what copies pretraining has no parent to name
    with pytest.raises(ValueError, match=says):
        made.step()


def test_the_archive_of_a_model_is_its_pretraining_and_only_its_own():
    made = world(
        world=Shelf(size=1000), graph=Graph(kind="isolated"), humans=(Community(rate=0),), corpus=Retention(keep="all"),
        models=(group("a", Counter(), read="all", pretrain=5, archive=True), group("b", Counter())),
    )  # fmt: skip
    first = made.populations[0].params["sum"].copy()
    made.step()
    assert made.populations[0].params["sum"].tolist() == first.tolist()
    assert made.populations[0].human_share_n.tolist() == [1.0] * 4
    assert [event.agent for event in made.frame.events] == [4, 5, 6, 7]
    assert made.sources[-8:] == tuple(f"archive of {g} {i}" for g, i in zip("aaaabbbb", range(8), strict=True))
    assert made.corpus.documents(0).source.tolist() == np.repeat(np.arange(9, 13), 5).tolist()


@pytest.mark.parametrize(("keep", "steps"), [("step", 0), ({"window": 3}, 2), ("all", 4)])
def test_an_archive_is_kept_as_long_as_documents_of_step_0_would_be(keep, steps):
    made = world(
        graph=Graph(kind="isolated"), humans=(Community(rate=0),), corpus=Retention(keep=keep),
        models=(group(read=5, archive=True),),
    )  # fmt: skip
    fed = []
    for _ in range(4):
        made.step()
        fed.append(not made.frame.events and (not fed or fed[-1]))
    assert fed == [step < steps for step in range(4)]


SOME_FED = dict(graph=Graph(kind="isolated"), humans=(Community(rate=5, reach=(0, 5, 7)),))


@pytest.mark.parametrize("parts, step, model", [(dict(), 0, 5), (dict(), 2, 5), (SOME_FED, 2, 7)])
def test_a_fit_that_diverges_names_group_model_and_step(parts, step, model):
    """Row 1 of models 4 to 7 is model 5; of those that are fed where only 5 and 7 are, model 7."""

    def two_steps():
        eco = world(models=(group(), group("frail", Frail(fails=1, at=step))), **parts)
        eco.step()
        eco.step()

    with pytest.raises(Diverged) as caught:
        two_steps()
    says = "the loss is not a finite number; lower learning_rate (now 9)"
    assert str(caught.value) == f"models.frail: model {model} in step {step}: {says}"


def test_an_error_that_diverged_survives_a_process_border():
    error = Diverged(3, "why", "models.a: model 3 in step 1")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(Diverged(3, "why")) == "row 3: why"
