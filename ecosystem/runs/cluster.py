"""A Ray cluster, as sweeps and sharded worlds use it: joined, or started here, and asked for its code.

Ray is an extra and imported here only. What runs there gets one thread a process and this process's paths of code.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem.errors import InputError, suggestion
from ecosystem.runs import provenance
from ecosystem.runs.workers import THREADS

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

ENGINES = ("local", "ray")
EXTRA = 'pip install "model-ecosystem[scale]"'
STORE = 200_000_000  # bytes of shared memory of a Ray that is started here; what is larger goes to the disk
REACHED = 5.0  # seconds that a connection may take
JOINED = 60.0  # seconds that joining a cluster may take
ANSWERED = 300.0  # seconds that a node may take to start a process and say what code it has
JOIN = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR'); ray.shutdown()"


class ClusterLost(RuntimeError):
    """A cluster that was there and is there no longer."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process has joined: Ray's module, and cores of all its nodes."""

    ray: Any
    cores: int

    def remote(self, what: Any, **options: Any) -> Any:
        """A function or class of ours as Ray's, on a core of its own."""
        return self.ray.remote(num_cpus=1, runtime_env={"env_vars": _environment()}, **options)(what)

    def check_code(self, spec: Scenario) -> None:
        """InputError where a node would not give the numbers of this machine: other code, libraries or data."""
        plain = spec.plain()
        here, asked = provenance.origin(plain), self.remote(_origin, max_retries=1)
        nodes = [n for n in self.ray.nodes() if n["Alive"] and n["Resources"].get("CPU")]
        told = {n["NodeManagerAddress"]: self._on(asked, n["NodeID"]).remote(plain) for n in nodes}
        for address, answer in told.items():
            try:
                there = self.ray.get(answer, timeout=ANSWERED)
            except self.ray.exceptions.RayError as error:
                raise InputError(f"engine: node {address} cannot run this project: {_last_line(error)}") from None
            other = [key for key, value in _flat(here).items() if _flat(there).get(key) != value]
            if other:
                raise InputError(
                    f"engine: node {address} has other {', '.join(other)} than this machine, and so may give other "
                    "numbers; install the same there"
                )

    def _on(self, asked: Any, node: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return asked.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))


def _origin(plain: dict[str, Any]) -> dict[str, Any]:
    """That of the node where this runs."""
    return provenance.origin(plain)


def check_engine(engine: str, address: str | None) -> None:
    """InputError unless there is such an engine, and what is said of it goes with it."""
    if engine not in ENGINES:
        raise InputError(f"engine: must be {' or '.join(ENGINES)}; got '{engine}'.{suggestion(engine, ENGINES)}")
    if engine == "local" and address is not None:
        raise InputError(f"address: is that of a Ray cluster and goes with engine ray; got '{address}'")


@contextlib.contextmanager
def joined(address: str | None, cores: int, spec: Scenario) -> Iterator[Cluster]:
    """The cluster at an address (`auto`: the one this machine is a node of); without one, `cores` of this machine.

    A Ray that the program has already initialised is used as it is. InputError where there is none, or where `spec`
    cannot run on its nodes.
    """
    if "__main__:" in str(spec.plain()):
        raise InputError("engine: components defined in the script itself cannot be found by ray; put them in a module")
    ray = _imported()
    ours = not ray.is_initialized()
    if ours:
        _join(ray, address, cores)
    try:
        cluster = Cluster(ray, int(ray.cluster_resources().get("CPU", 0)))
        if not cluster.cores:
            raise InputError("engine: the cluster has no core to compute on")
        if address is not None or not ours:
            cluster.check_code(spec)
        yield cluster
    finally:
        if ours:
            ray.shutdown()


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of a run is told to anyone
    try:
        import ray
    except ImportError:
        raise InputError(f"engine: ray is not installed; {EXTRA}") from None
    return ray


def _join(ray: Any, address: str | None, cores: int) -> None:
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is None:
        ray.init(address="local", num_cpus=cores, include_dashboard=False, object_store_memory=STORE, **quiet)
        return
    _check_reached(address)
    ray.init(address=address, **quiet)


def _check_reached(address: str) -> None:
    """InputError unless a cluster answers: tried in another process, since Ray itself waits for minutes."""
    if address != "auto":
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdigit() or "/" in address:
            raise InputError(f"address: must be auto, or HOST:PORT of a cluster's head; got '{address}'")
        try:
            socket.create_connection((host, int(port)), REACHED).close()
        except (OSError, OverflowError) as error:
            raise InputError(f"address: no Ray cluster can be reached at {address}: {error}") from None
    try:
        tried = subprocess.run(
            [sys.executable, "-c", JOIN, address], capture_output=True, text=True, timeout=JOINED, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"address: what answers at {address} is no Ray cluster, or does not answer in time") from None
    if tried.returncode:
        lines = tried.stderr.strip().splitlines() or ["no reason given"]
        raise InputError(f"address: the Ray cluster at {address} cannot be joined: {lines[-1]}")


def _environment() -> dict[str, str]:
    """One thread a process, and the paths from which this process has its code."""
    libraries = tuple(str(Path(prefix)) for prefix in {sys.prefix, sys.base_prefix})
    own = [str(Path(entry or ".").absolute()) for entry in sys.path if not entry.startswith(libraries)]
    return dict.fromkeys(THREADS, "1") | {"PYTHONPATH": os.pathsep.join(dict.fromkeys([str(provenance.ROOT), *own]))}


def _flat(origin: dict[str, Any]) -> dict[str, Any]:
    """What an origin says, by words for people."""
    return origin["versions"] | {"code": origin["code"], "data files": origin["data"]}


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
