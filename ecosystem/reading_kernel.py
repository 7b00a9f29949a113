"""The inner loop of reading, compiled: one reader after the other, one document after the other."""

from __future__ import annotations

import numpy as np
from numba import njit

from ecosystem.reading_places import (
    add_new,
    document_at,
    human_document,
    human_side,
    model_document,
    of_humans,
    on_list,
    row_of,
    source_at,
    source_left,
    sources_weight,
    table_size,
)
from ecosystem.streams import fill_units, two_units

BY_DOCUMENTS, BY_SOURCES, BY_SHARE = 0, 1, 2
PATIENCE = 64  # exhausted sources met in a row before what is left is listed


@njit(nogil=True, cache=True)
def draw_diets(
    key, call, step, agents, readers, begin_N, end_N, skip_N, author_E, first_E, cum_E, weight_E, heard_E, even,
    reach_NH, archive_N, count_S, start_GS, cumulative_GS, own_start_S, own_count_S, depth, rule, human_share,
    replacement, unfed_self, at_most, rows, read_n, human_n, depth_n,
):  # fmt: skip
    """Fills rows (n, b), read_n, human_n and depth_n for the models in `readers`; heard_E is from `heard`.

    Without replacement, who has `at_most` so many documents to read reads them in the order of the web.
    """
    n_models, h = reach_NH.shape
    budget = rows.shape[1]
    unit_2b = np.empty(2 * budget + 2)
    seen = np.empty(1 if replacement else table_size(budget), np.int64)  # rows read: no document twice
    taken_S = np.zeros(1 if replacement else count_S.size, np.int64)  # documents read of each source
    source_b = np.empty(1 if replacement else budget, np.int64)
    for a in range(readers.size):
        i = readers[a]
        own = n_models + h + i if archive_N[i] else -1
        models = on_list(cum_E, begin_N[i], end_N[i], skip_N[i])
        humans = of_humans(reach_NH[i], own, n_models, count_S)
        if models + humans == 0:
            if unfed_self:
                first, mine = own_start_S[i], own_count_S[i]
                _read_own(key, call, step, agents[a], first, mine, depth, replacement, rows[a], read_n, depth_n, a)
            continue
        listed = (begin_N[i], end_N[i], skip_N[i], own, n_models)
        if replacement:
            _read_freely(
                key, call, step, agents[a], listed, models, humans, author_E, first_E, cum_E, heard_E, even,
                reach_NH[i], count_S, start_GS, cumulative_GS, depth, rule, human_share, rows[a], read_n, human_n,
                depth_n, a, unit_2b,
            )  # fmt: skip
        elif models + humans <= min(budget, at_most):
            _read_everything(
                listed, models, humans, author_E, cum_E, even, reach_NH[i], count_S, start_GS, cumulative_GS, depth,
                rows[a], read_n, human_n, depth_n, a,
            )  # fmt: skip
        else:
            seen[:] = -1
            _read_once(
                key, call, step, agents[a], listed, models, humans, author_E, cum_E, weight_E, heard_E, even,
                reach_NH[i], count_S, start_GS, cumulative_GS, depth, rule, human_share, rows[a, : models + humans],
                read_n, human_n, depth_n, a, seen, taken_S, source_b,
            )  # fmt: skip
            for b in range(read_n[a]):
                taken_S[source_b[b]] = 0


