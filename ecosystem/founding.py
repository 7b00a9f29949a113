"""What a world begins with: its populations and an empty web with room for what will be published."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ecosystem.answering.desk import AnsweringDesk
from ecosystem.answering.experience import Experience
from ecosystem.answering.minds import Minds
from ecosystem.corpus import Corpus
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Writer
from ecosystem.population import Population
from ecosystem.reading import Follows
from ecosystem.scenario import Scenario
from ecosystem.streams import Streams

LOOKED_AT = 10_000  # steps of human rates looked through for the largest


def each(spec: Scenario, key: str) -> np.ndarray:
    """(N,) a key of every model's group."""
    return np.repeat([getattr(g, key) for g in spec.models], [g.count for g in spec.models])


def populations(spec: Scenario, shape: DocumentShape, streams: Streams) -> list[Population]:
    """The groups, models numbered through them in their order."""
    first, made = 0, []
    failing, lost = spec.on_divergence, spec.on_variance_lost
    for group in spec.models:
        made.append(Population(group, first, shape, streams, on_divergence=failing, on_variance_lost=lost))
        first += group.count
    return made


def answering(writers: list[Writer], follows: Follows, populations: list[Population]) -> AnsweringDesk | None:
    """Where questions are asked, in a world of facts; None in others."""
    truth = writers[0].truth
    if truth is None:
        return None
    grammar = truth.grammar
    return AnsweringDesk(grammar, truth.asked_F, follows, Minds(populations, grammar), Experience(grammar), writers)


def true(writers: list[Writer]) -> Callable[[np.ndarray], np.ndarray] | None:
    """Which documents are true, for measures and oracles; None where documents make no claims."""
    truth = writers[0].truth
    return None if truth is None else truth.whole


def corpus(spec: Scenario, shape: DocumentShape, verifiers: tuple[str, ...]) -> Corpus:
    """An empty corpus with a column for each verifier's verdicts, and memory for what it will hold at once."""
    keep, n = spec.corpus.rule, spec.agents
    people = (sum(c.rate_at(t) for c in spec.humans) for t in range(min(spec.steps, LOOKED_AT) + 1))
    a_step = sum(g.count * g.publish for g in spec.models) + max(people, default=0)
    # twice the window: then what is kept moves only once in a window's time
    ahead = spec.steps if keep.window is None else 2 * keep.window if keep.window > 1 else 1
    private = sum(g.count * g.pretraining for g in spec.models if g.archive)
    archives = n if any(g.archive for g in spec.models) else 0
    expected = private + a_step * min(ahead, spec.steps)
    return Corpus(shape, n + len(spec.humans) + archives, keep, expected, verifiers)
