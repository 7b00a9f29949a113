"""How much of a web that models write and read is false: mutation, selection and migration of claims, in expectation.

Models that learn by counting (`belief`, temperature 1) copy what they read, but for slips: a fact read c times is
answered by what is usual among others with probability k / (c + k), k being the model's confusion. Slips are mutations
of claims, a gate before publishing is selection, what people write is migration. With x_fv the share of the web's
claims that give fact f the value v, w_f = sum_v x_fv, and b documents read by each model, one claim each:

    s_f  = E[k / (c + 1 + k)],  c ~ Binomial(b - 1, w_f)        share of what is written of f that is a slip
    y_fv = x_fv (1 - s_f) + w_f s_f p_rv                        what models write before the gate
    z_fv = y_fv a_fv / sum_fv y_fv a_fv                         what passes it, written again until there is enough
    x'_fv = (H h_fv + sum_i n_i z_fv) / (H + sum_i n_i)         the next web: H human documents, n_i of model i

p_rv are the shares of the values among all claims of f's relation, a_fv the probability that a verifier accepts: its
sensitivity where v is true of f, else 1 - its specificity. The first two lines are exact in the mean, the others take
the web for what it is on average: exact in the limit of many documents. While all facts are alike, p of false values is
near 1 and sensitivity and specificity are A, the false share X of a web wholly gated is the root of

    X = h e + (1 - h) g / (g + A / (1 - A) (1 - g)),  g = X + s (1 - X)

(`alike`), the balance of mutation and selection with migration: Haldane 1927, doi:10.1017/S0305004100015644; without
people it has the threshold of Eigen 1971, doi:10.1007/BF00623322: below odds of accuracy 1 / (1 - s) all is false.
Facts do not stay alike for ever where hardly anyone writes: a gate passes most of those whose true value is often
slipped to, and in the end these are what the web is about.

Letters: T steps, F facts, V values, H communities, c classes of models that are guarded alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.optimize import brentq

from ecosystem import network
from ecosystem.components import kind_of
from ecosystem.grammar import Grammar
from ecosystem.humans import Humans
from ecosystem.interfaces import Writer
from ecosystem.scenario import Group, Scenario
from ecosystem.streams import Streams
from ecosystem.theory.diet import NoLaw, refuse_policies
from ecosystem.truth import Truth
from ecosystem.verification.placement import guarded
from ecosystem.verification.reading_gate import PATIENCE
from ecosystem.verifier import Verifier

METRIC = "false_share"
NAME = "mutation, selection and migration of claims"
SOURCE = "Haldane 1927, doi:10.1017/S0305004100015644, for copying with slips; derived in ecosystem/theory/reuse.py"
SAYS = "Expected share of the claims on the web that are false, in the limit of many documents."
_nodes, _weights = np.polynomial.legendre.leggauss(200)
PLACES, WEIGHTS = (1 + _nodes) / 2, _weights / 2  # of an integral from 0 to 1


def alike(human: float, error: float, slip: float, accuracy: float) -> float:
    """X, the false share in the long run where all facts are alike and all models gated.

    `human`: h, above 0; `error` of people; `slip` s of models; `accuracy` A, sensitivity and specificity. All up to 1.
    """

    def change(x: float) -> float:
        g = x + slip * (1 - x)
        passed = g * (1 - accuracy) / max(g * (1 - accuracy) + (1 - g) * accuracy, 1e-300)
        return human * error + (1 - human) * passed - x

    return float(brentq(change, 0.0, 1.0))


def false_shares(spec: Scenario, seed: int | None = None) -> np.ndarray:
    """(T + 1,) expected share of the claims on the readable web that are false, NaN at step 0; or NoLaw.

    `seed` (default: the scenario's) says which models are guarded.
    """
    truth = _truth(spec)
    true_F = np.arange(truth.grammar.facts)
    return np.array([np.nan] + [1 - float(x[true_F, truth.slot_F].sum()) for x in webs(spec, seed)])


def webs(spec: Scenario, seed: int | None = None) -> Iterator[np.ndarray]:
    """x (F, V) of each step from 1 on: the share of the readable web's claims that give each fact each value."""
    _check(spec)
    writers, truth = spec.world.open(spec.human_sources), _truth(spec)
    human_HFV = np.array([_written(writer, truth.grammar) for writer in writers])
    posted_HFV = human_HFV * _of_people(spec, truth, writers)
    classes, keep = _classes(spec, truth, writers, spec.seed if seed is None else seed), spec.corpus.rule.window
    rate_H = np.array([c.rate_at(0) for c in spec.humans], float)
    x = np.einsum("h,hfv->fv", rate_H / rate_H.sum(), human_HFV)
    read_c = [c.group.pretraining for c in classes]
    steps: list[np.ndarray] = []
    for step in range(1, spec.steps + 1):
        rate_H = np.array([c.rate_at(step) for c in spec.humans], float)
        published = np.einsum("h,hfv->fv", rate_H, posted_HFV)
        for one, read in zip(classes, read_c, strict=True):
            published = published + one.published(_with_slips(x, read, one.confusion, one.smoothing, truth.grammar))
        steps = [*steps, published][-keep:] if keep is not None else [published + (steps[0] if steps else 0)]
        kept = np.sum(steps, axis=0)
        if not kept.sum():
            raise NoLaw(f"nothing is published in step {step}")
        x, read_c = kept / kept.sum(), [int(c.group.read) for c in classes]
        yield x


@dataclass(frozen=True)
class _Alike:
    """Models of a group that the same verifiers guard: how many, what passes (F, V), whether they write again."""

    group: Group
    models: int
    passes_FV: np.ndarray
    refill: bool

    @property
    def confusion(self) -> float:
        return cast(Any, self.group.learner).confusion  # core code knows no concrete learner

    @property
    def smoothing(self) -> float:
        return cast(Any, self.group.learner).smoothing

    def published(self, written: np.ndarray) -> np.ndarray:
        """(F, V) documents a step of all of them, given the shares of what they write."""
        passed, k = written * self.passes_FV, self.models * self.group.publish
        accepted = float(passed.sum())
        if not self.refill:
            return k * passed
        if accepted * PATIENCE < 2:
            raise NoLaw(f"models.{self.group.name}: hardly anything passes, {accepted:.2g} of what they write")
        return k * passed / accepted


def _with_slips(x: np.ndarray, read: int, confusion: float, smoothing: float, grammar: Grammar) -> np.ndarray:
    """y (F, V)."""
    weight_F = x.sum(axis=1)
    slip_F = _slips(weight_F, read, confusion)
    value_RV = np.zeros((len(grammar.low_R), grammar.slots))
    np.add.at(value_RV, grammar.relation_F, x)
    possible_RV = np.arange(grammar.slots) < (grammar.high_R - grammar.low_R)[:, None]
    value_RV = np.where(possible_RV, value_RV + smoothing / read, 0)
    value_RV /= value_RV.sum(axis=1, keepdims=True)
    return x * (1 - slip_F)[:, None] + (weight_F * slip_F)[:, None] * value_RV[grammar.relation_F]


def _slips(weight_F: np.ndarray, read: int, confusion: float) -> np.ndarray:
    """s (F,) as the integral of k u^k E[u^c] over u from 0 to 1, E[u^c] = (1 - w (1 - u))^(b - 1)."""
    counted = np.exp((read - 1) * np.log1p(-np.clip(weight_F, 0, 1)[:, None] * (1 - PLACES)))
    return confusion * counted @ (PLACES**confusion * WEIGHTS)


def _classes(spec: Scenario, truth: Truth, writers: list[Writer], seed: int) -> list[_Alike]:
    """Models of the same group behind the same verifiers, as classes."""
    streams = Streams(seed)
    graph = network.build(spec.graph, spec.agents, streams.get("graph"))
    group_N = np.repeat([g.name for g in spec.models], [g.count for g in spec.models])
    stands = [guarded(v.placement, f"verifiers.{v.name}", graph, group_N, streams) for v in spec.verifiers]
    guard_NV = np.array(stands, bool).T.reshape(spec.agents, len(spec.verifiers))
    passes = [_passes(v, truth, spec, writers) for v in spec.verifiers]
    found = []
    for group in spec.models:
        rows, count = np.unique(guard_NV[group_N == group.name], axis=0, return_counts=True)
        for by_V, models in zip(rows, count.tolist(), strict=True):
            table = np.ones((truth.grammar.facts, truth.grammar.slots))
            for v in np.flatnonzero(by_V):
                table = table * passes[v]
            refill = all(spec.verifiers[v].refill for v in np.flatnonzero(by_V))
            found.append(_Alike(group, models, table, refill))
    return found


def _passes(verifier: Verifier, truth: Truth, spec: Scenario, writers: list[Writer]) -> np.ndarray:
    """a (F, V): how likely an oracle accepts each claim."""
    rules, facts = cast(Any, verifier), truth.grammar.facts
    blind_F = np.zeros(facts, bool)
    if rules.blind is not None:
        humans = Humans(spec.humans, writers, np.ones((spec.agents, len(writers)), bool), Streams(spec.seed))
        blind_F = humans.own_facts(rules.blind, f"verifiers.{verifier.name}")
    true_F, false_F = (np.where(blind_F, there, here) for here, there in rules.rates())
    a = np.repeat(false_F[:, None], truth.grammar.slots, axis=1)
    a[np.arange(facts), truth.slot_F] = true_F
    return a


def _of_people(spec: Scenario, truth: Truth, writers: list[Writer]) -> np.ndarray:
    """(F, V): how likely what people write passes; they do not write again."""
    before = [_passes(v, truth, spec, writers) for v in spec.verifiers if v.placement.humans]
    return np.prod(before, axis=0) if before else np.ones((truth.grammar.facts, truth.grammar.slots))


def _written(writer: Writer, grammar: Grammar) -> np.ndarray:
    """h (F, V): how often a community makes each claim."""
    fact, slot = np.divmod(np.arange(grammar.facts * grammar.slots), grammar.slots)
    possible = slot < grammar.width_F[fact]
    nats = writer.log_prob(grammar.write(fact[:, None], np.where(possible, slot, 0)[:, None]))
    assert nats is not None  # writers of claims know it
    return np.where(possible, np.exp(nats), 0).reshape(grammar.facts, grammar.slots)


def _truth(spec: Scenario) -> Truth:
    writers = spec.world.open(spec.human_sources)
    truth = writers[0].truth
    if truth is None:
        raise NoLaw(f"world '{kind_of(spec.world)}': the balance of true and false is of worlds of facts")
    return truth


def _check(spec: Scenario) -> None:
    """NoLaw where the web is not one pot of single claims that models copy."""
    refuse_policies(spec)
    grammar, how = _truth(spec).grammar, spec.reading
    if grammar.claims != 1:
        raise NoLaw(f"world.claims: the law is for documents of one claim; these have {grammar.claims}")
    one_pot = spec.graph.kind == "complete" and spec.graph.self_loops and all(c.reach == "all" for c in spec.humans)
    if not one_pot:
        raise NoLaw("graph: the balance is that of one web which everyone reads, themselves and all people included")
    if how.draw != "documents" or not how.replacement or spec.corpus.rule.subsample is not None:
        raise NoLaw("reading: the law is for documents drawn alike and with replacement from all that is kept")
    if not any(c.rate_at(0) for c in spec.humans):
        raise NoLaw("humans: the law starts from what people write; their rates are 0")
    for group in spec.models:
        learner, owner = cast(Any, group.learner), f"models.{group.name}"
        if kind_of(group.learner) != "belief" or learner.temperature != 1:
            raise NoLaw(f"{owner}: the law is for belief learners with temperature 1")
        if group.start != "scratch" or group.read == "all" or group.archive or group.questions is not None:
            raise NoLaw(f"{owner}: the law is for models that start from scratch, read a number and write freely")
    for verifier in spec.verifiers:
        owner = f"verifiers.{verifier.name}"
        plain = verifier.gate == "publish" and verifier.capacity is None
        if kind_of(verifier) != "oracle" or not plain or cast(Any, verifier).covers < 1:
            raise NoLaw(f"{owner}: the law is for oracles that cover all facts, before models publish, without limit")
