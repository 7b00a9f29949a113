"""The generation-verification gap: how much better what a verifier prefers is than what a model generates.

Song et al. 2024, arXiv:2412.02674, "Mind the gap": a model f answers prompts, a verifier weights n candidates for each,
f_w draws from them by weight (best of n, softly), and the gap is J(f_w) - J(f); relative to what is left to gain it is
divided by 1 - J(f). A verifier that knows no more than what generated the candidates has no gap, and training on what
it accepts gains nothing.

Here weights are the probabilities with which a verifier of the world accepts each candidate as if it came up for
publishing now. It need not guard anybody (`placement: {share: 0}`), nothing is counted or charged, and its capacity
does not matter. One that ranks is shown the candidates of a prompt at a time. Of a prompt with no candidate accepted
nothing is learned: it counts as generated.

In worlds of facts `measure.documents` questions are put to each model as people ask; candidates are answers by what it
believes, and J is the probability of being right. Elsewhere candidates are the documents of the measuring sample, in
groups of `measure.candidates`, and J is the mean log-probability under human writing, nats (of texts nats a token); it
has no 1, so there is no relative gap. Where that is not known (pictures), J is the share that a judge of classes
recognises.

Letters: N models, P prompts of each, n candidates of each prompt, M of all models = N P n.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecosystem import memory
from ecosystem.documents import Answered
from ecosystem.interfaces import defined_for
from ecosystem.text.measures import lengths
from ecosystem.verification.desk import Desk, Ticket
from ecosystem.verifier import Submitted, authors

VERDICTS = 8  # of a panel, whose probability is not known but by asking it
OWN_LUCK = 2**31  # places in the chance of a panel's verdicts from here on are no document's


def generation_verification_gap(world, verifier: str | None = None) -> np.ndarray:
    """(N,) J(f_w) - J(f). `generation_verification_gap@name`: of one verifier; without a name of all that stand at a
    gate, one after the other. NaN where nothing tells how good a document is, and where no verifier stands.
    """
    return _gap(world, verifier, _candidates(world))


@defined_for("claims")
def relative_gap(world, verifier: str | None = None) -> np.ndarray:
    """(N,) (J(f_w) - J(f)) / (1 - J(f)), worlds of facts: 1 is a verifier that finds every right answer there could be.

    NaN for a model that is always right, and where no verifier stands.
    """
    candidates = _candidates(world)
    left_N = 1 - candidates.worth.mean(axis=(1, 2))
    found_N = _gap(world, verifier, candidates)
    with np.errstate(invalid="ignore"):
        return np.where(left_N > 0, found_N / left_N, np.nan)


@defined_for("claims")
def generation_accuracy(world) -> np.ndarray:
    """(N,) J(f), exactly: probability that an answer from memory to what people ask is right."""
    truth = world.reference.truth
    return world.readout.believed(truth.slot_F) @ truth.asked_F


def gap(worth_NPn: np.ndarray, weight_NPn: np.ndarray) -> np.ndarray:
    """(N,) mean over prompts of how much the weighted mean of candidates is above the plain one.

    Prompts with an impossible candidate (worth -inf or NaN) are left out.
    """
    known_NP = np.isfinite(worth_NPn).all(axis=2)
    worth = np.where(known_NP[..., None], worth_NPn, 0)
    total_NP = weight_NPn.sum(axis=2)
    chosen_NP = (weight_NPn * worth).sum(axis=2) / np.where(total_NP > 0, total_NP, 1)
    gain_NP = np.where(known_NP & (total_NP > 0), chosen_NP - worth.mean(axis=2), 0)
    with np.errstate(invalid="ignore"):
        return gain_NP.sum(axis=1) / known_NP.sum(axis=1)


def _gap(world, verifier: str | None, candidates: _Candidates) -> np.ndarray:
    """(N,) the gap of a world's candidates."""
    if not world.gates.named(verifier):
        return np.full(world.n, np.nan)
    return gap(candidates.worth, _weights(world, verifier, candidates))


class _Candidates(NamedTuple):
    """seen: M candidates, model by model and prompt by prompt; worth (N, P, n): what J is the mean of."""

    seen: Submitted
    worth: np.ndarray


def _candidates(world) -> _Candidates:
    return _documents(world) if world.answering is None else _answers(world)


