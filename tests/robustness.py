"""What was done to runs, inputs and files, and what became of them: the table in the README.

    python -m tests.robustness kills      # 200 kills over five scenarios; some minutes
    python -m tests.robustness files      # every file of a stopped run spoilt
    python -m tests.robustness resume     # every kind of component stopped and resumed
    python -m tests.robustness inputs     # 10,000 damaged scenario files; a quarter of an hour
    python -m tests.robustness soak       # an hour
    python -m tests.robustness table      # the table of what was measured, put into the README

Each part writes outputs/robustness/PART.json; `table` takes those and runs nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ecosystem import components
from ecosystem.checks import CheckFailed, check_resume
from tests import killing
from tests.soak import soak

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "outputs" / "robustness"
KILLS, ROUNDS, MUTANTS, SOAKED = 40, 6, 10_000, 3_600.0
BEGIN, END = "<!-- robustness: made by `make robustness` -->", "<!-- end of robustness -->"


def kills() -> dict[str, Any]:
    """By scenario: kills, survived, runs, times that one went on from a checkpoint past step 0."""
    found = {}
    for name in killing.SMALL:
        with tempfile.TemporaryDirectory() as folder:
            one = killing.killed(killing.small(name), Path(folder), KILLS)
        found[name] = {**vars(one), "survived": one.survived}
        print(name, found[name], flush=True)
    return found


def files() -> dict[str, Any]:
    """By file: tried, uncaught errors, other results than of a run that was never stopped."""
    with tempfile.TemporaryDirectory() as folder:
        return killing.spoilt(killing.small("guarded"), Path(folder), ROUNDS)


def resume() -> dict[str, Any]:
    """By kind of component: whether every world it acts in goes on bit for bit."""
    from tests import test_checkpoint as of

    found: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as folder:
        made = of.makes_others(Path(folder))
        worlds = [*map(of.short, of.ARMS), *map(made, of.OTHERS)]
        for spec in worlds:
            try:
                check_resume(spec)
                equal = True
            except CheckFailed as error:
                print(spec.name, error, flush=True)
                equal = False
            for kind in of.kinds(spec):
                found[kind] = found.get(kind, True) and equal
    families = {f: components.available(f) for f in of.FAMILIES}
    return {f: {kind: found.get(kind, False) for kind in kinds} for f, kinds in families.items()}


def inputs() -> dict[str, Any]:
    """Damaged scenario files tried, and how many ended in a traceback, a hang or a write elsewhere."""
    words = [sys.executable, "-m", "tests.fuzzing", str(MUTANTS), "0", "1"]  # each that is small is run
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    print(told.stdout, told.stderr[-2_000:])
    tried, ran, wrong = (int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", told.stdout.strip().splitlines()[-1]))
    return {"tried": tried, "ran": ran, "wrong": wrong}


def soaked() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return soak(SOAKED, Path(folder))


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "kills": kills, "files": files, "resume": resume, "inputs": inputs, "soak": soaked,
}  # fmt: skip


def lines(measured: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The rows of what was measured."""
    yield "| what was done | tried | what became of it |"
    yield "|---|---|---|"
    if found := measured.get("kills"):
        tried, survived = (sum(one[key] for one in found.values()) for key in ("kills", "survived"))
        lost, later = (sum(one[key] for one in found.values()) for key in ("lost", "resumed"))
        yield (
            f"| processes killed (SIGKILL) at random moments of a run and its report, {len(found)} scenarios | "
            f"{tried} | {survived} survived, {lost} recorded steps lost; {later} went on from a step past 0 |"
        )
    if found := measured.get("files"):
        tried, bad, other = (sum(one[key] for one in found.values()) for key in ("tried", "uncaught", "other"))
        yield (
            "| a file of a stopped run cut short, emptied, filled with zeros or removed, then read and resumed | "
            f"{tried} | {bad} tracebacks, {other} other results; corpus and tables whole after each |"
        )
    if found := measured.get("resume"):
        for family, kinds in found.items():
            yield f"| {family} stopped and resumed, bit for bit | {len(kinds)} | {sum(kinds.values())} equal |"
    if found := measured.get("inputs"):
        wrong = f"{found['wrong']} tracebacks, hangs or writes elsewhere"
        yield f"| damaged scenario files; {found['ran']:,} could be read and were run | {found['tried']:,} | {wrong} |"
    if found := measured.get("soak"):
        mib = {key: found[key] / 2**20 for key in ("settled", "peak", "growth_an_hour")}
        yield (
            f"| {found['seconds'] / 60:.0f} minutes of one world, {found['steps']:,} steps | 1 | {mib['settled']:,.0f} "
            f"MiB once settled, peak {mib['peak']:,.0f} MiB, growth {mib['growth_an_hour']:+.1f} MiB an hour |"
        )


def table() -> str:
    there = {part: OUT / f"{part}.json" for part in PARTS}
    measured = {part: json.loads(file.read_text()) for part, file in there.items() if file.exists()}
    return "\n".join(lines(measured))


def put(readme: Path) -> None:
    """The table into the README, between its marks."""
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


def main(asked: list[str]) -> None:
    for part in asked:
        if part == "table":
            put(ROOT / "README.md")
            print(table())
            continue
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / f"{part}.json").write_text(json.dumps(PARTS[part](), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or [*PARTS, "table"])
