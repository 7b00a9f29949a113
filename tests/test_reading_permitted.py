"""Whatever the graph, the counts and the rule: nobody reads a document that it may not read."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosystem.documents import Keep
from ecosystem.network import from_edges
from ecosystem.reading import available, read
from ecosystem.streams import Streams
from tests.test_reading import H, N, World

EACH = 40  # diets of every model
COUNTS = st.one_of(  # of a step: all models alike, as most runs have it, or not
    st.tuples(st.integers(0, 4), *[st.integers(0, 4)] * H).map(lambda c: (c[0],) * N + c[1:]),
    st.tuples(*[st.integers(0, 4)] * (N + H)),
)


@st.composite
def worlds(draw) -> World:
    pairs = draw(st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)), max_size=N * N, unique=True))
    reader, author = (np.array(column, np.int64) for column in zip(*pairs, strict=True)) if pairs else ([], [])
    network = from_edges(N, np.array(reader, np.int64), np.array(author, np.int64), np.ones(len(pairs)))
    reach = draw(st.tuples(*[st.tuples(*[st.integers(0, 1)] * H)] * N))
    archive = draw(st.tuples(*[st.integers(0, 1)] * N))
    steps = draw(st.lists(COUNTS, min_size=1, max_size=3))
    private = [tuple(3 * a for a in archive) if t == 0 else (0,) * N for t in range(len(steps))]
    counts = tuple(c + p for c, p in zip(steps, private, strict=True)) if any(archive) else tuple(steps)
    keep = draw(st.sampled_from([Keep(None), Keep(1), Keep(2), Keep(None, 5)]))
    return World(network, counts, reach, archive, keep)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(worlds(), st.sampled_from(["documents", "sources", "share"]), st.booleans(), st.integers(1, 9))
def test_nobody_reads_what_they_may_not(world, rule, replacement, budget):
    pool = world.corpus().readable(np.random.default_rng(0))
    readers = np.repeat(np.arange(N), EACH)
    rng = Streams(0).rows("reading", 1, len(readers))
    diet = read(world.follows, pool, readers, budget, rng, rule, 0.5, replacement)
    for reader in range(N):
        shelf = [document for source in world.shelf(reader, pool) for document in source.documents]
        for row in range(reader * EACH, (reader + 1) * EACH):
            mine = pool.documents(diet.rows_nb[row, : diet.read_n[row]])
            assert set(mine.tolist()) <= set(shelf)
            assert len(mine) == (0 if not shelf else budget if replacement else min(budget, len(shelf)))
        assert available(world.follows, pool)[reader] == len(shelf)
