"""A live world as the panel is told of it: where models stand once, then what each step has made of them.

Only `world.frame`, which never changes once it is there, is read while a world may be stepping.

Letters: N models, n of them drawn.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

import numpy as np

from ecosystem.model import Ecosystem
from ecosystem.report.bands import KEYS
from ecosystem.runs.spending import WORDS
from ecosystem.telling import held
from ecosystem.view.packing import quantised
from ecosystem.view.recording import COLOURS, CURVES, FLAGS, ONSETS, bands_of, mark_of, policy, told
from ecosystem.view.topology import of_world

TAIL = 40  # steps told again with each, so that nothing is lost where a browser skips some
LISTED, TEXTS = 24, 6  # of a pinned model: values of its distribution, documents

_runs = itertools.count(1)


class Feed:
    """What the panel is told of one world. `start`: once; `message()`: at every redraw."""

    def __init__(self, world: Ecosystem):
        self.world, self.topology = world, of_world(world.spec, world.network, world.seed)
        guarded_N = world.gates.guarded_N
        curves = [m for m in self._measures() if m not in KEYS][:CURVES]
        self._collapsed = 0.0  # the largest share of collapsed models that was told of
        self._tail: deque[dict[str, Any]] = deque(maxlen=TAIL)
        self._told = -1
        self._policies: dict[str, Any] | None = None
        self.start = {
            "run": next(_runs),
            "name": world.spec.name,
            "topologies": [self.topology.plain],
            "guarded": guarded_N[self.topology.models].tolist() if guarded_N.any() else None,
            "titles": {m: told(m) for m in self._measures()},
            "curves": curves,
            "colour": None,
        }

    def message(self, pinned: int = -1) -> dict[str, Any]:
        """The newest frame: {run, tail, agents, pinned, policies}; `tail`: what the last steps were on the whole."""
        frame = self.world.frame
        assert frame is not None
        if frame.t != self._told:
            self._told = frame.t
            self._tail.append(self._whole(frame))
            self._policies = self._held(frame.t)
        models = self.topology.models
        some = list(frame.agents.items())[:COLOURS]
        agents = {m: quantised(np.asarray(v, float)[models], fine=True, plain=True) for m, v in some}
        return {
            "run": self.start["run"],
            "tail": list(self._tail),
            "agents": agents,
            "policies": self._policies,
            "pinned": self.pinned(pinned) if 0 <= pinned < len(models) else None,
        }

    def pinned(self, place: int) -> dict[str, Any]:
        """Of one model, by its place among those drawn: what it writes against what people write, and some of it."""
        world, model = self.world, int(self.topology.models[place])
        frame = world.frame
        try:
            told_of = {"texts": self._texts(model), "distribution": self._distribution(model)}
        except (ValueError, IndexError, KeyError):  # it was read while the world was stepping: told at the next frame
            told_of = {"texts": [], "distribution": None}
        return {"place": place, "t": frame.t if frame else 0, **told_of}

    def _held(self, step: int) -> dict[str, Any] | None:
        """What policies say of the step, and what they have spent by kind; None where the scenario has none."""
        steering = self.world.steering
        if not steering.policies:
            return None
        spent = [[WORDS.get(kind, kind), round(cost, 2)] for kind, cost in list(steering.spent.items())]
        return {"t": step, "now": held(steering.now), "spent": spent}

    def _measures(self) -> list[str]:
        frame = self.world.frame
        assert frame is not None
        return list(frame.values)

    def _whole(self, frame) -> dict[str, Any]:
        bands = {}
        for metric, values in frame.agents.items():
            if metric in FLAGS:
                continue
            low, high = bands_of(np.asarray(values, float)[None])
            if np.isfinite(low[0]):
                bands[metric] = [round(float(low[0]), 6), round(float(high[0]), 6)]
        events = [*self._onset(frame), *policy(self.world.spec, frame.t)]
        events += [
            {"step": e.step, "mark": mark_of(e.kind), "text": f"{e.kind}: {e.detail}"[:200]} for e in frame.events[:10]
        ]
        world = {m: _number(v) for m, v in frame.values.items()}
        return {"t": frame.t, "world": world, "bands": bands, "events": events}

    def _onset(self, frame) -> list[dict[str, Any]]:
        """The first model has collapsed, or half of them have."""
        share = frame.values.get("collapsed", 0.0)
        crossed = [text for bound, text in ONSETS if self._collapsed < bound <= share and frame.t]
        self._collapsed = max(self._collapsed, share)
        return [{"step": frame.t, "mark": "collapse", "text": text} for text in crossed]

    def _texts(self, model: int) -> list[str]:
        """Some documents that it published in the newest step."""
        world = self.world
        if not world.t or not len(world.corpus):
            return []
        newest = world.corpus.newest()
        mine = np.flatnonzero(newest.source == model)[:TEXTS]
        return [text[:280] for text in world.show(newest.content[mine])]

    def _distribution(self, model: int) -> dict[str, Any] | None:
        """What it writes against what people write: likeliest items (or tokens), or bins of the first coordinate."""
        world = self.world
        if world.shape.kind in ("items", "tokens"):
            people_K = world.reference.probabilities
            if people_K is None:
                return None
            atoms = world.readout.atoms
            own_K = np.bincount(atoms.item_NU[model], weights=atoms.mass_NU[model], minlength=len(people_K))
            top = np.argsort(-(people_K + own_K), kind="stable")[:LISTED]
            top = top[np.argsort(-people_K[top], kind="stable")]
            names = [str(i) for i in top] if world.shape.kind == "items" else _named(world, top)
            return {"labels": names, "model": own_K[top].tolist(), "people": people_K[top].tolist()}
        people, own = world.reference.sample[:, 0], world.readout.sample[model][:, 0]
        low, high = np.quantile(people, [0.005, 0.995]).tolist()
        bins = np.linspace(low, high, LISTED + 1)
        share = [np.histogram(np.clip(v, low, high), bins)[0] / len(v) for v in (own, people)]
        middle = (bins[1:] + bins[:-1]) / 2
        return {"labels": [f"{v:.2g}" for v in middle], "model": share[0].tolist(), "people": share[1].tolist()}


def _named(world: Ecosystem, tokens: np.ndarray) -> list[str]:
    """Tokens as text."""
    alone = np.zeros((len(tokens), *world.shape.trailing), np.int32)
    alone[:, 0] = tokens
    if world.shape.grammar is not None:
        names = ("", *world.shape.grammar.entity_names, *world.shape.grammar.relation_names)
        return [names[t] for t in tokens]
    return [text.strip() or repr(text) for text in world.show(alone)]


def _number(value: float) -> float | None:
    """JSON knows no NaN."""
    return round(float(value), 6) if np.isfinite(value) else None
