"""The inner loops of a read gate, compiled: of what each reader drew, the first documents that passed."""

from __future__ import annotations

import numpy as np
from numba import njit

from ecosystem.documents import ACCEPTED, EXEMPT, NEW, REJECTED
from ecosystem.streams import two_units

PASSED, HUMAN, PUBLIC = 1, 2, 4


@njit(nogil=True, cache=True)
def keep_passed(rows_nw, drawn_n, passed_nw, human_nw, depth, kept_nb, read_n, human_n, depth_n, looked_n):
    """Fills kept_nb with the first passed rows of each reader, and what goes with them.

    looked_n: how many of its draws a reader looked at until it had enough.
    """
    budget = kept_nb.shape[1]
    for i in range(rows_nw.shape[0]):
        got, people, deep, looked = 0, 0, 0.0, 0
        for j in range(drawn_n[i]):
            if got == budget:
                break
            looked += 1
            if passed_nw[i, j]:
                row = rows_nw[i, j]
                kept_nb[i, got] = row
                people += human_nw[i, j]
                deep += depth[row]
                got += 1
        read_n[i], human_n[i], looked_n[i] = got, people, looked
        depth_n[i] = deep / got if got else np.nan


@njit(nogil=True, cache=True)
def keep_by_rates(
    rows_nw, drawn_n, flags_R, depth, readers, step, key_V, rate_V2, kept_nb, read_n, human_n, depth_n, counts_nV22,
):  # fmt: skip
    """As `keep_passed`, where a row passes or not for everyone and V verifiers judge every reading by rates.

    flags_R: PASSED, HUMAN and PUBLIC of each row, added up (one look-up a reading); what is private is not judged.
    rate_V2: acceptance of people's and of models' documents. counts_nV22: judgements of each reader and verifier by who
    wrote (people, models) and verdict (accepted, rejected).
    """
    budget = kept_nb.shape[1]
    chance_V2, block_V = np.empty((key_V.size, 2)), np.empty(key_V.size, np.int64)  # as `Streams.chance`, two at once
    for i in range(rows_nw.shape[0]):
        got, people, deep = 0, 0, 0.0
        block_V[:] = -1
        for j in range(drawn_n[i]):
            if got == budget:
                break
            row = rows_nw[i, j]
            flags = flags_R[row]
            passes, human = flags & PASSED != 0, flags & HUMAN != 0
            if passes and flags & PUBLIC:
                for v in range(key_V.size):
                    author = 0 if human else 1
                    if block_V[v] != j // 2:
                        block_V[v] = j // 2
                        chance_V2[v, 0], chance_V2[v, 1] = two_units(key_V[v], j // 2, 0, readers[i] + 1, step)
                    passes = chance_V2[v, j % 2] < rate_V2[v, author]
                    counts_nV22[i, v, author, 0 if passes else 1] += 1
                    if not passes:
                        break
            if passes:
                kept_nb[i, got] = row
                people += human
                deep += depth[row]
                got += 1
        read_n[i], human_n[i] = got, people
        depth_n[i] = deep / got if got else np.nan


@njit(nogil=True, cache=True)
def judge_by_rates(
    verdict_M, start_GS, count_GS, step_G, asked_S, author_S, human_S, refused_M, key, rate_2, counts_22
):
    """Verdicts, by nothing but who wrote, on documents that have none: in verdict_M, counted in counts_22.

    Places as `Corpus.layout` gives them. Documents of sources that are not asked, and those refused, are exempt. Chance
    goes by a document's rank among its author's, the author and the step, as in `Streams.chance`.
    """
    for g in range(step_G.size):
        for s in range(asked_S.size):
            start = start_GS[g, s]
            who = 0 if human_S[s] else 1
            block, even, odd = -1, 0.0, 0.0
            for r in range(count_GS[g, s]):
                place = start + r
                if verdict_M[place] != NEW:
                    continue
                if not asked_S[s] or refused_M[place]:
                    verdict_M[place] = EXEMPT
                    continue
                if block != r // 2:
                    block = r // 2
                    even, odd = two_units(key, block, 0, author_S[s], step_G[g])
                accepted = (odd if r % 2 else even) < rate_2[who]
                verdict_M[place] = ACCEPTED if accepted else REJECTED
                counts_22[who, 0 if accepted else 1] += 1