def _documents(world) -> _Candidates:
    """The measuring sample in groups."""
    sample = world.readout.sample
    n = min(world.spec.measure.candidates, sample.shape[1])
    prompts = sample.shape[1] // n
    content = sample[:, : prompts * n].reshape(-1, *world.shape.trailing)
    worth = _worth(world, content).reshape(world.n, prompts, n)
    return _Candidates(_submitted(world, content, prompts * n, None), worth)


def _worth(world, content: np.ndarray) -> np.ndarray:
    """(M,) how good documents are, as far as a world can tell."""
    nats_M, judge = world.reference.log_prob(content), world.reference.judge
    if nats_M is not None:
        return nats_M / lengths(content) if world.shape.kind == "tokens" else nats_M
    return np.full(len(content), np.nan) if judge is None else (judge.classes(content) >= 0).astype(float)


def _answers(world) -> _Candidates:
    """Answers by belief to questions as people ask them."""
    measure = world.spec.measure
    memory.check_measured("measure.documents", world.n, measure.documents * measure.candidates, world.shape)
    parts = [_answers_of(world, population) for population in world.populations]
    fact, slot, sure = (np.concatenate(column) for column in zip(*parts, strict=True))
    m, each = fact.size, fact[0].size
    none, no = np.full((m, 0), -1), np.zeros(m, bool)
    models = np.repeat(np.arange(world.n), each)
    answered = Answered(models, fact.ravel(), slot.ravel(), sure.ravel(), none, none, no, no)
    content = world.shape.grammar.write(fact.reshape(-1, 1), slot.reshape(-1, 1))
    right = world.reference.truth.right(fact, slot).astype(float)
    return _Candidates(_submitted(world, content, each, answered), right)


def _answers_of(world, population) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, P, candidates) each: facts, slots and their probability to the models of a group."""
    measure, t = world.spec.measure, world.t
    fact_nP = world.answering.asked(population.draws("gap/questions", t), measure.documents)
    cumulative = np.cumsum(population.beliefs(fact_nP, t, "gap"), axis=2)
    u = population.draws("gap/answers", t).uniform(measure.documents, measure.candidates) * cumulative[..., -1:]
    slot = (cumulative[:, :, None] <= u[..., None]).sum(axis=3)
    fact = np.repeat(fact_nP[..., None], measure.candidates, axis=2)
    slot = np.minimum(slot, world.shape.grammar.width_F[fact] - 1)
    sure = np.take_along_axis(np.diff(cumulative, axis=2, prepend=0), slot, axis=2)
    return fact, slot, sure


def _submitted(world, content: np.ndarray, each: int, answered: Answered | None) -> Submitted:
    """Candidates, so many of each model, as they would come up for publishing."""
    m = len(content)
    depth_N = np.concatenate([p.depth_n for p in world.populations])
    source, depth = np.repeat(np.arange(world.n, dtype=np.int32), each), np.repeat(1 + depth_N, each)
    unknown = np.full(m, -1)
    return Submitted(content, unknown, source, depth.astype(np.float32), unknown, np.zeros(m, bool), answered)


def _weights(world, verifier: str | None, candidates: _Candidates) -> np.ndarray:
    """(N, P, n) probability that each candidate is accepted."""
    shape = candidates.worth.shape
    weight = np.ones(shape)
    for desk in world.gates.named(verifier):
        weight *= _accepted(desk, candidates.seen, shape[2]).reshape(shape)
    return weight


def _accepted(desk: Desk, seen: Submitted, n: int) -> np.ndarray:
    """(M,) a verifier's acceptance of candidates, n of them for each prompt."""
    if not desk.ranks:
        return _probability(desk, seen, np.arange(len(seen)))
    prompts = np.arange(len(seen)).reshape(-1, n)
    return np.concatenate([_probability(desk, seen.take(prompt), prompt) for prompt in prompts])


def _probability(desk: Desk, seen: Submitted, place: np.ndarray) -> np.ndarray:
    """(M,) probability of acceptance; a panel's is the mean of some verdicts."""
    if not desk.members:
        return desk.probability(seen)
    owner, place = authors(seen.source, desk.sight.models), OWN_LUCK + VERDICTS * place
    tickets = [Ticket(place + i, owner, desk.sight.step) for i in range(VERDICTS)]
    return np.mean([desk.verdict(seen, ticket)[0] for ticket in tickets], axis=0)
