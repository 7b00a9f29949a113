"""What an n-gram model says comes next: the odds of every context it has read, and the kernel that writes with them.

With c(h w) how often token w followed context h, c(h) their sum over w, and h' the context without its oldest token:

    p(w | h) = share(h) c(h w) / c(h) + (1 - share(h)) p(w | h'),    down to 1 / V below the empty context,

where share(h) = c(h) / (c(h) + kinds(h)) (Witten & Bell 1991, doi:10.1109/18.87000) or a constant (Jelinek & Mercer
1980), 0 where h was never read, and C / (C + V s) for the empty context of C tokens: additive smoothing by s. It sums
to 1 in every context.

Temperature T draws w in proportion to p(w | h)^a, a = 1 / T. Where w never followed h, p(w | h) is
(1 - share(h)) p(w | h'), so the sum Z(h) of p(w | h)^a over the vocabulary follows from Z(h') and the tokens that did:

    Z(h) = (1 - share(h))^a Z(h') + sum of gain(h w),    gain(h w) = p(w | h)^a - ((1 - share(h)) p(w | h'))^a >= 0,

and a draw is one from the tempered h' with probability (1 - share(h))^a Z(h') / Z(h), else a w in proportion to gain.
At T = 1 this is the rule above. No table as wide as the vocabulary is ever made.

Letters: see `runs.py`; n agents, k documents written, P prompts, j a level, r a run, V vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ecosystem.streams import two_units
from ecosystem.text.runs import DIGIT, count_runs, find_run, find_runs, lay_out, room_for_runs, sort_places


class Rule(NamedTuple):
    """The hyperparameters of an n-gram model, as the kernels want them."""

    order: int
    constant: float  # share of the shorter context; negative: Witten-Bell
    smoothing: float  # pseudo-count of each token
    sharpness: float  # 1 / temperature
    vocabulary: int


class Odds(NamedTuple):
    """Odds of the runs of one text: a row a level, a column a run (or, in drawn_JR, a place)."""

    share: np.ndarray  # probability that a context speaks for itself; 0 in the column after the last run
    each: np.ndarray  # share / how often the context was followed by a token
    stay: np.ndarray  # share, after temperature
    times: np.ndarray  # how often the tokens of a run were read
    chance: np.ndarray  # p(newest token | context) of a run as an n-gram
    gain: np.ndarray
    norm: np.ndarray  # Z
    drawn_JR: np.ndarray  # cumulative odds of the places with a token within each context


@njit(nogil=True, cache=True)
def room_for_odds(order, used, sharpness):
    """Space for odds; the tables that only temperature needs stay empty without it."""
    wide = used + 1
    more = wide if sharpness != 1.0 else 0
    share = np.empty((order, wide))
    return Odds(
        share,
        np.empty((order, wide)),
        np.empty((order, more)) if more else share,
        np.empty((order + 1, more)),
        np.empty((order + 1, more)),
        np.empty((order + 1, more)),
        np.empty((order, more)),
        np.empty((order, more)),
    )


@njit(nogil=True, cache=True)
def find_odds(rule, runs, odds):
    """Fills `odds` for a text."""
    for j in range(rule.order):
        begin, kinds = runs.begin[j], runs.kinds[j]
        _find_shares(rule, j, runs.many_J[j], begin, runs.followed_R, kinds, odds.share[j], odds.each[j])
    if rule.sharpness != 1.0:
        count_runs(runs, odds.times)
        for j in range(1, rule.order + 1):
            _temper(rule, j, runs, odds)
            _accumulate(j, runs, odds)


@njit(nogil=True, cache=True)
def _find_shares(rule, j, many, begin, followed_R, kinds, share, each):
    smoothing, constant = rule.smoothing * rule.vocabulary, rule.constant
    for r in range(many):
        followed = followed_R[begin[r + 1]] - followed_R[begin[r]]
        if j == 0:
            rest = smoothing
        else:
            rest = kinds[r] if constant < 0.0 else followed * constant / (1.0 - constant)
        share[r] = followed / (followed + rest) if followed > 0.0 else 0.0
        each[r] = share[r] / followed if followed > 0.0 else 0.0
    share[many] = 0.0


@njit(nogil=True, cache=True)
def _temper(rule, j, runs, odds):
    """Chance and gain of the n-grams of level j; norm and stay of their contexts, the runs of level j - 1."""
    a, k, uniform = rule.sharpness, j - 1, 1.0 / rule.vocabulary
    share, each, norm, stay = odds.share[k], odds.each[k], odds.norm[k], odds.stay[k]
    for r in range(runs.many_J[k]):
        below = odds.norm[k - 1, runs.parent[k, r]] if k else rule.vocabulary * uniform**a
        stay[r] = (1.0 - share[r]) ** a * below
        norm[r] = stay[r]
    context, parent, times = runs.context[j], runs.parent[j], odds.times[j]
    above, chance, gain = odds.chance[k], odds.chance[j], odds.gain[j]
    for g in range(runs.many_J[j]):
        c = context[g]
        if c >= 0:
            rest = (1.0 - share[c]) * (above[parent[g]] if k else uniform)
            chance[g] = each[c] * times[g] + rest
            gain[g] = chance[g] ** a - rest**a
            norm[c] += gain[g]
    for r in range(runs.many_J[k]):
        stay[r] = 1.0 - stay[r] / norm[r]
    stay[runs.many_J[k]] = 0.0


@njit(nogil=True, cache=True)
def _accumulate(j, runs, odds):
    """Cumulative odds of places within contexts of level j - 1: each place its part of its n-gram's gain."""
    gain, times, norm, drawn = odds.gain[j], odds.times[j], odds.norm[j - 1], odds.drawn_JR[j - 1]
    run_E, context, after_R, followed_R = runs.run_JE[j], runs.context[j], runs.after_R, runs.followed_R
    total = 0.0
    drawn[0] = 0.0
    for n in range(runs.begin[0, 1]):
        g = run_E[after_R[n]]
        if times[g] > 0.0:  # 0 where a weight is lost beside weights 1e16 times its size
            total += gain[g] / norm[context[g]] * (followed_R[n + 1] - followed_R[n]) / times[g]
        drawn[n + 1] = total


