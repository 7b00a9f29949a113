"""Kernel density models of many agents at once, against scikit-learn's KernelDensity in a loop.

One generation of an agent: fit to its documents, write as many, score 500 documents of others. The parts are timed one
by one as well: writing is bound by the random numbers, scoring by the exponentials.
"""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KernelDensity
from threadpoolctl import threadpool_limits

from agents.humans.mixture import Mixture as World
from agents.learners.kde import Kde
from benchmarks._timing import alternating, row
from ecosystem.streams import Streams

NEAR = -30  # nats: far from all documents scikit-learn's sums lose their digits


def against_scikit_learn(agents: int, documents: int, scored: int, dimensions: int) -> None:
    """One generation of every agent, each on documents of its own; and its parts."""
    streams, learner, world = Streams(0), Kde(bandwidth=0.3), World(dimensions=dimensions)
    writer = world.open([world])[0]
    content = writer.sample(documents, streams.rows("humans", 0, agents))
    fresh = learner.init(agents, writer.shape, streams.rows("init", 0, agents))
    weight = np.broadcast_to(np.float64(1), content.shape[:2])
    probe = writer.sample(scored, streams.rows("probe", 0, 1))[0]

    def fit():
        return learner.train(fresh, content, weight, streams.rows("train", 0, agents))

    def fit_loop():
        return [KernelDensity(bandwidth=0.3).fit(x) for x in content]

    params, models = fit(), fit_loop()

    def write():
        return learner.sample(params, documents, streams.rows("publish", 0, agents))

    def write_loop():
        return [m.sample(documents, random_state=i) for i, m in enumerate(models)]

    def score():
        return learner.log_prob(params, probe)

    def score_loop():
        return [m.score_samples(probe) for m in models]

    fits, writes = alternating(fit, fit_loop, 3), alternating(write, write_loop, 3)
    scores = alternating(score, score_loop, 3)
    mine, theirs = (fits[s] + writes[s] + scores[s] for s in (0, 1))
    parts = (part[1] / part[0] for part in (fits, writes, scores))
    mine_nm, theirs_nm = score(), np.array(score_loop())
    off = float(np.abs(mine_nm - theirs_nm)[mine_nm > NEAR].max())
    row(agents, documents, dimensions, mine * 1e3, theirs * 1e3, theirs / mine, *parts, off)


if __name__ == "__main__":
    print("fit, write and score (500 documents) of all agents, ms; ratios of the whole and of its parts;")
    print(f"largest difference of log-densities above {NEAR} nats")
    row("agents", "documents", "dimensions", "ours ms", "sklearn ms", "ratio", "fit", "write", "score", "nats off")
    with threadpool_limits(1):
        for agents, documents, dimensions in ((64, 200, 2), (64, 1000, 2), (64, 1000, 1), (64, 1000, 8), (256, 200, 2)):
            against_scikit_learn(agents, documents, 500, dimensions)
