"""Gaussian mixtures of many agents, fitted at once, against scikit-learn's GaussianMixture in a loop.

Same start (k-means++ and Lloyd's steps), same stopping rule, full covariances. scikit-learn is held to one thread, like
the compiled loop: with its default threads the first row took it many times as long on two busy cores. The mean
log-likelihood of the agents' own documents, nats, shows that both fit equally well.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from agents.humans.mixture import Mixture as World
from agents.learners.mixture import Mixture
from benchmarks._timing import alternating, row
from ecosystem.streams import Streams


def against_scikit_learn(agents: int, documents: int, components: int, world: World) -> None:
    """One fit of every agent, each on documents of its own."""
    streams, writer, learner = Streams(0), world.open([world])[0], Mixture(components=components)
    content = writer.sample(documents, streams.rows("humans", 0, agents))
    fresh = learner.init(agents, writer.shape, streams.rows("init", 0, agents))
    weight = np.broadcast_to(np.float64(1), content.shape[:2])

    def ours():
        return learner.train(fresh, content, weight, streams.rows("train", 0, agents))

    def loop():
        return [GaussianMixture(components, random_state=i).fit(x) for i, x in enumerate(content)]

    mine, theirs = alternating(ours, loop, 5)
    params = ours()
    likelihood = np.mean([learner.log_prob({k: v[[i]] for k, v in params.items()}, x) for i, x in enumerate(content)])
    reference = np.mean([model.score(x) for model, x in zip(loop(), content, strict=True)])
    row(agents, documents, world.dimensions, components, mine * 1e3, theirs * 1e3, theirs / mine, likelihood, reference)


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("one fit of all agents, ms, and the mean log-likelihood reached; the last rows have components that overlap")
    row("agents", "documents", "dimensions", "components", "ms", "sklearn ms", "ratio", "nats", "sklearn nats")
    apart, near = {"rare": 0}, {"rare": 0, "radius": 1.8}
    with threadpool_limits(1):
        against_scikit_learn(64, 1000, 4, World(**apart))
        against_scikit_learn(256, 200, 4, World(**apart))
        against_scikit_learn(16, 10_000, 4, World(dimensions=8, **apart))
        against_scikit_learn(64, 1000, 4, World(**near))
        against_scikit_learn(256, 200, 4, World(**near))
        against_scikit_learn(16, 10_000, 4, World(dimensions=8, **near))
