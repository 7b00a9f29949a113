"""Worlds of facts small enough to be worked out by hand."""

from __future__ import annotations

import numpy as np

from agents.humans.facts import Facts
from agents.learners.belief import Belief
from ecosystem.answering.rules import Questions
from ecosystem.documents import DocumentShape
from ecosystem.files.scenario_file import read
from ecosystem.grammar import Grammar
from ecosystem.interfaces import HumanSource, Writer
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Retention, Scenario
from ecosystem.streams import Draws
from ecosystem.truth import Truth

FILE = {
    "name": "facts",
    "steps": 4,
    "metrics": ["false_share"],
    "world": {"kind": "facts", "subjects": 12, "values": 4, "places": 3, "regions": 2, "error": 0.2},
    "humans": [{"rate": 30}],
    "models": [
        {"name": "models", "count": 3, "publish": 12, "read": 40, "questions": {}, "learner": {"kind": "belief"}}
    ],
    "graph": {"kind": "complete", "self_loops": True},
    "corpus": {"keep": "all"},
}


def tiny(claims: int = 2) -> Grammar:
    """Ada (0) and Bo (1) live in Rome (2) or Oslo (3), which lie in the South (4) or the North (5).

    Facts: 0, 1 homes of Ada and Bo; 2, 3 where Rome and Oslo lie; 4, 5 where Ada and Bo are from, which follows.
    Tokens: entities 1 .. 6, relations home 7, lies in 8, is from 9.
    """
    return Grammar(
        subject_F=np.array([0, 1, 2, 3, 0, 1]),
        relation_F=np.array([0, 0, 1, 1, 2, 2]),
        low_R=np.array([2, 4, 4]),
        high_R=np.array([4, 6, 6]),
        chain_R2=np.array([[-1, -1], [-1, -1], [0, 1]]),
        claims=claims,
        entity_names=("Ada", "Bo", "Rome", "Oslo", "South", "North"),
        relation_names=("home", "lies in", "is from"),
    )


def world(steps: int = 0, seed: int = 0, **changes) -> Ecosystem:
    """The small world of FILE with some keys changed, after some steps."""
    made = Ecosystem(read(FILE, **changes), rng=seed)
    for _ in range(steps):
        made.step()
    return made


def facts(**keys) -> Facts:
    return Facts(**({"subjects": 12, "values": 4, "places": 3, "regions": 2} | keys))


TRUE = np.array([0, 1, 0, 1, 0, 1])  # in the tiny world: Ada lives in Rome, in the South; Bo in Oslo, in the North


class Told(HumanSource):
    """People of the tiny world who write the claims (fact, slot) of `tells` one after the other, again and again.

    `asked`: the one fact that everybody asks for.
    """

    tells: tuple[tuple[int, int], ...] = ((0, 0),)
    asked: int = 0

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        return [ToldWriter(c) for c in communities if isinstance(c, Told)]


class ToldWriter(Writer):
    def __init__(self, told: Told):
        grammar = tiny(claims=1)
        self.shape = DocumentShape("tokens", grammar.tokens, 3, grammar=grammar)
        self.truth = Truth(grammar, TRUE, (np.arange(6) == told.asked).astype(float))
        fact, slot = np.array(told.tells).T
        self.content = grammar.write(fact[:, None], slot[:, None])

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        return np.tile(self.content[np.arange(k) % len(self.content)], (rng.n, 1, 1))

    def show(self, content: np.ndarray) -> list[str]:
        return self.shape.grammar.show(content)


def told(
    tells: list[tuple[int, int]], asked: int, questions: dict | None = None, steps: int = 2, count: int = 2,
    publish: int = 4, learner: Belief | None = None, reach: str | tuple[int, ...] = "all", **more,
) -> Ecosystem:  # fmt: skip
    """A world of Told people, who tell all they have to tell in every step, and models that answer."""
    rules = Questions(**({"write_back": False, "fabricates": 0.0, "faithful": 1.0} | (questions or {})))
    group = Group(
        name="models", count=count, publish=publish, read=8, questions=rules, learner=learner or Belief(confusion=0.0)
    )
    given = dict(
        world=Told(tells=tuple(tells), asked=asked), humans=(Community(rate=len(tells), reach=reach),),
        models=(group,), steps=steps, metrics=("false_share",), corpus=Retention(keep="all"),
        graph=Graph(kind="complete", self_loops=True),
    )  # fmt: skip
    network = more.pop("network", None)
    made = Ecosystem(Scenario(**(given | more)), network=network)
    for _ in range(steps):
        made.step()
    return made
