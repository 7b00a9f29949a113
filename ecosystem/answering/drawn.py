"""Which documents a question gets: the best that a model may read, by chance among those that are as good.

Letters: D documents of an index, T shelves, U kinds of questions, R shelves looked at, S sources, n models, Q questions
of each, k documents retrieved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ecosystem.streams import Draws, two_units

ROUNDING = 1e-9  # of a share times a number of documents
LOOKED_AT = 1024  # documents among which one question's are drawn: those from a random one on


class Shelves(NamedTuple):
    """Documents in order of shelf: row_D their rows in the pool, source_D who wrote them; those of shelf t stand at
    begin_T[t] .. begin_T[t + 1] - 1."""

    begin_T: np.ndarray
    row_D: np.ndarray
    source_D: np.ndarray


class Ranking(NamedTuple):
    """Where to look: shelf_UR (U, R), best first, -1 where there are fewer; tied_UR (U, R) bool: as good as the one
    before it."""

    shelf_UR: np.ndarray
    tied_UR: np.ndarray


class Allowed(NamedTuple):
    """may_nS (n, S): whose documents each model may read; `share`: of what is found for a question, models (sources
    below `models`) wrote so much at most."""

    may_nS: np.ndarray
    models: int
    share: float


def drawn(shelves: Shelves, ranking: Ranking, kind_nQ: np.ndarray, allowed: Allowed, k: int, rng: Draws) -> np.ndarray:
    """(n, Q, k) rows of the pool for questions of a kind 0 .. U - 1 (-1: none), best first; -1 where there are fewer.

    Equally good ones go in random order. Where people wrote little, models may add little: then places stay empty.
    """
    place = np.full((*kind_nQ.shape, k), -1)
    _draw(
        rng.key, rng.next_call(), rng.step, rng.agents, kind_nQ.astype(np.int64), ranking.shelf_UR, ranking.tied_UR,
        shelves.begin_T, shelves.source_D, allowed.may_nS, allowed.models, int(allowed.share * k + ROUNDING), place,
    )  # fmt: skip
    if not len(shelves.row_D):
        return place
    if allowed.share < 1:
        by_models = (place >= 0) & (shelves.source_D[place] < allowed.models)
        by_people = ((place >= 0) & ~by_models).sum(axis=-1, keepdims=True)
        most = allowed.share / (1 - allowed.share) * by_people
        place[by_models & (np.cumsum(by_models, axis=-1) > most + ROUNDING)] = -1
    return np.where(place >= 0, shelves.row_D[place], -1)


@njit(nogil=True, cache=True)
def _draw(
    key, call, step, agents, kind_nQ, shelf_UR, tied_UR, begin_T, source_D, may_nS, models, cap, found
):  # fmt: skip
    n, questions, k = found.shape
    ranks = shelf_UR.shape[1]
    people, people_luck = np.empty(k, np.int64), np.empty(k)  # the luckiest documents, those of people
    others, others_luck = np.empty(min(cap, k), np.int64), np.empty(min(cap, k))  # and those of models
    for i in range(n):
        for q in range(questions):
            if kind_nQ[i, q] < 0:
                continue
            shelf_R, tied_R = shelf_UR[kind_nQ[i, q]], tied_UR[kind_nQ[i, q]]
            at, by_models, groups, first = 0, 0, 0, 0
            while at < k and first < ranks and shelf_R[first] >= 0:
                last = first + 1
                while last < ranks and shelf_R[last] >= 0 and tied_R[last]:
                    last += 1
                readable = 0  # places are counted among what it may read, so that what others write changes nothing
                for r in range(first, last):
                    for d in range(begin_T[shelf_R[r]], begin_T[shelf_R[r] + 1]):
                        readable += may_nS[i, source_D[d]]
                if readable == 0:
                    first = last
                    continue
                number, of_people, of_models, place = (q * ranks + groups) * (LOOKED_AT + 1), 0, 0, -1
                start = int(two_units(key, number, call, agents[i], step)[0] * readable)
                room = min(others.size - by_models, k - at)
                best_people, best_people_luck = people[: k - at], people_luck[: k - at]
                best_others, best_others_luck = others[:room], others_luck[:room]
                for r in range(first, last):
                    for d in range(begin_T[shelf_R[r]], begin_T[shelf_R[r] + 1]):
                        if not may_nS[i, source_D[d]]:
                            continue
                        place += 1
                        j = place - start if place >= start else place - start + readable
                        if j >= LOOKED_AT:
                            continue
                        u = two_units(key, number + 1 + j, call, agents[i], step)[0]
                        if source_D[d] < models:
                            of_models = _keep(best_others, best_others_luck, of_models, d, u)
                        else:
                            of_people = _keep(best_people, best_people_luck, of_people, d, u)
                a, b = 0, 0
                for _ in range(min(k - at, of_people + of_models)):
                    if b == of_models or (a < of_people and people_luck[a] < others_luck[b]):
                        found[i, q, at] = people[a]
                        a += 1
                    else:
                        found[i, q, at] = others[b]
                        b += 1
                    at += 1
                by_models += b
                groups += 1
                first = last


@njit(cache=True)
def _keep(places, luck, held, d, u):
    """Puts d among the luckiest, in order of luck, if it is one of them; returns how many are held."""
    if held == luck.size:
        if held == 0 or u >= luck[held - 1]:
            return held
        held -= 1
    at = held
    while at > 0 and luck[at - 1] > u:
        luck[at], places[at] = luck[at - 1], places[at - 1]
        at -= 1
    luck[at], places[at] = u, d
    return held + 1
