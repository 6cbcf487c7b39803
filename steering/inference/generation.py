"""Continues prompts under edits, and measures what was written; can be stopped."""

import math
import threading
from collections.abc import Generator, Sequence
from functools import partial

from steering.errors import SteeringError
from steering.inference.decode_loop import DecodeLoop
from steering.inference.decode_request import Column as Column
from steering.inference.decode_request import DecodeRequest, alike_rows
from steering.inference.next_token import answer_losses
from steering.inference.prefill import Prefill, passes, prefill
from steering.inference.sampling import Sampling as Sampling
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.models.chat_model import ChatModel


def generate(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
    sampling: Sampling,
    *,
    stop: threading.Event | None = None,
) -> Generator[Column]:
    """Continue every row, a column of tokens at a time.

    Args:
        model: A loaded chat model.
        rows: Token ids of each prompt, as `ChatModel.render` gives them.
        edits: Of each row, as `Panel.edit` gives them; active at every position of every step.
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
    loop = DecodeLoop(model)
    request = DecodeRequest(rows, edits, sampling)
    loop.join(request)
    while not request.over and not (stop is not None and stop.is_set()):
        for _, outcome in loop.step():
            if isinstance(outcome, SteeringError):
                raise outcome
            yield outcome


def answer_perplexity(
    model: ChatModel,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    edits: Sequence[Edit | None] | None = None,
    read: Prefill | None = None,
) -> list[float | None]:
    """Return each answer's perplexity, teacher-forced; equal rows are computed once.

    Args:
        model: A loaded chat model.
        prompts: Token ids of each prompt.
        answers: Token ids of each answer; an empty one has no perplexity and gives None.
        edits: Of each row; None measures under the unedited model.
        read: What has been read of the prompts under these edits; they are read here if not given.
    """
    edits = [None] * len(prompts) if edits is None else edits
    same = alike_rows(list(zip(map(list, prompts), map(list, answers), strict=True)), edits)
    rows = [row for row in sorted(set(same)) if answers[row]]
    if not rows:
        return [None] * len(prompts)
    apart = not model.abilities.joins or model.together(len(rows)) < len(rows)
    if read is not None:
        read = Prefill(read.logits[rows], [read.kept[row] for row in rows])
    losses = (_losses_apart if apart else partial(_losses, read=read))(
        model,
        [prompts[row] for row in rows],
        [answers[row] for row in rows],
        [edits[row] for row in rows],
    )
    found = {
        row: math.exp(loss / len(answers[row])) for row, loss in zip(rows, losses, strict=True)
    }
    return [found.get(row) for row in same]


def _losses(
    model: ChatModel,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
    *,
    read: Prefill | None,
) -> list[float]:
    """Return each answer's loss, in nats; a prompt under an edit is read once, or not again."""
    if read is None:
        same = alike_rows(list(map(list, prompts)), edits)
        once = sorted(set(same))
        found = prefill(model, [prompts[row] for row in once], [edits[row] for row in once])
        places = [once.index(row) for row in same]
        read = Prefill(found.logits[places], [found.kept[place] for place in places])
    losses = answer_losses(read.logits[:, None], [answer[:1] for answer in answers]).tolist()
    rows = [row for row, answer in enumerate(answers) if len(answer) > 1]
    if not rows:
        return losses
    for part in passes(
        model,
        [[*prompts[row], *answers[row][:-1]] for row in rows],
        [edits[row] for row in rows],
        begun=[read.kept[row] for row in rows],
        keep=max(map(len, answers)) - 1,
    ):
        members = [rows[member] for member in part.members]
        rest = answer_losses(part.logits, [answers[row][1:] for row in members])
        for row, loss in zip(members, rest.tolist(), strict=True):
            losses[row] += loss
    return losses


def _losses_apart(
    model: ChatModel,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
) -> list[float]:
    """Return each answer's loss, in nats, by whole passes, where no more than that can be done."""
    size, longest = model.together(len(prompts)), max(map(len, answers))
    losses: list[float] = []
    for start in range(0, len(prompts), size):
        chunk = range(start, min(start + size, len(prompts)))
        # Padding goes to the left of each row, so every answer ends at the last position.
        batch = model.batch([[*prompts[row], *answers[row]] for row in chunk])
        program = compile_edits([edits[row] for row in chunk], device=model.device)
        with intervene(model, program):
            logits = model.run(batch, keep=longest + 1).logits
        losses += answer_losses(logits[:, :-1], [answers[row] for row in chunk]).tolist()
    return losses
