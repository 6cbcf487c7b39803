"""Where one request lies on the axes of harm and refusal, untouched and under edits."""

from collections.abc import Mapping, Sequence

import torch

from steering.anatomy.harm_axes import along
from steering.artifacts.harm_document import AxisEntry
from steering.errors import SteeringError
from steering.interventions.edits import Edit, compile_edits, intervene
from steering.models.chat_model import ChatModel, reading
from steering.models.partial_passes import ending_at


def place_request(
    model: ChatModel,
    axes: Mapping[str, AxisEntry],
    row: Sequence[int],
    edits: Sequence[Edit | None],
) -> list[tuple[float, float] | None]:
    """Return the request's harm and refusal under each edit; None where it is not finite.

    Each is a pass of its own, so that no edit shares a batch with another, and ends at the last
    block that is read.

    Raises:
        SteeringError: If the axes are of a model of another width or depth.
    """
    layers = sorted({axis["layer"] for axis in axes.values()})
    if layers[-1] >= model.n_layers or len(axes["harm"]["direction"]) != model.d_model:
        raise SteeringError(
            f"the axes of harm and refusal do not fit {model.name}; measure them with "
            f"`python -m steering harm --model {model.name}`"
        )
    found: list[tuple[float, float] | None] = []
    for edit in edits:
        program = compile_edits([edit], device=model.device)
        with (
            ending_at(model, layers[-1]),
            intervene(model, program),
            reading(model, layers) as states,
        ):
            model.run_blocks(model.batch([row]))
        harm, refusal = (
            float(along(axis, states[axis["layer"]][:, axis["position"]].float().cpu())[0])
            for axis in (axes["harm"], axes["refusal"])
        )
        fine = bool(torch.tensor([harm, refusal]).isfinite().all())
        found.append((harm, refusal) if fine else None)
    return found
