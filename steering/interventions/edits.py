"""Edits of the residual stream, and the context manager that applies them while the model runs.

One operator serves every intervention, a row of the batch at a time:

    h  ->  h - alpha U^T U (h - mu) + c v

| name                    | U               | alpha | mu       | c v | source              |
|-------------------------|-----------------|-------|----------|-----|---------------------|
| activation addition     | none            | -     | -        | c r | Arditi et al. 2024  |
| directional ablation    | r / |r|         | 1     | 0        | 0   | the same            |
| nullspace projection    | INLP directions | 1     | 0        | 0   | Rocchetti & Ferrara |
| counterfactual flipping | INLP directions | 2     | 0        | 0   | the same            |
| affine concept editing  | r / |r|         | 1     | harmless | c r | Marshall et al.     |

alpha scales the component inside U by 1 - alpha: 0 is the identity, 1 removes it, 2 mirrors it.
Two edits need a term more, which is left out for all others:

    h  ->  h - alpha U^T z + b U^T |z| + c v        z = R (h - mu)

LEACE (Belrose et al. 2023) reads how much there is along its direction with another row than the
one that it takes it along: R is not U (`leace`). AlterRep (Ravfogel et al. 2021) puts back as much
as it took, on the side that is wished for: b is not 0.
Every token position is edited, of the prompt and of the answer.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from steering.models.blocks import SitePart
from steering.models.chat_model import ChatModel

Site = tuple[int, SitePart]
"""(layer, part): a decoder block from 0, and its input, attention output or MLP output."""


@dataclass(frozen=True, eq=False)
class Gate:
    """Lets an edit act only on tokens whose state is on the harmful side of a plane.

    Attributes:
        normal: Points to the harmful side.
        offset: A state h is on the harmful side if normal . h > offset.
    """

    normal: Float[Tensor, " d_model"]
    offset: float


@dataclass(frozen=True, eq=False)
class Edit:
    """What is done to one row of the batch, and where.

    Attributes:
        basis: Orthonormal rows of U; no rows for a pure addition.
        alpha: Strength on the component inside U.
        center: mu; acts at block inputs. What attention and MLP write is measured from the
            origin, since mu is a point in the residual stream, not a share of it.
        shift: c v, added at block inputs.
        sites: Where the edit acts.
        gate: Which tokens it acts on; None for all. Needs sites at block inputs only, since a
            part's output does not tell the side of the state it is added to.
        reader: R, whose rows read the coordinates that are scaled by `alpha`; None for U itself.
            Row i of R times row i of U is 1, so that alpha = 1 leaves nothing to read.
        push: b, on the absolute value of each coordinate. Needs sites at block inputs only, for
            the reason that a gate does.
    """

    basis: Float[Tensor, "rank d_model"]
    alpha: float
    center: Float[Tensor, " d_model"]
    shift: Float[Tensor, " d_model"]
    sites: tuple[Site, ...]
    gate: Gate | None = None
    reader: Float[Tensor, "rank d_model"] | None = None
    push: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what depends on the side of a state where it has no meaning."""
        sided = self.gate is not None or self.push != 0
        if sided and any(part != "input" for _, part in self.sites):
            raise ValueError("a gated edit, and one that pushes, acts at block inputs only")

    @property
    def is_identity(self) -> bool:
        """Whether the edit changes nothing."""
        still = (self.alpha == 0 and self.push == 0) or not len(self.basis)
        return still and not bool(self.shift.any())

    @property
    def reads(self) -> Float[Tensor, "rank d_model"]:
        """The rows that read the coordinates: R."""
        return self.basis if self.reader is None else self.reader

    @property
    def first_layer(self) -> int:
        """The first block that is edited; what the blocks below compute is the unedited model's."""
        return min(layer for layer, _ in self.sites)


@dataclass(frozen=True, eq=False)
class SiteEdit:
    """The stacked edits of all rows that are edited at one site.

    Attributes:
        rows: Which rows of the batch; the others pass through bit by bit.
        batch: Number of rows of the whole batch.
        basis: Orthonormal rows, filled up with zero rows to the largest rank.
        alpha: Strength on the component inside the basis.
        center: Point the component is measured from.
        shift: What is added.
        normal: Normals of the gates; zero where a row has none.
        offset: Offsets of the gates; minus infinity where a row has none.
        gated: Whether any row has a gate.
        reader: What reads the coordinates; `basis` itself where no row reads with anything else.
        push: Strength on their absolute values.
        pushed: Whether any row has one.
    """

    rows: Int[Tensor, " rows"]
    batch: int
    basis: Float[Tensor, "rows rank d_model"]
    alpha: Float[Tensor, " rows"]
    center: Float[Tensor, "rows d_model"]
    shift: Float[Tensor, "rows d_model"]
    normal: Float[Tensor, "rows d_model"]
    offset: Float[Tensor, " rows"]
    gated: bool
    reader: Float[Tensor, "rows rank d_model"]
    push: Float[Tensor, " rows"]
    pushed: bool

    def __call__(
        self, residual: Float[Tensor, "batch position d_model"]
    ) -> Float[Tensor, "batch position d_model"]:
        """Return the edited residual stream, computed in float32, in the dtype it came in."""
        if len(residual) != self.batch:
            raise ValueError(f"edits for {self.batch} rows met a batch of {len(residual)}")
        states = residual[self.rows].float()
        coordinates = torch.bmm(states - self.center[:, None], self.reader.mT)
        change = self.shift[:, None] - self.alpha[:, None, None] * torch.bmm(
            coordinates, self.basis
        )
        if self.pushed:
            change = change + self.push[:, None, None] * torch.bmm(coordinates.abs(), self.basis)
        if self.gated:
            side = torch.bmm(states, self.normal[:, :, None])[..., 0]
            change = change * (side > self.offset[:, None])[..., None]
        return residual.index_copy(0, self.rows, (states + change).to(residual.dtype))


