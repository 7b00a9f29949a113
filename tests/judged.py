"""Documents before a verifier, and readers behind one, for the tests of verifiers."""

from __future__ import annotations

import numpy as np

from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from ecosystem import Ecosystem, Scenario
from ecosystem.documents import DocumentShape
from ecosystem.scenario import Community, Graph, Group, Reading, Recording
from ecosystem.streams import Streams
from ecosystem.verifier import Submitted

N = 40  # models: sources below are theirs
ITEMS = DocumentShape("items", 100)


class Look:
    """A sight whose every number is plain to see."""

    def __init__(self, shape=ITEMS, share=0.25):
        self.shape, self.step, self.models, self.share = shape, 1, N, share

    def chance(self, purpose, number_M):
        return Streams(0).chance(purpose, number_M)

    def human_share(self, source_M):
        return np.where(source_M < self.models, self.share, 1.0)


def documents(m=1000, content=None, depth=None, humans=0.5):
    """The first are models', in turn, the others people's."""
    human = np.arange(m) >= m * (1 - humans)
    source = np.where(human, N, np.arange(m) % N).astype(np.int32)
    depth = np.where(human, 0.0, 2.0) if depth is None else depth
    content = np.zeros(m, np.int32) if content is None else content
    return Submitted(content, np.arange(m), source, depth.astype(np.float32), np.full(m, -1), human)


def vectors(*rows):
    return documents(len(rows), np.array(rows, float))


def lone_readers(*verifiers, world=None, learner=None, seed=0):
    """400 models; of what each draws a fifth is human, drawn for it alone."""
    group = Group(name="models", count=400, publish=100, read=200, learner=learner or Categorical())
    return Ecosystem(
        Scenario(
            steps=3, metrics=("human_share_read",), world=world or Zipf(items=50), humans=(Community(rate=50),),
            models=(group,), graph=Graph(kind="isolated", self_loops=True), verifiers=verifiers,
            reading=Reading(draw="share", human_share=0.2), record=Recording(judgements="none"),
        ),
        rng=seed,
    )  # fmt: skip
