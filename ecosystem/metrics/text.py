"""How varied text is, and how it looks to a model of human writing.

All are taken on the measuring sample: `measure.documents` documents that each model writes for measuring only. They
depend on its size, so compare runs that share it. The cross-entropy of held-out human text is `human_divergence`.
"""

from __future__ import annotations

import zlib

import numpy as np

from ecosystem.interfaces import defined_for
from ecosystem.text import bleu, likeness
from ecosystem.text.measures import distinct_share, held_out_cross_entropy, lengths, unseen_trigram_share

__all__ = [
    "compression_ratio", "distinct_2", "distinct_3", "held_out_cross_entropy", "reverse_cross_entropy",
    "self_bleu", "type_coverage", "unseen_trigram_share", "vendi_score",
]  # fmt: skip

JUDGED = 16  # documents of each model that a model of human writing judges
ENCODED = 32  # documents of each model that an encoder reads: a sentence encoder takes 10 ms for each


@defined_for("tokens")
def distinct_2(world) -> np.ndarray:
    """(N,) different pairs of neighbouring tokens over all such pairs (Li et al. 2016, arXiv:1510.03055)."""
    return distinct_share(world, 2)


@defined_for("tokens")
def distinct_3(world) -> np.ndarray:
    """(N,) different runs of three tokens over all such runs (Li et al. 2016, arXiv:1510.03055)."""
    return distinct_share(world, 3)


@defined_for("tokens")
def compression_ratio(world) -> np.ndarray:
    """(N,) bytes of the text over bytes that zlib makes of it: more where text repeats itself (arXiv:2403.00553).

    The text is the documents of the sample in order, a line each. NaN where nothing was written.
    """
    return np.array([_compression(world.writers[0], documents) for documents in world.readout.sample])


@defined_for("tokens")
def self_bleu(world) -> np.ndarray:
    """(N,) how much the documents of a model repeat each other, 0 to 1 (Zhu et al. 2018, arXiv:1802.01886).

    BLEU-4 of tokens of each document of the sample against all others; details and smoothing in `text/bleu.py`.
    """
    return bleu.self_bleu(world.readout.sample)


@defined_for("tokens")
def vendi_score(world) -> np.ndarray:
    """(N,) effective number of different documents among the first ENCODED of the sample (arXiv:2210.02410).

    From 1, all alike, to as many as there are; documents are compared by the cosine of `measure.encoder`.
    """
    vectors = [world.encoder.encode(world.show(documents[:ENCODED])) for documents in world.readout.sample]
    return np.array([likeness.vendi(vectors_kd) for vectors_kd in vectors])


@defined_for("tokens")
def reverse_cross_entropy(world) -> np.ndarray:
    """(N,) nats per token, end tokens included, of what a model writes under a model of human writing.

    Low for common phrases, high for what no human would write. Taken on the first JUDGED documents of the sample; a
    document's probability is the mean over communities in proportion to their writing. NaN where the world has no
    model of human writing.
    """
    sample = world.readout.sample[:, :JUDGED]
    score = world.reference.log_prob(sample.reshape(-1, sample.shape[-1]))
    if score is None:
        return np.full(world.n, np.nan)
    return -score.reshape(sample.shape[:2]).sum(axis=1) / lengths(sample).sum(axis=1)


@defined_for("tokens")
def type_coverage(world, community: str | None = None) -> np.ndarray:
    """(N,) share of the tokens that humans write which are in the sample; `type_coverage@name`: of one community's."""
    reference, atoms = world.reference, world.readout.atoms
    human = reference.probabilities if community is None else reference.item_probabilities(reference.writer(community))
    return ((atoms.mass_NU > 0) & (human[atoms.item_NU] > 0)).sum(axis=1) / (human > 0).sum()


def _compression(writer, documents: np.ndarray) -> float:
    raw = getattr(writer, "raw", None)
    text = b"\n".join(map(raw, documents)) if raw else "\n".join(writer.show(documents)).encode()
    return len(text) / len(zlib.compress(text, 6)) if text.strip() else float("nan")
