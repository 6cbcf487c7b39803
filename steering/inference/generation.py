"""One batch, one row a panel or prompt, a column of tokens a step; can be stopped.

Hooks are on the model only while a forward pass runs: between two steps, and after a stop, an
error or a closed generator, the model is clean.
"""

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.inference.next_token import answer_perplexities
from steering.inference.sampling import Sampling as Sampling
from steering.inference.written import Written
from steering.interventions.edits import Program, intervene
from steering.models import overflow
from steering.models.chat_model import ChatModel


@dataclass(frozen=True, eq=False)
class Column:
    """One step of the batch.

    Attributes:
        tokens: The next token of every row; None where the row has ended.
        logits: Next-token logits that the tokens were chosen from, float32, on the CPU; kept
            for the first column only, None after it.
        ended: Whether each row has ended, by an end-of-text token in this column or before.
        overflowed: Whether each row was ended since its edit left no finite numbers.
    """

    tokens: tuple[int | None, ...]
    logits: Float[Tensor, "batch vocab"] | None
    ended: tuple[bool, ...]
    overflowed: tuple[bool, ...]


def generate(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    program: Program,
    sampling: Sampling,
    *,
    stop: threading.Event | None = None,
) -> Generator[Column]:
    """Continue every row, a column of tokens at a time.

    Rows that have ended stay in the batch as padding: leaving would change the batch's shape, and
    with it the last bits of the rows that go on.

    Args:
        model: A loaded chat model.
        rows: Token ids of each prompt, as `ChatModel.render` gives them.
        program: The rows' edits, from `compile_edits`; active at every position of every step.
        sampling: How tokens are chosen.
        stop: When set, no further step is begun.

    Yields:
        A column a step, until every row has ended, `max_new_tokens` is reached or `stop` is set.
        An end-of-text token is not part of the answer: its row has None in that column.

    A row whose edit overflows the number format ends there and is marked; the others go on.

    Raises:
        SteeringError: If a prompt and its answer would not fit in the model's context, or an
            unedited row's numbers are not finite.
    """
    _require_room(model, rows, sampling)
    choose = _Chooser(sampling)
    batch = model.batch(rows)
    caches = model.abilities.caches
    cache: Any = None
    ended = [False] * len(rows)
    overflowed = [False] * len(rows)
    written = [list(row) for row in rows]
    for step in range(sampling.max_new_tokens):
        if stop is not None and stop.is_set():
            return
        with torch.inference_mode(), intervene(model, program):
            output = model.run(batch, keep=1, cache=cache, use_cache=caches)
            logits = output.logits[:, -1].float().cpu()
            chosen = choose(logits)
        if lost := _overflowing(logits, ended):
            _require_edited(model, written, lost, program)
            for row in lost:
                overflowed[row], chosen[row] = True, 0  # of NaN, any token is the likeliest
        over = zip(ended, overflowed, strict=True)
        column = _column(chosen, [any(pair) for pair in over], model.end_ids)
        ended = [token is None for token in column]
        yield Column(tuple(column), logits if step == 0 else None, tuple(ended), tuple(overflowed))
        if all(ended):
            return
        for ids, token in zip(written, chosen, strict=True):
            ids.append(token)
        batch = batch.followed_by(chosen, cached=caches)
        cache = output.cache if caches else None


def write(
    model: ChatModel, rows: Sequence[Sequence[int]], program: Program, sampling: Sampling
) -> Written:
    """Continue every row to its end; arguments and errors are those of `generate`."""
    written = Written(len(rows))
    for column in generate(model, rows, program, sampling):
        written.add(column)
    return written


def _require_room(model: ChatModel, rows: Sequence[Sequence[int]], sampling: Sampling) -> None:
    room = model.context_length - max(len(row) for row in rows)
    if room < sampling.max_new_tokens:
        raise SteeringError(
            f"the longest request leaves room for {max(room, 0)} tokens, but max_new_tokens is "
            f"{sampling.max_new_tokens}; shorten the request or ask for fewer tokens"
        )