def alike(one: Edit | None, other: Edit | None) -> bool:
    """Whether two edits do the same, to the last bit."""
    kinds = [edit is None or edit.is_identity for edit in (one, other)]
    if any(kinds) or one is None or other is None:
        return all(kinds)
    return one is other or (
        one.sites == other.sites
        and (one.alpha, one.push) == (other.alpha, other.push)
        and (one.gate is None) == (other.gate is None)
        and all(
            torch.equal(first, second)
            for first, second in zip(_tensors(one), _tensors(other), strict=True)
        )
        and (one.gate is None or other.gate is None or one.gate.offset == other.gate.offset)
    )


def _tensors(edit: Edit) -> list[Tensor]:
    gate = [] if edit.gate is None else [edit.gate.normal]
    return [edit.basis, edit.reads, edit.center, edit.shift, *gate]


Program = Mapping[Site, SiteEdit]
"""The edits of a whole batch, ready to run: built once per run by `compile_edits`."""


def compile_edits(edits: Sequence[Edit | None], *, device: torch.device | str = "cpu") -> Program:
    """Stack the rows' edits into one tensor operation per site.

    Args:
        edits: One per row of the batch; None and edits that change nothing leave the row alone.
        device: Where the residual stream lives.
    """
    rows_at: dict[Site, list[int]] = {}
    for row, edit in enumerate(edits):
        if edit is not None and not edit.is_identity:
            for site in edit.sites:
                rows_at.setdefault(site, []).append(row)
    # The same rows are edited at many sites: their tensors are stacked once and shared.
    stacks: dict[tuple[tuple[int, ...], bool], SiteEdit] = {}
    program: dict[Site, SiteEdit] = {}
    for site, rows in rows_at.items():
        key = (tuple(rows), site[1] == "input")
        if key not in stacks:
            stacks[key] = _stack(edits, rows, at_input=key[1], device=device)
        program[site] = stacks[key]
    return program


def _stack(
    edits: Sequence[Edit | None], rows: list[int], *, at_input: bool, device: torch.device | str
) -> SiteEdit:
    chosen = [edit for row in rows if (edit := edits[row]) is not None]
    if not at_input:
        zero = torch.zeros_like(chosen[0].shift)
        chosen = [replace(edit, center=zero, shift=zero) for edit in chosen]
    d_model = chosen[0].shift.shape[0]
    basis = torch.zeros(len(chosen), max(len(edit.basis) for edit in chosen), d_model)
    oblique = any(edit.reader is not None for edit in chosen)
    reader = torch.zeros_like(basis) if oblique else basis
    normal = torch.zeros(len(chosen), d_model)
    offset = torch.full((len(chosen),), -torch.inf)
    for index, edit in enumerate(chosen):
        basis[index, : len(edit.basis)] = edit.basis
        reader[index, : len(edit.basis)] = edit.reads
        if edit.gate is not None:
            normal[index], offset[index] = edit.gate.normal, edit.gate.offset
    return SiteEdit(
        rows=torch.tensor(rows, device=device),
        batch=len(edits),
        basis=(placed := basis.to(device)),
        alpha=torch.tensor([float(edit.alpha) for edit in chosen], device=device),
        center=torch.stack([edit.center for edit in chosen]).to(device),
        shift=torch.stack([edit.shift for edit in chosen]).to(device),
        normal=normal.to(device),
        offset=offset.to(device),
        gated=any(edit.gate is not None for edit in chosen),
        reader=reader.to(device) if oblique else placed,
        push=torch.tensor([float(edit.push) for edit in chosen], device=device),
        pushed=any(edit.push for edit in chosen),
    )


@contextmanager
def intervene(model: ChatModel, program: Program) -> Generator[None]:
    """Apply `program` to every forward pass until the `with` block ends.

    The hooks go even when the body raises or is stopped, so the model is clean afterwards.

    Raises:
        SteeringError: If a block has no such site in this model.
        ValueError: In the forward pass, if its batch has another size than the program's.
    """
    with ExitStack() as hooks:
        hooks.enter_context(model.turn())
        for (layer, part), edit in program.items():
            for module in model.modules(layer, part):
                if part == "input":
                    handle = module.register_forward_pre_hook(
                        partial(_before, edit), with_kwargs=True
                    )
                else:
                    handle = module.register_forward_hook(partial(_after, edit))
                hooks.callback(handle.remove)
        yield


# Functions of the module with bound arguments, not closures: a closure is checked and compiled
# anew wherever annotations are checked at run time.
def _before(edit: SiteEdit, _module: nn.Module, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
    if args:
        return (edit(args[0]), *args[1:]), kwargs
    return args, {**kwargs, "hidden_states": edit(kwargs["hidden_states"])}


def _after(edit: SiteEdit, _module: nn.Module, _args: Any, output: Any) -> Any:  # noqa: ANN401
    # Attention returns (output, weights); MLPs and norms return the bare tensor.
    if isinstance(output, tuple):
        return (_of_rows(edit, output[0]), *output[1:])
    return _of_rows(edit, output)


def _of_rows(edit: SiteEdit, written: Tensor) -> Tensor:
    # Some mixtures of experts return the tokens of all rows in one line.
    if written.ndim == 3:
        return edit(written)
    return edit(written.view(edit.batch, -1, written.shape[-1])).view(written.shape)
