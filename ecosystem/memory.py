"""Does a scenario fit into memory? Told before anything starts, from what documents take and what learners state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecosystem import machine
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.file_size import shown
from ecosystem.scenario import Group, Scenario

LARGE = 256 * 2**20  # bytes of models from which a user is told before a run


class TooLarge(InputError):
    """A scenario that needs more memory than there is: says which group, and what to lower."""


@dataclass(frozen=True)
class Need:
    """Bytes that a group holds at least: `documents` read and written in a step, `models` as its learner states."""

    group: str
    count: int
    documents: int
    models: int

    def __str__(self) -> str:
        """models.large: 8 models, 1.2 GiB each, 9.6 GiB in all"""
        each = f"{shown(self.models / self.count)} each, " if self.count > 1 else ""
        return f"models.{self.group}: {_models(self.count)}, {each}{shown(self.models)} in all"


def needs(spec: Scenario, shape: DocumentShape) -> list[Need]:
    """What each group needs; InputError, naming the group, where its learner finds that it cannot be."""
    found = []
    for group in spec.models:
        try:
            models = group.learner.memory(group.count, shape, _read(group))
        except InputError as error:
            raise InputError([f"models.{group.name}: {line}" for line in error.lines]) from error
        document = shape.empty(1).nbytes
        documents = group.count * (_read(group) * (document + 8) + group.publish * (document + 12))
        found.append(Need(group.name, group.count, documents, models))
    return found


def check_people(spec: Scenario, shape: DocumentShape) -> None:
    """TooLarge where what one community writes in a step is more than this machine holds."""
    there = machine.memory()
    for community in spec.humans:
        rate = community.rate if isinstance(community.rate, int) else max(rate for _, rate in community.rate)
        size = rate * (shape.empty(1).nbytes + 12)
        if there is not None and size > there:
            raise TooLarge(
                f"humans.{community.name}: {rate:,} documents a step take at least {shown(size)} and this machine has "
                f"{shown(there)}; lower humans.{community.name}.rate"
            )


def check_measured(key: str, models: int, each: int, shape: DocumentShape) -> None:
    """TooLarge where what all models write for measuring, `each` documents as `key` asks, is more than there is."""
    there, size = machine.memory(), models * each * shape.empty(1).nbytes
    if there is not None and size > there:
        raise TooLarge(
            f"{key}: {each:,} documents of {_models(models)} each take at least {shown(size)} and this machine has "
            f"{shown(there)}; lower {key}"
        )


def check(found: Sequence[Need], jobs: int = 1) -> None:
    """TooLarge where `jobs` runs at the same time need more than this machine, or the device of the models, has."""
    device = machine.here().device
    in_memory = [n.documents + (n.models if device == "cpu" else 0) for n in found]
    _check("this machine", machine.memory(), in_memory, found, jobs)
    if device != "cpu":
        _check(f"the {device} device", machine.memory(device), [n.models for n in found], found, jobs)


def _check(where: str, there: int | None, sizes: list[int], found: Sequence[Need], jobs: int) -> None:
    if there is None or sum(sizes) * jobs <= there:
        return
    most = found[sizes.index(max(sizes))]
    documents = f"models.{most.group}: {_models(most.count)} with documents of {shown(most.documents)}"
    runs = "a run needs" if jobs == 1 else f"{jobs} runs at the same time need"
    rather = "" if jobs == 1 else ", or fewer runs (--jobs)"
    raise TooLarge(
        f"{most if most.models else documents}; {runs} at least {shown(sum(sizes) * jobs)} and {where} has "
        f"{shown(there)}; ask for fewer or smaller models{rather}"
    )


def _read(group: Group) -> int:
    """Documents of a fit; of `read: all` at least those of the first."""
    return max(group.pretraining, 0 if group.read == "all" else int(group.read))


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count:,} models"
