"""Continues prompts under edits, and measures what was written; can be stopped."""

import threading
from collections.abc import Generator, Sequence

from steering.errors import SteeringError
from steering.inference.decode_loop import DecodeLoop
from steering.inference.decode_request import Column as Column
from steering.inference.decode_request import DecodeRequest
from steering.inference.next_token import answer_perplexities
from steering.inference.sampling import Sampling as Sampling
from steering.inference.written import Written
from steering.interventions.edits import Edit, Program, intervene
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


def write(
    model: ChatModel,
    rows: Sequence[Sequence[int]],
    edits: Sequence[Edit | None],
    sampling: Sampling,
) -> Written:
    """Continue every row to its end; arguments and errors are those of `generate`."""
    written = Written(len(rows))
    for column in generate(model, rows, edits, sampling):
        written.add(column)
    return written


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
