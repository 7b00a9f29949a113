"""The browser page: Mesa's controls, the scenario's own parameters, and the panel. Each visitor has a world of their
own.

The scenario comes from the environment (`ECOSYSTEM_VIEW`, set by `ecosystem view`), never from a visitor.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import solara
import solara.lab
from mesa.visualization.solara_viz import ModelController, ModelCreator

from ecosystem.errors import InputError
from ecosystem.files import scenario_file
from ecosystem.model import Ecosystem
from ecosystem.scenario import Scenario
from ecosystem.view.component import EcosystemPanel
from ecosystem.view.parameters import Parameter, changed, parameters

SOURCE = "ECOSYSTEM_VIEW"
DEFAULT = "baseline"
FASTEST, SLOWEST = 10, 1000  # milliseconds between two steps
LARGEST_SEED = 2**31 - 1
STYLE = """
.v-navigation-drawer .v-input__slider > .v-input__control > .v-input__slot { display: block; }
.v-navigation-drawer .v-input__slider .v-label { display: block; height: auto; line-height: 1.3; font-size: 13px; }
.v-navigation-drawer .v-slider { width: 100%; margin: 0; }
.v-navigation-drawer .v-input { margin-top: 4px; }
.v-app-bar.primary { background-color: #12384d !important; border-color: #12384d !important; }
.v-navigation-drawer .v-btn--contained.primary { background: #0b5f8a !important; }
"""


class ShownWorld(Ecosystem):
    """A world as Mesa's Reset makes it: from a scenario, a seed and parameters moved, by address."""

    def __init__(self, base: Scenario, seed: int = 0, **kwargs):
        self.moved = dict(kwargs)
        super().__init__(changed(base, parameters(base), self.moved), rng=seed)

    def step(self) -> None:
        """One step; on the page a world goes on past the scenario's last step."""
        super().step()
        self.running = True


@solara.component
def Page():
    """The page of a scenario chosen from the menu."""
    solara.Title("Ecosystem of generative models")
    names = list(solara.use_memo(_presets, []))
    chosen, choose = solara.use_state(names[0])
    arm, take = solara.use_state("base")
    base, refused = _read(chosen)
    with solara.AppBar():
        solara.lab.ThemeToggle()
    with solara.AppBarTitle():
        solara.Text("Ecosystem of generative models")
    with solara.Sidebar():
        solara.Select("Scenario", value=chosen, values=names, on_value=choose)
    if base is None:
        solara.Error(refused)
        return
    with solara.Sidebar():
        if base.arms:
            solara.Select("Arm", value=arm, values=["base", *base.arms], on_value=take)
    wanted = arm if arm in base.arms else "base"
    Watched(base.arm(wanted) if wanted != "base" else base).key(f"{chosen}/{wanted}")


@solara.component
def Watched(base: Scenario):
    """One scenario: its world, controls, parameters and panel."""
    made, why = solara.use_memo(lambda: _made(base), [])
    if made is None:
        solara.Error(why)
    else:
        Steered(base, made)


@solara.component
def Steered(base: Scenario, made: Ecosystem):
    """A world that could be made, under its controls."""
    known = solara.use_memo(lambda: parameters(base), [])
    world: solara.Reactive[Ecosystem] = solara.use_reactive(made)
    given = solara.use_reactive({"base": base, "seed": base.seed})
    interval, every = solara.use_reactive(100), solara.use_reactive(1)
    threads = solara.use_reactive(False)  # Mesa's threads and a rendering page are a race: never offered
    with solara.Sidebar():
        solara.Style(STYLE)
        ModelController(
            world, model_parameters=given, play_interval=interval, render_interval=every, use_threads=threads
        )
        label = f"{interval.value} ms between steps"
        solara.SliderInt(label, value=interval, min=FASTEST, max=SLOWEST, step=10)
        ApplyBar(world, given, known)
        Seed(given)
        fixed = {"base": base, "seed": base.seed}
        ModelCreator(world, {**fixed, **_inputs(known, given.value)}, model_parameters=given)
        Export(given, known)
    steered, say = solara.use_state(False)
    solara.use_effect(lambda: say(True), [])
    if steered:  # Solara draws a sidebar after its page: the panel would stand beside another world's Step
        if base.question:
            solara.Text(base.question)
        EcosystemPanel(world.value, on_prefers_dark=_follow)


@solara.component
def ApplyBar(world: solara.Reactive[Ecosystem], given: solara.Reactive[dict], known: list[Parameter]):
    """What was moved and does not hold yet, with a button that makes the world anew with it."""
    waiting = _waiting(world.value, given.value, known)
    message, say = solara.use_state("")

    def apply():
        try:
            world.value = ShownWorld(**given.value)  # in place of Reset's: here wrong input is a sentence
            say("")
        except InputError as error:
            say("; ".join(error.lines))

    if waiting:
        solara.Warning("To be applied: " + "; ".join(waiting), dense=True)
    solara.Button("Apply", on_click=apply, disabled=not waiting, color="primary", outlined=True)
    if message:
        solara.Error(message)


@solara.component
def Seed(given: solara.Reactive[dict]):
    """The seed, as a whole number; what cannot be one is refused in a line."""
    refused, refuse = solara.use_state("")

    def put(value: int | None):
        if value is None:
            return
        if 0 <= value <= LARGEST_SEED:
            given.value = {**given.value, "seed": int(value)}
            refuse("")
        else:
            refuse(f"Seed: must be a whole number from 0 to {LARGEST_SEED:,}; got {value}.")

    solara.InputInt("Seed", value=given.value.get("seed", 0), on_value=put)
    if refused:
        solara.Error(refused, dense=True)


@solara.component
def Export(given: solara.Reactive[dict], known: list[Parameter]):
    """The exact scenario file of what is set."""

    def text() -> str:
        values = {k: v for k, v in given.value.items() if k not in ("base", "seed")}
        spec = changed(given.value["base"], known, values)
        return scenario_file.to_yaml(spec.model_copy(update={"seed": int(given.value["seed"])}))

    solara.FileDownload(text, filename=f"{given.value['base'].name}.yaml", label="Scenario file")


def _follow(dark: bool) -> None:
    """Solara's own way of following the visitor's system leaves a blank page (1.64)."""
    solara.lab.theme.dark = dark


def _inputs(known: list[Parameter], given: dict[str, Any]) -> dict[str, Any]:
    """As Mesa's ModelCreator wants them; every label says the value, which its sliders do not."""
    return {p.address: _input(p, given.get(p.address, p.value)) for p in known}


def _input(p: Parameter, value: Any) -> dict[str, Any]:
    if p.options:
        return {"type": "Select", "label": p.label, "value": value, "values": list(p.options)}
    kind = "SliderInt" if p.whole else "SliderFloat"
    return {"type": kind, "label": f"{p.label}: {value:g}", "value": value, "min": p.low, "max": p.high, "step": p.step}


def _waiting(world: Ecosystem, given: dict, known: list[Parameter]) -> list[str]:
    """'people: documents a step 100 → 40' for everything set that the world was not made with."""
    held = getattr(world, "moved", {})
    found = []
    for p in known:
        now, wanted = held.get(p.address, p.value), given.get(p.address, p.value)
        if wanted != now:
            found.append(f"{p.label} {now:g} → {wanted:g}" if not p.options else f"{p.label} {now} → {wanted}")
    if given.get("seed", world.seed) != world.seed:
        found.append(f"seed {world.seed} → {given['seed']}")
    return found


def _made(base: Scenario) -> tuple[Ecosystem | None, str]:
    """A scenario's world, or why there can be none: a file that is not there, say."""
    try:
        return ShownWorld(base, base.seed), ""
    except InputError as error:
        return None, "; ".join(error.lines)


def _presets() -> dict[str, str]:
    """The menu: what was asked for (a file by its name, without its folder), then the scenarios that come along."""
    asked = os.environ.get(SOURCE, DEFAULT)
    known = {name: name for name in scenario_file.names()}
    return {**({Path(asked).name: asked} if asked not in known else {asked: asked}), **known}


@cache
def _read(name: str) -> tuple[Scenario | None, str]:
    """A scenario of the menu, or why it cannot be shown."""
    source = _presets().get(name)
    if source is None:
        return None, "no such scenario"
    try:
        return Scenario.from_file(source), ""
    except InputError as error:
        return None, "; ".join(error.lines)
