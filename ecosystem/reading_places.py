"""What a reader may read, as places in a count: the small compiled functions behind the draw rules.

Documents of what one follows are counted through: first those of the models on one's list (`cum_E`, prefix sums over
list entries), then those of the communities that reach one, then one's archive. A document is a place x in that count;
`model_document` and `human_document` turn it into (source, which of its documents), `row_of` into a row of the pool.
Sources are counted through in the same order by weight (`heard_E`, running sums list by list).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def table_size(budget):
    size = 4
    while size < 2 * budget:
        size *= 2
    return size


@njit(cache=True)
def add_new(table, row):
    """Adds a row to an open-addressing set (empty places are -1); False when it was there."""
    mask = table.size - 1
    place = (row * 2654435761) & mask
    while table[place] >= 0:
        if table[place] == row:
            return False
        place = (place + 1) & mask
    table[place] = row
    return True


@njit(cache=True)
def on_list(cum_E, begin, end, skip):
    """Documents of a list in all, the skipped entry left out."""
    whole = cum_E[end] - cum_E[begin]
    return whole - (cum_E[begin + skip + 1] - cum_E[begin + skip]) if skip >= 0 else whole


@njit(cache=True)
def past_skip(x, begin, skip, cum_E):
    """A place counted without the skipped entry, as a place in the whole list."""
    if skip >= 0 and x >= cum_E[begin + skip] - cum_E[begin]:
        return x + (cum_E[begin + skip + 1] - cum_E[begin + skip])
    return x


@njit(cache=True)
def entry_at(x, begin, end, cum_E):
    """The entry e of a list with cum_E[e] <= x + cum_E[begin] < cum_E[e + 1]."""
    low, high, target = begin, end - 1, x + cum_E[begin]
    while low < high:
        middle = (low + high) // 2
        if cum_E[middle + 1] <= target:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def of_humans(reach_H, own, n_models, count_S):
    """Documents of the communities that reach a reader and of its archive."""
    total = count_S[own] if own >= 0 else 0
    for h in range(reach_H.size):
        if reach_H[h]:
            total += count_S[n_models + h]
    return total


@njit(cache=True)
def document_at(x, models, listed, author_E, cum_E, even, reach_H, count_S):
    """The x-th document of all that one can read: (source, which of its documents)."""
    begin, end, skip, own, n_models = listed
    if x < models:
        return model_document(x, begin, skip, author_E, cum_E, even, end)
    return human_document(x - models, reach_H, own, n_models, count_S)


@njit(cache=True)
def model_document(x, begin, skip, author_E, cum_E, even, end):
    x = past_skip(x, begin, skip, cum_E)
    if even > 0:  # a division of floats is exact here (counts are far below 2^52), several times faster than integers'
        place = int(x / even)
        return author_E[begin + place], x - place * even
    entry = entry_at(x, begin, end, cum_E)
    return author_E[entry], x + cum_E[begin] - cum_E[entry]


@njit(cache=True)
def human_document(x, reach_H, own, n_models, count_S):
    for h in range(reach_H.size):
        if reach_H[h]:
            if x < count_S[n_models + h]:
                return n_models + h, x
            x -= count_S[n_models + h]
    return own, x


@njit(cache=True)
def row_of(source, r, start_GS, cumulative_GS):
    """The row of the r-th readable document of a source."""
    low, high = 0, start_GS.shape[0] - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative_GS[middle + 1, source] <= r:
            low = middle + 1
        else:
            high = middle
    return start_GS[low, source] + r - cumulative_GS[low, source]


@njit(cache=True)
def human_side(u, human_share, models_left, humans_left):
    """Is this document human? The side that has any stands in for one that has none."""
    if humans_left == 0 or models_left == 0:
        return models_left == 0
    return u < human_share


@njit(nogil=True, cache=True)
def heard(begin_N, author_E, weight_E, count_S):
    """Running sums, list by list, of the weights of models with documents, (E,).

    One sum over all lists would lose light weights behind heavy ones of other readers.
    """
    running_E, starts = np.empty(author_E.size), np.zeros(author_E.size + 1, np.bool_)
    for i in range(begin_N.size):
        starts[begin_N[i]] = True
    total = 0.0
    for e in range(author_E.size):
        total = 0.0 if starts[e] else total
        if count_S[author_E[e]] > 0:
            total += weight_E[e]
        running_E[e] = total
    return running_E


@njit(cache=True)
def _weight_on_list(heard_E, begin, end, skip):
    """Weight of a list and of what is left out: (all the rest, before the skipped entry, of the skipped entry)."""
    whole = heard_E[end - 1] if end > begin else 0.0
    if skip < 0:
        return whole, whole, 0.0
    before = heard_E[begin + skip - 1] if skip > 0 else 0.0
    skipped = heard_E[begin + skip] - before  # exact: all weigh 1 where a list has a gap
    return whole - skipped, before, skipped


@njit(cache=True)
def _heard_entry(x, begin, end, heard_E):
    """The first entry whose running weight is above x: never one without documents, if x is below the whole."""
    low, high = begin, end - 1
    while low < high:
        middle = (low + high) // 2
        if heard_E[middle] > x:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True)
def sources_weight(heard_E, begin, end, skip, own, n_models, reach_H, count_S):
    """Weight of all sources with documents; a community or an archive weighs 1."""
    weight = _weight_on_list(heard_E, begin, end, skip)[0]
    for h in range(reach_H.size):
        if reach_H[h] and count_S[n_models + h] > 0:
            weight += 1.0
    return weight + 1.0 if own >= 0 and count_S[own] > 0 else weight


@njit(cache=True)
def source_at(x, listed, author_E, heard_E, reach_H, count_S):
    """The source at place x of the summed weights."""
    begin, end, skip, own, n_models = listed
    models, before, skipped = _weight_on_list(heard_E, begin, end, skip)
    if x < models:
        return author_E[_heard_entry(x if x < before else x + skipped, begin, end, heard_E)]
    x -= models
    last = own if own >= 0 and count_S[own] > 0 else -1
    for h in range(reach_H.size):
        if reach_H[h] and count_S[n_models + h] > 0:
            if x < 1.0 or last < 0:
                last = n_models + h
            if x < 1.0:
                return last
            x -= 1.0
    if last < 0:  # rounding ran past the last model
        return author_E[_heard_entry(0.0 if before > 0 else skipped, begin, end, heard_E)]
    return last


@njit(cache=True)
def source_left(u, listed, author_E, weight_E, reach_H, count_S, taken_S):
    """A source by weight among those with documents left, by going through them all."""
    begin, end, skip, own, n_models = listed
    left, target, found = 0.0, -1.0, -1
    for sweep in range(2):  # first the weight of what is left, then the place u of it
        passed = 0.0
        for e in range(end - begin + reach_H.size + 1):
            source, weight = own, 1.0
            if e < end - begin:
                source, weight = author_E[begin + e], weight_E[begin + e]
                if e == skip:
                    continue
            elif e < end - begin + reach_H.size:
                source = n_models + e - (end - begin)
                if not reach_H[e - (end - begin)]:
                    continue
            if source < 0 or taken_S[source] >= count_S[source]:
                continue
            passed += weight
            if sweep == 1:
                found = source
                if passed > target:
                    return found
        left = passed
        target = u * left
    return found
