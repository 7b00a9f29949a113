"""Stopping well: the first Ctrl-C (or SIGTERM) lets a run end its step, the second drops the step."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
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
        if not self.asked and self.say:
            print(self.say, file=sys.stderr, flush=True)
        self.asked, self.since = True, self.since if self.asked else now


@contextlib.contextmanager
def listening(say: str = "") -> Iterator[Stop]:
    """Inside, signals to stop are noted (and `say` is said once); a second one is KeyboardInterrupt.

    Only the main thread hears signals; elsewhere nothing changes.
    """
    stop = Stop(say=say)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
