"""The door to Ray: imported when it is asked for, and an error that says what to install."""

import os
from collections.abc import Mapping
from typing import Any, Final

from steering.errors import SteeringError
from steering.shipped import PACKAGE

_TRIES: Final = 3
"""Starts of a cluster of one's own: Ray waits for half a minute, a busy machine may take longer."""

_SETTINGS: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray counts who uses it, over the network; nothing here does
    # Ray's own parts may take longer to start than it waits, beside other work (seen).
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_agent_register_timeout_ms": "300000",
    # Ray Serve takes what it was told of a replica within ten seconds, and asks another one in the
    # background, for a tenth of one. So a run may go to a replica that writes already, beside an
    # idle one (two did once on busy cores; why was not seen). All are asked, each time.
    "RAY_SERVE_QUEUE_LENGTH_CACHE_TIMEOUT_S": "0",
    "RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "1",
}


def ray() -> Any:  # noqa: ANN401 - Ray may be missing where types are checked
    """Return the package Ray.

    Raises:
        SteeringError: If it is not installed.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray as found
    except ImportError as error:
        raise SteeringError(
            "more than one worker or replica needs Ray, which is not installed; run `pip install "
            "'refusal-steering-playground[cluster]'`, or leave --workers and --replicas out"
        ) from error
    return found


def serve() -> Any:  # noqa: ANN401 - as above
    """Return the package Ray Serve.

    Raises:
        SteeringError: If it is not installed.
    """
    ray()
    try:
        from ray import serve as found
    except ImportError as error:
        raise SteeringError(
            "replicas need Ray Serve, which is not installed; run `pip install "
            "'refusal-steering-playground[cluster]'`"
        ) from error
    return found


def connect(address: str | None, *, processors: int) -> Any:  # noqa: ANN401
    """Return Ray, connected to a cluster, or to one of this process alone, which ends with it.

    Args:
        address: Of a cluster's head, `auto` for the one that runs here; None begins one.
        processors: How many a cluster of this process offers. They are a count: tasks of a
            machine with two cores may be given four.

    Raises:
        SteeringError: If Ray is missing, or nothing answers at the address.
    """
    found = ray()
    processors_here = {"num_cpus": processors, "include_dashboard": False}
    quiet = {"log_to_driver": False, "configure_logging": False, "ignore_reinit_error": True}
    given = {"address": "local", **processors_here} if address is None else {"address": address}
    for left in reversed(range(_TRIES if address is None else 1)):
        try:
            found.init(**given, **quiet)
            break
        except Exception as error:  # Ray's own are of no class: a slow start is an `Exception`
            found.shutdown()
            if not left:
                raise SteeringError(
                    f"no Ray cluster could be reached at {address or 'this machine'}: {error}; "
                    "start one with `ray start --head` and give `--address auto`"
                ) from error
    return found


def environment(more: Mapping[str, str]) -> dict[str, Any]:
    """Return the environment of a process that does what this one does, as Ray takes it.

    Args:
        more: Variables that are set beside those of this process which matter.
    """
    ours = ("STEERING_", "HF_", "OMP_", "MKL_", "TOKENIZERS_", "CUDA_")
    kept = {name: value for name, value in os.environ.items() if name.startswith(ours)}
    kept.pop("CUDA_VISIBLE_DEVICES", None)  # Ray gives each worker a GPU of its own by it
    path = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept |= {"PYTHONPATH": os.pathsep.join(path), "OMP_WAIT_POLICY": "PASSIVE"}
    return {"env_vars": kept | dict(more)}
