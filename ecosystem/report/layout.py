"""Where the models of a reading network stand on paper: a function of the links alone.

Letters: N models, E links.
"""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
from numba import njit
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

CIRCLE = 60  # up to so many unlinked (or all alike linked) models stand in a circle, more in a disc
KAMADA_KAWAI = 150  # beyond it, springs: Kamada-Kawai needs all distances


def positions(n: int, reader_E: np.ndarray, author_E: np.ndarray, seed: int = 1) -> np.ndarray:
    """(N, 2) in the unit disc. Kamada-Kawai up to 150 models, springs above; models without links stand around.

    Where nobody or everybody is linked: a circle, or for many models an even disc.
    """
    other = reader_E != author_E
    links = np.unique(np.sort(np.stack([reader_E[other], author_E[other]], 1), axis=1), axis=0)
    if len(links) in (0, n * (n - 1) // 2):
        return _circle(n) if n <= CIRCLE else _disc(n)
    inside, again = np.unique(links, return_inverse=True)
    again = again.reshape(links.shape)
    m = len(inside)
    placed = _into_disc(_by_distance(m, again) if m <= KAMADA_KAWAI else _by_springs(m, again, seed))
    if m == n:
        return placed
    place = np.empty((n, 2))
    place[inside] = 0.86 * placed
    place[np.setdiff1d(np.arange(n), inside)] = _circle(n - m) if n - m > 1 else [[0.0, 1.0]]
    return place


def apart(place_N2: np.ndarray, radius_N: np.ndarray, rounds: int = 60) -> np.ndarray:
    """Places moved a little, so that discs of these radii do not cover one another (as far as there is room)."""
    place, least = place_N2.copy(), radius_N[:, None] + radius_N[None, :]
    np.fill_diagonal(least, 0)
    for _ in range(rounds):
        between = place[:, None] - place[None, :]
        distance = np.hypot(between[..., 0], between[..., 1])
        lacking = np.maximum(least - distance, 0)
        if lacking.max() < 1e-3:
            break
        place += (between * (0.5 * lacking / np.maximum(distance, 1e-9))[..., None]).sum(axis=1)
    return place / max(1.0, np.hypot(*place.T).max() / 1.05)


def _circle(n: int) -> np.ndarray:
    angle = math.pi / 2 - 2 * math.pi * np.arange(n) / max(n, 1)
    return np.stack([np.cos(angle), np.sin(angle)], 1) * (n > 1)


def _disc(n: int) -> np.ndarray:
    """Vogel's sunflower (1979, doi:10.1016/0025-5564(79)90080-4): even, whatever n."""
    k = np.arange(n)
    radius, angle = np.sqrt((k + 0.5) / n), k * math.pi * (3 - math.sqrt(5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def _by_distance(n: int, links: np.ndarray) -> np.ndarray:
    """Kamada and Kawai (1989, doi:10.1016/0020-0190(89)90102-6); without a path two models are farthest apart."""
    matrix = csr_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(n, n))
    apart = shortest_path(matrix, directed=False, unweighted=True)
    apart[~np.isfinite(apart)] = apart[np.isfinite(apart)].max() + 1
    graph = nx.empty_graph(n)
    distance = {i: dict(enumerate(row)) for i, row in enumerate(apart.tolist())}
    placed = nx.kamada_kawai_layout(graph, dist=distance, pos=dict(enumerate(_circle(n))))
    return np.array([placed[i] for i in range(n)])


def _by_springs(n: int, links: np.ndarray, seed: int, rounds: int = 50) -> np.ndarray:
    """Fruchterman and Reingold (1991, doi:10.1002/spe.4380211102), pulled to the centre so that nothing drifts away."""
    place = np.random.default_rng(seed).permutation(_disc(n))
    for r in range(rounds):
        place = _moved(place, links, 0.1 * (1 - r / rounds))
    return place


@njit(cache=True, nogil=True)
def _moved(place, links, most):
    """One round: every pair repels, links attract, the centre pulls; nobody moves further than `most`."""
    n = len(place)
    k = math.sqrt(1.0 / n)
    force = -0.5 * place * k * math.sqrt(n)
    for i in range(n):
        for j in range(i):
            dx, dy = place[i, 0] - place[j, 0], place[i, 1] - place[j, 1]
            push = k * k / max(dx * dx + dy * dy, 1e-6)
            force[i, 0] += dx * push
            force[i, 1] += dy * push
            force[j, 0] -= dx * push
            force[j, 1] -= dy * push
    for e in range(len(links)):
        i, j = links[e]
        dx, dy = place[i, 0] - place[j, 0], place[i, 1] - place[j, 1]
        pull = math.sqrt(dx * dx + dy * dy) / k
        force[i, 0] -= dx * pull
        force[i, 1] -= dy * pull
        force[j, 0] += dx * pull
        force[j, 1] += dy * pull
    moved = np.empty_like(place)
    for i in range(n):
        length = math.sqrt(force[i, 0] ** 2 + force[i, 1] ** 2)
        step = min(length, most) / max(length, 1e-12)
        moved[i, 0] = place[i, 0] + force[i, 0] * step
        moved[i, 1] = place[i, 1] + force[i, 1] * step
    return moved


def _into_disc(place: np.ndarray) -> np.ndarray:
    """Centred, and scaled so that all are within the unit disc; outliers are drawn in along their ray."""
    place = place - place.mean(0)
    radius = np.hypot(*place.T)
    usual = np.quantile(radius, 0.95) or 1.0
    drawn = np.where(radius <= usual, radius, usual * (1 + 0.25 * np.tanh(radius / usual - 1)))
    return place * (drawn / np.maximum(radius, 1e-12) / drawn.max())[:, None]
