"""Work dealt out to processes of this machine: one task a worker at a time, each worker on one thread.

Not multiprocessing.Pool and not concurrent.futures: there the death of one worker (out of memory, say) ends the work of
all. Here it ends the task it had, and a new worker takes the next. Workers come from a `forkserver` by name, because
importing Mesa changes the default way for the whole program.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, cast

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
PRELOADED = ["ecosystem.runs.runner", "ecosystem.model", "ecosystem.files.scenario_file"]
PATIENCE = 60.0  # seconds a worker has for ending its step and keeping its state

Tell = Callable[[Any], None]
Work = Callable[[Any, Tell], Any]  # work(task, tell) gives a result; tell(message) reaches the parent at once


@dataclass(frozen=True)
class Told:
    """A message of a task that goes on."""

    task: Any
    message: Any


@dataclass(frozen=True)
class Ended:
    """The result of a task."""

    task: Any
    result: Any


@dataclass(frozen=True)
class Died:
    """A worker ended without a word; `exitcode` is negative for a signal. `reason`: where no code is known."""

    task: Any
    exitcode: int | None
    reason: str = ""

    @property
    def why(self) -> str:
        return self.reason or f"its process ended with exit code {self.exitcode} (out of memory, or killed)"


def deal(
    work: Work, tasks: Iterable[Any], jobs: int, keep_main: bool = False, each: int | None = None
) -> Generator[Told | Ended | Died, None, None]:
    """Does the tasks on up to `jobs` workers and yields what happens as it happens.

    Tasks are taken one by one as workers are free. A worker goes after `each` tasks (None: stays), and with it whatever
    memory it has not given back. Whoever stops listening (an interrupt, a `break`) interrupts the workers, which then
    end as on Ctrl-C. `keep_main`: workers import the user's script, which must then be guarded by
    `if __name__ == "__main__"`.
    """
    waiting = iter(tasks)
    busy: dict[Connection, tuple[Any, Any, int]] = {}
    try:
        while True:
            while len(busy) < jobs and (task := next(waiting, None)) is not None:
                process, line = _hired(work, keep_main)
                busy[line] = (process, task, 1)
                line.send(task)
            if not busy:
                return
            for ready in wait(list(busy)):
                yield _heard(cast(Connection, ready), busy, waiting, each)
    finally:
        _dismiss([process for process, *_ in busy.values()])


def _heard(line: Connection, busy: dict, waiting: Iterator, each: int | None) -> Told | Ended | Died:
    """What a worker says; one that has ended its task gets the next, or goes."""
    process, task, done = busy[line]
    try:
        ended, value = line.recv()
    except (EOFError, ConnectionResetError):
        del busy[line]
        process.join()
        return Died(task, process.exitcode)
    if not ended:
        return Told(task, value)
    following = None if done == each else next(waiting, None)
    if following is not None:
        busy[line] = (process, following, done + 1)
        line.send(following)
    else:
        del busy[line]
        line.send(None)
    return Ended(task, value)


def _hired(work: Work, keep_main: bool) -> tuple[Any, Connection]:
    """A new worker and the line to it."""
    how = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(how)
    if how == "forkserver":
        context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work, os.getcwd()), daemon=True)
    with _one_thread(), contextlib.nullcontext() if keep_main else _without_main():
        process.start()
    theirs.close()
    return process, ours


def _serve(line: Connection, work: Work, folder: str) -> None:
    """A worker's life: tasks in, results out, until there are no more or the parent is gone."""
    signal.signal(signal.SIGINT, _interrupt_once)
    os.chdir(folder)

    def tell(message: Any) -> None:
        if interrupted():
            raise KeyboardInterrupt
        try:
            line.send((False, message))
        except OSError:  # the parent is gone: nobody waits for the rest
            raise KeyboardInterrupt from None

    with contextlib.suppress(KeyboardInterrupt, EOFError, OSError):
        while (task := line.recv()) is not None:
            line.send((True, work(task, tell)))


_interrupted = False


def interrupted(error: BaseException | None = None) -> bool:
    """Was this worker told to stop, or did `error` come of a KeyboardInterrupt?

    An interrupt inside a compiled kernel or a library's callback may come out as some other exception, or as none.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return _interrupted


def _interrupt_once(*_: object) -> None:
    """Ctrl-C reaches a worker from the terminal and from the parent; the second must not disturb the tidying up."""
    global _interrupted
    _interrupted = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _dismiss(processes: list[Any]) -> None:
    for process in processes:
        if process.is_alive() and os.name != "nt":
            os.kill(process.pid, signal.SIGINT)
    for process in processes:
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()  # its last checkpoint stands
            process.join()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Libraries count their threads when they are first imported, from the environment a process starts with."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """multiprocessing runs the user's script again in every worker; ours need nothing of it, so it is out of sight."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
