"""Work that is shared by several processes, led by this one: `--workers N`.

This process runs the command as ever, but for the keys of its stages, which followers find: Ray
tasks that run the same command (`follower`). It alone writes results and says how far they are. A
follower that is gone is replaced, and what it held is done by others; if this process is gone, what
was found is kept, and the same command goes on, with as many workers as it is told then.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from steering.artifacts import team
from steering.cluster import ray_door
from steering.cluster.board import Board
from steering.cluster.follower import Follower, follow
from steering.errors import SteeringError
from steering.inference.answering import requests_alone
from steering.system import console

_LOOK_SECONDS: Final = 0.1
"""How often the leader looks for what came (chosen)."""
_LEAVE_SECONDS: Final = 10.0
"""How long workers may take to end when all is found (chosen: they have that to write)."""
_DEATHS: Final = 3
"""Times in turn that workers may end before they have found anything new (chosen)."""
_T = TypeVar("_T")
Command = Callable[[argparse.Namespace], _T]


def run(options: argparse.Namespace, command: Command[_T]) -> _T:
    """Run a command, its stages shared by as many workers as the options ask for.

    Without `workers` the command runs as ever. With them every request is answered alone, so that
    results hang on neither their number nor their pace: one worker, which is this process and needs
    no Ray, finds the bits that many find.

    Args:
        options: Of the command, with `workers` and `address`.
        command: What is run, here and by every worker, by its name.

    Raises:
        SteeringError: What the command raises; if Ray is missing, or workers end again and again.
    """
    if not options.workers:
        return command(options)
    with requests_alone():
        if options.workers == 1 and options.address is None:
            return command(options)
        # Ray tells of workers that are gone on stdout, which is the command's document.
        with redirect_stdout(sys.stderr), Crew(options, command) as crew, team.led(crew):
            return command(options)


class Crew:
    """The leader's side: begins workers with the first stage that asks for some."""

    def __init__(self, options: argparse.Namespace, command: Command[Any]) -> None:
        """Find Ray, and begin nothing yet.

        Args:
            options: Of the command; read when workers begin, so that they hold the model as the
                leader does.
            command: What workers run.

        Raises:
            SteeringError: If Ray is not installed.
        """
        ray_door.ray()
        self.options, self.command = options, command
        self._tasks: dict[Any, int] = {}
        self._board: Any = None
        self._ray: Any = None
        self._deaths = 0
        self._told: list[tuple[str, str, Any]] = []
        """What the board is to know; kept here while there is none, and no worker is needed."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all workers."""
        if self._ray is not None:
            if kind is None:  # all is found, and they end by themselves, leaving no files
                count = len(self._tasks)
                self._ray.wait(list(self._tasks), num_returns=count, timeout=_LEAVE_SECONDS)
            # Tasks and the board end with this process's part of the cluster. To cancel and to kill
            # them just before it was followed by the end of this process once (seen, Ray 2.60).
            self._ray.shutdown()

    def lines(
        self, stage: str, groups: Sequence[Sequence[str]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what workers find of all these keys, in the order in which it comes."""
        missing = {key for group in groups for key in group}
        if not missing:
            return
        self._begin()
        self._ask("open", stage, groups)
        while missing:
            found = self._ask("take")
            for key, value in found:
                missing.discard(key)
                yield key, value
            self._deaths = 0 if found else self._deaths
            if not found:
                self._look_after()
                time.sleep(_LOOK_SECONDS)

    def end(self, stage: str, found: Mapping[str, dict[str, Any]]) -> None:
        """Tell the workers that a stage is whole."""
        self._tell("end", stage, found)

    def show(self, stage: str, path: Path) -> None:
        """Tell the workers in which file the tensors of a stage are."""
        self._tell("show", stage, path)

    def _tell(self, method: str, stage: str, what: Any) -> None:  # noqa: ANN401
        self._told.append((method, stage, what))
        if self._ray is not None:
            self._tell_all()

    def _tell_all(self) -> None:
        for method, stage, what in self._told:
            self._ask(method, stage, what.read_bytes() if isinstance(what, Path) else what)
        self._told.clear()

    def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401
        try:
            return self._ray.get(getattr(self._board, method).remote(*arguments))
        except self._ray.exceptions.RayError as error:
            raise SteeringError(
                f"the Ray cluster is gone ({type(error).__name__}); what was found is kept: run "
                "the same command again"
            ) from error

    @property
    def _gpus(self) -> int:
        """GPUs of a worker."""
        return 1 if str(self.options.device).startswith("cuda") else 0

    def _begin(self) -> None:
        if self._ray is not None:
            return
        import torch

        self._threads = torch.get_num_threads()
        workers = self.options.workers
        console.say(f"{workers} workers begin, {self._threads} threads each")
        wanted = workers * self._threads
        self._ray = ray_door.connect(self.options.address, processors=wanted)
        there = self._ray.cluster_resources()
        if there.get("CPU", 0) < wanted:
            raise SteeringError(
                f"{workers} workers of {self._threads} threads need {wanted} processors, and the "
                f"cluster has {there.get('CPU', 0):g}; take fewer workers, or fewer threads "
                "(OMP_NUM_THREADS)"
            )
        if there.get("GPU", 0) < workers * self._gpus:
            raise SteeringError(
                f"{workers} workers on {self.options.device} need a GPU each, and the cluster has "
                f"{there.get('GPU', 0):g}; take fewer workers, or --device cpu"
            )
        # Zero processors: it waits for the others, and shall not take a worker's place.
        self._board = self._ray.remote(num_cpus=0, max_concurrency=1)(Board).remote(workers)
        self._tell_all()
        for number in range(workers):
            self._start(number)

    def _start(self, number: int) -> None:
        settings = {"OMP_NUM_THREADS": str(self._threads)}
        task = self._ray.remote(_follow).options(
            num_cpus=self._threads,
            num_gpus=self._gpus,
            max_retries=0,  # who is gone has to be freed of its keys first
            name=f"steering worker {number + 1}",
            runtime_env=ray_door.environment(settings),
        )
        told = {name: value for name, value in vars(self.options).items() if not callable(value)}
        # A worker sees one GPU, its own, whichever number it has on the leader.
        told |= {"device": "cuda"} if self._gpus else {}
        options = argparse.Namespace(**told)
        reference = task.remote(self._board, number, self.command, options, Path.cwd())
        self._tasks[reference] = number

    def _look_after(self) -> None:
        """Begin again who is gone.

        Raises:
            SteeringError: What a worker could not do; if workers end again and again, or are not
                at the same work.
        """
        errors = self._ray.exceptions
        ended, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=0)
        for task in ended:
            number = self._tasks.pop(task)
            try:
                self._ray.get(task)
                self._gone(number, "its work ended before this process's")
            except errors.RayTaskError as error:
                if isinstance(error.cause, SteeringError):
                    raise error.cause from error
                raise
            except errors.RayError as error:
                self._gone(number, str(error))
            self._ask("free", number)
            self._start(number)
        if stage := self._ask("astray"):
            raise SteeringError(
                f"workers are at other work than this process ({stage!r}): their machines differ "
                "in versions, number of threads or number format; give them the same ones"
            )

    def _gone(self, number: int, why: str) -> None:
        self._deaths += 1
        if self._deaths > _DEATHS * self.options.workers:
            raise SteeringError(
                f"workers end again and again before they have found anything ({why}); is there "
                "enough memory? What was found is kept"
            )
        console.say(f"worker {number + 1} is gone, another one takes its place")


def _follow(
    board: Any,  # noqa: ANN401 - Ray's handle of an actor
    number: int,
    command: Command[Any],
    options: argparse.Namespace,
    folder: Path,
) -> None:
    """Run a worker, as Ray's task."""
    ray = ray_door.ray()

    def ask(method: str, *arguments: object) -> Any:  # noqa: ANN401
        return ray.get(getattr(board, method).remote(*arguments))

    follow(Follower(number, ask), command, options, folder)
