"""What is asked of the decode loop, and what a step of it gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.inference.sampling import Sampling
from steering.inference.token_choice import TokenChoice
from steering.interventions.edits import Edit, alike

if TYPE_CHECKING:
    from steering.inference.prefill import Prefill
    from steering.models.chat_model import ChatModel
    from steering.models.row_cache import Kept


@dataclass(frozen=True, eq=False)
class Column:
    """One step of a request.

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


@dataclass(eq=False)
class DecodeRequest:
    """Rows that one caller wants continued.

    Attributes:
        rows: Token ids of each prompt, and of what its answer is to begin with, if anything is
            given: it is read as the prompt is, under the row's edit.
        edits: What is done to each row; None leaves it as it is.
        sampling: How tokens are chosen, and how many at most.
        begun: Keys and values of what has been read already of the beginning of each row, under
            its edit; None for nothing. Only where rows can join others.
        keeps_read: Whether `read` is kept; only where rows can join others.
        read: What was read of the computed rows' prompts, in their order.
        same: Of each row, the first row with the same prompt and edit: it alone is computed.
        written: What each computed row has been given so far, by row.
        ended: Whether each row has ended.
        overflowed: Whether that was since its edit left no finite numbers.
        steps: How many columns there are.
        over: Whether no more columns come; set it to let a request go.
    """

    rows: Sequence[Sequence[int]]
    edits: Sequence[Edit | None]
    sampling: Sampling
    begun: "Sequence[Kept] | None" = None
    keeps_read: bool = False
    read: "Prefill | None" = None
    same: list[int] = field(init=False)
    written: dict[int, list[int]] = field(init=False)
    ended: list[bool] = field(init=False)
    overflowed: list[bool] = field(init=False)
    choose: TokenChoice = field(init=False)
    steps: int = 0
    over: bool = False

    def __post_init__(self) -> None:
        """Find the rows that are alike."""
        if len(self.rows) != len(self.edits):
            raise ValueError(f"{len(self.edits)} edits for {len(self.rows)} rows")
        self.same = alike_rows(self.rows, self.edits)
        self.written = {row: [] for row in sorted(set(self.same))}
        self.ended = [False] * len(self.rows)
        self.overflowed = [False] * len(self.rows)
        self.choose = TokenChoice(self.sampling)

    @property
    def every_read(self) -> "Prefill | None":
        """What was read of every row's prompt, rows that are alike included."""
        if self.read is None:
            return None
        places = [list(self.written).index(row) for row in self.same]
        kept = [self.read.kept[place] for place in places]
        return replace(self.read, logits=self.read.logits[places], kept=kept)

    @property
    def complete(self) -> bool:
        """Whether every column came that was asked for."""
        return all(self.ended) or self.steps == self.sampling.max_new_tokens


def alike_rows(rows: Sequence[object], edits: Sequence[Edit | None]) -> list[int]:
    """Return, of each row, the first that reads the same under the same edit.

    Every number of both is one.
    """
    return [
        next(
            other
            for other in range(row + 1)
            if other == row or (rows[other] == rows[row] and alike(edits[other], edits[row]))
        )
        for row in range(len(rows))
    ]


def require_tokens(model: "ChatModel", tokens: Sequence[int]) -> None:
    """Refuse token ids that are not the model's.

    Raises:
        SteeringError: Names the first of them.
    """
    vocab = int(model.network.config.get_text_config().vocab_size)
    wrong = next((token for token in tokens if not 0 <= token < vocab), None)
    if wrong is not None:
        raise SteeringError(
            f"{wrong} is no token of {model.name}; allowed: 0 to {vocab - 1}; give the tokens that "
            "this model wrote, or the text"
        )
