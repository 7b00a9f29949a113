"""Damaged scenario files through the command line: `python -m tests.fuzzing [HOW MANY [FIRST [RUNS]]]`.

Each mutant (see `mutants`) of each scenario is shown, and, where it is read and small, every tenth (RUNS) run for a
step and every tenth of all with its report. Demanded of every one: exit status 0, or 2 with lines on standard error, or
1 with the line of a run that says why it failed; no exception, no end of patience, no write outside the folder of the
outputs, no other program, no network. The hub of models counts as out of reach: it may be asked for a model that a
scenario names by an id, and a name that was damaged can be one.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from unittest import mock

from ecosystem import Scenario
from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.files import scenario_file
from tests.mutants import mutant

SMALL, ENDLESS = 5_000, 10**13  # documents of a step that are soon computed, and that no machine holds
MEASURED = 50_000  # documents written for measuring that are soon written
OFFLINE = "huggingface_hub.constants.HF_HUB_OFFLINE"
INTERNAL = re.compile(r"\b(?!MemoryError|ModelError)\w+(Error|Exception|Interrupt): .* \(\w+\.py:\d+\)$")
"""The reason of a run that failed in a way nobody foresaw: type, message and place of an exception."""
WRITES = {
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "shutil.rmtree", "shutil.move", "shutil.copyfile",
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NEVER = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "socket.connect",
    "socket.getaddrinfo",
    "os.kill",
}


class Endless(BaseException):
    """The patience with a mutant is over."""


@dataclass
class Watch:
    """What happens outside of the folders where something may be written; armed while a mutant is run."""

    allowed: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    armed: bool = False

    def __call__(self, event: str, args: tuple) -> None:
        if not self.armed:
            return
        if event in NEVER and args[0] not in ("uname", "git"):  # processor and commit, for the record
            self.seen.append(f"{event} {args[:2]!r:.100}")
        elif event == "open" and isinstance(args[0], str | bytes | os.PathLike):
            if (isinstance(args[1], str) and set("wax+") & set(args[1])) or args[2] & WRITING:
                self._written(event, args[0])
        elif event in WRITES:
            for place in args[: 2 if event in ("os.rename", "os.link", "os.symlink") else 1]:
                self._written(event, place)

    def _written(self, event: str, place: object) -> None:
        if isinstance(place, int):
            return
        absolute = os.path.abspath(os.fsdecode(place))  # type: ignore[arg-type]
        cached = "__pycache__" in absolute or "matplotlib" in absolute or absolute == os.devnull  # what libraries keep
        if not cached and not any(absolute == a or absolute.startswith(a + os.sep) for a in self.allowed):
            self.seen.append(f"{event} {absolute:.200}")


WATCH = Watch()


@cache
def _hooked() -> None:
    sys.addaudithook(WATCH)  # a hook cannot be taken off again; unarmed it does nothing


def watch(allowed: list[str]) -> None:
    """Looks from now on at what commands write outside of these folders."""
    _hooked()
    WATCH.allowed = allowed


@dataclass
class Outcome:
    """What became of a mutant: `said` names the kind of ending, `wrong` what must not be."""

    said: str
    wrong: str = ""


@contextlib.contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Endless after so long, also in the middle of anything that Python runs."""

    def over(*_: object) -> None:
        raise Endless

    before, left = signal.signal(signal.SIGALRM, over), signal.setitimer(signal.ITIMER_REAL, seconds)[0]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, before)


def sources(contract: Path | None = None) -> dict[str, str]:
    """Texts to damage: every scenario as it is, and as a small one that runs in no time."""
    files = [scenario_file.SCENARIOS / f"{name}.yaml" for name in scenario_file.names()]
    files += sorted(contract.glob("*.yaml")) if contract is not None and contract.is_dir() else []
    texts: dict[str, str] = {}
    for file in files:
        texts[file.name] = file.read_text(encoding="utf-8")
        with contextlib.suppress(InputError):  # data that are not there
            texts[f"small {file.name}"] = scenario_file.to_yaml(small(Scenario.from_file(file)))
    return texts


def small(spec: Scenario) -> Scenario:
    """A scenario with little of everything, that still has all of its parts."""
    changes: dict = {"claims": [], "steps": 1, "measure.documents": 16}
    for i, group in enumerate(spec.models):
        sizes = {"publish": group.publish, "read": group.read, "pretrain": group.pretrain, "learner.updates": 2}
        for key, size in sizes.items():
            has = key != "learner.updates" or hasattr(group.learner, "updates")
            if has and isinstance(size, int):
                changes[f"models.{i}.{key}"] = min(size, 12)
        if spec.graph.kind != "file" and not isinstance(spec.humans[0].reach, tuple):
            changes[f"models.{i}.count"] = min(group.count, 4)
    for i, community in enumerate(spec.humans):
        if isinstance(community.rate, int):
            changes[f"humans.{i}.rate"] = min(community.rate, 12)
    try:
        return spec.with_(changes)
    except InputError:
        return spec.with_({"claims": [], "steps": 1})


