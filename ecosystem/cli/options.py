"""Arguments and options that commands share, and what they say once read."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.files.addresses import Change

if TYPE_CHECKING:
    from ecosystem.claim import Claim
    from ecosystem.scenario import Scenario

MAX_SEEDS = 1_000_000

Source = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A scenario by name or by file.", show_default=False)]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a key, e.g. humans.0.rate=10; repeatable."),
]
Steps = Annotated[int | None, typer.Option("--steps", min=0, max=10_000_000, metavar="N", help="Steps after step 0.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, max=2**63 - 1, metavar="K", help="One run with this seed.")]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="N|3,5,8|16:32", help="Seeds 0 to N-1, a list, a range.")]
UntilText = Annotated[
    str | None,
    typer.Option("--until", metavar="'METRIC +- X'", help="Seeds are added until this is known so well (X or X%)."),
]
LeastSeeds = Annotated[int | None, typer.Option("--min-seeds", min=2, metavar="N", help="With --until; default 10.")]
MostSeeds = Annotated[int | None, typer.Option("--max-seeds", min=2, metavar="N", help="With --until; default 64.")]
Arms = Annotated[list[str] | None, typer.Option("--arm", metavar="NAME", help="Only this arm; repeatable.")]
Arm = Annotated[str, typer.Option("--arm", metavar="NAME", help="The arm.")]
Out = Annotated[str, typer.Option("--out", metavar="FOLDER", help="Where results go.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Runs made at the same time.")]
Device = Annotated[str, typer.Option("--device", metavar="cpu|cuda", help="Where models compute.")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, metavar="N", help="Threads of each run; by default runs share the cores."),
]
Checkpoint = Annotated[
    float, typer.Option("--checkpoint", min=0.0, metavar="SECONDS", help="Keep the state so often; 0: at each step.")
]
Engine = Annotated[str, typer.Option("--engine", metavar="local|ray", help="This machine's processes, or Ray.")]
Address = Annotated[
    str | None,
    typer.Option("--address", metavar="auto|HOST:PORT", help="A Ray cluster; else Ray is started here, for --jobs."),
]
Shards = Annotated[
    int | None, typer.Option("--shards", min=1, metavar="K", help="Engine ray: processes that share a run's models.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress; print the folder only.")]


def asked(source: str, sets: list[str] | None, steps: int | None = None, judging: bool = False) -> Scenario:
    """The scenario that a command line asks for.

    A run cut short by --steps, or that measures something else, is not refused because of claims that cannot be judged
    then, unless it is claims that are asked about (`judging`).
    """
    from ecosystem.files import scenario_file

    changes: list[str | Change] = list(sets or [])
    if steps is not None and judging:
        changes.append(Change("steps", steps, f"--steps {steps}"))
    elsewhere = not judging and any(change.startswith("metrics") for change in sets or [])
    claims = scenario_file.read(source).claims if elsewhere else None
    spec = scenario_file.read(source, [*changes, Change("claims", [])] if elsewhere else changes)
    if judging or (steps is None and not elsewhere):
        return spec
    steps = spec.steps if steps is None else steps
    told = [c for c in (spec.claims if claims is None else claims) if _can_be_judged(c, spec, steps)]
    return spec.with_(steps=steps, claims=told)


def _can_be_judged(claim: Claim, spec: Scenario, steps: int) -> bool:
    """Is a claim's step reached, and what it is about measured?"""
    measured = set(claim.metrics) <= set(spec.metrics)
    return measured and (claim.at == "end" or claim.at <= steps) and (claim.since or 0) <= steps


def chosen_arms(spec: Scenario, arms: list[str] | None) -> tuple[str, ...]:
    """The arms named, or all of them, the unchanged one first."""
    chosen = tuple(dict.fromkeys(arms or ["base", *spec.arms]))
    for arm in chosen:
        spec.arm(arm)
    return chosen


def chosen_seeds(spec: Scenario, seed: int | None, seeds: str | None) -> tuple[int, ...]:
    """The seeds asked for; the scenario's own where none is."""
    if seed is not None and seeds is not None:
        raise InputError(f"--seed: goes without --seeds; got --seed {seed} and --seeds {seeds}")
    if seeds is not None:
        return parsed_seeds(seeds)
    return (spec.seed if seed is None else seed,)


def parsed_seeds(text: str) -> tuple[int, ...]:
    """Seeds written as N (0 to N-1), 3,5,8 or 16:32 (16 to 31)."""
    allowed = f"--seeds: must be N, a list 3,5,8 or a range 16:32, of 1 to {MAX_SEEDS:,} seeds; got '{text}'"
    try:
        numbers = [[int(number) for number in part.split(":")] for part in text.split(",")]
    except ValueError:
        raise InputError(allowed) from None
    shape = [len(part) for part in numbers]
    if shape == [2]:
        (first, last) = numbers[0]
    elif shape == [1] and "," not in text:
        first, last = 0, numbers[0][0]
    elif set(shape) == {1}:
        return _checked([number for (number,) in numbers], allowed)
    else:
        raise InputError(allowed)
    return _checked(range(first, last), allowed)


@dataclass(frozen=True)
class Until:
    """How well a metric is to be known, and with how many seeds at least and at most."""

    text: str
    least: int
    most: int


def asked_until(text: str | None, least: int | None, most: int | None, given: bool) -> Until | None:
    """What --until and its bounds ask for; None where nothing is. `given`: seeds are said otherwise."""
    if text is None:
        for name, value in (("--min-seeds", least), ("--max-seeds", most)):
            if value is not None:
                raise InputError(f"{name}: goes with --until; got {name} {value} alone")
        return None
    if given:
        raise InputError(f"--until: goes without --seed and --seeds; got both, --until '{text}'")
    from ecosystem.runs.enough import LEAST, MOST

    least, most = LEAST if least is None else least, MOST if most is None else most
    if least > most:
        raise InputError(f"--min-seeds: must be at most --max-seeds, {most}; got {least}")
    return Until(text, least, most)


@dataclass(frozen=True)
class How:
    """How runs are made; no number depends on it but, in the last bits, on the device."""

    out: str
    jobs: int
    device: str
    threads: int | None
    quiet: bool
    checkpoint: float = 30.0
    engine: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        try:
            machine.check_device(self.device)
        except InputError as error:
            raise InputError(f"--{error}") from None

    def made(self) -> dict[str, Any]:
        """As arguments of `execute`."""
        how = {"jobs": self.jobs, "device": self.device, "threads": self.threads, "checkpoint": self.checkpoint}
        return {"out": self.out, **how, **self.engine}


@contextlib.contextmanager
def interruptible(how: How, spec: Scenario) -> Iterator[None]:
    """Ctrl-C of a sweep ends in one line that says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        where = Path(how.out) / spec.name
        print(f"Interrupted; every run that had ended is kept in {where}. The same command goes on.", file=sys.stderr)
        raise typer.Exit(130) from None


def command_line() -> str:
    """What was typed, for the record."""
    return shlex.join(["ecosystem", *sys.argv[1:]])


def _checked(seeds: list[int] | range, allowed: str) -> tuple[int, ...]:
    if not 1 <= len(seeds) <= MAX_SEEDS or min(seeds) < 0 or max(seeds) >= 2**63 or len(set(seeds)) < len(seeds):
        raise InputError(allowed)
    return tuple(seeds)
