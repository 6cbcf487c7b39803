"""Long work in stages whose results stay on disk, so that a run that was stopped goes on."""

import hashlib
import json
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor

from steering.artifacts import team
from steering.artifacts.provenance import machine, unnamed_weights
from steering.chat_templates.rendering import PLAIN
from steering.inference.answering import are_requests_alone
from steering.models.chat_model import ChatModel
from steering.models.fast_products import held_as
from steering.sources.weights import cache_folder
from steering.system import disk_space, whole_files
from steering.system.progress import stage

_AFRESH: ContextVar[set[Path] | None] = ContextVar("afresh", default=None)
"""Folders of the work that is done afresh; None where kept results are taken."""


@contextmanager
def afresh() -> Generator[None]:
    """Take nothing that was kept by other runs, and leave nothing behind.

    Work inside of the block has folders of its own. They go when the block ends well; a run that
    was stopped goes on where it was.
    """
    used: set[Path] = set()
    token = _AFRESH.set(used)
    try:
        yield
    finally:
        _AFRESH.reset(token)
    for folder in used:
        shutil.rmtree(folder, ignore_errors=True)


class Stages:
    """Results of stages that are done, on disk.

    Attributes:
        folder: One per identity, that is, per combination of weights, number format, prompts and
            machine (device, threads, versions).
    """

    def __init__(self, identity: Sequence[Any]) -> None:
        used = _AFRESH.get()
        whole = list(identity) if used is None else [*identity, "afresh"]
        whole += ["requests alone"] if are_requests_alone() else []
        digest = hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:16]
        self.folder = cache_folder() / "precompute" / digest
        if used is not None:
            used.add(self.folder)

    @classmethod
    def of(cls, model: ChatModel, *more: Any) -> "Stages":  # noqa: ANN401 - any JSON types
        """Return the stages of work on these very weights, in this number format, on this machine.

        Args:
            model: A loaded chat model.
            more: Further components of the cache key, JSON types.
        """
        facts = sorted((key, value) for key, value in model.provenance.items() if value)
        held = [str(model.dtype), held_as(model.number_format)]
        if model.template.rendering != PLAIN:
            held += map(str, model.template.rendering.as_dict().values())
        held += [model.template.system] if model.template.system else []
        held += unnamed_weights(model).values()
        # Whoever works together has to multiply alike, to the last bit.
        held += ["packed"] if are_requests_alone() and model.number_format.packed else []
        return cls([model.name, facts, *held, machine(model), *more])

    def tensors(self, name: str, compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """Return a stage's tensors, computing them only the first time."""
        path = self.folder / f"{name}.safetensors"
        stage_name = f"{self.folder.name} {name}"
        leader, follower = team.leading(), team.following()
        with team.apart():  # what a stage is made of is nobody else's
            if not path.is_file():
                made = follower.tensors(stage_name) if follower else save(compute())
                whole_files.write_file(path, made)
            if leader:
                leader.show(stage_name, path)
            return dict(load_file(path))

    def lines(
        self, name: str, keys: Sequence[str], compute: Callable[[str], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return one result a key, in order; each is kept on disk as soon as it is known."""
        return self.streamed(name, keys, lambda todo: ((key, compute(key)) for key in todo))

    def streamed(
        self,
        name: str,
        keys: Sequence[str],
        compute: Callable[[list[str]], Iterable[tuple[str, dict[str, Any]]]],
        groups: Sequence[Sequence[str]] | None = None,
    ) -> list[dict[str, Any]]:
        """Do what `lines` does for results that come together, or in an order of their own.

        Args:
            name: Of the stage.
            keys: Of all results, in the order in which they are returned.
            compute: Gives the result of each key that it is given, as soon as it is known.
            groups: Keys whose results cost as much together as one of them, where several
                processes share the work; None where each costs its own.
        """
        # A stage is asked for more than once with other keys: answers, and then longer ones.
        digest = hashlib.sha256(json.dumps(list(keys)).encode()).hexdigest()[:16]
        stage_name = f"{self.folder.name} {name} {digest}"
        leader, follower = team.leading(), team.following()
        if follower is not None:
            found = follower.lines(stage_name, compute)
            return [found[key] for key in keys]
        path = self.folder / f"{name}.jsonl"
        with disk_space.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            done = {line["key"]: line["value"] for line in _whole_lines(path)}
        todo = [key for key in dict.fromkeys(keys) if key not in done]
        known = len(set(keys)) - len(todo)
        if leader is not None:
            parts = [[key for key in group if key not in done] for group in groups or zip(todo)]
            found_by_all = leader.lines(stage_name, [part for part in parts if part])
        with stage(name, known + len(todo), done=known) as running, team.apart():
            for key, value in (found_by_all if leader else compute(todo)) if todo else ():
                done[key] = value
                line = json.dumps({"key": key, "value": value}) + "\n"
                # Opened anew: a file that is closed tells of a full disk a second time.
                with disk_space.writing(path), path.open("a", encoding="utf-8") as file:
                    file.write(line)
                running.advance()
        if leader is not None:
            leader.end(stage_name, {key: done[key] for key in keys})
        return [done[key] for key in keys]


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read what an earlier run left; a last line that was cut off by a kill is dropped."""
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        path.write_bytes(whole)
    for line in whole.decode("utf-8").splitlines():
        yield json.loads(line)
