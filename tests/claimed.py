"""Claims before a verifier, and a world of models that answer, for the tests of those who judge claims."""

from __future__ import annotations

import numpy as np

from agents.humans.facts import Facts
from agents.learners.belief import Belief
from ecosystem import Ecosystem, Scenario
from ecosystem.answering.rules import Questions
from ecosystem.checks.trial import PLAIN
from ecosystem.scenario import Community, Graph, Group
from ecosystem.verifier import Placement, Submitted

SHAPE = PLAIN["claims"]
GRAMMAR = SHAPE.grammar
N = 3  # models of the sight below: 0 the author, 1 and 2 others


class Look:
    """Every model believes the same of all facts: q_NV (N, V). People say slot 1 of fact 0 and do not know fact 1."""

    shape, models, step = SHAPE, N, 1

    def __init__(self, q_NV, peers=(1,)):
        self.q_NV, self.others = np.array(q_NV, float), peers

    def beliefs(self, model_M, fact_M, earlier=None):
        known = (model_M >= 0) & (model_M < N) & (fact_M >= 0)
        return np.where(known[:, None], self.q_NV[np.where(known, model_M, 0)], np.nan)

    def peers(self, model_M, most, group=None):
        return np.tile(np.array(self.others, int)[:most], (len(model_M), 1))

    def people_say(self, fact_M, source_M, community=None):
        return np.where(fact_M == 0, 1, -1)

    def depth(self, model_M):
        return np.where(model_M >= 0, 0.5, np.nan)

    def true(self, content):
        """Slot 0 is the true one of every fact."""
        fact, slot = GRAMMAR.read(content)
        return ((slot == 0) | (fact < 0)).all(axis=1) & (fact[:, 0] >= 0)


def said(*documents, source=0):
    """Documents of claims [(fact, slot), ...]."""
    fact, slot = np.full((len(documents), 2), -1), np.zeros((len(documents), 2), int)
    for m, claims in enumerate(documents):
        for c, (f, v) in enumerate(claims):
            fact[m, c], slot[m, c] = f, v
    m = len(documents)
    sources, none = np.full(m, source, np.int32), np.full(m, -1)
    return Submitted(GRAMMAR.write(fact, slot), none, sources, np.ones(m, np.float32), none, sources >= N)


def facts_world(*verifiers, steps=4, seed=0, groups=(), **keys):
    """Ten models that answer from memory and learn from their own answers; people write of facts before."""
    questions = Questions(source="memory", **keys.pop("questions", {}))
    group = Group(
        name="models", count=10, publish=100, read=100, pretrain=50, start="continue", questions=questions,
        learner=Belief(),
    )  # fmt: skip
    spec = Scenario(
        steps=steps, metrics=("false_share_published", "answer_accuracy"), models=(group, *groups),
        world=Facts(subjects=20, relations=1, places=0, **keys), humans=(Community(rate=0),), verifiers=verifiers,
        graph=Graph(kind="isolated", self_loops=True),
    )  # fmt: skip
    return Ecosystem(spec, rng=seed)


def at_publishing(kind, **keys):
    return kind(gate="publish", placement=Placement(groups=("models",)), **keys)
