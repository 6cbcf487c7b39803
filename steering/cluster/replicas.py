"""The replicas behind a page, as an application of Ray Serve: begun, asked, ended.

Ray Serve chooses a replica for each request (one that has the model, with the shorter queue),
replaces those that are gone or unwell, begins more while many wait, and lets those that go end
what they write.
"""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from steering.cluster import ray_door
from steering.errors import SteeringError
from steering.serving import host_settings, zero_gpu
from steering.serving.replica_range import ReplicaRange
from steering.serving.supply import Supply
from steering.serving.zero_gpu import Plain

if TYPE_CHECKING:
    from steering.models.chat_model import ChatModel
    from steering.serving.replica_steps import Stream
    from steering.serving.shared_steps import SharedSteps
    from steering.system.fair_lock import FairLock

_logger = logging.getLogger(__name__)
APPLICATION: Final = "refusal-steering"
"""One page a cluster: a page that begins again takes over the replicas that are there."""
_LEAVE_SECONDS: Final = 600.0
"""How long a replica that goes may write on (chosen: a long answer on a slow machine)."""
_BUSY: Final = 2.0
"""Runs at once from which on another replica begins (chosen: two cores bear one or two)."""
_MORE_SECONDS: Final = 10.0
"""How long they have to be that many before one more begins (chosen)."""
_FEWER_SECONDS: Final = 300.0
"""How long there have to be fewer before one goes: to begin costs the loading (chosen)."""
_MEAN_SECONDS: Final = 15.0
"""Over how long runs are counted (chosen; Ray Serve wants more than its 10 s between counts)."""


@dataclass(frozen=True)
class Pace:
    """How fast the number of replicas follows the number of runs.

    Attributes:
        busy: Runs a replica, on average, above which another one begins.
        more: Seconds before one more begins.
        fewer: Seconds before one goes.
    """

    busy: float = _BUSY
    more: float = _MORE_SECONDS
    fewer: float = _FEWER_SECONDS


class Replicas:
    """Begins replicas with the first model; whoever ends it ends them.

    Attributes:
        count: How many there are.
        begun: Set once Ray runs.
    """

    def __init__(
        self, count: ReplicaRange, address: str | None, *, models: int = 1, pace: Pace | None = None
    ) -> None:
        """Find Ray, and begin nothing yet.

        Args:
            count: How many there are.
            address: Of a Ray cluster; None begins one of this process.
            models: How many models a replica keeps in memory.
            pace: How fast their number follows the crowd.

        Raises:
            SteeringError: If Ray Serve is not installed.
        """
        ray_door.serve()
        self.count, self._address, self._models = count, address, models
        self._pace = pace or Pace()
        # Ray's own processes end with the thread that began them, and a thread that loads a model
        # ends. This one stays.
        self._keeper = ThreadPoolExecutor(1, "ray")
        self._lock = threading.RLock()
        self._reached, self.begun = False, threading.Event()
        self._made: Any = None
        self._handle: Any = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End the replicas."""
        self.end()

    def behind(self, supply: Supply) -> Supply:
        """Return a supply whose models write in replicas.

        They are loaded here as well, for perplexities and the map.
        """
        return replace(supply, hold=self.hold, steps=self.steps)

    def hold(self, found: "ChatModel", wanted: Callable[[], bool] = lambda: True) -> None:
        """Begin replicas, if none have begun, and let all of them load what was loaded here.

        Args:
            found: A loaded model.
            wanted: Whether it is still of use. One that is not is told to nobody: the model that
                was chosen after it may be loaded first, and would be given up for it.

        Raises:
            SteeringError: If the cluster cannot be reached, or the model cannot be held there.
        """
        from steering.serving import held_model

        key = held_model.of_model(found).key
        with self._lock:  # two models may be loaded at once, where a visitor changes their mind
            if not wanted():
                return
            if self._made is None:
                self._made = self._begin(found)
            told = self._made.options(user_config={"model": key})
            self._handle = ray_door.serve().run(told.bind(), name=APPLICATION, route_prefix=None)
        if wanted() and (said := self._to(key, "warm").remote(key).result()):
            raise SteeringError(said)

    def steps(self, model: "ChatModel", turn: "FairLock") -> "tuple[SharedSteps, int]":
        """Return the steps of a model, as `Supply.steps` does."""
        from steering.inference.row_limit import row_limit
        from steering.serving.replica_steps import ReplicaSteps
        from steering.serving.shared_steps import MOST_ROWS

        room = row_limit(model, MOST_ROWS) * self.count.most
        return ReplicaSteps(replace(model, turn=turn), self.ask), room

    def ask(self, asked: Plain) -> "Stream":
        """Send a request to a replica; Ray's response is iterated and cancelled.

        Raises:
            SteeringError: If they have ended.
        """
        if self._handle is None:
            raise SteeringError("the page is being ended; its replicas are gone")
        found: Stream = self._to(asked["model"], "columns").options(stream=True).remote(asked)
        return found

    def end(self) -> None:
        """End the replicas, and the cluster if it is this process's."""
        # Without the lock: whoever waits in `hold` for a replica is ended by this.
        reached, self._reached = self._reached, False
        made, self._made, self._handle = self._made, None, None
        if not reached:
            return
        try:
            if made is not None and self._address is not None:
                # They write on for those who wait, for minutes; whoever is told to end has seconds.
                ray_door.serve().delete(APPLICATION, _blocking=False)
        finally:
            ray_door.ray().shutdown()
            self._keeper.shutdown()

    def _to(self, key: str, method: str) -> Any:  # noqa: ANN401 - Ray's handle
        return self._handle.options(method_name=method, multiplexed_model_id=key)

    def _begin(self, model: "ChatModel") -> Any:  # noqa: ANN401 - as above
        import torch

        threads = torch.get_num_threads()
        gpus = int(model.device.type == "cuda")
        processors = self.count.most * threads
        connect = partial(ray_door.connect, self._address, processors=processors)
        ray = self._keeper.submit(connect).result()
        self._reached = True
        self.begun.set()
        there = ray.cluster_resources()
        if self._address is None and there.get("GPU", 0) < gpus * self.count.least:
            raise SteeringError(
                f"{self.count.least} replicas on {model.device.type} need a GPU each, and this "
                f"machine has {there.get('GPU', 0):g}; take fewer replicas, or --device cpu"
            )
        if there.get("CPU", 0) < threads * self.count.least:
            # Other machines may come still, so this waits.
            _logger.warning(
                "%d replicas of %d threads need %d processors, and the cluster has %g by now",
                self.count.least,
                threads,
                threads * self.count.least,
                there.get("CPU", 0),
            )
        _logger.info("%s replicas begin, %d threads each", self.count, threads)
        serve = ray_door.serve()
        serve.start(proxy_location="Disabled")  # the page asks by itself, over no port
        # A replica sees one GPU, its own, whichever number it has for the page.
        settings = {"OMP_NUM_THREADS": str(threads), "STEERING_DEVICE": model.device.type}
        actor = {
            "num_cpus": threads,
            "num_gpus": gpus,
            "runtime_env": ray_door.environment(settings),
        }
        return deployment(self.count, models=self._models, pace=self._pace, actor=actor)


