"""Closed forms: what a scenario gives on average over runs, exactly, where that can be known.

`law(spec, seed)` gives the tables of a run without running it, for plain categorical and Gaussian models on any reading
graph (see `web.py` for the derivation) with detectors anywhere in it (`passing.py`), and says why not elsewhere; where
all read one pool it knows the coverage of the tail, too (`coverage.py`). The laws of single models are functions of
`laws.py`; the false share of worlds of facts is that of `reuse.py`. Expectations are over everything random but the
graph, who is reached and who is guarded, which are the seed's.

Letters: N models, H communities, S sources (models, communities, archives), T steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy.sparse import block_array, csr_array, diags_array

from ecosystem import network
from ecosystem.components import kind_of
from ecosystem.interfaces import Writer
from ecosystem.scenario import Community, Group, Scenario
from ecosystem.streams import Streams
from ecosystem.theory import reuse
from ecosystem.theory.coverage import tail_coverage
from ecosystem.theory.death import doomed, who_dies
from ecosystem.theory.diet import NoLaw, Rules, refuse_policies
from ecosystem.theory.guards import guards_of
from ecosystem.theory.laws import (
    accumulate,
    accumulate_limit,
    biased_limit,
    fixation,
    fixation_time,
    gaussian_replace,
    human_share_behind_detector,
    human_share_curve,
    human_share_limit,
    rare_item_survival,
    selection_error,
    selection_threshold,
    temperature_limit,
)
from ecosystem.theory.measures import METRICS
from ecosystem.theory.web import Moments, Web, walk

__all__ = [
    "Law", "NoLaw", "accumulate", "accumulate_limit", "biased_limit", "conservation", "fixation", "fixation_time",
    "gaussian_replace", "human_share_behind_detector", "human_share_curve", "human_share_limit", "law",
    "rare_item_survival", "selection_error", "selection_threshold", "tail_coverage", "temperature_limit",
    "web_of", "who_dies",
]  # fmt: skip

COVERAGE = tail_coverage.__name__
MAX_BATCHES = 5_000  # the law holds a few square matrices of this size: 200 MB each
MAX_ROWS = 20_000_000  # of a table
MAX_WORK = 2e12  # multiplications: a few minutes on one core


@dataclass(frozen=True)
class Law:
    """Expected values of a scenario's metrics, laid out as the tables of a run (`steps`, `agents`, `pairs`).

    `pairs` is empty where the scenario does not record pairs. `name`, `source` and `says`: which law, from where, and
    what it covers, in words.
    """

    steps: pd.DataFrame
    agents: pd.DataFrame
    pairs: pd.DataFrame
    name: str
    source: str
    says: str


def law(spec: Scenario, seed: int | None = None) -> Law:
    """The exact law of a scenario, or NoLaw with the reason. `seed` (default: the scenario's) gives graph and reach."""
    if reuse.METRIC in spec.metrics:
        return _of_claims(spec, seed)
    known, covered_T = [name for name in spec.metrics if name in METRICS], _covered(spec)
    if not known and covered_T is None:
        raise NoLaw(f"none of the metrics asked for has a closed form; those that do: {', '.join(METRICS)}")
    web = web_of(spec, spec.seed if seed is None else seed)
    _check_size(spec, web)
    values: dict[str, list] = {"step": [], **{name: [] for name in known}}
    similarity = []
    for moments in walk(web):
        if moments.step % spec.record.every and moments.step != spec.steps:
            continue
        values["step"].append(moments.step)
        for name in known:
            values[name].append(METRICS[name](web, moments))
        if spec.record.pairs:
            similarity.append(moments.overlap_WW[: web.n, : web.n])
    if covered_T is not None:
        values[COVERAGE] = [np.full(web.n, covered_T[step]) for step in values["step"]]
    pairs, says = _pairs(values["step"], similarity), _says(spec, web, list(values)[1:]) + _deaths(spec, seed)
    return Law(_steps(values), _agents(spec, values), pairs, NAME, SOURCE, says)


def _covered(spec: Scenario) -> np.ndarray | None:
    """(T,) coverage of the tail, where it is asked for and all read one pool (`coverage.py`); else None."""
    try:
        return tail_coverage(spec) if COVERAGE in spec.metrics else None
    except NoLaw:
        return None


def _of_claims(spec: Scenario, seed: int | None) -> Law:
    """The balance of true and false claims (`reuse.py`), world-level."""
    found = reuse.false_shares(spec, seed)
    step = np.arange(len(found))
    kept = (step % spec.record.every == 0) | (step == spec.steps)
    steps, who = pd.DataFrame({"step": step[kept], reuse.METRIC: found[kept]}), ["step", "agent", "group_name", "kind"]
    nobody = pd.DataFrame({name: [] for name in who})
    return Law(steps, nobody, _pairs([], []), reuse.NAME, reuse.SOURCE, reuse.SAYS)


def web_of(spec: Scenario, seed: int) -> Web:
    """The scenario as the law sees it, with the graph and reach of a run of that seed; NoLaw where it has none."""
    refuse_policies(spec)
    n, streams = spec.agents, Streams(seed)
    ddof_N = _each(spec, _ddof)
    if spec.corpus.rule.subsample is not None:
        raise NoLaw("corpus.keep subsample: readers share a random part of the web, of which they follow random shares")
    overlap_HH, square_H = _human_moments(spec)
    reading = network.build(spec.graph, n, streams.get("graph"))
    reach_NH = network.reach(spec.humans, n, streams, reading.audience_N())
    archive_N = _each(spec, lambda g: g.archive)
    own_NN = diags_array(archive_N.astype(float))
    follows_NS = csr_array(block_array([[reading.matrix(), csr_array(reach_NH.astype(float)), own_NN]]))
    read_N = _each(spec, lambda g: np.inf if g.read == "all" else float(g.read))
    how = spec.reading
    rate_TH = np.stack([_rates(community, spec.steps) for community in spec.humans], axis=1)
    return Web(
        rules=Rules(follows_NS, read_N, how.draw, how.replacement, how.human_share or 0.0, how.unfed),
        publish_N=_each(spec, lambda g: g.publish),
        pretrain_N=_each(spec, lambda g: g.pretraining),
        ddof_N=ddof_N,
        rate_TH=rate_TH,
        mixture_NH=_pretraining_mixture(reach_NH, rate_TH[0]),
        overlap_HH=overlap_HH,
        square_H=square_H,
        archive_N=archive_N,
        window=spec.corpus.rule.window,
        guards=guards_of(spec, reading, follows_NS, streams),
    )


def conservation(web: Web, moments: Moments) -> np.ndarray:
    """E v_i + E|m_i - m*|^2 - v* of every model, (N,): 0 at every step.

    What a model loses in diversity inside, it has drifted from human writing. Holds on any reading graph for ddof 0
    where all communities write alike (m* and v* are theirs), because E|x - m*|^2 = v* for every document, by induction.
    For categorical models v = 1 - sum p^2 and m = p.
    """
    n, overlap = web.n, moments.overlap_WW
    drifted = np.diagonal(overlap)[:n] - 2 * overlap[:n, n] + overlap[n, n]
    return moments.spread_W[:n] + drifted - moments.spread_W[n]


def _deaths(spec: Scenario, seed: int | None) -> str:
    """Who dies in the end, in words; nothing where that cannot be told."""
    streams = Streams(spec.seed if seed is None else seed)
    reading = network.build(spec.graph, spec.agents, streams.get("graph"))
    dying = doomed(spec, reading, network.reach(spec.humans, spec.agents, streams, reading.audience_N()))
    if dying is None:
        return ""
    if not dying.any():
        return " In the end no model dies out: all can trace a reading path to humans or to several sources."
    who = np.flatnonzero(dying).tolist()
    listed = ", ".join(map(str, who[:20])) + (f" and {len(who) - 20} more" if len(who) > 20 else "")
    return f" In the end {len(who)} of {spec.agents} models die out, saying one thing only: {listed}."


NAME = "second moments on a reading graph"
SOURCE = "Wright 1951, doi:10.1111/j.1469-1809.1949.tb02451.x, on a directed graph; derived in ecosystem/theory/web.py"


def _each(spec: Scenario, value: Callable[[Group], Any]) -> np.ndarray:
    """(N,) array of something that groups have."""
    return np.repeat([value(group) for group in spec.models], [group.count for group in spec.models])


def _ddof(group: Group) -> int:
    """Divisor of the spread is n - ddof; NoLaw for learners whose second moments do not close."""
    kind, learner = kind_of(group.learner), cast(Any, group.learner)  # core code knows no concrete learner
    if kind == "gaussian":
        return int(learner.ddof)
    if kind != "categorical":
        only = "only for categorical and gaussian ones"
        raise NoLaw(f"models.{group.name}: no closed form is known for '{kind}' learners, {only}")
    if learner.temperature != 1:
        does = "sharpens" if learner.temperature < 1 else "flattens"
        raise NoLaw(
            f"models.{group.name}: temperature {learner.temperature:g} {does}: no closed form for a finite sample"
        )
    if learner.top_p != 1:
        raise NoLaw(f"models.{group.name}: top_p {learner.top_p:g} cuts the tail: no closed form for a finite sample")
    if learner.smoothing != 0:
        raise NoLaw(f"models.{group.name}: smoothing {learner.smoothing:g} adds what nobody wrote; the law is for 0")
    return 0


def _human_moments(spec: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """<m_h, m_k> (H, H) and E|x|^2 (H,) of the communities."""
    if not spec.humans:
        raise NoLaw("humans: there are none, so that step 0 has nothing to be fitted to")
    writers = spec.world.open(spec.human_sources)
    if any(w.documents is not None for w in writers):
        raise NoLaw(f"world '{kind_of(spec.world)}' deals out finitely many documents; the law needs independent draws")
    mean_HX, square_H = zip(*(_first_two(spec, w) for w in writers), strict=True)
    return np.array(mean_HX) @ np.array(mean_HX).T, np.array(square_H)


def _first_two(spec: Scenario, writer: Writer) -> tuple[np.ndarray, float]:
    """Mean and E|x|^2 of a document, items as one-hot vectors."""
    if writer.shape.kind == "items" and writer.probabilities is not None:
        return writer.probabilities, 1.0
    if writer.shape.kind == "vectors" and writer.moments is not None:
        mean = writer.moments.mean_ND[0]
        return mean, float(np.trace(writer.moments.covariance_NDD[0]) + mean @ mean)
    raise NoLaw(f"world '{kind_of(spec.world)}': no closed form for documents of kind '{writer.shape.kind}'")


def _rates(community: Community, steps: int) -> np.ndarray:
    """Documents of a community at steps 0 .. steps, (T,)."""
    schedule = ((0, community.rate),) if isinstance(community.rate, int) else community.rate
    starts, rates = np.array(schedule, float).T
    return rates[np.searchsorted(starts, np.arange(steps + 1), side="right") - 1]


def _pretraining_mixture(reach_NH: np.ndarray, rate_H: np.ndarray) -> np.ndarray:
    """Communities that reach a model (else all) in proportion to their rates at step 0 (equally if those are 0)."""
    reached_NH = np.where(reach_NH.any(axis=1, keepdims=True), reach_NH, True).astype(float)
    weight_NH = reached_NH * rate_H
    weight_NH = np.where(weight_NH.any(axis=1, keepdims=True), weight_NH, reached_NH)
    return weight_NH / weight_NH.sum(axis=1, keepdims=True)


def _check_size(spec: Scenario, web: Web) -> None:
    n, b, frames = web.n, web.batches, spec.steps // spec.record.every + 2
    if b > MAX_BATCHES:
        raise NoLaw(f"too large: the law would hold {b} batches of documents at once; at most {MAX_BATCHES}")
    if frames * n > MAX_ROWS or (spec.record.pairs and frames * n * n > MAX_ROWS):
        raise NoLaw(f"too large: a table of over {MAX_ROWS:,} rows; measure less often (record.every) or without pairs")
    if spec.steps * (web.rules.follows_NS.nnz + n) * float(b) > MAX_WORK:
        raise NoLaw(f"too large: {spec.steps} steps of {n} models with {b} batches of documents would take very long")


def _steps(values: dict[str, list]) -> pd.DataFrame:
    return pd.DataFrame({name: [np.mean(value) for value in column] for name, column in values.items()}).astype(
        {"step": np.int64}
    )


def _agents(spec: Scenario, values: dict[str, list]) -> pd.DataFrame:
    n, steps = spec.agents, values["step"]
    columns = {name: np.concatenate(column) for name, column in values.items() if np.ndim(column[0])}
    who = {
        "step": np.repeat(steps, n),
        "agent": np.tile(np.arange(n), len(steps)),
        "group_name": np.tile(_each(spec, lambda g: g.name), len(steps)),
        "kind": np.tile(_each(spec, lambda g: kind_of(g.learner)), len(steps)),
    }
    return pd.DataFrame(who | columns)


def _pairs(steps: list[int], similarity: list[np.ndarray]) -> pd.DataFrame:
    """Ordered pairs of different models, where they were asked for."""
    n = len(similarity[0]) if similarity else 0
    agent, other = np.nonzero(~np.eye(n, dtype=bool))
    return pd.DataFrame({
        "step": np.repeat(np.array(steps), len(agent)),
        "agent": np.tile(agent, len(steps)),
        "other": np.tile(other, len(steps)),
        "similarity": np.array([s[agent, other] for s in similarity], float).ravel(),
    })  # fmt: skip


def _says(spec: Scenario, web: Web, known: list[str]) -> str:
    unknown = [name for name in spec.metrics if name not in known]
    lucky = web.guards is not None and web.guards.lucky
    given = "the graph and who is reached" if web.guards is None else "the graph, who is reached and who is guarded"
    words = [f"{'Expected' if lucky else 'Exact expected'} values of {', '.join(known)}, given {given}."]
    if lucky:
        words.append("What readers share in verdicts that hold for all is to first order in 1 / documents that pass.")
    if "differentiation" in known:
        words.append("Differentiation is the ratio of the expected diversities.")
    if unknown:
        words.append(f"No closed form: {', '.join(unknown)}.")
    return " ".join(words)
