"""Learners of one's own, as nodes of a cluster find them: in a module."""

from __future__ import annotations

import os
import signal
import time

from pydantic import Field

from agents.learners.categorical import Categorical


class Fatal(Categorical):
    """Kills the process that trains it, where it is `fatal`; takes its time."""

    fatal: bool = Field(False, description="Whether it does.")
    seconds: float = Field(0.0, ge=0, description="A fit takes.")

    def train(self, params, content, weight, rng):
        time.sleep(self.seconds)
        if self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().train(params, content, weight, rng)
