"""Random numbers by name: one seed, one stream per (purpose, step), one row per agent.

Counter-based (Philox 4x32-10; Salmon et al. 2011, doi:10.1145/2063384.2063405), so a number is a pure function of
(seed, purpose, step, agent, index). Adding an agent, running agents alone, in another order or on another machine
changes no one else's numbers, and arms of an experiment that share a seed share their luck.

Letters: n agents, k numbers for each.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numba import njit

U32 = np.uint64(0xFFFFFFFF)
SHIFT32 = np.uint64(32)
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
TO_UNIT = 1.0 / 9007199254740992.0  # 2^-53


@njit(inline="always", cache=True)
def philox(key, block, call, agent, step):
    """Two 64-bit words from the counter (block, call, agent, step) under a 64-bit key."""
    k0, k1 = key & U32, key >> SHIFT32
    c0, c1, c2, c3 = block & U32, call & U32, agent & U32, step & U32
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (p1 >> SHIFT32) ^ c1 ^ k0, p1 & U32, (p0 >> SHIFT32) ^ c3 ^ k1, p0 & U32
        k0, k1 = (k0 + W0) & U32, (k1 + W1) & U32
    return (c1 << SHIFT32) | c0, (c3 << SHIFT32) | c2


@njit(inline="always", cache=True)
def unit(word):
    """A 64-bit word as a float64 in [0, 1)."""
    return np.float64(word >> np.uint64(11)) * TO_UNIT


@njit(inline="always", cache=True)
def two_units(key, block, call, agent, step):
    """Two float64 in [0, 1): numbers 2*block and 2*block + 1 of an agent's row."""
    a, b = philox(key, np.uint64(block), np.uint64(call), np.uint64(agent), np.uint64(step))
    return unit(a), unit(b)


@njit(nogil=True, cache=True)
def fill_units(key, call, step, agent, out_k, k):
    """The first k numbers of an agent's row, float64 in [0, 1)."""
    for block in range(k // 2):
        out_k[2 * block], out_k[2 * block + 1] = two_units(key, block, call, agent, step)
    if k % 2:
        out_k[k - 1] = two_units(key, k // 2, call, agent, step)[0]


@njit(nogil=True, cache=True)
def _fill_uniform(key, call, step, agents, out_nk):
    for i in range(agents.size):
        fill_units(key, call, step, agents[i], out_nk[i], out_nk.shape[1])


@njit(nogil=True, cache=True)
def _fill_normal(key, call, step, agents, out_nk):
    k = out_nk.shape[1]
    for i in range(agents.size):
        for block in range((k + 1) // 2):
            u, v = two_units(key, block, call, agents[i], step)
            radius = math.sqrt(-2.0 * math.log(1.0 - u))  # Box-Muller; 1 - u is never 0
            out_nk[i, 2 * block] = radius * math.cos(2.0 * math.pi * v)
            if 2 * block + 1 < k:
                out_nk[i, 2 * block + 1] = radius * math.sin(2.0 * math.pi * v)


@njit(nogil=True, cache=True)
def _fill_chance(key, step_M, first_M, second_M, out_M):
    for m in range(out_M.size):
        pair = two_units(key, first_M[m] // np.uint64(2), 0, second_M[m], step_M[m])
        out_M[m] = pair[1] if first_M[m] % np.uint64(2) else pair[0]


class Draws:
    """Random numbers for n agents: row i depends on (seed, purpose, step, agent i) and nothing else.

    Every call gives fresh numbers; the agent axis is always first. The first columns of a longer row are the
    shorter row. `n` is the number of agents.
    """

    def __init__(self, key: int, step: int, agents: np.ndarray, call: int = 0):
        self.key = np.uint64(key)
        self.step = np.uint64(step)
        self.agents = np.ascontiguousarray(agents, dtype=np.uint64)
        self._call = call

    @property
    def n(self) -> int:
        return self.agents.size

    def next_call(self) -> np.uint64:
        """A fresh call number, for a kernel that makes its own numbers with `two_units`."""
        self._call += 1
        return np.uint64(self._call - 1)

    def uniform(self, *shape: int) -> np.ndarray:
        """(n, *shape) float64, uniform in [0, 1)."""
        return self._filled(_fill_uniform, shape)

    def normal(self, *shape: int) -> np.ndarray:
        """(n, *shape) float64, standard normal."""
        return self._filled(_fill_normal, shape)

    def integers(self, high: int, *shape: int) -> np.ndarray:
        """(n, *shape) int64, uniform in 0 .. high - 1."""
        return np.minimum((self.uniform(*shape) * high).astype(np.int64), high - 1)

    def generator(self, row: int) -> np.random.Generator:
        """A numpy Generator for one agent's row, for code that works agent by agent.

        It begins alike every time until numbers are drawn here (or `next_call` is called).
        """
        return np.random.Generator(
            np.random.Philox(key=[int(self.key), int(self.agents[row])], counter=[0, self._call, 0, int(self.step)])
        )

    def take(self, rows: np.ndarray) -> Draws:
        """The same numbers for some of the agents; `rows` are positions 0 .. n - 1."""
        return Draws(int(self.key), int(self.step), self.agents[rows], self._call)

    def _filled(self, kernel, shape) -> np.ndarray:
        out = np.empty((self.n, math.prod(shape)))
        kernel(self.key, self.next_call(), self.step, self.agents, out)
        return out.reshape(self.n, *shape)


class Streams:
    """A seed (0 .. 2^63 - 1) from which every random number of a run is derived."""

    def __init__(self, seed: int):
        self.seed = int(seed)

    def key(self, purpose: str) -> int:
        """The 64-bit key of a purpose."""
        return int.from_bytes(hashlib.blake2b(f"{self.seed}/{purpose}".encode(), digest_size=8).digest(), "little")

    def get(self, purpose: str, step: int = 0) -> np.random.Generator:
        """One numpy Generator for something that no single agent owns (humans, graph, retention)."""
        return np.random.Generator(np.random.Philox(key=[self.key(purpose), 2**63 + step]))

    def rows(self, purpose: str, step: int, agents: int | np.ndarray) -> Draws:
        """Draws for agents 0 .. agents - 1, or for the agents numbered in the array."""
        ids = np.arange(agents) if isinstance(agents, (int, np.integer)) else np.asarray(agents)
        return Draws(self.key(purpose), step, ids)

    def chance(
        self, purpose: str, first_M: np.ndarray, second_M: np.ndarray | int = 0, step_M: np.ndarray | int = 0
    ) -> np.ndarray:
        """(M,) float64 uniform in [0, 1): one for each number, pair or triple below 2^32, whoever else asks."""
        first, second, step = (
            np.array(np.broadcast_to(c, len(first_M)), np.uint64) for c in (first_M, second_M, step_M)
        )
        out = np.empty(len(first))
        _fill_chance(np.uint64(self.key(purpose)), step, first, second, out)
        return out
