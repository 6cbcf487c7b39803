"""Answers of many prompts in one decode loop that is refilled as rows end.

Rows that share a step cost less each, so their number is held up: as soon as enough rows have
ended, the next request joins between two steps.
"""

from collections.abc import Generator, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, TypeVar

from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.inference.decode_loop import DecodeLoop
from steering.inference.decode_request import DecodeRequest
from steering.inference.next_token import common_length
from steering.inference.prefill import prefill
from steering.inference.row_limit import row_limit
from steering.inference.sampling import Sampling
from steering.inference.written import Written
from steering.interventions.edits import Edit
from steering.models.chat_model import ChatModel

_REQUESTS: Final = 4
"""Requests in the loop at once, where their size is free (chosen): one joins a step, so requests
of single rows would leave it half empty, and one request of all rows would never be refilled. Where
rows cannot join others, a pass has one request: a quarter of the rows, in less memory."""

_K = TypeVar("_K")
_ALONE: ContextVar[bool] = ContextVar("requests alone", default=False)


@contextmanager
def requests_alone() -> Generator[None]:
    """Let every request have the loop for itself, so that its texts hang on nothing else.

    That costs time, since a loop is not refilled, and gives the same bits whatever part of the
    requests a process answers.
    """
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


def are_requests_alone() -> bool:
    """Whether every request has the loop for itself here."""
    return _ALONE.get()


@dataclass(eq=False)
class Answered:
    """What has come of a request.

    Attributes:
        request: What was asked.
        written: Texts and how they ended.
        first: Next-token logits at the end of every row's prompt, float32, on the CPU.
    """

    request: DecodeRequest
    written: Written
    first: Float[Tensor, "row vocab"] = field(init=False)


def answered(
    model: ChatModel, requests: Iterable[tuple[_K, DecodeRequest]], *, rows: int
) -> Generator[tuple[_K, Answered]]:
    """Answer requests to their end; each is taken from `requests` when there is room for it.

    Every request is read by itself, so its first logits do not depend on its companions. Its texts
    do by rounding alone: which rows share its steps may decide between tokens that are as likely
    as each other to the last digits.

    Args:
        model: A loaded chat model.
        requests: Each with what its answers are to be called.
        rows: Rows in the loop at most, if no request alone has more. Models whose rows cannot join
            others have one request in the loop at a time, and so has work under `requests_alone`.

    Yields:
        Each request as it ends, with its name.

    Raises:
        SteeringError: If a prompt and its answer would not fit in the model's context, or an
            unedited row's numbers are not finite.
    """
    loop = DecodeLoop(model)
    rows = 1 if _ALONE.get() else rows  # a request joins whoever is there only within `rows`
    upcoming = iter(requests)
    waits = next(upcoming, None)
    running: dict[DecodeRequest, tuple[_K, Answered]] = {}
    while waits is not None or running:
        while waits is not None and _has_room(model, list(running), waits[1], rows):
            name, request = waits
            loop.join(request)
            running[request] = name, Answered(request, Written(len(request.rows)))
            waits = next(upcoming, None)
        for request, outcome in loop.step():
            if isinstance(outcome, SteeringError):
                raise outcome
            found = running[request][1]
            found.written.add(outcome)
            if outcome.logits is not None:
                found.first = outcome.logits
            if request.over:
                yield running.pop(request)


def _has_room(
    model: ChatModel, running: Sequence[DecodeRequest], request: DecodeRequest, rows: int
) -> bool:
    if not running or not model.abilities.joins:
        return not running
    longest = max(len(row) + each.sampling.max_new_tokens for each in running for row in each.rows)
    own = max(map(len, request.rows)) + request.sampling.max_new_tokens
    busy = sum(not each.ended[row] for each in running for row in each.written)
    return busy + len(request.written) <= row_limit(model, rows, tokens=max(longest, own))


def chunks_of(
    model: ChatModel, prompts: Sequence[Sequence[int]], edits: int, *, rows: int
) -> list[list[int]]:
    """Return which prompts share a request, by index, short prompts first.

    Args:
        model: A loaded chat model.
        prompts: Token ids of each prompt.
        edits: Under how many edits each is answered.
        rows: The limit that `answered` is given.
    """
    size = model.together(max(1, rows // _REQUESTS // edits))
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def requests_for(
    model: ChatModel,
    prompts: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
    sampling: Sampling,
    *,
    rows: int,
    wanted: AbstractSet[int] | None = None,
) -> Generator[tuple[list[int], DecodeRequest]]:
    """Ask for every prompt under every edit, short prompts first.

    What all prompts begin with, the template's system prompt, is read once under each edit. What is
    read of a prompt is kept with the request, to measure its answers with.

    Args:
        model: A loaded chat model.
        prompts: Token ids of each prompt.
        edits: What is done to every prompt; its rows are in this order.
        sampling: How tokens are chosen.
        rows: The limit that `answered` is given.
        wanted: Indices of the prompts that have yet to be answered; None for all. Which prompts
            share a request does not depend on it, so that what is measured in one does not either.

    Yields:
        Requests, each of one prompt or of as many as suit the limit, with these prompts' indices;
        those of which no prompt is wanted are left out.
    """
    if not prompts:
        return
    common = common_length(prompts) if model.abilities.joins and len(prompts) > 1 else 0
    begun = None
    if common:
        begun = prefill(model, [prompts[0][:common]] * len(edits), edits).kept
    for chunk in chunks_of(model, prompts, len(edits), rows=rows):
        if wanted is not None and wanted.isdisjoint(chunk):
            continue
        yield (
            chunk,
            DecodeRequest(
                [prompts[index] for index in chunk for _ in edits],
                list(edits) * len(chunk),
                sampling,
                begun=None if begun is None else list(begun) * len(chunk),
                keeps_read=True,
            ),
        )


def write_all(
    model: ChatModel,
    prompts: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
    sampling: Sampling,
    *,
    rows: int,
) -> Written:
    """Answer every prompt under every edit; rows are ordered by prompt, then edit.

    Arguments and errors are those of `requests_for` and `answered`.
    """
    n = len(edits)
    whole = Written(len(prompts) * n)
    requests = requests_for(model, prompts, edits, sampling, rows=rows)
    for chunk, found in answered(model, requests, rows=rows):
        whole.take([index * n + row for index in chunk for row in range(n)], found.written)
    return whole
