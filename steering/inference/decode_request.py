"""What is asked of the decode loop, and what a step of it gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from steering.inference.sampling import Sampling
from steering.inference.token_choice import TokenChoice
from steering.interventions.edits import Edit, alike


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
        rows: Token ids of each prompt.
        edits: What is done to each row; None leaves it as it is.
        sampling: How tokens are chosen, and how many at most.
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
        self.same = [_first_alike(self, row) for row in range(len(self.rows))]
        self.written = {row: [] for row in sorted(set(self.same))}
        self.ended = [False] * len(self.rows)
        self.overflowed = [False] * len(self.rows)
        self.choose = TokenChoice(self.sampling)

    @property
    def complete(self) -> bool:
        """Whether every column came that was asked for."""
        return all(self.ended) or self.steps == self.sampling.max_new_tokens


def _first_alike(request: DecodeRequest, row: int) -> int:
    """Return the first row that reads the same under the same edit; every number of both is one."""
    return next(
        other
        for other in range(row + 1)
        if other == row
        or (
            request.rows[other] == request.rows[row]
            and alike(request.edits[other], request.edits[row])
        )
    )
