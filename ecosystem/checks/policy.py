"""The rules that every policy keeps, one function each, named for its rule. `RULES` lists them.

Each takes a Bench (a policy and what it may come to see of a world) and raises CheckFailed with one sentence.

Letters: N models, H communities.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecosystem.checks.trial import first_difference, require, require_plain_parameters
from ecosystem.interfaces import Params
from ecosystem.policy import WHOM, Controls, Outlook, Policy, wrong

N = 4
SEEN = (0.5, 0.4, 0.05, float("nan"), 0.9, 0.0, 2.0, 0.5)  # of each measure that it needs, step by step


@dataclass(frozen=True)
class Bench:
    """A policy before a small world: those whom it steers are there, and some others."""

    policy: Policy

    @property
    def outlooks(self) -> list[Outlook]:
        """A few steps, made anew: all well, little of all measures, nothing known, no models' writing, plenty of it."""
        return [self._outlook(step, value) for step, value in enumerate(SEEN, start=1)]

    def decided(self) -> Iterator[tuple[Outlook, Params, Controls, Params]]:
        """Every step in which it acts: what it saw and knew, what it decided, and what it knows from then on."""
        state = None
        for outlook in self.outlooks:
            if self.policy.acts(outlook.step):
                known = self.policy.open(outlook) if state is None else state
                controls, state = self.policy.decide(known, outlook)
                yield outlook, known, controls, state

    def _outlook(self, step: int, value: float) -> Outlook:
        named: dict[str, list[str]] = {"communities": ["others"], "groups": ["others"], "verifiers": ["others"]}
        for control, names in self.policy.names().items():
            named[WHOM[control]] += names
        communities = tuple(dict.fromkeys(named["communities"]))
        reach_NH = np.ones((N, len(communities)), bool)
        reach_NH[0, 0] = False
        return Outlook(
            step, communities, dict.fromkeys(named["groups"], 7), dict.fromkeys(named["verifiers"], 0.1),
            dict.fromkeys(self.policy.needs, value), np.full(len(communities), 5), reach_NH, np.full(N, 20.0),
            np.full(N, 28.0 * (value > 0)) * 10**step, 5.0 * reach_NH.sum(axis=1), {"human": 3.0},
        )  # fmt: skip


def parameters_survive_a_file(bench: Bench) -> None:
    """Keys are hashable, and written out and read back they make an equal policy."""
    require_plain_parameters(bench.policy)


def says_whom_it_steers_and_what_it_needs(bench: Bench) -> None:
    """`names` gives tuples of names by control, `needs` a tuple of names of metrics."""
    named, needs = bench.policy.names(), bench.policy.needs
    require(isinstance(named, dict), bench.policy, f"names must give a dict; got {type(named).__name__}")
    for control, names in named.items():
        require(control in WHOM, bench.policy, f"names must be by one of {', '.join(WHOM)}; got {control!r}")
        require(_are_names(names), bench.policy, f"names must be tuples of names; got {names!r} for {control}")
    require(_are_names(needs), bench.policy, f"needs must be a tuple of names of metrics; got {needs!r}")


def what_it_knows_are_arrays(bench: Bench) -> None:
    """`open` and `decide` return what it knows as a dict of arrays."""
    for _, known, _, state in bench.decided():
        for method, found in (("open", known), ("decide", state)):
            require(isinstance(found, dict), bench.policy, f"{method} must return a dict; got {type(found).__name__}")
            for name, value in found.items():
                rule = f"{method} must give arrays; '{name}' is a {type(value).__name__}"
                require(isinstance(value, np.ndarray), bench.policy, rule)


def controls_are_what_a_world_can_do(bench: Bench) -> None:
    """It decides Controls that name only who is there, with whole counts and with shares and prices within bounds."""
    for outlook, _, controls, _ in bench.decided():
        is_one = isinstance(controls, Controls)
        require(is_one, bench.policy, f"decide must return Controls; got {type(controls).__name__}")
        mistake = next(wrong(controls, outlook), None)
        require(mistake is None, bench.policy, f"decide: {mistake}")


def steers_only_whom_it_says(bench: Bench) -> None:
    """Whom it names beforehand by a control is whom it steers by it; who names nobody may steer everyone."""
    named = bench.policy.names()
    for _, _, controls, _ in bench.decided():
        for control in WHOM:
            others = sorted(set(getattr(controls, control)) - set(named.get(control, ())))
            rule = f"names must tell whom it steers by {control}; got {', '.join(others)} untold"
            require(not others or named.get(control) == (), bench.policy, rule)


def nothing_is_changed(bench: Bench) -> None:
    """`decide` changes neither what it sees, nor what it knows, nor the policy."""
    before, state = bench.policy.model_dump(), None
    for outlook in bench.outlooks:
        seen = copy.deepcopy(outlook)
        state = bench.policy.open(outlook) if state is None else state
        known = copy.deepcopy(state)
        _, later = bench.policy.decide(state, outlook)
        for what, one, other in (("sees", vars(seen), vars(outlook)), ("knows", known, state)):
            differs = first_difference(_arrays(one), _arrays(other))
            require(differs is None, bench.policy, f"decide must not change what it {what}; {differs}")
        state = later
    require(bench.policy.model_dump() == before, bench.policy, "its methods must not change its keys")


def same_inputs_give_same_controls(bench: Bench) -> None:
    """Nothing but what it sees and knows matters: no random numbers, no memory of its own."""
    for (outlook, _, one, _), (_, _, other, _) in zip(bench.decided(), bench.decided(), strict=True):
        require(one == other, bench.policy, f"asked twice about step {outlook.step} it must decide the same")


def _are_names(found: object) -> bool:
    return isinstance(found, tuple) and all(isinstance(name, str) for name in found)


def _arrays(values: dict) -> dict[str, np.ndarray]:
    return {name: np.array(repr(v)) if isinstance(v, dict | tuple) else np.asarray(v) for name, v in values.items()}


RULES = (
    parameters_survive_a_file,
    says_whom_it_steers_and_what_it_needs,
    what_it_knows_are_arrays,
    controls_are_what_a_world_can_do,
    steers_only_whom_it_says,
    nothing_is_changed,
    same_inputs_give_same_controls,
)
