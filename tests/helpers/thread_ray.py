"""A stand-in for Ray whose tasks are threads, to test who does what without a cluster."""

import threading
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any


class RayError(Exception):
    """What Ray raises of its own."""


class RayTaskError(RayError):
    """What a task has raised."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Died(BaseException):
    """Raised in a task, it stands for the end of its process."""


class ThreadRay:
    """As much of Ray as the crew and its workers use.

    Attributes:
        processors: What the cluster offers; there are no GPUs.
        begun: How many tasks were begun.
    """

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, processors: int = 8) -> None:
        self.processors, self.begun = processors, 0
        self._lock = threading.Lock()
        self._over = False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(self.processors)}

    def remote(self, *function: Any, **_options: Any) -> Any:
        return self._task(function[0]) if function else lambda kind: self._actor(kind)

    def get(self, found: Future[Any]) -> Any:
        return found.result(60)

    def wait(self, tasks: list[Future[Any]], **_options: Any) -> tuple[list[Future[Any]], list]:
        return [task for task in tasks if task.done()], []

    def shutdown(self) -> None:
        self._over = True

    def _actor(self, kind: Any) -> Any:
        return SimpleNamespace(remote=lambda *arguments: _Handle(self, kind(*arguments)))

    def call(self, method: Any, *arguments: Any) -> Future[Any]:
        if self._over and threading.current_thread() is not threading.main_thread():
            raise Died
        found: Future[Any] = Future()
        with self._lock:
            found.set_result(method(*arguments))
        return found

    def _task(self, function: Any) -> Any:
        def begin(*arguments: Any) -> Future[Any]:
            self.begun += 1
            found: Future[Any] = Future()

            def work() -> None:
                try:
                    found.set_result(function(*arguments))
                except Died:
                    found.set_exception(RayError("the worker died"))
                except BaseException as error:  # noqa: BLE001 - as Ray does
                    found.set_exception(RayTaskError(error))

            threading.Thread(target=work, name="worker", daemon=True).start()
            return found

        made = SimpleNamespace(remote=begin)
        return SimpleNamespace(remote=begin, options=lambda **_options: made)


class _Handle:
    def __init__(self, ray: ThreadRay, held: Any) -> None:
        self._ray, self._held = ray, held

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._held, name)
        return SimpleNamespace(remote=lambda *arguments: self._ray.call(method, *arguments))
