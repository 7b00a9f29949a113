"""Closed forms for one model, or for a graph as a whole: each with its source and where it holds.

Generation t = 0 is the first fit, on human documents; arrays run over t = 0 .. steps. n is the number of documents of a
fit. "Replace": each fit is on n fresh documents of the last model; "accumulate": on everything published so far, n
documents a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, polygamma


@dataclass(frozen=True)
class GaussianReplace:
    """Over runs, at t = 0 .. steps: means of the variance and of (mu - mu*)^2; mean and variance of log(variance)."""

    variance_T: np.ndarray
    mean_error_T: np.ndarray
    log_mean_T: np.ndarray
    log_variance_T: np.ndarray


def gaussian_replace(n: int, steps: int, ddof: int = 0, variance: float = 1.0) -> GaussianReplace:
    """A one-dimensional Gaussian refitted to n of its own documents (law 1).

    v_t = v* prod of t+1 independent chi^2(n-1) / (n-ddof). Test the logarithm: the mean of v is carried by rare runs
    (with ddof 1 it does not move while almost every run dies). Exact for n > 1.
    Shumailov et al. 2023, arXiv:2305.17493; Suresh et al. 2024, arXiv:2412.17646.
    """
    if n < 2:
        raise ValueError(f"The n of gaussian_replace must be at least 2 documents. Got {n}.")
    t = np.arange(steps + 1) + 1
    v = variance * ((n - 1) / (n - ddof)) ** t
    drift = digamma((n - 1) / 2) + np.log(2) - np.log(n - ddof)
    # (mu_t - mu*)^2 adds the variance that was there, by n, in every generation
    before = np.append(variance, v[:-1])
    return GaussianReplace(v, np.cumsum(before) / n, np.log(variance) + t * drift, t * polygamma(1, (n - 1) / 2))


def accumulate(n: int, steps: int) -> np.ndarray:
    """Share of the first diversity (or of a Gaussian's variance, ddof 0) that is left when a model accumulates (law 2).

    prod_{i=1..t+1} (1 - 1/(n i^2)), which falls to sin(pi/sqrt n)/(pi/sqrt n): accumulation keeps diversity for ever.
    Holds for one model that reads everything once: the n human documents of its first fit and n of its own a step.
    Kazdan et al. 2024, arXiv:2410.16713, theorem 1 (worded there for the unbiased variance; it holds for 1/n).
    """
    return np.cumprod(1 - 1 / (n * np.arange(1.0, steps + 2) ** 2))


def accumulate_limit(n: int) -> float:
    """What `accumulate` falls to: sin(pi/sqrt n)/(pi/sqrt n)."""
    return float(np.sinc(1 / np.sqrt(n)))


def human_share_curve(n: int, human_share: float, steps: int) -> np.ndarray:
    """Expected diversity of a categorical model as a share of human diversity 1 - sum p*^2 (law 3).

    Each of the n documents of a fit is human with probability `human_share`, else a draw from the last model. With
    R_t = E|p_t - p*|^2 = R_0 + (1 - 1/n)(1 - h)^2 R_{t-1}: E H_t = H* - R_t, R_0 = H*/n.
    Bakshi & Chakraborty 2026, arXiv:2602.10531, theorem 3.1. A batch that is published before it is read is a second
    bottleneck, which `law` carries and this curve does not.
    """
    keep = (1 - 1 / n) * (1 - human_share) ** 2
    return 1 - np.cumsum(keep ** np.arange(steps + 1.0)) / n


def human_share_limit(n: int, human_share: float) -> float:
    """Stationary value of `human_share_curve`: .663, .906, .950 and .981 for n = 100 and 1, 5, 10 and 30 % human."""
    return 1 - 1 / (n * (1 - (1 - human_share) ** 2 * (1 - 1 / n)))


def human_share_behind_detector(
    human_share: float, false_positive_rate: float, false_negative_rate: float
) -> tuple[float, float]:
    """Human share of what a detector lets pass, and the share of documents that pass (law 4).

    `false_positive_rate`: human documents called a model's and dropped; `false_negative_rate`: model documents let
    through. To be put into `human_share_curve`; without refilling the diet shrinks to the second number.
    Bakshi & Chakraborty 2026, arXiv:2602.10531.
    """
    human = human_share * (1 - false_positive_rate)
    passed = human + (1 - human_share) * false_negative_rate
    return (human / passed if passed else float("nan")), passed


def selection_error(error: float, keeps_right: float, keeps_wrong: float) -> float:
    """Error rate among what a verifier lets pass of a generator with an error rate (law 9).

    `keeps_right` (phi), `keeps_wrong` (psi): probabilities that a right and that a wrong document is kept. p psi /
    (p psi + (1 - p) phi), NaN where nothing is kept. A model that says what most of a large sample says goes to the
    truth where this is below 1/2: see `selection_threshold`. Feng et al. 2024, arXiv:2406.07515.
    """
    wrong, right = error * keeps_wrong, (1 - error) * keeps_right
    return wrong / (wrong + right) if wrong + right else float("nan")


def selection_threshold(keeps_right: float, keeps_wrong: float) -> float:
    """Error rate of a generator up to which selection by a verifier leads to the truth: 1 / (1 + psi/phi) (law 9).

    Assumes two answers, verdicts independent of each other and of everything but being right, a student that takes the
    majority, and unlimited documents; with n selected ones the step from success to failure is about 2 / sqrt(n) wide.
    Without selection (phi = psi) it is 1/2. NaN where nothing is kept. Feng et al. 2024, arXiv:2406.07515.
    """
    kept = keeps_right + keeps_wrong
    return keeps_right / kept if kept else float("nan")


@dataclass(frozen=True)
class BiasedLimit:
    """Mean and variance of a Gaussian model behind a biased verifier, at t = 0 .. steps."""

    mean_T: np.ndarray
    variance_T: np.ndarray


def biased_limit(
    mean: float, variance: float, centre: float, width: float, steps: int, human_share: float = 0.0
) -> BiasedLimit:
    """A one-dimensional Gaussian refitted to what a biased verifier accepts of its own documents (law 10).

    Acceptance exp(-(x - centre)^2 / (2 width^2)), unlimited documents, step 0 fitted to human ones, unjudged. With
    human share 0, 1/v_t = 1/v_0 + t/width^2 and m_t = v_t (m_0/v_0 + t centre/width^2): it ends at the centre and says
    one thing only, and the width sets only how soon; in more dimensions each goes its way alone. With a human share of
    what is looked at (people pass the same verifier) it comes to rest between; the law is then iterated, each fit
    being a normal distribution of the mean and variance of the mixture that passed. Yi et al. 2025, arXiv:2510.16657.
    """
    means, variances = [mean], [variance]
    human = _accepted(mean, variance, centre, width)
    for _ in range(steps):
        own = _accepted(means[-1], variances[-1], centre, width)
        weight = np.array([human_share * human[0], (1 - human_share) * own[0]])
        share, m, v = weight / weight.sum(), np.array([human[1], own[1]]), np.array([human[2], own[2]])
        means.append(float(share @ m))
        variances.append(float(share @ (v + (m - means[-1]) ** 2)))
    return BiasedLimit(np.array(means), np.array(variances))


def _accepted(mean: float, variance: float, centre: float, width: float) -> tuple[float, float, float]:
    """Share of N(mean, variance) that a biased verifier accepts; mean and variance of that."""
    both = variance + width**2
    passed = np.sqrt(width**2 / both) * np.exp(-((mean - centre) ** 2) / (2 * both))
    return float(passed), (mean * width**2 + centre * variance) / both, variance * width**2 / both


def rare_item_survival(count: int | np.ndarray, generations: int) -> float | np.ndarray:
    """Probability that an item seen `count` times is still there `generations` later, under plain resampling (law 5).

    1 - exp(-count g_k), g_1 = 1, g_{k+1} = 1 - exp(-g_k): a branching process with Poisson offspring, good while the
    item is rare (count << n). `generations` is at least 1. Suresh et al. 2024, arXiv:2412.17646.
    """
    if generations < 1:
        raise ValueError(f"The generations of rare_item_survival must be at least 1. Got {generations}.")
    g = 1.0
    for _ in range(generations - 1):
        g = 1 - np.exp(-g)
    return 1 - np.exp(-count * g)


def temperature_limit(probabilities: np.ndarray, temperature: float, generation: int) -> np.ndarray:
    """Item probabilities (K,) after refits at a temperature, in the limit of many documents (law 6).

    p_t proportional to p_0^(temperature^-t): below 1 it ends in the most probable item, above 1 in all alike.
    Marchi et al. 2024, arXiv:2404.02325.
    """
    with np.errstate(divide="ignore"):
        log_odds = np.log(probabilities) - np.log(np.max(probabilities))
    with np.errstate(over="ignore", invalid="ignore"):
        mass = np.where(log_odds == 0, 1.0, np.exp(log_odds * np.power(1 / temperature, float(generation))))
    mass = np.where(np.asarray(probabilities) > 0, mass, 0.0)  # what was never there stays away
    return mass / mass.sum()


def fixation(probabilities: np.ndarray) -> np.ndarray:
    """Probability that each item is the last that a model without human documents can write: p* itself (law 7).

    Neutral drift is a martingale, E p_t = p*, that ends in one item; holds for any n and any reading graph that ends in
    one item. Kimura 1962 (Genetics 47:713) without selection.
    """
    return np.asarray(probabilities, float)


def fixation_time(probabilities: np.ndarray, n: int) -> float:
    """Mean number of generations until one item is left, for large n: -2 n sum (1 - p) log(1 - p).

    1.9 n from ten equal items, 1.4 n from two. Diffusion limit of one model that reads n of its own documents:
    Kimura & Ohta 1969 (Genetics 61:763), item by item.
    """
    other = 1 - np.asarray(probabilities, float)
    return float(-2 * n * np.sum(other * np.log(np.where(other > 0, other, 1))))
