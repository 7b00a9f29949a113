"""Verifiers as the law sees them: who stands behind which, and how likely people's and models' documents pass.

Letters: N models, S sources, V verifiers at the read gate, 2 the kinds of authors: models, people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import binom, norm

from ecosystem.network import Network
from ecosystem.scenario import Scenario
from ecosystem.streams import Streams
from ecosystem.theory.diet import NoLaw
from ecosystem.verification.placement import guarded
from ecosystem.verification.reading_gate import PATIENCE
from ecosystem.verifier import Verifier

NEVER = 1e-4  # what is less probable than this, for one model in one step, is left out of the law
DEVIATES = np.linspace(-5, 5, 51)


@dataclass(frozen=True)
class Guards:
    """The verifiers at the read gate.

    guards_NV (N, V) bool: who is guarded by which. pass_2V (2, V): probability that a model's (row 0) and a human
    (row 1) document is accepted. shared_V: a verdict holds for all readers; else each reading is judged anew.
    refill_N: readers go on until they have enough. public: sources from here on are archives, which nobody judges.
    """

    guards_NV: np.ndarray
    pass_2V: np.ndarray
    shared_V: np.ndarray
    refill_N: np.ndarray
    public: float = np.inf

    @property
    def guarded_N(self) -> np.ndarray:
        return np.asarray(self.guards_NV.any(axis=1))

    @property
    def lucky(self) -> bool:
        """Whether readers share the luck of verdicts."""
        return bool((self.shared_V & (self.pass_2V > 0) & (self.pass_2V < 1)).any())

    @property
    def own_N2(self) -> np.ndarray:
        """(N, 2) probability that a reading passes those who judge readings."""
        return self._together(self.guards_NV & ~self.shared_V)

    @property
    def shared_NV(self) -> np.ndarray:
        """(N, V) bool: by which verifiers of documents each reader is guarded."""
        return self.guards_NV & self.shared_V

    def passes(self, by_V: np.ndarray) -> np.ndarray:
        """(2,) probability that a document passes all of some verifiers (V,) bool."""
        return self._together(by_V[None])[0]

    def _together(self, by_NV: np.ndarray) -> np.ndarray:
        return np.where(by_NV[:, None, :], self.pass_2V, 1.0).prod(axis=2)


def guards_of(spec: Scenario, network: Network, follows_NS: csr_array, streams: Streams) -> Guards | None:
    """The scenario's verifiers at the read gate, None where nobody is guarded; NoLaw where they have no closed form."""
    group_N = np.repeat([g.name for g in spec.models], [g.count for g in spec.models])
    who = {
        v.name: guarded(v.placement, f"verifiers.{v.name}", network, group_N, streams)
        for v in spec.verifiers if v.gate != "panel"
    }  # fmt: skip
    standing = [v for v in spec.verifiers if v.name in who and (who[v.name].any() or v.placement.humans)]
    rates = {v.name: _rates(v) for v in standing}
    _check_publishing(spec, [v for v in standing if v.gate == "publish"], who, rates)
    reading = [v for v in standing if v.gate == "read"]
    if not reading:
        return None
    named = {v.name: v for v in spec.verifiers}
    guards_NV = np.stack([who[v.name] for v in reading], axis=1)
    shared_V = np.array([_of_documents(v, named) for v in reading])
    unwilling_V = np.array([not v.refill for v in reading])
    for v, shared in zip(reading, shared_V, strict=True):
        _check_capacity(spec, v, who[v.name], bool(shared), follows_NS)
        if shared and spec.corpus.keep != "step":
            raise NoLaw(
                f"verifiers.{v.name}: its verdicts stand for as long as documents are kept; the law knows them for "
                "corpus.keep: step, or for judges: readings"
            )
    pass_2V = np.array([rates[v.name] for v in reading]).T[::-1]
    public = spec.agents + len(spec.humans)
    return Guards(guards_NV, pass_2V, shared_V, ~(guards_NV & unwilling_V).any(axis=1), public)


