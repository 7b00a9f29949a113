"""Does a collapse take off? The next-generation matrix of a reading graph, with guards before some of its readers.

K[i, j] is the expected number of collapses of i that a collapsed j causes while it lasts: a rate times A[i, j], the
share of what i reads (and its guards let pass) that j wrote. R0 is its spectral radius (Diekmann, Heesterbeek & Metz
1990, doi:10.1007/BF00178324; van den Driessche & Watmough 2002, doi:10.1016/S0025-5564(02)00108-6): below 1 the
expected number of collapses to come is finite, above it grows until few are left that could collapse.

What it assumes, and where a web of models may break it:

* **Linear.** Each bit of a diet by collapsed authors adds the same chance of collapse. A real collapse has a
  threshold: a little does nothing, and what several authors each give too little of collapses a reader together.
* **Collapse comes only from collapsed authors.** Drift and a learner's own sharpening add cases without any. A group
  that sharpens for ever is a reservoir (`without`): when R0 is below 1 it still takes its own readers with it.
* **Early.** Few are collapsed yet, so that whom one reads is mostly still standing.
* **Large and recurrent.** A graph without circles (newcomers that read only those before them) has R0 = 0, and
  everyone downstream of a source may collapse all the same, once.
* **One rate for all**, taken from somewhere: R0 at another coverage is the measured reproduction number times the
  ratio of the radii.

`heard_from` asks instead what of a diet can be traced back to given sources. It is exact in the mean for models that
copy, needs no rate and holds on graphs without circles, but says nothing of thresholds either.

Letters: N models, S sources (models and communities).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array, hstack
from scipy.sparse.linalg import ArpackNoConvergence, eigs, spsolve

from ecosystem import network
from ecosystem.network import Network
from ecosystem.scenario import Scenario
from ecosystem.streams import Streams
from ecosystem.theory.diet import NoLaw, refuse_policies
from ecosystem.verification.placement import guarded
from ecosystem.verifier import Verifier

DENSE = 300  # models up to which all eigenvalues are computed


def reading_shares(spec: Scenario, seed: int | None = None) -> csr_array:
    """A (N, N): expected share of what model i reads that model j wrote, behind i's guards; the rest is human.

    Rates and counts as at the last step, `corpus.keep` aside. NoLaw where guards have no fixed pass rates (see
    `Verifier.pass_rates`), a capacity, or stand before publishing.
    """
    refuse_policies(spec)
    seed = spec.seed if seed is None else seed
    streams = Streams(seed)
    web = network.build(spec.graph, spec.agents, streams.get("graph"))
    reach_NH = network.reach(spec.humans, spec.agents, streams, web.audience_N()).astype(float)
    publish_N = np.repeat([float(g.publish) for g in spec.models], [g.count for g in spec.models])
    rate_H = np.array([c.rate_at(spec.steps) for c in spec.humans], float)
    links = web.matrix()
    models_NN, humans_NH = csr_array(links > 0) @ diags_array(publish_N), reach_NH * rate_H
    if spec.reading.draw == "sources":
        # silent sources are not chosen; a community counts as one source of weight 1
        models_NN, humans_NH = links @ diags_array((publish_N > 0).astype(float)), reach_NH * (rate_H > 0)
    if spec.reading.draw == "share":
        human = spec.reading.human_share or 0.0
        models_NN, humans_NH = (1 - human) * _normal(csr_array(models_NN)), human * _rows(humans_NH)
    people_N, others_N = _pass_rates(spec, web, streams)
    passed = csr_array(hstack([diags_array(others_N) @ models_NN, csr_array(people_N[:, None] * humans_NH)]))
    return csr_array(_normal(passed)[:, : spec.agents])


def next_generation(spec: Scenario, rate: float, seed: int | None = None, without: tuple[str, ...] = ()) -> csr_array:
    """K (N, N) = rate x A without its diagonal: nobody collapses from reading itself alone.

    `without`: groups that collapse by themselves whatever they read. They start cases and are not caused by any: a
    reservoir, and no part of the matrix (their rows and columns are 0).
    """
    shares = reading_shares(spec, seed)
    group_N = np.repeat([g.name for g in spec.models], [g.count for g in spec.models])
    counted = diags_array((~np.isin(group_N, without)).astype(float))
    return csr_array(rate * (counted @ (shares - diags_array(shares.diagonal())) @ counted))


def radius(matrix: csr_array) -> float:
    """Spectral radius of a matrix without negative entries: R0 where it is a next-generation matrix."""
    n = matrix.shape[0]
    if n > DENSE:
        try:  # shifted, so that what goes round in circles of one length converges too
            return max(float(eigs(matrix + eye_array(n), 1, v0=np.ones(n), which="LM")[0][0].real) - 1, 0.0)
        except ArpackNoConvergence:
            pass
    return float(np.abs(np.linalg.eigvals(matrix.toarray())).max(initial=0.0))


def critical_coverage(r0: float, efficacy: float = 1.0) -> float:
    """Share of models that guards placed at random must stand before: (1 - 1/R0) / efficacy; above 1: none suffices.

    `efficacy`: by how much a guard lessens what its reader takes from collapsed authors. Exact where all models are
    alike and guards perfect; leaky guards of all alike readers by the same argument. 0 where R0 is at most 1.
    """
    return 0.0 if r0 <= 1 else (1 - 1 / r0) / efficacy if efficacy > 0 else float("inf")


def critical_share(
    spec: Scenario, verifier: str, rate: float, seed: int | None = None, without: tuple[str, ...] = ()
) -> float:
    """Least share of its placement at which a verifier brings R0 below 1, by its own rule; NaN where none does.

    The radius never rises with the share, because a larger one guards more models and never others.
    """
    n = spec.agents

    def r0(share: float) -> float:
        return radius(next_generation(_at(spec, verifier, share), rate, seed, without))

    if r0(1.0) >= 1:
        return float("nan")
    return _first(lambda k: r0(k / n) < 1, n) / n


def heard_from(shares: csr_array, source_N: np.ndarray) -> np.ndarray:
    """(N,) share of what each model reads that is traced back to given models (N,) bool before it is to humans.

    Follow a document's words back along A until they end in one of the given models or in a human: exact in the mean
    for models that copy. For the given models themselves: of what they read. Models that no human is behind (a closed
    circle) trace back to nobody, as 0.
    """
    other = diags_array((~np.asarray(source_N, bool)).astype(float))
    tiny = 1e-12  # a closed circle has no way out
    system = eye_array(shares.shape[0]) - (1 - tiny) * (shares @ other)
    return np.asarray(spsolve(system.tocsc(), shares @ np.asarray(source_N, float)))


def _pass_rates(spec: Scenario, web: Network, streams: Streams) -> tuple[np.ndarray, np.ndarray]:
    """(N,) acceptance of people's and of models' documents by all guards before each reader."""
    group_N = np.repeat([g.name for g in spec.models], [g.count for g in spec.models])
    people_N, others_N = np.ones(spec.agents), np.ones(spec.agents)
    for verifier in spec.verifiers:
        if verifier.gate == "panel":
            continue
        who_N = guarded(verifier.placement, f"verifiers.{verifier.name}", web, group_N, streams)
        people, others = _rates_of(verifier)
        people_N[who_N] *= people
        others_N[who_N] *= others
    return people_N, others_N


def _rates_of(verifier: Verifier) -> tuple[float, float]:
    rates = verifier.pass_rates()
    owner = f"verifiers.{verifier.name}"
    if verifier.gate != "read":
        raise NoLaw(f"{owner}: the next-generation matrix is for guards before reading; this one is before publishing")
    if rates is None:
        raise NoLaw(f"{owner}: what it lets pass depends on more than who wrote it")
    if verifier.capacity is not None:
        raise NoLaw(f"{owner}: with a capacity, what it lets pass depends on how much there is")
    return rates


def _at(spec: Scenario, verifier: str, share: float) -> Scenario:
    """The scenario with another share of one verifier's placement."""
    moved = [
        v.model_copy(update={"placement": v.placement.model_copy(update={"share": share})}) if v.name == verifier else v
        for v in spec.verifiers
    ]
    return spec.model_copy(update={"verifiers": tuple(moved)})


def _first(holds: Callable[[int], bool], last: int) -> int:
    """The least number from 0 to `last` for which something holds that then goes on to hold."""
    low, high = -1, last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _normal(matrix: csr_array) -> csr_array:
    """Rows summing to 1, those of nothing left alone."""
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return csr_array(diags_array(1 / np.where(total > 0, total, 1)) @ matrix)


def _rows(dense: np.ndarray) -> np.ndarray:
    total = dense.sum(axis=1, keepdims=True)
    return dense / np.where(total > 0, total, 1)
