"""Commands about one request or one model: `models`, `fetch`, `generate`, `locate`, `serve`."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from steering.app import App
from steering.artifacts import folders, local_fits, store
from steering.chat_templates import control_tokens
from steering.chat_templates.turns import Exchange
from steering.cli import shared
from steering.errors import SteeringError
from steering.formatting import plain, signed
from steering.inference.comparison import Answer, check_length, compare
from steering.inference.sampling import Sampling
from steering.serving import model_facts
from steering.sources import catalog, weights
from steering.system.lazy import Later

loaded = Later("steering.adaptation.loaded")


def models(_options: argparse.Namespace) -> list[dict[str, Any]]:
    """List what is known of each model."""
    fitted = {*folders.available(), *local_fits.models()}
    return [
        {
            "name": name,
            "title": entry.title,
            "licence": entry.licence,
            "gated": entry.gated,
            "parameters": entry.parameters,
            "source": entry.hub or (entry.gguf and entry.gguf.repo),
            "revision": entry.revision,
            "refusal_openers": list(entry.refusal_openers),
            "weight_bytes": entry.weight_bytes,
            "download_bytes": entry.download_bytes,
            "baseline_refusal": model_facts.baseline_refusal(name),
            "thinking_switch": entry.thinking_switch,
            "writes_date": entry.writes_date,
            "cached": weights.cached(name) is not None,
            "directions": name in fitted,
            "note": entry.note,
        }
        for name, entry in catalog.catalog().items()
    ]


def show_models(document: list[dict[str, Any]]) -> None:
    """Print four lines a model."""
    for entry in document:
        marks = [
            "on this machine" if entry["cached"] else "to be fetched",
            "with directions" if entry["directions"] else "without directions",
            *(["needs an access token"] if entry["gated"] else []),
        ]
        print(f"{entry['name']:<30} {entry['parameters'] / 1e9:>5.2f} B  {', '.join(marks)}")
        print(f"{'':<30} {entry['note']}")
        known = catalog.catalog()[entry["name"]]
        print(f"{'':<30} {entry['licence']}; {model_facts.needs(known)}")
        print(f"{'':<30} refuses untouched: {model_facts.refuses(entry['name'])}")


def fetch(options: argparse.Namespace) -> dict[str, Any]:
    """Download, verify and convert a model."""
    with shared.progress_bar() as report:
        found = weights.fetch(options.model, report=report)
    return {"model": found.name, "folder": str(found.folder), "source": found.source}


def generate(options: argparse.Namespace) -> dict[str, Any]:
    """Answer one request under several panels; further ones go on with their conversations."""
    for prompt in options.prompt:
        check_length(prompt, options.system)
    directions = store.load(options.model, options.directions)
    panels = shared.panels(options, directions)
    for panel in panels:
        panel.edit(directions)  # Validate panels before the slow model load.
    steerable = shared.steerable(options)
    model = steerable.model
    sampling = Sampling(options.max_new_tokens, options.temperature, options.top_p, options.seed)
    system, begin = options.system, options.begin
    *before, prompt = options.prompt
    histories: list[tuple[Exchange, ...]] = [() for _ in panels]
    earlier = []
    for request in before:
        *_, answers = compare(
            steerable, request, panels, sampling=sampling, system=system, histories=histories
        )
        earlier.append({"prompt": request, "panels": _panels(answers)})
        histories = [
            (*turns, Exchange(request, answer.text))
            for turns, answer in zip(histories, answers, strict=True)
        ]
    *_, answers = compare(
        steerable,
        prompt,
        panels,
        sampling=sampling,
        system=system,
        begin=begin,
        histories=histories,
    )
    return {
        "model": options.model,
        "number_format": model.number_format.reason,
        "warnings": list(model.warnings),
        "earlier": earlier,
        "prompt": prompt,
        "system": system,
        "begin": begin,
        **model.template.rendering.as_dict(),
        "reads": "".join(text for text, _ in model.template.reads(prompt, system, histories[0])),
        "control_tokens": list(model.template.control_tokens(*options.prompt, system)),
        "panels": _panels(answers),
    }


def _panels(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [{**answer.as_dict(), "refused": answer.refused} for answer in answers]


def show_generate(document: dict[str, Any]) -> None:
    """Print every answer with its numbers."""
    for warning in document["warnings"]:
        print(f"Note: {warning}")
    if document["control_tokens"]:
        print(f"{control_tokens.told(document['control_tokens'])}\n")
    for turn in document["earlier"]:
        print(f"[asked] {turn['prompt']}\n")
        _show_answers(turn["panels"])
    if document["earlier"]:
        print(f"[asked] {document['prompt']}\n")
    _show_answers(document["panels"])


def _show_answers(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        perplexity, p_refusal = answer["perplexity"], answer["p_refusal"]
        said = answer["verdict"].replace("_", " ")
        print(f"── {answer['panel']} · {said} ({answer['reason']})")
        if answer["thinking"]:
            print(f"[thinking] {answer['thinking']} [end of thinking]")
        print(answer["text"])
        refusal = "-" if p_refusal is None else f"{p_refusal:.0%}"
        print(
            f"   refusal {refusal} (score {signed(answer['refusal_score'], 1)}) · "
            f"KL {plain(answer['kl'])} · perplexity {f'{perplexity:.1f}' if perplexity else '-'} · "
            f"{answer['tokens']} tokens in {answer['seconds']:.1f} s\n"
        )


def locate(options: argparse.Namespace) -> dict[str, Any]:
    """Say where one request lands under several panels."""
    import torch

    from steering.maps.clusters import CLASSES
    from steering.maps.residual_trace import Tracer  # with torch, which `serve` must not wait for
    from steering.maps.steerable_model import SteerableModel

    check_length(options.prompt, options.system)
    directions = store.load(options.model, options.directions)
    panels = shared.panels(options, directions)
    for panel in panels:
        panel.edit(directions)  # Validate panels before the slow model load.
    shipped = store.read_maps(options.model, options.directions)
    if shipped is not None and options.layer is not None:
        shipped.at(options.layer)  # And so is a layer without a map.
    model = shared.load(options)
    folder = loaded.folder_for(model, options.directions)
    directions, checked = store.load(options.model, folder), loaded.checked_maps(model, folder)
    if checked is None:
        raise SteeringError(
            f"there are no maps for {options.model!r}; make them with `python -m steering "
            f"precompute --quick --model {options.model}`"
        )
    maps, check = checked
    layer = directions.inlp_layer if options.layer is None else options.layer
    chart, drift = maps.at(layer), check.at(layer)
    steerable = SteerableModel(model.under(options.system), directions, maps)
    found = Tracer(steerable).finite(options.prompt, panels)
    states = found.states[:, maps.layers.index(layer)]
    places = {"pca": chart.pca, "harm": chart.harm, "umap": chart.umap}[options.map](states)
    names = dict(zip(CLASSES, directions.class_names, strict=True))
    components: tuple[int, ...] = ()
    if options.map == "pca":
        # As the page shows them, which the class means decide.
        index, view = maps.layers.index(layer), maps.points.view
        places = torch.from_numpy(view.shown(index, places.numpy()))
        components = tuple(each + 1 for each in view.pairs[index])
    return {
        "model": options.model,
        "prompt": options.prompt,
        "system": options.system,
        "control_tokens": list(model.template.control_tokens(options.prompt, options.system)),
        **model.template.rendering.as_dict(),
        "map": options.map,
        **({"components": list(components)} if components else {}),
        "layer": layer,
        "position": maps.position,
        "check": check.sentence(layer),
        "classes": list(directions.class_names),
        "panels": [
            {
                "panel": str(panel),
                "x": x,
                "y": y,
                **asdict(landing),
                "nearest": names[landing.nearest],
                "drift": drift.as_dict(),
            }
            for panel, (x, y), landing in zip(
                found.panels, places[:, :2].tolist(), chart.land(states), strict=True
            )
        ],
    }


def show_locate(document: dict[str, Any]) -> None:
    """Print a line a panel."""
    one, other = document["classes"]
    print(f"layer {document['layer']}, position {document['position']}; t: 0 {one}, 1 {other}")
    for place in document["panels"]:
        off = ", off the map" if place["outside"] else ""
        print(
            f"{place['panel']:<28} t {place['t']:+.2f}  {document['map']} ({place['x']:.2f}, "
            f"{place['y']:.2f})  nearest {place['nearest']}{off}"
        )
    print(f"Checked: {document['check']}.")


def serve(options: argparse.Namespace) -> None:
    """Start the app with these options."""
    settings = {
        "STEERING_MODEL": options.model,
        "STEERING_QUANTIZATION": options.quantization,
        "STEERING_DTYPE": options.dtype,
        "STEERING_DEVICE": options.device,
        "STEERING_SPEED": options.speed,
        "STEERING_THINKING": options.thinking,
        "STEERING_REPLICAS": options.replicas,
        "STEERING_ADDRESS": options.address,
        "GRADIO_SERVER_NAME": options.host,
        "GRADIO_SERVER_PORT": options.port,
    }
    os.environ.update({key: str(value) for key, value in settings.items() if value is not None})
    App().serve()
