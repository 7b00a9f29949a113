"""How likely documents are under n-gram models: the kernels behind `log_prob`.

The documents to be scored are sorted as the models' own text is, once for all models. One merge of a model's runs with
theirs then gives every count, and each distinct n-gram is worked out once however often it occurs.

Letters: n agents, M documents of L tokens, q a run of the documents scored; see `runs.py` for the rest.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from ecosystem.text.ngrams import find_odds, room_for_odds
from ecosystem.text.runs import BLANK, DIGIT, count_runs, find_runs, lay_out, room_for_runs, sort_places


class Scored(NamedTuple):
    """Work tables over the runs of the documents scored, a row a level; `times` is over the model's runs."""

    same: np.ndarray  # the model's run of the same tokens, -1 if it has none
    chance: np.ndarray  # p(newest token | context)
    norm: np.ndarray  # Z of the longest context that the model has read
    times: np.ndarray  # how often the tokens of a run were read
    log_q: np.ndarray  # log-probability of the runs of level `order` as n-grams


@njit(nogil=True, cache=True)
def score(text_nbS, weight_nb, place_nE, used_n, rule, content_ML, out_nM):
    """Fills out_nM with log-probabilities, nats, up to and including the first end token of each document."""
    n, b, stride = text_nbS.shape
    query, last_ML = _sorted_documents(content_ML, rule.order, rule.vocabulary)
    runs = room_for_runs(rule.order, b * stride, place_nE.shape[1])
    odds = room_for_odds(rule.order, place_nE.shape[1], rule.sharpness)
    work = _room_for_scores(rule.order, query.run_JE.shape[1], place_nE.shape[1])
    for i in range(n):
        find_runs(text_nbS[i], weight_nb[i], place_nE[i, : used_n[i]], rule.order, rule.vocabulary, runs)
        find_odds(rule, runs, odds)
        count_runs(runs, work.times)
        _find_chances(rule, runs, odds, query, work)
        _add_up(work.log_q, last_ML, out_nM[i])


@njit(nogil=True, cache=True)
def _room_for_scores(order, wide, used):
    return Scored(
        np.empty((order + 1, wide), np.int32),
        np.empty((order + 1, wide)),
        np.empty((order, wide)),
        np.empty((order + 1, used)),
        np.empty(wide),
    )


@njit(nogil=True, cache=True)
def _sorted_documents(content_ML, order, mark):
    """The runs of the documents, and for each token its n-gram: a run of level `order`, -1 after the end."""
    m, length = content_ML.shape
    text_MS = np.empty((m, order + length + 1), np.int32)
    weight_M, places = np.ones(m), m * (length + 1)
    lay_out(content_ML, weight_M, mark, text_MS)
    place_E, spare_E, counts = np.empty(places, np.int32), np.empty(places, np.int32), np.empty(1 << DIGIT, np.int64)
    used = sort_places(text_MS, weight_M, order, mark, place_E, spare_E, counts)
    runs = room_for_runs(order, text_MS.size, used)
    find_runs(text_MS, weight_M, place_E[:used], order, mark, runs)
    last_ML = np.empty((m, length), np.int32)
    last_ML[:] = -1
    for d in range(m):
        for t in range(length):
            if text_MS[d, order + t] == BLANK:
                break
            last_ML[d, t] = runs.run_JE[order, runs.rank_P[d * (order + length + 1) + order + t + 1]]
    return runs, last_ML


@njit(nogil=True, cache=True)
def _find_chances(rule, runs, odds, query, work):
    """Fills work.log_q, from the shortest n-grams to the longest."""
    order, tempered = rule.order, rule.sharpness != 1.0
    work.same[0, 0], work.chance[0, 0] = 0, 1.0 / rule.vocabulary
    if tempered:
        work.norm[0, 0] = odds.norm[0, 0]
    for j in range(1, order + 1):
        many, parent, context = query.many_J[j], query.parent[j], query.context[j]
        same_k, same, share, each = work.same[j - 1], work.same[j], odds.share[j - 1], odds.each[j - 1]
        _match(many, parent, query.oldest[j], runs.first[j - 1], runs.run_JE[j], runs.oldest[j], same_k, same)
        below, chance = work.chance[j - 1], work.chance[j]
        _interpolate(many, parent, context, same_k, same, share, each, work.times[j], below, chance)
        if tempered and j < order:
            _find_norms(many, parent, same, odds.norm[j], work.norm[j - 1], work.norm[j])
    _take_logs(query.many_J[order], query.context[order], work.chance[order], work.log_q)
    if tempered:
        _temper(rule.sharpness, query.many_J[order], query.context[order], work.norm[order - 1], work.log_q)


@njit(nogil=True, cache=True)
def _match(many, parent_q, oldest_q, first, run_E, oldest, same_k, same):
    """Merges two levels of runs: inside a parent both have rising oldest tokens."""
    parent, r, end = np.int64(-1), np.int64(0), np.int64(0)
    for q in range(many):
        if parent_q[q] != parent:
            parent, r, end = np.int64(parent_q[q]), np.int64(0), np.int64(0)
            mine = same_k[parent]
            if mine >= 0 and first[mine] < first[mine + 1]:
                r, end = np.int64(run_E[first[mine]]), np.int64(run_E[first[mine + 1] - 1]) + 1
        while r < end and oldest[r] < oldest_q[q]:
            r += 1
        same[q] = r if r < end and oldest[r] == oldest_q[q] else -1


@njit(nogil=True, cache=True)
def _interpolate(many, parent, context, same_k, same, share, each, times, below, chance):
    """p(w | h) from p(w | h')."""
    for q in range(many):
        c = context[q]
        if c >= 0:
            chance[q] = below[parent[q]]
            mine = same_k[c]
            if mine >= 0:
                chance[q] = (1.0 - share[mine]) * chance[q] + (each[mine] * times[same[q]] if same[q] >= 0 else 0.0)


@njit(nogil=True, cache=True)
def _find_norms(many, parent, same, norm_r, norm_k, norm):
    for q in range(many):
        norm[q] = norm_r[same[q]] if same[q] >= 0 else norm_k[parent[q]]


@njit(nogil=True, cache=True)
def _take_logs(many, context, chance, log_q):
    for q in range(many):
        if context[q] >= 0:
            log_q[q] = math.log(chance[q]) if chance[q] > 0.0 else -np.inf


@njit(nogil=True, cache=True)
def _temper(sharpness, many, context, norm, log_q):
    for q in range(many):
        if context[q] >= 0:
            log_q[q] = sharpness * log_q[q] - math.log(norm[context[q]])


@njit(nogil=True, cache=True)
def _add_up(log_q, last_ML, out_M):
    for d in range(last_ML.shape[0]):
        total = 0.0
        for t in range(last_ML.shape[1]):
            if last_ML[d, t] < 0:
                break
            total += log_q[last_ML[d, t]]
        out_M[d] = total
