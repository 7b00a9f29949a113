"""What policies change, in words: events of a run, which its page marks on the timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from ecosystem.documents import Keep
from ecosystem.frame import Event
from ecosystem.policy import WHOM, Controls

TOLD = {
    "bought": "{0:,} more documents of {1} a step",
    "rare": "{0:,} more documents a step of what is rare in the writing of {1}",
    "reach": "{1} reach {0:.0%} of the models",
    "publish": "each of {1} publishes {0:,} documents a step",
    "coverage": "{1} guards {0:.0%} of the models",
    "capacity": "{1} judges {0:,} documents a step at most",
}
MANY = ("bought", "rare")  # what may change a little at every step is told when it has doubled or halved


@dataclass
class News:
    """What was told last of each of the controls, by name."""

    STATE: ClassVar[tuple[str, ...]] = ("_told",)

    _told: dict[tuple[str, str], Any] = field(default_factory=dict)

    def of(self, controls: Controls, step: int) -> list[Event]:
        """What is new in a step; what no policy steers any more is as the scenario says again."""
        here = _steered(controls)
        over = [key for key in self._told if key not in here]
        new = {key: value for key, value in here.items() if self._is_new(key, value)}
        self._told = {**{key: value for key, value in self._told.items() if key in here}, **new}
        texts = [*(_words(*key, value) for key, value in new.items()), *(_over(*key) for key in over)]
        return [Event(step, None, "policy", text) for text in texts]

    def _is_new(self, key: tuple[str, str], value: Any) -> bool:
        if key not in self._told:
            return True
        told = self._told[key]
        return not told / 2 < value < told * 2 if key[0] in MANY else value != told


def held(controls: Controls) -> list[str]:
    """What is steered, a sentence each; nothing where the scenario's own words hold."""
    return [_words(*key, value) for key, value in _steered(controls).items()]


def _steered(controls: Controls) -> dict[tuple[str, str], Any]:
    """What controls say, by control and name; buying nothing is not worth a word."""
    here: dict[tuple[str, str], Any] = {
        (control, name): value for control in WHOM for name, value in getattr(controls, control).items()
    }
    if controls.keep is not None:
        here["keep", "the web"] = controls.keep
    return {key: value for key, value in here.items() if value or key[0] not in MANY}


def _words(control: str, name: str, value: Any) -> str:
    if control == "settings":
        return f"{name}: " + ", ".join(f"{key} {v}" for key, v in value.items())
    if isinstance(value, Keep):
        if value.subsample is not None:
            return f"{name} is a sample of {value.subsample:,} documents"
        return f"{name} keeps " + ("everything" if value.window is None else f"the last {value.window:,} steps")
    return TOLD[control].format(value, name)


def _over(control: str, name: str) -> str:
    return f"{name}: no more bought" if control in MANY else f"{control} of {name}: as the scenario says"
