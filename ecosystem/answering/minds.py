"""What any model of a world believes of any fact: peers, judges and opponents are asked here.

Letters: M questions, n models of a group, Q questions of each, V slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecosystem.grammar import Grammar
from ecosystem.interfaces import Params
from ecosystem.population import Population


@dataclass(frozen=True)
class Minds:
    """The models of a world as those who can be asked. `earlier`: their parameters by group, in place of today's."""

    populations: list[Population]
    grammar: Grammar
    earlier: dict[str, Params] | None = None

    def beliefs(self, model_M: np.ndarray, fact_M: np.ndarray, step: int, purpose: str) -> np.ndarray:
        """(M, V) what each model believes of a fact; NaN where there is no such model (people) or no fact."""
        found = np.full((len(model_M), self.grammar.slots), np.nan)
        for population in self.populations:
            asked = (model_M >= population.first) & (model_M < population.first + population.n) & (fact_M >= 0)
            mine = np.flatnonzero(asked)
            if len(mine):
                rows = model_M[mine] - population.first
                for part in _alike(rows):
                    found[mine[part]] = self._of(population, rows[part], fact_M[mine[part]], step, purpose)
        return found

    def _of(self, population: Population, row_M, fact_M, step: int, purpose: str) -> np.ndarray:
        order = np.argsort(row_M, kind="stable")
        rows, first, size = np.unique(row_M[order], return_index=True, return_counts=True)
        place_M = np.repeat(np.arange(len(rows)), size)
        column_M = np.arange(len(row_M)) - np.repeat(first, size)
        fact_nQ = np.zeros((len(rows), size.max()), np.int64)
        fact_nQ[place_M, column_M] = fact_M[order]
        params = None if self.earlier is None else self.earlier[population.group.name]
        found = np.empty((len(row_M), self.grammar.slots))
        found[order] = population.beliefs(fact_nQ, step, purpose, rows, params)[place_M, column_M]
        return found


def _alike(row_M: np.ndarray) -> list[np.ndarray]:
    """Questions in parts whose models are asked about equally much, within a factor of two: asked together, all models
    of a part are asked as much as the one that is asked most, which a hub would make dear."""
    size_M = np.bincount(row_M)[row_M]
    scale_M = np.ceil(np.log2(size_M)).astype(int)
    return [np.flatnonzero(scale_M == scale) for scale in np.unique(scale_M)]
