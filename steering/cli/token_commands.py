"""The command `tokens`: what a panel and the unedited model think of every token of an answer."""

import argparse
from typing import TYPE_CHECKING, Any

from steering.artifacts import store
from steering.chat_templates import control_tokens
from steering.cli import shared
from steering.errors import SteeringError
from steering.formatting import plain, visible
from steering.inference.comparison import check_length, compare
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steering.interventions.panel import Panel
    from steering.maps.steerable_model import SteerableModel


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Look into the answer of a panel, or into a text that is given as one."""
    from steering.inference.answer_tokens import answer_tokens  # with torch

    check_length(options.prompt, options.system)
    if options.answer is not None and options.begin:
        raise SteeringError(
            "--begin is for answers that are written here, and --answer is one already; give one "
            "of the two"
        )
    panel = parse(options.panel)
    panel.edit(store.load(options.model, options.directions))  # Before the slow model load.
    steerable = shared.steerable(options)
    model = steerable.model
    prompt, system = options.prompt, options.system
    ids, begun = _answer(steerable, panel, options)
    found = answer_tokens(steerable, prompt, panel, ids, system=system)
    reply = model.template.split(ids)
    return {
        "model": options.model,
        "number_format": model.number_format.reason,
        "warnings": list(model.warnings),
        "prompt": prompt,
        "system": system,
        **model.template.rendering.as_dict(),
        "control_tokens": list(model.template.control_tokens(prompt, system)),
        "text": reply.answer,
        "thinking": reply.thinking,
        "begun": begun,
        **found.as_dict(),
    }


def _answer(
    steerable: "SteerableModel", panel: "Panel", options: argparse.Namespace
) -> "tuple[Sequence[int], int]":
    """Return the tokens to look into, and how many of them were given."""
    if options.answer is not None:
        ids = steerable.model.template.encode(options.answer)
        return ids, len(ids)
    sampling = Sampling(options.max_new_tokens, options.temperature, options.top_p, options.seed)
    *_, (answer,) = compare(
        steerable,
        options.prompt,
        [panel],
        sampling=sampling,
        system=options.system,
        begin=options.begin,
    )
    return answer.token_ids, answer.begun


def show(document: dict[str, Any]) -> None:
    """Print a line a token; those that were given, not written, are marked."""
    for warning in document["warnings"]:
        print(f"Note: {warning}")
    if document["control_tokens"]:
        print(f"{control_tokens.told(document['control_tokens'])}\n")
    print(
        f"{document['panel']}: probabilities under this panel, before temperature and top-p; "
        "surprise in nats under the untouched model"
    )
    width = max([12, *(len(visible(token["text"])) for token in document["tokens"])])
    print(f"{'':>5} {'token':<{width}} {'probability':>11} {'surprise':>8}  likeliest")
    for place, token in enumerate(document["tokens"]):
        mark = ">" if place < document["begun"] else " "
        print(f"{place:>4}{mark} {visible(token['text']):<{width}} {_numbers(token)}")
    if document["end"]:
        print(f"{'':>5} {'(the end)':<{width}} {_numbers(document['end'])}")
    if document["begun"]:
        print("> given, not written by this panel")
    print(f"perplexity {plain(document['perplexity'], 1)}")


def _numbers(place: dict[str, Any]) -> str:
    likeliest = "  ".join(
        f"{visible(each['text'])} {each['probability']:.2f}" for each in place["alternatives"]
    )
    return f"{place['probability']:>11.3f} {plain(place['surprise']):>8}  {likeliest}"
