"""The human distribution that measures compare with: all communities in proportion to their writing.

Only metrics and theory may look here; learners never see it.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ecosystem.humans import Humans
from ecosystem.interfaces import Judge, Modes, Moments, Writer
from ecosystem.judges import ModeJudge

HELD_OUT = 64  # held-out or fresh human documents of each community that a measure is taken on


class Reference:
    """What is known of human writing as a whole; None where a world does not know it."""

    def __init__(self, humans: Humans, rare_below: float | None):
        self.humans, self._rare_below = humans, rare_below
        self.shape = humans.writers[0].shape
        self.weights_H = humans.weights_H
        self.truth = humans.writers[0].truth

    def writer(self, community: str) -> Writer:
        """A community's writer by name."""
        names = [c.name for c in self.humans.communities]
        if community not in names:
            raise ValueError(f"Unknown community {community!r}. Available: {', '.join(names)}.")
        return self.humans.writers[names.index(community)]

    @cached_property
    def probabilities(self) -> np.ndarray | None:
        """(K,) of items or tokens; the end token of texts is left out."""
        known = [self.item_probabilities(w) for w in self.humans.writers]
        if any(p is None for p in known):
            return None
        return np.einsum("h,hk->k", self.weights_H, np.array(known))

    def item_probabilities(self, writer: Writer) -> np.ndarray | None:
        """One community's (K,), the end token of texts left out."""
        if writer.probabilities is None or self.shape.kind != "tokens":
            return writer.probabilities
        words = writer.probabilities.copy()
        words[0] = 0
        return words / words.sum()

    @cached_property
    def rare_K(self) -> np.ndarray | None:
        """(K,) bool: items that humans write, but with a probability below the stated threshold."""
        if self.probabilities is None:
            return None
        below = self._rare_below if self._rare_below is not None else 0.5 / len(self.probabilities)
        return (self.probabilities > 0) & (self.probabilities < below)

    @cached_property
    def modes(self) -> Modes | None:
        """All different modes that humans write, weights as in human writing as a whole."""
        known = [w.modes for w in self.humans.writers if w.modes is not None]
        if len(known) < len(self.humans.writers):
            return None
        weights: dict[tuple[float, ...], float] = {}  # communities may share modes
        for modes, share in zip(known, self.weights_H, strict=True):
            for key, weight in zip(_keys(modes), modes.weight_C, strict=True):
                weights[key] = weights.get(key, 0.0) + share * weight
        written = np.array([key for key, weight in weights.items() if weight > 0])
        return Modes(written[:, :-1], written[:, -1], np.array([weight for weight in weights.values() if weight > 0]))

    def modes_of(self, community: str) -> np.ndarray:
        """(C,) bool: which of `modes` a community writes."""
        own, every = self.writer(community).modes, self.modes
        assert own is not None
        assert every is not None
        mine = {key for key, weight in zip(_keys(own), own.weight_C, strict=True) if weight > 0}
        return np.array([key in mine for key in _keys(every)])

    @cached_property
    def judge(self) -> Judge | None:
        """Tells the class of a document: the world's judge, or the nearest mode where there are modes."""
        if self.humans.writers[0].judge is not None:
            return self.humans.writers[0].judge
        return None if self.modes is None else ModeJudge(self.modes)

    @cached_property
    def class_share_C(self) -> np.ndarray | None:
        """(C,) how often humans write each class (or mode), sums to 1."""
        judges = [w.judge for w in self.humans.writers if w.judge is not None]
        if not judges:
            return None if self.modes is None else self.modes.weight_C
        return self.weights_H @ np.array([judge.share_C for judge in judges])

    @cached_property
    def rare_C(self) -> np.ndarray | None:
        """(C,) bool: classes (or modes) that humans write, but less often than the stated threshold (default: half of
        1 / number of them)."""
        share_C = self.class_share_C
        if share_C is None:
            return None
        below = self._rare_below if self._rare_below is not None else 0.5 / len(share_C)
        return (share_C > 0) & (share_C < below)

    def classes_of(self, community: str) -> np.ndarray:
        """(C,) bool: which classes (or modes) a community writes."""
        judge = self.writer(community).judge
        return self.modes_of(community) if judge is None else judge.share_C > 0

    @cached_property
    def feature_moments(self) -> Moments:
        """Mean (1, F) and covariance (1, F, F) of human documents as a judge sees them; without a judge of documents,
        as they are: exactly where the world knows, else of `sample`.
        """
        judge = self.humans.writers[0].judge
        if judge is None and self.moments is not None:
            return self.moments
        parts = [w.held_out if judge and w.held_out is not None else self.sample_of(h) for h, w in self._writing]
        seen = np.concatenate(parts) if judge is None else judge.features(np.concatenate(parts))
        weights = [self.weights_H[h] for h, _ in self._writing]
        share = [np.full(len(part), w / len(part)) for part, w in zip(parts, weights, strict=True)]
        return _moments(seen, np.concatenate(share))

    def published(self, k: int) -> np.ndarray:
        """(M, *x): some k human documents, in the communities' shares; fewer where there are no more. Not held out."""
        parts = []
        for h, writer in self._writing:
            wanted = max(2, round(k * self.weights_H[h]))
            own, name = writer.documents, self.humans.communities[h].name
            rng = self.humans.streams.rows(f"reference/published/{name}", 0, 1)
            parts.append(writer.sample(wanted, rng)[0] if own is None else own[:wanted])
        return np.concatenate(parts)

    @property
    def _writing(self) -> list[tuple[int, Writer]]:
        """Communities that write, by number."""
        return [(h, writer) for h, writer in enumerate(self.humans.writers) if self.weights_H[h] > 0]

    @cached_property
    def moments(self) -> Moments | None:
        """Mean (1, d) and covariance (1, d, d) of human writing as a whole."""
        known = [w.moments for w in self.humans.writers if w.moments is not None]
        if len(known) < len(self.humans.writers):
            return None
        mean_HD = np.concatenate([m.mean_ND for m in known])
        square = np.concatenate([m.covariance_NDD for m in known]) + np.einsum("hi,hj->hij", mean_HD, mean_HD)
        mean = np.einsum("h,hi->i", self.weights_H, mean_HD)
        return Moments(mean[None], (np.einsum("h,hij->ij", self.weights_H, square) - np.outer(mean, mean))[None])

    @cached_property
    def sample(self) -> np.ndarray:
        """Fresh human documents (M, *x), the same for every step and arm: a fixed test set."""
        return np.concatenate([self.sample_of(h) for h in range(len(self.weights_H)) if self.weights_H[h] > 0])

    @cached_property
    def sample_weight(self) -> np.ndarray:
        """(M,) weights of `sample`, summing to 1."""
        sizes = [(len(self.sample_of(h)), w) for h, w in enumerate(self.weights_H) if w > 0]
        return np.concatenate([np.full(m, w / m) for m, w in sizes])

    def sample_of(self, h: int) -> np.ndarray:
        """Documents of one community: held-out or fresh ones where there are any, else of those it publishes."""
        writer = self.humans.writers[h]
        if writer.held_out is not None and len(writer.held_out):
            return writer.held_out[:HELD_OUT]
        if writer.documents is not None:
            return writer.documents[:HELD_OUT]
        name = self.humans.communities[h].name
        return writer.sample(HELD_OUT, self.humans.streams.rows(f"reference/{name}", 0, 1))[0]

    def log_prob(self, content: np.ndarray) -> np.ndarray | None:
        """(M,) nats of documents under human writing as a whole; None where unknown."""
        known = [w.log_prob(content) for w in self.humans.writers]
        if any(p is None for p in known):
            return None
        with np.errstate(divide="ignore"):
            return np.logaddexp.reduce(np.array(known) + np.log(self.weights_H)[:, None], axis=0)


def _moments(content_MD: np.ndarray, share_M: np.ndarray) -> Moments:
    """Of documents with shares that sum to 1; the covariance without bias."""
    mean = share_M @ content_MD
    apart = content_MD - mean
    return Moments(mean[None], (apart.T @ (share_M[:, None] * apart) / (1 - share_M @ share_M))[None])


def _keys(modes: Modes) -> list[tuple[float, ...]]:
    """What makes a mode the same as another: its centre and scale."""
    return [(*centre, scale) for centre, scale in zip(modes.centre_CD.tolist(), modes.scale_C.tolist(), strict=True)]
