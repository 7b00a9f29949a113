"""Repetition within models and likeness between them, in what they answer to open-ended prompts.

After the Artificial Hivemind (Jiang et al. 2025, arXiv:2510.22954): one model repeats itself, and different models say
the same. Prompts and the number of answers are `measure.prompts`, the vectors that are compared `measure.encoder`; look
at both measures beside `human_answer_similarity`, what two people have in common on the same prompts and by the same
encoder. NaN at steps where prompts are not asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ecosystem.interfaces import defined_for
from ecosystem.metrics import MetricError
from ecosystem.text import likeness


def of_answers(metric) -> Any:
    """Marks a metric that needs prompts, and has a value only at steps at which they are asked."""
    metric.asks = True
    return defined_for("tokens")(metric)


@of_answers
def answer_repetition(world) -> np.ndarray:
    """(N,) mean cosine of two answers of a model to the same prompt, over prompts; -1 to 1, 1: it says one thing."""
    found = _likeness(world, "answer_repetition")
    return found.within_N if found else np.full(world.n, np.nan)


@of_answers
def answer_similarity(world) -> np.ndarray:
    """(N,) mean cosine of an answer of a model and one of another model to the same prompt; 1: all say one thing.

    Over prompts and all other models alike, so that the mean over models is that over pairs. NaN for a single model.
    """
    found = _likeness(world, "answer_similarity")
    return found.between_N if found else np.full(world.n, np.nan)


@of_answers
def human_answer_similarity(world) -> float:
    """Mean cosine of two people's answers to the same prompt, over prompts: the same at every step and for every seed.

    For prompts from a file, which nobody answered: of two human passages at large, which is below what answers to one
    prompt would have in common.
    """
    found = _likeness(world, "human_answer_similarity")
    return found.people if found else float("nan")


def _likeness(world, name: str) -> likeness.Likeness | None:
    if world.asked is None:
        raise MetricError(f"{name}: no prompts are asked; add measure: {{prompts: {{count: 20}}}}.")
    return likeness.of_answers(world)