def tried(file: Path, out: Path, seconds: float, run: bool = True, page: bool = True) -> Outcome:
    """A file through `show` and, where it is read and small (or so large that it must be refused), through `run`.

    `run`: not without running it; `page`: with the report, whose figures take longer than all else.
    """
    shown = _through(["show", str(file)], seconds)
    if shown.wrong or shown.said != "status 0":
        return Outcome(f"show: {shown.said}", shown.wrong and f"show: {shown.wrong}")
    spec = Scenario.from_file(file)
    size = _documents(spec)
    if SMALL < size < ENDLESS or _measured(spec) > MEASURED:
        return Outcome("show: read, and too large to run here")
    if not run and size < ENDLESS:
        return Outcome("show: read")
    words = ["--steps", "1", "--seed", "1", "--arm", "base", "--quiet", "--out", str(out)]
    with contextlib.nullcontext() if page else mock.patch("ecosystem.report.write"):
        ran = _through(["run", str(file), *words], 4 * seconds)
    if size >= ENDLESS and ran.said != "status 2" and not ran.wrong:
        ran.wrong = f"{size:.0e} documents a step are not refused"
    return Outcome(f"run: {ran.said}", ran.wrong and f"run: {ran.wrong}")


def _documents(spec: Scenario) -> float:
    """Documents of a step; one that a network is trained on counts for many."""
    size = float(sum(max(c.rate_at(0), c.rate_at(1)) for c in spec.humans))
    for group in spec.models:
        read = max(group.pretraining, 0 if group.read == "all" else int(group.read))
        slow = min(getattr(group.learner, "updates", None) or 100, 100) if hasattr(group.learner, "epochs") else 1
        size += group.count * (group.publish + read) * slow
    return size


def _measured(spec: Scenario) -> float:
    """Documents that are written for measuring, at most: not all measures are of documents."""
    asked = 0 if spec.measure.prompts is None else spec.measure.prompts.count * spec.measure.prompts.answers
    return float(sum(group.count for group in spec.models) * max(spec.measure.documents, asked))


def _through(words: list[str], seconds: float) -> Outcome:
    """A command in this process."""
    out, err = io.StringIO(), io.StringIO()
    WATCH.seen.clear()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), patience(seconds):
            WATCH.armed = True
            status = main(words)
    except Endless:
        return Outcome("endless", f"no end after {seconds:g} s")
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return Outcome("exception", f"{type(error).__name__}: {str(error)[:150]!r} ({where})")
    finally:
        WATCH.armed = False
    return Outcome(f"status {status}", _wrong(status, err.getvalue()))


def _wrong(status: int, told: str) -> str:
    lines = told.splitlines()
    if WATCH.seen:
        return f"it touched {WATCH.seen[0]}"
    if status not in (0, 1, 2):
        return f"exit status {status}"
    if status and not told.strip():
        return f"exit status {status} without a word"
    if any(not c.isprintable() for line in told.split("\n") for c in line):
        return f"characters that are not printable: {told[:200]!r}"
    internal = [line for line in lines if "Traceback" in line or (status == 1 and INTERNAL.search(line))]
    return f"{internal[0][:300]} ... {told[-300:]}" if internal else ""


def all_tried(
    texts: dict[str, str],
    numbers: range,
    seconds: float,
    tell: Callable[[int, str, bytes, Outcome], None],
    runs: int = 1,
) -> Counter[str]:
    """So many mutants, the sources in turn; what became of them, counted. Of those read every `runs`-th is run."""
    names, counts = list(texts), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), mock.patch(OFFLINE, True):
        for beside in scenario_file.SCENARIOS.glob("*.csv"):
            Path(beside.name).write_bytes(beside.read_bytes())
        out = Path(folder, "outputs")
        watch([folder])  # what else is left in it is looked for below
        before = set(os.listdir(folder))
        for number in numbers:
            name = names[number % len(names)]
            raw = mutant(texts[name], number)
            file = Path(folder, "mutant.yaml")
            file.write_bytes(raw)
            outcome = tried(file, out, seconds, run=number % runs == 0, page=number % 10 == 0)
            file.unlink()
            left = set(os.listdir(folder)) - before - {"outputs"}
            if left and not outcome.wrong:
                outcome.wrong = f"left behind: {sorted(left)[:3]}"
            counts[outcome.said] += 1
            counts["wrong"] += bool(outcome.wrong)
            tell(number, name, raw, outcome)
            shutil.rmtree(out, ignore_errors=True)
    return counts


def _told() -> None:
    many, first, runs = (*map(int, sys.argv[1:4]), *(10_000, 0, 10)[len(sys.argv) - 1 :])
    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
    keep = Path(os.environ.get("KEEP", tempfile.mkdtemp()))
    keep.mkdir(exist_ok=True)
    contract = Path(os.environ.get("ECOSYSTEM_DATA", "../shared/data")).parent / "contract"
    began = time.monotonic()

    def tell(number: int, name: str, raw: bytes, outcome: Outcome) -> None:
        if outcome.wrong:
            (keep / f"{number}.yaml").write_bytes(raw)
            print(f"{number} ({name}): {outcome.wrong!r}", flush=True)
        if number % 500 == 499:
            print(f"... {number + 1} after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    counts = all_tried(sources(contract), range(first, first + many), 60, tell, runs)
    print(*(f"{count:>7,}  {said}" for said, count in counts.most_common()), sep="\n")
    ran = sum(count for said, count in counts.items() if said.startswith("run:"))
    tried = f"{many:,} tried, {ran:,} of them run"
    print(f"| damaged scenario files | {tried} | {counts['wrong']} tracebacks, hangs or writes elsewhere |")
    sys.exit(int(counts["wrong"] > 0))


if __name__ == "__main__":
    _told()
