"""Work dealt out to a Ray cluster as tasks, with the events of `ecosystem.runs.workers`: what local processes do.

Ray repeats nothing by itself: a task that its process or node did not survive is told as such, and what it had already
told stays. One that stands alone (`size` 1) is begun again first, for not every end is its own doing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ecosystem.runs.cluster import Cluster, ClusterLost
from ecosystem.runs.workers import Died, Ended, Told

TRIED, MOVED = 3, 10  # times that a task which stands alone is begun where its process ends, and where its node goes
NODE = "its node of the cluster has gone"
LISTENED = 10.0  # seconds between two looks at whether there is still a cluster
AHEAD = 2  # tasks for each core that the cluster holds at once


def deal(
    cluster: Cluster, work: Callable[[Any], Iterator[Any]], tasks: Iterable[Any], each: int
) -> Generator[Told | Ended | Died, None, None]:
    """Does the tasks on all cores of a cluster and yields what happens as it happens.

    work(task) yields messages. A process goes after `each` tasks. Whoever stops listening ends the tasks.
    """
    ray, waiting = cluster.ray, iter(tasks)
    begin = cluster.remote(work, max_retries=0, max_calls=each, num_returns="streaming").remote
    busy: dict[Any, _Begun] = {}  # by stream
    try:
        while True:
            while len(busy) < AHEAD * cluster.cores and (task := next(waiting, None)) is not None:
                busy[begin(task)] = _Begun(task)
            if not busy:
                return
            heard, _ = ray.wait(list(busy), timeout=LISTENED, fetch_local=False)
            if not heard:
                _check_there(ray)
            for stream in heard:
                of, event = busy[stream], _heard(ray, stream, busy[stream].task)
                if isinstance(event, Told):
                    of.told = True
                    yield event
                    continue
                del busy[stream]
                if isinstance(event, Died) and of.task.size == 1:
                    if not of.told and of.tried_again(event):
                        busy[begin(of.task)] = of
                        continue
                    event = Ended(of.task, None) if of.told else event
                yield event
    finally:
        for stream in busy:
            ray.cancel(stream, force=True)


@dataclass
class _Begun:
    """A task that was begun: whether it has told anything, and how many of its processes and nodes ended in it."""

    task: Any
    told: bool = False
    ended: int = 0
    moved: int = 0

    def tried_again(self, event: Died) -> bool:
        """May it be begun once more? Sooner not where it is its process that ends; nodes go for reasons of theirs."""
        gone = event.reason.startswith(NODE)
        self.ended, self.moved = self.ended + (not gone), self.moved + gone
        return self.ended < TRIED and self.moved < MOVED


def _heard(ray: Any, stream: Any, task: Any) -> Told | Ended | Died:
    """What a task says next."""
    of = ray.exceptions
    try:
        return Told(task, ray.get(next(stream)))
    except StopIteration:
        return Ended(task, None)
    except of.RayTaskError as error:
        raise (error.cause or error) from None
    except (of.RuntimeEnvSetupError, of.TaskUnschedulableError, of.TaskCancelledError):
        raise
    except (of.WorkerCrashedError, of.OutOfMemoryError) as error:
        return Died(task, None, f"its process on the cluster ended ({type(error).__name__}), {TRIED} times")
    except of.RayError as error:  # Ray has a class for each way in which a node goes
        _check_there(ray)
        return Died(task, None, f"{NODE} ({type(error).__name__})")


def _check_there(ray: Any) -> None:
    """ClusterLost where there is nothing left to compute on, or this machine is no node of it any more."""
    here = ray.get_runtime_context().get_node_id()
    alive = {node["NodeID"]: node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]}
    if here not in alive or not any(alive.values()):
        raise ClusterLost("the cluster has gone; run the same command again once it is there: what was done is kept")