def from_environment() -> Replicas | None:
    """Return the replicas that the environment asks for; None where this process answers.

    Raises:
        SteeringError: If they cannot be had.
    """
    asked = host_settings.replicas()
    if asked is None:
        return None
    if zero_gpu.is_lent() or os.environ.get("STEERING_MODEL") == host_settings.NO_MODEL:
        raise SteeringError(
            "replicas need a model that is held; leave STEERING_REPLICAS out on ZeroGPU and with "
            "STEERING_MODEL=none"
        )
    count, address = asked
    return Replicas(count, address, models=host_settings.whole_number("STEERING_REPLICA_MODELS", 1))


def deployment(count: ReplicaRange, *, models: int, pace: Pace, actor: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return the deployment of replicas, as Ray Serve takes it.

    Args:
        count: How many there are.
        models: How many models each keeps.
        pace: How fast their number follows the crowd.
        actor: What Ray is told of each one's process.
    """
    from steering.cluster.replica import MOST_REQUESTS, Replica
    from steering.serving.shared_steps import SharedSteps

    serve = ray_door.serve()

    class Holding(Replica):
        """A replica that forgets the model that was asked for least lately."""

        @serve.multiplexed(max_num_models_per_replica=models)  # type: ignore[untyped-decorator,unused-ignore]
        async def steps(self, key: str) -> SharedSteps:
            return await self.loaded(key)

    number: dict[str, Any] = {"num_replicas": count.least}
    if count.most > count.least:
        number = {
            "autoscaling_config": {
                "min_replicas": count.least,
                "max_replicas": count.most,
                "target_ongoing_requests": pace.busy,
                "upscale_delay_s": pace.more,
                "downscale_delay_s": pace.fewer,
                "look_back_period_s": _MEAN_SECONDS,
            }
        }
    return serve.deployment(
        Holding,
        name="replica",
        ray_actor_options=actor,
        max_ongoing_requests=MOST_REQUESTS,
        graceful_shutdown_timeout_s=_LEAVE_SECONDS,
        health_check_period_s=5,
        **number,
    )