@njit(cache=True)
def _read_freely(
    key, call, step, agent, listed, models, humans, author_E, first_E, cum_E, heard_E, even, reach_H, count_S, start_GS,
    cumulative_GS, depth, rule, human_share, row_b, read_n, human_n, depth_n, a, unit_2b,
):  # fmt: skip
    """With replacement: every draw stands alone. Numbers are made first, all at once, which the compiler vectorises."""
    size = row_b.size
    fill_units(key, call, step, agent, unit_2b, size if rule == BY_DOCUMENTS else 2 * size)
    if rule == BY_DOCUMENTS:
        from_humans = _freely_by_documents(
            unit_2b, listed, models, humans, author_E, first_E, cum_E, even, reach_H, count_S, start_GS, cumulative_GS,
            row_b,
        )  # fmt: skip
    elif rule == BY_SOURCES:
        from_humans = _freely_by_sources(
            unit_2b, listed, author_E, heard_E, reach_H, count_S, start_GS, cumulative_GS, row_b
        )
    else:
        from_humans = _freely_by_share(
            unit_2b, human_share, listed, models, humans, author_E, cum_E, even, reach_H, count_S, start_GS,
            cumulative_GS, row_b,
        )  # fmt: skip
    sum_depth = 0.0
    for b in range(size):
        sum_depth += depth[row_b[b]]
    read_n[a], human_n[a], depth_n[a] = size, from_humans, sum_depth / size


# The three loops call small functions only: passing all arrays to one function costs twenty times the draw itself.


@njit(cache=True)
def _freely_by_documents(
    unit_2b, listed, models, humans, author_E, first_E, cum_E, even, reach_H, count_S, start_GS, cumulative_GS, row_b,
):  # fmt: skip
    begin, end, skip, own, n_models = listed
    if even > 0 and first_E.size > 0:
        skipped = skip * even if skip >= 0 else models  # from this document on the skipped model lies before
        return _evenly(
            unit_2b, models, humans, skipped, own, n_models, first_E[begin:end], even, reach_H, count_S, start_GS, row_b
        )
    from_humans, total = 0, models + humans
    for b in range(row_b.size):
        x = int(unit_2b[b] * total)
        if x < models:
            source, r = model_document(x, begin, skip, author_E, cum_E, even, end)
        else:
            source, r = human_document(x - models, reach_H, own, n_models, count_S)
            from_humans += 1
        row_b[b] = row_of(source, r, start_GS, cumulative_GS)
    return from_humans


@njit(cache=True)
def _evenly(unit_2b, models, humans, skipped, own, n_models, first_e, even, reach_H, count_S, start_GS, row_b):
    """By documents, where all models published alike in one step: the loop that most runs spend their time in."""
    from_humans, total = 0, models + humans
    for b in range(row_b.size):
        x = int(unit_2b[b] * total)
        if x < models:
            x = x + even if x >= skipped else x
            place = int(x / even)
            row_b[b] = first_e[place] + x - place * even
        else:
            row_b[b] = -1 - x  # a human document, to be looked up below: no call in this loop
            from_humans += 1
    if from_humans > 0:
        for b in range(row_b.size):
            if row_b[b] < 0:
                source, r = human_document(-1 - row_b[b] - models, reach_H, own, n_models, count_S)
                row_b[b] = start_GS[0, source] + r
    return from_humans


@njit(cache=True)
def _freely_by_sources(unit_2b, listed, author_E, heard_E, reach_H, count_S, start_GS, cumulative_GS, row_b):
    begin, end, skip, own, n_models = listed
    from_humans, whole = 0, sources_weight(heard_E, begin, end, skip, own, n_models, reach_H, count_S)
    for b in range(row_b.size):
        source = source_at(unit_2b[2 * b] * whole, listed, author_E, heard_E, reach_H, count_S)
        r = int(unit_2b[2 * b + 1] * count_S[source])
        row_b[b] = row_of(source, r, start_GS, cumulative_GS)
        from_humans += source >= n_models
    return from_humans


@njit(cache=True)
def _freely_by_share(
    unit_2b, human_share, listed, models, humans, author_E, cum_E, even, reach_H, count_S, start_GS, cumulative_GS,
    row_b,
):  # fmt: skip
    begin, end, skip, own, n_models = listed
    from_humans = 0
    for b in range(row_b.size):
        if human_side(unit_2b[2 * b], human_share, models, humans):
            source, r = human_document(int(unit_2b[2 * b + 1] * humans), reach_H, own, n_models, count_S)
            from_humans += 1
        else:
            source, r = model_document(int(unit_2b[2 * b + 1] * models), begin, skip, author_E, cum_E, even, end)
        row_b[b] = row_of(source, r, start_GS, cumulative_GS)
    return from_humans


