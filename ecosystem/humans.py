"""The humans of a world: what they publish step by step, and what models are pretrained on.

Letters: n models of a group, b documents of each, H communities, N models, M documents of a finite writer.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numba import njit

from ecosystem.errors import InputError
from ecosystem.frame import Event
from ecosystem.interfaces import Writer
from ecosystem.network import reach
from ecosystem.population import Population
from ecosystem.scenario import Community
from ecosystem.streams import Draws, Streams, two_units

RAREST = 20  # of so many documents the least probable one is the rare one


class Humans:
    """Communities and their writers. `dry`: sources whose documents have all been published once, by step.

    Finite communities that write the very same documents deal them from one deck: each document is published by one.
    """

    STATE: ClassVar[tuple[str, ...]] = ("published_H", "dry", "bought_H", "rare_H")

    def __init__(
        self, communities: tuple[Community, ...], writers: list[Writer], reach_NH: np.ndarray, streams: Streams
    ):
        self.communities, self.writers, self.reach_NH, self.streams = communities, writers, reach_NH, streams
        self.deck_H = [_deck(writers, h) for h in range(len(writers))]  # the first community with these documents
        self.published_H = np.zeros(len(communities), np.int64)  # of a deck, by its first community
        self.dry: list[tuple[str, int]] = []
        # beyond the communities' own rates, by policies: documents bought in this step, and such of what is rare
        self.bought_H, self.rare_H = np.zeros((2, len(communities)), np.int64)

    def rate(self, step: int, h: int) -> int:
        """Documents that a community publishes in the current step, bought ones included."""
        return self.communities[h].rate_at(step) + int(self.bought_H[h] + self.rare_H[h])

    def share_reached(self, h: int, share: float) -> np.ndarray:
        """(N,) bool: so large a share of the models, in the community's seeded order."""
        changed = (self.communities[h].model_copy(update={"reach": float(share)}),)
        return reach(changed, len(self.reach_NH), self.streams)[:, 0]

    @property
    def weights_H(self) -> np.ndarray:
        """The share of each community in human writing: its rate at step 0 (all alike if those are all 0)."""
        rates = np.array([c.rate_at(0) for c in self.communities], float)
        return rates / rates.sum() if rates.any() else np.full(len(rates), 1 / len(rates))

    def publish(self, step: int, h: int) -> np.ndarray:
        """What community h publishes in a step; a finite one repeats nothing before it ran dry."""
        community, writer = self.communities[h], self.writers[h]
        k = community.rate_at(step) + int(self.bought_H[h])
        if writer.documents is not None:
            return self._dealt(writer.documents, self.deck_H[h], k, step)
        content = writer.sample(k, self.streams.rows(f"humans/{community.name}", step, 1))
        writer.shape.check(content, (1, k), f"humans.{community.name}: {type(writer).__name__}")
        return content[0] if not self.rare_H[h] else np.concatenate([content[0], self._rare(step, h)])

    def events(self, step: int) -> list[Event]:
        """Sources that have begun to repeat what they wrote, since this was last asked."""
        told = "{0}: every document was published once by step {1}; they repeat now"
        events = [Event(step, None, "source_dry", told.format(*each)) for each in self.dry]
        self.dry.clear()
        return events

    def _rare(self, step: int, h: int) -> np.ndarray:
        """Documents that a community writes of what is rare in its own writing: the rarest of many by probability."""
        community, writer, k = self.communities[h], self.writers[h], int(self.rare_H[h])
        drawn = writer.sample(RAREST * k, self.streams.rows(f"humans/{community.name}/rare", step, 1))[0]
        nats = writer.log_prob(drawn)
        assert nats is not None  # see fits
        return drawn[np.sort(np.argsort(nats, kind="stable")[:k])]

    def pretraining(self, population: Population) -> np.ndarray:
        """(n, b, *x): human documents drawn freshly for each model from the communities that reach it."""
        b = population.group.pretraining
        mix_nH = self._mix(self.reach_NH[population.members])
        cumulative_nH = np.cumsum(mix_nH, axis=1)
        u_nb = population.draws("pretraining", 0).uniform(b)
        last = np.array([np.flatnonzero(row)[-1] for row in mix_nH])[:, None]
        community_nb = np.zeros(u_nb.shape, np.int64)
        for h in range(len(self.communities)):
            community_nb += u_nb >= cumulative_nH[:, h, None]
        community_nb = np.minimum(community_nb, last)  # rounding may leave the last sum below 1
        content = population.shape.empty(population.n, b)
        for h in range(len(self.communities)):
            mine = community_nb == h
            if mine.any():
                content[mine] = self._fresh(h, population, b)[mine]
        return content

    def freshly(self, k: int, rng: Draws, community: str | None = None) -> np.ndarray:
        """(k, *x): human documents drawn for one reader, of one community or of all in the shares of their writing."""
        community_k = self._communities(rng.uniform(k)[0], community)
        content = self.writers[0].shape.empty(k)
        for h in np.unique(community_k):
            mine = community_k == h
            content[mine] = self._hand(int(h), k, rng)[0][mine]
        return content

    def say(self, fact_M: np.ndarray, luck_M3: np.ndarray, community: str | None = None) -> np.ndarray:
        """(M,) slots: what people say who are asked about facts (see `Writer.says`), of one community or of all in the
        shares of their writing; by chance (M, 3)."""
        community_M = self._communities(luck_M3[:, 0], community)
        slot_M = np.full(len(fact_M), -1)
        for h in np.unique(community_M):
            mine = community_M == h
            slot_M[mine] = self.writers[h].says(fact_M[mine], luck_M3[mine, 1:])
        return slot_M

    def _communities(self, luck_k: np.ndarray, community: str | None) -> np.ndarray:
        """(k,) numbers of communities by chance: by the shares of their writing, or all that of a name."""
        share_H = self.weights_H if community is None else np.eye(len(self.writers))[self._number(community)]
        return np.searchsorted(np.cumsum(share_H)[:-1], luck_k, side="right")

    def own_facts(self, community: str, owner: str) -> np.ndarray:
        """(F,) bool: the facts that a community knows and no other does; InputError (for `owner`) where it has none."""
        known_HF, h = np.array([w.known_F for w in self.writers if w.known_F is not None]), self._number(community)
        own_F = known_HF[h] & (known_HF.sum(axis=0) == 1) if len(known_HF) else known_HF
        if not own_F.any():
            raise InputError(f"{owner}: must name a community that knows facts no other knows. Got {community!r}.")
        return own_F

    def _number(self, community: str) -> int:
        names = [c.name for c in self.communities]
        if community not in names:
            raise InputError(f"community: must be one of {', '.join(names)}. Got {community!r}.")
        return names.index(community)

    def _mix(self, reach_nH: np.ndarray) -> np.ndarray:
        """Probability that a pretraining document is a community's: (n, H), rows sum to 1."""
        reached = np.where(reach_nH.any(axis=1, keepdims=True), reach_nH, True)
        rates = np.array([c.rate_at(0) for c in self.communities], float)
        weight = reached * rates
        weight = np.where(weight.any(axis=1, keepdims=True), weight, reached)
        return weight / weight.sum(axis=1, keepdims=True)

    def _fresh(self, h: int, population: Population, b: int) -> np.ndarray:
        return self._hand(h, b, population.draws(f"pretraining/{self.communities[h].name}", 0))

    def _hand(self, h: int, k: int, rng: Draws) -> np.ndarray:
        """(n, k, *x): documents of community h for each of the rng's n rows."""
        documents = self.writers[h].documents
        if documents is None:
            return self.writers[h].sample(k, rng)
        return documents[_hands(rng.key, rng.next_call(), rng.step, rng.agents, len(documents), k)]

    def _dealt(self, documents: np.ndarray, deck: int, k: int, step: int) -> np.ndarray:
        first, size = int(self.published_H[deck]), len(documents)
        self.published_H[deck] += k
        if first <= size < first + k:
            names = [c.name for c, own in zip(self.communities, self.deck_H, strict=True) if own == deck]
            self.dry.append((", ".join(names), step))
        rounds = range(first // size, (first + k - 1) // size + 1) if k else range(0)
        orders = [self.streams.get(f"order/{self.communities[deck].name}", r).permutation(size) for r in rounds]
        place = np.concatenate([*orders, np.zeros(0, np.int64)])[first % size : first % size + k]
        return documents[place.astype(np.int64)]


def _deck(writers: list[Writer], h: int) -> int:
    """The first community that has the same documents as community h."""
    mine = writers[h].documents
    return next(g for g, w in enumerate(writers) if g == h or (mine is not None and np.array_equal(mine, _own(w))))


def _own(writer: Writer) -> np.ndarray:
    return writer.documents if writer.documents is not None else np.zeros(0)


@njit(nogil=True, cache=True)
def _hands(key, call, step, agents, size, b):
    """(n, b) of 0 .. size-1: a hand each from a shuffled deck of its own, no card twice before the deck is through."""
    hands = np.empty((agents.size, b), np.int64)
    deck = np.arange(size)
    for i in range(agents.size):
        deck[:] = np.arange(size)
        for j in range(b):
            place = j % size
            other = place + int(two_units(key, j, call, agents[i], step)[0] * (size - place))
            deck[place], deck[other] = deck[other], deck[place]
            hands[i, j] = deck[place]
    return hands
