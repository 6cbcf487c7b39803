"""From a panel, which is plain data, to the edit of the residual stream that it stands for."""

import torch
from jaxtyping import Float
from torch import Tensor

from steering.errors import SteeringError
from steering.interventions import leace, missing_parts
from steering.interventions.controls import StateShape
from steering.interventions.directions import Directions
from steering.interventions.edits import Edit, Gate, Site
from steering.interventions.outline import ExtractionPoint
from steering.interventions.panel import DRAWN, Panel
from steering.interventions.subspace import Subspace
from steering.models.blocks import SitePart


def edit(panel: Panel, directions: Directions) -> Edit | None:
    """Return the edit of a panel for a model; None for the baseline.

    Raises:
        SteeringError: If layer, position or k has no directions in this model.
    """
    if panel.name == "baseline":
        return None
    panel = panel.resolved(directions)
    panel.require(directions)
    directions = directions.of(panel.classes)
    point = panel.point
    origin = torch.zeros(directions.d_model)
    adds = panel.name in ("actadd", "ace")
    found = None if panel.name == "actadd" else subspace(panel, directions)
    return Edit(
        basis=found.basis if found else torch.zeros(0, directions.d_model),
        # AlterRep takes the whole component away: how much is put back is said by c.
        alpha=1.0 if panel.name == "alterrep" else panel.alpha or 0.0,
        center=_center(panel, directions, origin),
        shift=(panel.c or 0.0) * _added(panel, directions) if adds else origin,
        sites=_sites(panel, directions),
        gate=_harmful_side(directions, point, panel) if panel.side == "harmful" else None,
        reader=_reader(panel, directions, found) if panel.name == "leace" and found else None,
        push=(panel.c or 0.0) if panel.name == "alterrep" else 0.0,
    )


def subspace(panel: Panel, directions: Directions) -> Subspace:
    """Return the subspace that a panel acts on; the panel has to be resolved."""
    directions = directions.of(panel.classes)
    found = directions.subspace(_basis(panel, directions), panel.point)
    found = found.leading(panel.k or 1)
    if panel.basis == "random":
        return Subspace.random(found.rank, found, seed=panel.seed or 0)
    if panel.basis in DRAWN:
        controls = directions.controls
        if controls is None:
            raise missing_parts.no_controls(directions.model)
        return controls.subspace(directions.model, panel.basis, found, seed=panel.seed or 0)
    return found


def _center(
    panel: Panel, directions: Directions, origin: Float[Tensor, " d_model"]
) -> Float[Tensor, " d_model"]:
    """Return the point that a panel measures from.

    That of LEACE is the mean of the very states whose covariance it reads with: about another point
    it would move them further than it has to.
    """
    if panel.name == "ace":
        return directions.mean_of_harmless(panel.point)
    if panel.name == "leace":
        return _shape(panel, directions).mean
    if panel.center == "midpoint":
        return directions.midpoint(_basis(panel, directions), panel.point)
    return origin


def _reader(panel: Panel, directions: Directions, along: Subspace) -> Float[Tensor, "rank d_model"]:
    """Return what LEACE reads a direction with."""
    return leace.reader(_shape(panel, directions), along.basis)


def _shape(panel: Panel, directions: Directions) -> StateShape:
    """Return where states lie at a panel's place."""
    if directions.controls is None:
        raise SteeringError(missing_parts.no_covariance(directions.model))
    return directions.controls.shape_at(directions.model, panel.point)


def _basis(panel: Panel, directions: Directions) -> str:
    """Return whose directions, place and class means a panel takes: `dim` or `inlp`."""
    return "dim" if panel.takes_difference(directions) else "inlp"


def _added(panel: Panel, directions: Directions) -> Float[Tensor, " d_model"]:
    """Return the raw difference in means, or a drawn vector of its length."""
    raw = directions.raw(panel.point)
    if panel.basis not in DRAWN:
        return raw
    added: Tensor = raw.norm() * subspace(panel, directions).basis[0]
    return added


def _sites(panel: Panel, directions: Directions) -> tuple[Site, ...]:
    """Return where a panel acts.

    Projections act on a block's input and on what its attention and MLP write, as in Arditi
    et al.'s code. So do reflections in that of Rocchetti & Ferrara, at one block (`sites=block`):
    h -> R (h + f(R h)), where f is what the block adds. Here they act at the input alone unless
    told otherwise: h -> R h + f(R h). Additions act at inputs only.
    """
    whole = panel.name != "actadd" and panel.acts_at == "block"
    parts: tuple[SitePart, ...] = ("input", "attention", "mlp") if whole else ("input",)
    layers = range(directions.n_layers) if panel.where == "all" else (panel.point[1],)
    return tuple((layer, part) for layer in layers for part in parts)


def _harmful_side(directions: Directions, point: ExtractionPoint, panel: Panel) -> Gate:
    """Return the decision plane: INLP's first classifier, without bias, or the DiM midplane."""
    if panel.takes_difference(directions):
        normal = directions.subspace("dim", point).basis[0]
        return Gate(normal, float(normal @ directions.midpoint("dim", point)))
    return Gate(directions.subspace("inlp", point).basis[0], 0.0)