def too_few(
    wanted: np.ndarray | float, accepted: np.ndarray | float, deviation: np.ndarray | float = 0.0
) -> np.ndarray:
    """Whether those who look through at most 16 times what they want may end with less.

    `accepted`: the share that passes, with the relative standard deviation that chance gives it.
    """
    return fewer_than(wanted, PATIENCE * np.asarray(wanted), accepted, deviation) > NEVER


def fewer_than(least, looked_at, accepted, deviation) -> np.ndarray:
    """Probability that of some documents fewer than `least` pass, where the share that passes is normal itself."""
    least, looked_at, accepted, deviation = np.broadcast_arrays(least, looked_at, accepted, deviation)
    chance_X = norm.pdf(DEVIATES) / norm.pdf(DEVIATES).sum()
    share_X = np.clip(accepted[..., None] * (1 + deviation[..., None] * DEVIATES), 0, 1)
    return binom.cdf(least[..., None] - 1, looked_at[..., None], share_X) @ chance_X


def _rates(verifier: Verifier) -> tuple[float, float]:
    rates = verifier.pass_rates()
    if rates is None:
        raise NoLaw(
            f"verifiers.{verifier.name}: no closed form is known for what it accepts; only where people's and models' "
            "documents are each accepted with one probability, independently"
        )
    return rates


def _of_documents(verifier: Verifier, named: dict[str, Verifier]) -> bool:
    """Whether a document is judged once, for all readers; a panel's members must agree to that."""
    own = verifier.judges == "documents" and not verifier.personal
    return own and all(_of_documents(named[name], named) for name in verifier.panel())


def _check_capacity(spec: Scenario, v: Verifier, who_N: np.ndarray, shared: bool, follows_NS: csr_array) -> None:
    """NoLaw where a verifier at the read gate may not get to all that is before it."""
    if v.capacity is None:
        return
    if shared:
        heard_S = follows_NS[who_N].sum(axis=0) > 0
        publish_N = np.repeat([g.publish for g in spec.models], [g.count for g in spec.models])
        models = int(publish_N[heard_S[: spec.agents]].sum())
        heard = [c for c, h in zip(spec.humans, heard_S[spec.agents :], strict=False) if h]
        most = models + max(sum(c.rate_at(t) for c in heard) for t in range(1, spec.steps + 1)) if spec.steps else 0
        asked = f"its readers' sources publish up to {most:,} documents a step"
    else:
        read_N = np.repeat([np.inf if g.read == "all" else g.read for g in spec.models], [g.count for g in spec.models])
        most = 2 * PATIENCE * read_N[who_N].sum()
        asked = f"readers who go on until they have enough may look at {most:,.0f} documents a step"
    if most > v.capacity:
        raise NoLaw(f"verifiers.{v.name}: its capacity of {v.capacity:,} judgements may run out: {asked}")


def _check_publishing(spec: Scenario, gate: list[Verifier], who: dict, rates: dict) -> None:
    """Before publishing, verdicts that do not look at content change nothing while all publish what they meant to."""
    for v in gate:
        people, _ = rates[v.name]
        if v.placement.humans and people < 1:
            raise NoLaw(f"verifiers.{v.name}: people do not write again, so that what they publish varies at random")
    first = 0
    for group in spec.models:
        members = np.arange(first, first + group.count)
        first += group.count
        for i in members if group.publish else ():
            _check_author(group.name, group.publish, [v for v in gate if who[v.name][i]], rates)


def _check_author(group: str, publish: int, gate: Iterable[Verifier], rates: dict) -> None:
    accepted = 1.0
    for v in gate:
        accepted *= rates[v.name][1]
        if v.capacity is not None and v.overflow == "reject":
            raise NoLaw(f"verifiers.{v.name}: what is beyond its capacity is not published: batches vary at random")
        if rates[v.name][1] < 1 and not v.refill:
            raise NoLaw(f"verifiers.{v.name}: without refill, what models.{group} publish varies at random")
    if accepted < 1 and too_few(publish, accepted):
        raise NoLaw(
            f"models.{group}: with {accepted:.3g} of their documents accepted before publishing, sixteen attempts may "
            f"not give {publish}"
        )
