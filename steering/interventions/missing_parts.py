"""What directions that were found elsewhere may lack, said in the same words everywhere."""

from collections.abc import Collection

from steering.errors import SteeringError


def remedy(model: str) -> str:
    """Return how everything can be had."""
    return f"make the model's own with `python -m steering precompute --quick --model {model}`"


def no_inlp(model: str) -> str:
    """Return the sentence for a model with a difference in means only."""
    return (
        f"the directions of {model} have no INLP subspace, only a difference in means; choose "
        f"basis=dim, or {remedy(model)}"
    )


def no_means(model: str) -> SteeringError:
    """Return the error where a point is needed and only a difference is known."""
    return SteeringError(
        f"the class means of {model} are not known, only their difference, so there is no midpoint "
        f"and no plane between them; leave center=midpoint and side=harmful out, or {remedy(model)}"
    )


def no_means_of_inlp(model: str, point: tuple[int, int]) -> SteeringError:
    """Return the error where INLP's midpoint is asked for and its class means were not stored."""
    return SteeringError(
        f"the class means that INLP of {model} was fitted on are not stored at layer {point[1]}, "
        f"position {point[0]}, so there is no midpoint; leave center=midpoint out, choose another "
        f"place, or {remedy(model)}"
    )


def no_controls(model: str, point: tuple[int, int] | None = None) -> SteeringError:
    """Return the error where a control is asked for whose fit is not stored."""
    where = "" if point is None else f" at layer {point[1]}, position {point[0]}"
    return SteeringError(
        f"no states of {model} and no INLP on shuffled labels are stored{where}, so there is no "
        "basis=covariance and no basis=shuffled; choose basis=random, leave layer and position "
        f"out, or make them with `python -m steering precompute --model {model}`"
    )


def no_harmless_mean(model: str) -> SteeringError:
    """Return the error where ACE is asked for and only a difference is known."""
    return SteeringError(
        f"the class means of {model} are not known, only their difference, so ace has no harmless "
        f"mean to go to; choose ablation or actadd, or {remedy(model)}"
    )


def no_covariance(model: str) -> str:
    """Return the sentence for a model of whose states only directions are stored."""
    return (
        f"how the states of {model} vary is not stored beside its directions, and leace needs "
        "their covariance; choose ablation, or make it with `python -m steering precompute --model "
        f"{model}`"
    )


def require_covariance(
    model: str, point: tuple[int, int], points: Collection[tuple[int, int]]
) -> None:
    """Refuse a point at which the covariance of the states is not stored.

    Args:
        model: Name of the model.
        point: (position, layer).
        points: Where it is stored.

    Raises:
        SteeringError: Says where it is.
    """
    if point in points:
        return
    if not points:
        raise SteeringError(no_covariance(model))
    known = " and ".join(f"layer {layer}, position {place}" for place, layer in sorted(points))
    raise SteeringError(
        f"leace needs the covariance of the states of {model}, which is not stored at layer "
        f"{point[1]}, position {point[0]}, but at {known}; choose one of these"
    )


def require_known(
    model: str, point: tuple[int, int], points: Collection[tuple[int, int]] | None
) -> None:
    """Refuse a point without a direction.

    Args:
        model: Name of the model.
        point: (position, layer).
        points: Where directions are known; None for everywhere.

    Raises:
        SteeringError: Says where they are known.
    """
    if points is None or point in points:
        return
    layers = [str(layer) for position, layer in sorted(points) if position == point[0]]
    raise SteeringError(
        f"no direction of {model} is known at layer {point[1]}, position {point[0]}; at this "
        f"position it is known at the layers {', '.join(layers) or '(none)'}; choose one of these, "
        f"or {remedy(model)}"
    )
