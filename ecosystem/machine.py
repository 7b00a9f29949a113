"""Where models compute: the device, and the threads that tiles of agents are dealt to.

Compiled kernels and torch release Python's lock, so tiles on threads use several cores. Tiles are cut by size and never
by the number of threads, and what ends a deal is the first failure in the order of tiles: nothing depends on threads.
torch keeps what it is told (`no_grad`, autocast) to one thread: say it inside the work that is dealt.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ecosystem.errors import InputError

DEVICES = ("cpu", "cuda")
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of containers: new, old

Part = TypeVar("Part")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Machine:
    """device: as torch names it, cpu or cuda; threads: how many tiles of agents are worked on at the same time."""

    device: str = "cpu"
    threads: int = 1


_here = Machine()


def here() -> Machine:
    """Where this process computes."""
    return _here


def use(machine: Machine) -> None:
    """From now on this process computes there."""
    global _here
    _here = machine


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_device(device: str) -> None:
    """InputError unless models can compute there."""
    if device not in DEVICES:
        raise InputError(f"device: must be {' or '.join(DEVICES)}; got '{device}'")
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise InputError(f"device: torch {torch.__version__} sees no CUDA device on this machine; choose cpu")


def placed(device: str = "cpu", threads: int | None = None, jobs: int = 1) -> Machine:
    """Where each of `jobs` runs made at the same time computes; they share the cores unless `threads` says how many."""
    check_device(device)
    if threads is not None and threads < 1:
        raise InputError(f"threads: must be a whole number from 1; got {threads}")
    return Machine(device, threads or max(1, cores() // max(jobs, 1)))


def memory(device: str = "cpu") -> int | None:
    """Bytes of memory that models on a device can have at most; None where the system does not say."""
    if device == "cuda":
        import torch

        return torch.cuda.mem_get_info()[1]
    found = [int(text) for file in LIMITS if (text := _text(file)).isdigit()]
    with contextlib.suppress(AttributeError, ValueError, OSError):  # not told by every system
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(found, default=None)


def _text(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""


def tiles(n: int, size: int) -> list[slice]:
    """0 .. n - 1 as slices of `size`, the last one perhaps shorter; none where n is 0."""
    return [slice(first, min(first + size, n)) for first in range(0, n, size)]


class Stopped(BaseException):
    """A tile that nobody waits for any more; only `deal` sees it."""


def deal(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """work(part) of every part, in their order, on `here().threads` threads.

    Where some fail the error is that of the first of them in order, as in a plain loop; later parts are not begun, and
    one that calls `go_on` in its loop ends early. An interrupt stops all of them.
    """
    threads = min(here().threads, len(parts))
    if threads <= 1:
        return [work(part) for part in parts]
    stop = _Stop(len(parts))
    with ThreadPoolExecutor(threads, thread_name_prefix="tiles") as pool:
        try:
            futures = [pool.submit(_worked, work, part, place, stop) for place, part in enumerate(parts)]
            return [future.result() for future in futures]
        except BaseException:
            stop.at(0)
            raise


_whole: int | None = None


@contextlib.contextmanager
def part_of(n: int) -> Iterator[None]:
    """Inside, models are part of a group of n, the rest of which is computed elsewhere: see `whole`."""
    global _whole
    before, _whole = _whole, n
    try:
        yield
    finally:
        _whole = before


def whole(n: int) -> int:
    """How many models tiles are to be cut for, where n are at hand: numbers may depend on it in their last bits."""
    return n if _whole is None else _whole


def go_on() -> None:
    """To be called in long loops inside `deal`: ends this part once an earlier one has failed or all are stopped."""
    place, stop = getattr(_own, "part", (0, None))
    if stop is not None and place >= stop.first:
        raise Stopped


class _Stop:
    """The first part, by number, that is no longer wanted."""

    def __init__(self, first: int):
        self.first, self._lock = first, threading.Lock()

    def at(self, first: int) -> None:
        with self._lock:
            self.first = min(self.first, first)


_own = threading.local()  # the part that a thread is at


def _worked(work: Callable[[Part], Result], part: Part, place: int, stop: _Stop) -> Result:
    _own.part = (place, stop)
    try:
        go_on()
        return work(part)
    except BaseException:
        stop.at(place + 1)  # earlier parts go on: theirs would be the error of a plain loop
        raise
    finally:
        del _own.part
