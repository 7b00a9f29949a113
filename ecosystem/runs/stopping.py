"""Stopping well: the first Ctrl-C (or SIGTERM) lets a run end its step, the second drops the step."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
ONE = 0.5  # seconds within which two signals are one: a terminal and a parent may both pass on a Ctrl-C


@dataclass
class Stop:
    """Whether somebody asked to stop, since time.monotonic() `since`."""

    asked: bool = False
    since: float = 0.0
    say: str = ""

    def __call__(self, *_: Any) -> None:
        now = time.monotonic()
        if self.asked and now - self.since > ONE:
            raise KeyboardInterrupt
        first, self.asked = not self.asked, True
        if first:
            self.since = now
        if first and self.say:
            # the terminal may have gone (SIGHUP), or be written to just now
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                print(self.say, file=sys.stderr, flush=True)


@contextlib.contextmanager
def listening(say: str = "") -> Iterator[Stop]:
    """Inside, signals to stop are noted (and `say` is said once); a second one is KeyboardInterrupt.

    Only the main thread hears signals; elsewhere nothing changes.
    """
    stop = Stop(say=say)
    with _handled(SIGNALS, stop):
        yield stop


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """Inside, every signal to stop is KeyboardInterrupt, as Ctrl-C is: for whoever has others do the work."""
    with _handled([number for number in SIGNALS if number != signal.SIGINT], _interrupt):
        yield


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _handled(numbers: Iterable[int], by: Callable[..., None]) -> Iterator[None]:
    """Inside, these signals are handled so, but for those that the process ignores."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, by)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