@njit(cache=True)
def _read_everything(
    listed, models, humans, author_E, cum_E, even, reach_H, count_S, start_GS, cumulative_GS, depth, row_b, read_n,
    human_n, depth_n, a,
):  # fmt: skip
    """Every readable document once."""
    sum_depth = 0.0
    for x in range(models + humans):
        source, r = document_at(x, models, listed, author_E, cum_E, even, reach_H, count_S)
        row_b[x] = row_of(source, r, start_GS, cumulative_GS)
        sum_depth += depth[row_b[x]]
    read_n[a], human_n[a], depth_n[a] = models + humans, humans, sum_depth / (models + humans)


@njit(cache=True)
def _read_once(
    key, call, step, agent, listed, models, humans, author_E, cum_E, weight_E, heard_E, even, reach_H, count_S,
    start_GS, cumulative_GS, depth, rule, human_share, row_b, read_n, human_n, depth_n, a, seen, taken_S, source_b,
):  # fmt: skip
    """Without replacement, at least as much being there as is asked for: what was read already is drawn again."""
    begin, end, skip, own, n_models = listed
    by_sources = rule == BY_SOURCES
    whole = sources_weight(heard_E, begin, end, skip, own, n_models, reach_H, count_S) if by_sources else 0.0
    got, from_humans, block, sum_depth = 0, 0, 0, 0.0
    while got < row_b.size:
        u, v = two_units(key, block, call, agent, step)
        block += 1
        if by_sources:
            source = source_at(u * whole, listed, author_E, heard_E, reach_H, count_S)
            misses = 0
            while taken_S[source] == count_S[source]:
                u = two_units(key, block, call, agent, step)[0]
                block, misses = block + 1, misses + 1
                if misses < PATIENCE:
                    source = source_at(u * whole, listed, author_E, heard_E, reach_H, count_S)
                else:
                    source = source_left(u, listed, author_E, weight_E, reach_H, count_S, taken_S)
            first, size = 0, count_S[source]
        elif rule == BY_SHARE:
            human = human_side(u, human_share, models - (got - from_humans), humans - from_humans)
            first, size = (models, humans) if human else (0, models)
        else:
            first, size = 0, models + humans
        while True:  # a document of the chosen source or side that is not read yet
            if by_sources:
                r = int(v * size)
            else:
                source, r = document_at(first + int(v * size), models, listed, author_E, cum_E, even, reach_H, count_S)
            row = row_of(source, r, start_GS, cumulative_GS)
            if add_new(seen, row):
                break
            v = two_units(key, block, call, agent, step)[1]
            block += 1
        row_b[got], source_b[got] = row, source
        taken_S[source] += 1
        from_humans += source >= n_models
        sum_depth += depth[row]
        got += 1
    read_n[a], human_n[a], depth_n[a] = got, from_humans, sum_depth / got


@njit(cache=True)
def _read_own(key, call, step, agent, first, mine, depth, replacement, row_b, read_n, depth_n, a):
    """A model that nothing reaches reads what it published in the newest step: rows first .. first + mine - 1."""
    if mine == 0:
        return
    wanted, sum_depth = row_b.size if replacement else min(row_b.size, mine), 0.0
    start = int(two_units(key, 0, call, agent, step)[0] * mine)
    for b in range(wanted):
        # without replacement: a run from a random start, which is a uniform draw because documents are exchangeable
        r = int(two_units(key, b, call, agent, step)[1] * mine) if replacement else (start + b) % mine
        row_b[b] = first + r
        sum_depth += depth[row_b[b]]
    read_n[a], depth_n[a] = wanted, sum_depth / wanted
