"""How alike texts are, as cosines of their vectors: among a model's answers, between models, and among people.

Letters: N models, P prompts, k answers of a model to a prompt, H of people, A tokens compared, d numbers of a vector,
M texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from ecosystem.text.encoders import Encoder
from ecosystem.text.prompts import Asked

TEXTS = 4096  # encoded at a time: bounds the memory of vectors


@dataclass(frozen=True)
class Likeness:
    """Mean cosines of answers to the same prompt, over prompts.

    within_N (N,): between two answers of a model; between_N (N,): between an answer of a model and one of another
    model, every other alike (NaN for a model alone); people: between two people.
    """

    within_N: np.ndarray
    between_N: np.ndarray
    people: float


_KNOWN: WeakKeyDictionary[object, Likeness] = WeakKeyDictionary()


def of_answers(world) -> Likeness | None:
    """The likeness of what the models of a world answer now; None at steps where no prompts are asked."""
    readout = world.readout
    if readout.answers is None:
        return None
    if readout not in _KNOWN:
        within_N, between_N = _of_models(readout.answers, readout.asked.length, world)
        _KNOWN[readout] = Likeness(within_N, between_N, of_people(world))
    return _KNOWN[readout]


_PEOPLE: WeakKeyDictionary[Encoder, WeakKeyDictionary[Asked, float]] = WeakKeyDictionary()


def of_people(world) -> float:
    """Mean cosine of two people's answers to the same prompt, over prompts; the same at every step."""
    known = _PEOPLE.setdefault(world.encoder, WeakKeyDictionary())
    if world.asked not in known:
        known[world.asked] = _among_people(world.asked, world)
    return known[world.asked]


def _among_people(asked: Asked, world) -> float:
    if not asked.shared:  # the same passages stand for every prompt
        return _mean_cosine(world.encoder.encode(world.show(asked.people[0])))
    return float(np.mean([_mean_cosine(world.encoder.encode(world.show(people_HA))) for people_HA in asked.people]))


def _of_models(answer_NPkL: np.ndarray, compared: int, world) -> tuple[np.ndarray, np.ndarray]:
    """Mean over prompts of cosines within and between models, (N,) each."""
    per_prompt = [_of_prompt(answer_NPkL[:, p, :, :compared], world) for p in range(answer_NPkL.shape[1])]
    within_PN, between_PN = map(np.array, zip(*per_prompt, strict=True))
    return within_PN.mean(axis=0), between_PN.mean(axis=0)


def _of_prompt(answer_NkA: np.ndarray, world) -> tuple[np.ndarray, np.ndarray]:
    """Vectors have length 1, so mean cosines follow from sums of vectors: linear in the number of models."""
    n, k, _ = answer_NkA.shape
    sum_Nd = np.concatenate(
        [_summed(answer_NkA[first : first + max(1, TEXTS // k)], world) for first in range(0, n, max(1, TEXTS // k))]
    )
    own_N = np.einsum("nd,nd->n", sum_Nd, sum_Nd)
    all_N = sum_Nd @ sum_Nd.sum(axis=0)
    within_N = (own_N - k) / (k * (k - 1))
    between_N = (all_N - own_N) / (k * k * (n - 1)) if n > 1 else np.full(n, np.nan)
    return within_N, between_N


def _summed(answer_NkA: np.ndarray, world) -> np.ndarray:
    """(N, d): sum of the vectors of a model's answers."""
    n, k, length = answer_NkA.shape
    vectors = world.encoder.encode(world.show(answer_NkA.reshape(n * k, length)))
    return vectors.reshape(n, k, -1).sum(axis=1, dtype=np.float64)


def _mean_cosine(vectors_Md: np.ndarray) -> float:
    """Mean over pairs of different rows; NaN for a single one."""
    m, total = len(vectors_Md), vectors_Md.sum(axis=0, dtype=np.float64)
    return float((total @ total - m) / (m * (m - 1))) if m > 1 else float("nan")


def vendi(vectors_Md: np.ndarray) -> float:
    """Effective number of different texts: exp of the entropy of the eigenvalues of cosines / M; from 1 to M.

    Friedman & Dieng 2022, arXiv:2210.02410, equation 2, with the cosine of vectors as the similarity.
    """
    share = np.linalg.eigvalsh(vectors_Md.astype(np.float64) @ vectors_Md.T.astype(np.float64) / len(vectors_Md))
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))