@njit(nogil=True, cache=True)
def learn(content_nbL, weight_nb, mark, text_nbS, place_nE, used_n):
    """Lays out and sorts what n agents read."""
    order = text_nbS.shape[2] - content_nbL.shape[2] - 1
    spare, counts = np.empty(place_nE.shape[1], np.int32), np.empty(1 << DIGIT, np.int64)
    place_nE[:] = 0
    for i in range(content_nbL.shape[0]):
        lay_out(content_nbL[i], weight_nb[i], mark, text_nbS[i])
        used_n[i] = sort_places(text_nbS[i], weight_nb[i], order, mark, place_nE[i], spare, counts)


@njit(nogil=True, cache=True)
def write(text_nbS, weight_nb, place_nE, used_n, rule, key, call, agents, step, out_nkL):
    """Fills out_nkL with k documents of each of n agents; token t of document d takes block d L + t of its row."""
    n, b, stride = text_nbS.shape
    tempered = rule.sharpness != 1.0
    runs = room_for_runs(rule.order, b * stride, place_nE.shape[1])
    odds = room_for_odds(rule.order, place_nE.shape[1], rule.sharpness)
    out_nkL[:] = 0
    for i in range(n):
        find_runs(text_nbS[i], weight_nb[i], place_nE[i, : used_n[i]], rule.order, rule.vocabulary, runs)
        find_odds(rule, runs, odds)
        drawn_JR = odds.drawn_JR if tempered else runs.followed_R.reshape(1, -1)
        alike = not tempered and _all_alike(weight_nb[i])
        _write_documents(rule, runs, odds.stay, drawn_JR, alike, key, call, agents[i], step, 0, out_nkL[i])


@njit(nogil=True, cache=True)
def answer(text_nbS, weight_nb, place_nE, used_n, rule, prompt_PL, key, call, agents, step, out_nPkL):
    """Fills out_nPkL with k documents that go on from each prompt, the prompt left out; prompt p draws by call + p."""
    n, b, stride = text_nbS.shape
    tempered = rule.sharpness != 1.0
    runs = room_for_runs(rule.order, b * stride, place_nE.shape[1])
    odds = room_for_odds(rule.order, place_nE.shape[1], rule.sharpness)
    whole_kL = np.empty(out_nPkL.shape[2:], out_nPkL.dtype)
    out_nPkL[:] = 0
    for i in range(n):
        find_runs(text_nbS[i], weight_nb[i], place_nE[i, : used_n[i]], rule.order, rule.vocabulary, runs)
        find_odds(rule, runs, odds)
        drawn_JR = odds.drawn_JR if tempered else runs.followed_R.reshape(1, -1)
        alike = not tempered and _all_alike(weight_nb[i])
        for p in range(prompt_PL.shape[0]):
            begin = _length(prompt_PL[p])
            whole_kL[:] = 0
            whole_kL[:, :begin] = prompt_PL[p, :begin]
            prompt_call = call + np.uint64(p)
            _write_documents(rule, runs, odds.stay, drawn_JR, alike, key, prompt_call, agents[i], step, begin, whole_kL)
            out_nPkL[i, p, :, : whole_kL.shape[1] - begin] = whole_kL[:, begin:]


