"""A rumour and its tree: parents of claims, measures of how far one has got, and the lineage read back from a run."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from agents.humans.facts import Facts
from ecosystem import Ecosystem, Scenario
from ecosystem.errors import InputError
from ecosystem.grammar import Claims
from ecosystem.metrics import MetricError
from ecosystem.reading import Diet
from ecosystem.recollection import Recollection
from ecosystem.report.lineage_figure import travel
from ecosystem.runs.lineage import Travelled, lineage, told, travelled, tree
from ecosystem.runs.opened import open_run
from ecosystem.runs.runner import run


def small(**changes) -> Scenario:
    """The scenario with fewer models and steps, all documents on record."""
    plain = {"arms": {}, "claims": [], "steps": 8, "models.assistants.count": 10, "record.documents": "all"}
    return Scenario.from_file("rumour").with_({**plain, **changes})


def stepped(spec: Scenario) -> Ecosystem:
    world = Ecosystem(spec)
    for _ in range(spec.steps):
        world.step()
    return world


def test_a_chain_by_hand():
    """A root, a copy of it with two copies, a second root, and a document whose parent does not state the claim."""
    stating = pd.DataFrame({
        "document": [3, 5, 8, 9, 10, 11], "step": [1, 1, 2, 2, 3, 3], "author": [9, 0, 1, 2, 1, 4],
        "author_kind": ["human", *["model"] * 5], "parent": [np.nan, 3, 5, 5, np.nan, 4],
    })  # fmt: skip
    grown = tree(stating.sample(frac=1, random_state=0))
    assert set(grown.edges) == {(3, 5), (5, 8), (5, 9)}
    assert nx.get_node_attributes(grown, "depth") == {3: 0, 5: 1, 8: 2, 9: 2, 10: 0, 11: 0}
    assert travelled(grown) == Travelled(documents=6, roots=3, depth=2, breadth=3, models=4, first=1, last=3)
    assert travelled(tree(stating[:0])) == Travelled(0, 0, 0, 0, 0, None, None)
    people, models = travel(grown).axes[0].collections[1:]
    assert people.get_offsets().tolist() == [[1, 0]]
    assert models.get_offsets().tolist() == [[1, 1], [2, 2], [2, 3], [3, 2], [3, 4]]  # authors 0, 1, 2 and 4
    assert travel(tree(stating[:0])) is None


@pytest.mark.parametrize("source", ["web", "memory"])
def test_the_tree_of_a_run_holds_every_document_that_states_the_claim_once(source, tmp_path):
    spec = small(**{"models.assistants.questions.source": source})
    made = open_run(run(spec, out=tmp_path).folder)
    claim = told(made, "gossip")
    grown, documents = lineage(made, claim), made.documents
    stating = documents[documents["text"] == claim]
    assert sorted(grown) == sorted(stating["document"])
    assert nx.is_forest(grown)
    by_number = documents.set_index("document")
    assert all(by_number.loc[p, "step"] < by_number.loc[c, "step"] for p, c in grown.edges)
    assert all(by_number.loc[c, "parent"] == p for p, c in grown.edges)
    assert travelled(grown).depth >= 2
    assert travelled(grown).models == stating.loc[stating["author_kind"] == "model", "author"].nunique()
    written = tmp_path / "rumour.graphml"
    nx.write_graphml(grown, written)
    again = nx.read_graphml(written, node_type=int)
    assert dict(again.nodes(data=True)) == dict(grown.nodes(data=True))
    assert set(again.edges) == set(grown.edges)


@pytest.mark.parametrize("questions", [{"source": "web"}, {"source": "memory"}, None])
def test_a_parent_is_a_document_that_the_author_could_read_and_states_the_same(questions):
    """Of one-claim documents: all parents state the very claim, by someone the author reads. Most have one."""
    world = stepped(small(**{"models.assistants.questions": questions, "corpus.keep": "all"}))
    web = world.corpus.at(np.arange(len(world.corpus)))
    kept = (web.parent >= 0) & (web.step > 1)
    child, parent = web.take(kept), web.take(web.parent[kept])
    assert (parent.content == child.content).all()
    assert (parent.step < child.step).all()
    assert world.answering.readable(child.source)[np.arange(len(child)), parent.source].all()
    assert kept[(web.source < world.n) & (web.step > 1)].mean() > 0.5


def test_a_claim_is_from_the_first_document_read_that_states_it():
    grammar = Facts(subjects=4, relations=1, values=3, places=0, claims=2).truth().grammar
    fact = np.array([[[0, 1], [1, -1], [1, -1]], [[2, -1], [0, 2], [3, -1]]])
    content = grammar.write(fact, np.ones_like(fact))

    class Numbered:
        def documents(self, rows):
            return 100 + rows

    rows = np.array([[7, 8, 9], [4, 5, 6]])
    diet = Diet(Numbered(), rows, np.array([3, 2]), np.zeros(2, int), np.zeros(2))
    known = Recollection.of(grammar, diet, content)
    found = known.documents(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 2, 3, 0]), np.ones(6, int))
    assert found.tolist() == [107, 107, -1, 104, -1, 105]  # the last document of model 1 is padding
    assert known.documents(np.array([0, 0]), np.array([0, -1]), np.array([2, 1])).tolist() == [-1, -1]
    claims = Claims(np.array([[3, 1], [3, -1]]), np.ones((2, 2), int))
    assert known.parents(np.array([0, 0]), claims).tolist() == [107, -1]
    later = Recollection.of(grammar, Diet(Numbered(), rows + 10, np.array([3, 0]), *[np.zeros(2)] * 2), content)
    both = known.updated(later, np.array([True, False]))
    assert both.documents(np.array([0, 1]), np.array([1, 2]), np.ones(2, int)).tolist() == [117, 104]


def test_measures_of_a_rumour_agree_with_the_documents():
    world = stepped(small(**{"corpus.keep": "all"}))
    (fact, slot), grammar = world.writers[1].told, world.shape.grammar
    web = world.corpus.at(np.arange(len(world.corpus)))
    read = grammar.read(web.content)
    stating = (read.fact == fact)[:, 0] & (read.slot == slot)[:, 0]
    measured = {name: world.measured(name) for name in world.spec.metrics}
    assert measured["rumour_documents"] == stating.sum() > 100  # those of gossip
    assert measured["rumour_share"] == pytest.approx(stating.sum() / (read.fact == fact).sum())
    assert np.flatnonzero(measured["rumour_authors"]).tolist() == sorted({*web.source[stating]} - {10, 11})
    generation = np.zeros(len(web), int)
    for d in np.flatnonzero(stating):
        generation[d] = 1 + (generation[web.parent[d]] if web.parent[d] >= 0 else 0)
    assert measured["rumour_generations"] == generation.max() >= 3
    believed = world.populations[0].beliefs(np.full((10, 1), fact), 0, "test")[:, 0].argmax(axis=1)
    assert measured["rumour_reach"].tolist() == (believed == slot).tolist()


def test_the_claim_is_false_always_the_same_and_told_to_one():
    world = Ecosystem(small())
    fact, slot = world.writers[1].told
    assert world.reference.truth.slot_F[fact] != slot
    written = world.shape.grammar.read(world.humans.publish(1, 1))
    assert (written.fact == fact).all()
    assert (written.slot == slot).all()
    most = world.network.audience_N().max()
    assert world.network.audience_N()[world.humans.reach_NH[:, 1]].tolist() == [most]


def test_what_is_no_rumour_is_said(tmp_path):
    with pytest.raises(MetricError, match=r"one community that makes one claim only.*Got none"):
        Ecosystem(small(**{"humans.gossip.writes": {}}))
    with pytest.raises(MetricError, match="Got people"):
        Ecosystem(small(metrics=["rumour_reach@people"]))
    made = open_run(run(small(steps=1, **{"record.documents": 0.5}), out=tmp_path).folder)
    with pytest.raises(InputError, match=r"record.documents: must be 'all'.*Got 0.5"):
        lineage(made, "anything")
    with pytest.raises(InputError, match=r"no community 'gosip'\. Those there are: people, gossip"):
        told(made, "gosip")
    with pytest.raises(InputError, match=r"humans.people: must make one claim only"):
        told(made, "people")
