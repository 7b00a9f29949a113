"""How far models are from human writing."""

from __future__ import annotations

import numpy as np

from ecosystem.interfaces import defined_for
from ecosystem.tally import row_squares, row_sums


def human_divergence(world, community: str | None = None) -> np.ndarray:
    """(N,) nats: how badly a model predicts human writing.

    Items: KL(human, model); infinite once the model has lost an item that humans write (unless it smooths). Vectors:
    the same, estimated on a fixed set of fresh human documents (where their density is not known, as of pictures, their
    cross-entropy alone). Texts: cross-entropy of held-out human documents, per
    token. `human_divergence@name`: against one community's writing.
    """
    if world.shape.kind == "tokens":
        from ecosystem.metrics.text import held_out_cross_entropy

        return held_out_cross_entropy(world, community)
    if world.shape.kind == "items":
        return _kullback_leibler(world, community)
    reference, sample, weight = world.reference, world.reference.sample, world.reference.sample_weight
    human = reference.log_prob(sample)
    if community is not None:
        writer = reference.writer(community)
        sample = reference.sample_of(reference.humans.writers.index(writer))
        human, weight = writer.log_prob(sample), np.full(len(sample), 1 / len(sample))
    own = float(weight @ human) if human is not None else 0.0
    return own - row_sums(world.readout.log_prob(sample) * weight)


@defined_for("vectors", "pairs")
def mean_error(world) -> np.ndarray:
    """(N,) squared distance of a model's mean from the human mean, |mu - mu*|^2."""
    apart = world.readout.moments.mean_ND - world.reference.moments.mean_ND
    return row_squares(apart)


def _kullback_leibler(world, community: str | None) -> np.ndarray:
    reference, atoms = world.reference, world.readout.atoms
    human = reference.probabilities if community is None else reference.writer(community).probabilities
    written = human[human > 0]
    share = np.where(atoms.mass_NU > 0, human[atoms.item_NU], 0)
    covered = (share > 0).sum(axis=1) == len(written)
    cross = row_sums(share * np.log(np.where(atoms.mass_NU > 0, atoms.mass_NU, 1)))
    return np.where(covered, (written * np.log(written)).sum() - cross, np.inf)
