"""How far figures of a simulation may stray by chance; every test says its false-alarm rate by using these.

FALSE_ALARM is the probability that a correct simulator fails one comparison. Seeds are fixed, so a test passes or fails
once and for all. Each test also shows that a wrong law is rejected by the same comparison.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2, norm

FALSE_ALARM = 1e-6


def mean_is(values: np.ndarray, expected: float) -> bool:
    """Whether the mean of independent values is within chance of what is expected (two-sided z-test)."""
    error = values.std(ddof=1) / np.sqrt(values.size)
    return bool(abs(values.mean() - expected) < norm.isf(FALSE_ALARM / 2) * error)


def variance_is(values: np.ndarray, expected: float, fourth_cumulant: float) -> bool:
    """The same for the variance of values whose fourth cumulant is known."""
    error = np.sqrt((fourth_cumulant + 2 * expected**2) / values.size)
    return bool(abs(values.var(ddof=1) - expected) < norm.isf(FALSE_ALARM / 2) * error)


def is_chi_square(total: float, freedom: float) -> bool:
    """Whether a sum of squares is within chance of a chi-square variable (two-sided, exact)."""
    return bool(chi2.ppf(FALSE_ALARM / 2, freedom) < total < chi2.isf(FALSE_ALARM / 2, freedom))