@njit(nogil=True, cache=True)
def _length(document_L):
    """Tokens before the first 0."""
    t = 0
    while t < document_L.size and document_L[t] != 0:
        t += 1
    return t


@njit(nogil=True, cache=True)
def _all_alike(weight_b):
    """True when the weights that count are equal: the places of a context are then equally likely."""
    some = 0.0
    for w in weight_b:
        if w > 0.0:
            if some > 0.0 and w != some:
                return False
            some = w
    return True


@njit(nogil=True, cache=True)
def _write_documents(rule, runs, stay, drawn_JR, alike, key, call, agent, step, start, out_kL):
    """All documents side by side, token by token: their memory accesses then overlap, worth a factor of two.

    The first `start` tokens of each are there already.
    run_kJ holds, a level, the run that a document's past leads to, or the one after the last where it was never read.
    """
    k, length = out_kL.shape
    order, mark, many_J, tempered = rule.order, rule.vocabulary, runs.many_J, drawn_JR.shape[0] > 1
    run_JE, first, begin, oldest, token_R, after_R = (
        runs.run_JE, runs.first, runs.begin, runs.oldest, runs.token_R, runs.after_R,
    )  # fmt: skip
    u_k, v_k, alive, still = np.empty(k), np.empty(k), np.arange(k), k
    run_kJ = np.zeros((k, order), np.int64)
    for d in range(k):
        _follow(1, order, many_J, first, run_JE, oldest, run_kJ[d], out_kL[d], start - 1, mark)
    for t in range(start, length):
        for d in range(k):
            u_k[d], v_k[d] = two_units(key, d * length + t, call, agent, step)
        many, still = still, 0
        for x in range(many):
            d = alive[x]
            v, run_J = v_k[d], run_kJ[d]
            level, left = order - 1, 1.0
            for j in range(order - 1, -1, -1):
                left *= 1.0 - stay[j, run_J[j]]
                level -= u_k[d] >= 1.0 - left
            token = np.int64(v * mark)  # below the empty context: any token alike
            if level >= 0:
                low, high = begin[level, run_J[level]], begin[level, run_J[level] + 1]
                n = low + np.int64(v * (high - low)) if alike else _pick(drawn_JR[level * tempered], low, high, v)
                token = np.int64(token_R[n])
                for j in range(1, min(level + 2, order)):
                    run_J[j] = run_JE[j, after_R[n]]
            out_kL[d, t] = token
            _follow(level + 2, order, many_J, first, run_JE, oldest, run_J, out_kL[d], t, mark)
            alive[still] = d
            still += token != 0


@njit(nogil=True, cache=True)
def _follow(lowest, order, many_J, first, run_JE, oldest, run_J, out_L, t, mark):
    """Fills run_J from level `lowest` up with the runs that the past up to token t leads to."""
    for j in range(lowest, order):
        r = np.int64(-1)
        if run_J[j - 1] < many_J[j - 1]:
            token = np.int64(out_L[t + 1 - j]) if t + 1 - j >= 0 else np.int64(mark)
            r = find_run(first[j - 1], run_JE[j], oldest[j], run_J[j - 1], token)
        run_J[j] = r if r >= 0 else many_J[j]


@njit(nogil=True, cache=True)
def _pick(cumulative, low, high, v):
    """The place n in low .. high - 1 with cumulative[n] <= target < cumulative[n + 1]."""
    target = cumulative[low] + v * (cumulative[high] - cumulative[low])
    n, wide = np.int64(low), np.int64(high) - low
    while wide > 1:
        half = wide >> 1
        n = n + half if cumulative[n + half] <= target else n
        wide -= half
    return n
