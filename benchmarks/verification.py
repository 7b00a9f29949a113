"""Cost of judging against the reading that it guards, and what scoring all models at once is worth.

Three tables. What a verifier before every reader adds to a step of the world, judging only (it accepts everything) and
with what it makes readers do (they draw again in place of what is refused). Scoring each model's own documents in one
pass against model after model. Scoring each document once against once for every reader.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from agents.humans.text import Text
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.ngram import Ngram
from agents.learners.transformer import Transformer
from agents.verifiers.likelihood import Likelihood
from benchmarks._timing import alternating, in_turn, row
from ecosystem import components
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Learner
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Measuring, Recording, Scenario
from ecosystem.streams import Streams
from ecosystem.verifier import Placement, Sight, Submitted, Verifier

METRICS = ("within_diversity", "between_similarity", "tail_coverage", "human_share_read", "depth", "rejected_share")
REFERENCE = {"reference": Categorical(smoothing=0.1)}
ACCEPTING = {
    "detector": {"false_positive_rate": 0.0, "false_negative_rate": 1.0},
    "label": {"compliance": 0.0},
    "likelihood": {"keep": 1.0, **REFERENCE},
    "surprise": {"keep": 1.0},
    "self": {"keep": 1.0},
    "novelty": {"copies": 1000},
}
AT_WORK = {"likelihood": REFERENCE, "novelty": {"copies": 1000}}


def world(verifier: Verifier, text: bool) -> Ecosystem:
    """1,000 models: categorical ones that read and write 250 of 10,000 items, or bigrams on embedded English text."""
    learner: Learner = Ngram(order=2) if text else Categorical()
    publish, read = (16, 64) if text else (250, 250)
    group = Group(name="models", count=1000, publish=publish, read=read, learner=learner)
    eco = Ecosystem(
        Scenario(
            steps=10**6, metrics=METRICS, world=Text(length=32) if text else Zipf(items=10_000), models=(group,),
            humans=(Community(rate=1000),), graph=Graph(kind="scale_free", links=5), verifiers=(verifier,),
            measure=Measuring(documents=16), record=Recording(judgements="none"),
        )
    )  # fmt: skip
    eco.step()
    return eco


def added(kind: str, judges: str, text: bool = False) -> None:
    """What a verifier adds to a step: judging alone, and at work."""
    cls, other = components.find("verifiers", kind), {"reference": Ngram(order=2)} if text else {}

    def guarded(share: float, keys: dict) -> Ecosystem:
        keys = keys | other if kind == "likelihood" else keys
        return world(cls(judges=judges, placement=Placement(share=share), **keys), text)

    free, accepting = guarded(0.0, ACCEPTING[kind]), guarded(1.0, ACCEPTING[kind])
    at_work = guarded(1.0, AT_WORK.get(kind, {}))
    bare, judging, working = in_turn(free.step, accepting.step, at_work.step, repeats=3 if text else 9)
    frame = at_work.frame
    assert frame is not None
    row(kind, judges, bare * 1e3, judging / bare - 1, working / bare - 1, frame.values["rejected_share"])


def own(learner: Learner, shape: DocumentShape, models: int, read: int) -> None:
    """The likelihood of each model's own documents: in one pass, against model after model."""
    rng, draws = np.random.default_rng(0), Streams(0).rows("own", 0, models)
    if shape.kind == "vectors":
        content = rng.normal(size=(models, read, shape.size))
    else:
        content = rng.integers(0, shape.size, (models, read, *shape.trailing)).astype(shape.dtype)
    params = learner.train(learner.init(models, shape, draws), content, np.ones((models, read)), draws)
    one, loop = alternating(
        lambda: learner.log_prob_own(params, content), lambda: Learner.log_prob_own(learner, params, content)
    )
    row(type(learner).__name__, models, read, one / models / read * 1e6, loop / one)


def once_each(models: int, read: int, documents: int) -> None:
    """A reference that scores what many read: each document once, against each reading."""
    learner, shape = Ngram(order=3), DocumentShape("tokens", 500, 32)
    rng, draws = np.random.default_rng(0), Streams(0).rows("once", 0, 1)
    web = rng.integers(0, 500, (documents, 32)).astype(np.int32)
    state = learner.train(learner.init(1, shape, draws), web[None], np.ones((1, documents)), draws)
    verifier = Likelihood(reference=learner, judges="readings")
    number, sight = rng.integers(0, documents, models * read), cast(Sight, _Web(shape))
    zeros = np.zeros(len(number))
    seen = Submitted(web[number], number, zeros, zeros, np.repeat(np.arange(models), read), zeros > 0)
    once, every = alternating(
        lambda: verifier.scores(state, seen, sight), lambda: learner.log_prob(state, seen.content), repeats=3
    )
    row(models, read, documents, once * 1e3, every / once)


class _Web:
    """Of a sight only the shape."""

    def __init__(self, shape: DocumentShape):
        self.shape = shape


if __name__ == "__main__":
    print("a verifier before every reader: what it adds to a step, judging only and at work; share refused at work")
    print("1,000 categorical models that read and write 250 items each")
    row("verifier", "judges", "step, ms", "judging", "at work", "refused")
    known = [kind for kind in ACCEPTING if kind in components.available("verifiers")]
    for kind in known:
        for judges in ("documents", "readings"):
            added(kind, judges)
    print("1,000 bigram models that read 64 and write 16 texts of 32 tokens each")
    for kind in [k for k in known if k != "novelty"]:
        for judges in ("documents", "readings"):
            added(kind, judges, text=True)
    print("\nlikelihood of each model's own documents: microseconds a document in one pass, ratio to model after model")
    row("learner", "models", "documents", "us", "loop / ours")
    own(Categorical(), DocumentShape("items", 10_000), 1000, 250)
    own(Gaussian(), DocumentShape("vectors", 4), 1000, 100)
    own(Ngram(order=3), DocumentShape("tokens", 500, 32), 100, 64)
    own(Transformer(updates=1), DocumentShape("tokens", 500, 32), 32, 4)
    own(Transformer(updates=1), DocumentShape("tokens", 500, 32), 32, 32)
    print("\nan n-gram reference before readers: milliseconds with each document scored once, ratio to each reading")
    row("readers", "read", "documents", "ms", "each / once")
    once_each(100, 100, 2000)
