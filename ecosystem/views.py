"""Mesa's view of the world: an agent is a thin window on one row of a population."""

from __future__ import annotations

import mesa
import numpy as np


class ModelAgent(mesa.Agent):
    """One generative model: its number, group and what it last read. State lives in the population's arrays."""

    def __init__(self, model, number: int, population):
        super().__init__(model)
        self.number = number
        self.population = population

    @property
    def row(self) -> int:
        """Its place in the group."""
        return self.number - self.population.first

    @property
    def group_name(self) -> str:
        return self.population.group.name

    @property
    def learner(self):
        return self.population.group.learner

    @property
    def params(self) -> dict[str, np.ndarray]:
        """Its own parameters (views of one row)."""
        return {name: array[self.row] for name, array in self.population.params.items()}

    @property
    def human_share_read(self) -> float:
        return float(self.population.human_share_n[self.row])

    @property
    def depth(self) -> float:
        return float(self.population.depth_n[self.row])

    @property
    def reads(self) -> list[int]:
        """Numbers of the models it reads."""
        network = self.model.network
        listed = network.author_E[network.begin_N[self.number] : network.end_N[self.number]]
        return [int(j) for j in listed if j != network.skip_N[self.number]]

    def __getattr__(self, name: str):
        """A per-agent metric of the newest frame, by name."""
        if not name.startswith("_") and "model" in self.__dict__ and self.model.frame is not None:
            values = self.model.frame.agents.get(name)
            if values is not None:
                return float(values[self.number])
        raise AttributeError(f"{type(self).__name__} has no attribute or measured metric {name!r}.")


class HumanAgent(mesa.Agent):
    """One human community: its name, what it publishes a step, and who reads it."""

    def __init__(self, model, number: int):
        super().__init__(model)
        self.number = number

    @property
    def community(self):
        return self.model.spec.humans[self.number]

    @property
    def rate(self) -> int:
        """Documents it publishes in the current step."""
        return self.model.humans.rate(self.model.t, self.number)

    @property
    def audience(self) -> np.ndarray:
        """Numbers of the models it reaches."""
        return np.flatnonzero(self.model.humans.reach_NH[:, self.number])


class VerifierAgent(mesa.Agent):
    """One verifier: its name, whom it guards, what it has judged and what that cost. State lives at its desk."""

    def __init__(self, model, desk):
        super().__init__(model)
        self.desk = desk

    @property
    def name(self) -> str:
        return self.desk.name

    @property
    def guards(self) -> list[int]:
        """Numbers of the models it guards."""
        return np.flatnonzero(self.desk.guarded_N).tolist()

    @property
    def judged(self) -> int:
        """Documents it has judged so far."""
        return self.desk.total.judged

    @property
    def cost(self) -> float:
        """What its judgements have cost so far."""
        return self.desk.total_cost


def make(world) -> None:
    """All views of a world, which Mesa then holds."""
    for population in world.populations:
        for i in range(population.first, population.first + population.n):
            ModelAgent(world, i, population)
    for h in range(len(world.spec.humans)):
        HumanAgent(world, h)
    for desk in world.gates.desks.values():
        VerifierAgent(world, desk)
    # Mesa 3.3 counts ids in a dictionary that would keep every world of a process alive for good
    getattr(mesa.Agent, "_ids", {}).pop(world, None)