def _column(
    chosen: Sequence[int], over: Sequence[bool], end_ids: frozenset[int]
) -> list[int | None]:
    """Return the tokens that belong to an answer; None for rows that are over, or end here."""
    return [
        None if done or token in end_ids else token
        for done, token in zip(over, chosen, strict=True)
    ]


def _overflowing(logits: Float[Tensor, "batch vocab"], ended: Sequence[bool]) -> list[int]:
    """Return the rows that are still written and have no finite numbers any more."""
    fine = overflow.readable_rows(logits).tolist()
    return [row for row, done in enumerate(ended) if not done and not fine[row]]


def _require_edited(
    model: ChatModel, written: Sequence[Sequence[int]], lost: Sequence[int], program: Program
) -> None:
    """Refuse numbers that are not finite where no edit is to blame."""
    edited = {row for edit in program.values() for row in edit.rows.tolist()}
    if unedited := [row for row in lost if row not in edited]:
        with intervene(model, program):
            raise overflow.error(model, written, unedited[0])


class _Chooser:
    """Chooses the next token of every row, with one random stream for all rows.

    Sampling is by the Gumbel-max trick: argmax of log-probability / temperature + noise. All rows
    share the noise of a token, so rows with equal probabilities choose equal tokens, and rows
    differ only by their edit.
    """

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        # On the CPU, so that a seed gives the same stream on every machine.
        self.generator = torch.Generator().manual_seed(sampling.seed)

    def __call__(self, logits: Float[Tensor, "batch vocab"]) -> list[int]:
        if self.sampling.temperature == 0:
            return [int(token) for token in logits.argmax(-1)]
        # The largest logit is taken off first and all is done in float64: divided as they are,
        # logits overflow under a temperature near 0, whose limit is the likeliest token.
        below = logits.double() - logits.double().amax(dim=-1, keepdim=True)
        scaled = torch.log_softmax(below / self.sampling.temperature, dim=-1)
        scaled = _within_top_p(scaled, self.sampling.top_p)
        uniform = torch.rand(logits.shape[-1], generator=self.generator, dtype=torch.float64)
        noise = -torch.log(-torch.log(uniform.clamp(min=1e-300)))
        return [int(token) for token in (scaled + noise).argmax(-1)]


def _within_top_p(
    log_probabilities: Float[Tensor, "batch vocab"], top_p: float
) -> Float[Tensor, "batch vocab"]:
    """Set tokens outside the smallest set with probability `top_p` to minus infinity."""
    if top_p >= 1:
        return log_probabilities
    ordered, order = log_probabilities.sort(dim=-1, descending=True)
    before = ordered.exp().cumsum(-1) - ordered.exp()
    outside = torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= top_p)
    return log_probabilities.masked_fill(outside, -torch.inf)


def answer_perplexity(
    model: ChatModel,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    program: Program | None = None,
) -> list[float | None]:
    """Return each answer's perplexity, teacher-forced in one pass.

    Args:
        model: A loaded chat model.
        prompts: Token ids of each prompt.
        answers: Token ids of each answer; an empty one has no perplexity and gives None.
        program: The rows' edits; None measures under the unedited model.
    """
    longest = max((len(answer) for answer in answers), default=0)
    if longest == 0:
        return [None] * len(answers)
    if program is None and model.together(len(prompts)) < len(prompts):
        pairs = zip(prompts, answers, strict=True)
        return [answer_perplexity(model, [p], [a])[0] for p, a in pairs]
    # Padding goes to the left of each row, so every answer ends at the last position.
    batch = model.batch([[*p, *a] for p, a in zip(prompts, answers, strict=True)])
    with intervene(model, program or {}):
        logits = model.run(batch, keep=longest + 1).logits
    values = answer_perplexities(logits, answers)
    return [float(value) if answer else None for value, answer in zip(values, answers, strict=True)]
