"""The command line: `python -m steering COMMAND ...`; every command explains itself with --help."""

import argparse
import json
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from tqdm import tqdm

from steering import artifact, catalog, loading, prompts, weights
from steering.comparison import check_length, compare
from steering.errors import SteeringError
from steering.evaluation import ROWS, answer_all, as_rows, markdown, table
from steering.export import export
from steering.generation import Sampling
from steering.maps import MapName
from steering.model import ChatModel
from steering.panel import DEFAULT_PANELS, Panel, parse
from steering.precompute import EVALUATION_TOKENS, precompute, provenance
from steering.progress import Report, Step
from steering.splits import PromptSplits
from steering.tracing import trace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 2 for what the user can mend, 130 for Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        document = options.run(options)
    except SteeringError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    if document is not None:
        if options.json:
            print(json.dumps(document, ensure_ascii=False, indent=1))
        else:
            options.show(document)
    return 0


def _models(_options: argparse.Namespace) -> list[dict[str, Any]]:
    shipped = artifact.available()
    return [
        {
            "name": name,
            "title": entry.title,
            "licence": entry.licence,
            "gated": entry.gated,
            "parameters": entry.parameters,
            "cached": weights.cached(name) is not None,
            "directions": name in shipped,
            "note": entry.note,
        }
        for name, entry in catalog.catalog().items()
    ]


def _show_models(document: list[dict[str, Any]]) -> None:
    for entry in document:
        marks = [
            "on this machine" if entry["cached"] else "to be fetched",
            "with directions" if entry["directions"] else "without directions",
            *(["needs an access token"] if entry["gated"] else []),
        ]
        print(f"{entry['name']:<30} {entry['parameters'] / 1e9:>5.2f} B  {', '.join(marks)}")
        print(f"{'':<30} {entry['note']}")


def _fetch(options: argparse.Namespace) -> dict[str, Any]:
    with _progress_bar() as report:
        found = weights.fetch(options.model, report=report)
    return {"model": found.name, "folder": str(found.folder), "source": found.source}


def _precompute(options: argparse.Namespace) -> dict[str, Any]:
    if (options.harmful is None) != (options.harmless is None):
        raise SteeringError(
            "give both --harmful and --harmless, or neither for the own prompt sets"
        )
    splits = (
        PromptSplits.of_files(options.harmful, options.harmless)
        if options.harmful
        else PromptSplits.own()
    )
    if options.limit:
        splits = splits.limited(options.limit)
    model = _load(options)
    out = options.out or artifact.folder_of(options.model)
    directions = precompute(
        model, splits, out, batch_size=options.batch_size, rows_per_batch=options.rows
    )
    return {
        "folder": str(out),
        "dim_place": directions.dim_place,
        "inlp_place": directions.inlp_place,
        "k": directions.default_k,
        "c": directions.default_c,
    }


def _generate(options: argparse.Namespace) -> dict[str, Any]:
    check_length(options.prompt)
    panels = _panels(options)
    directions = artifact.load(options.model, options.directions)
    for panel in panels:
        panel.edit(directions)  # A bad panel is told before the model is loaded.
    model = _load(options)
    sampling = Sampling(options.max_new_tokens, options.temperature, options.top_p, options.seed)
    *_, answers = compare(model, directions, options.prompt, panels, sampling=sampling)
    return {
        "model": options.model,
        "number_format": model.number_format.reason,
        "prompt": options.prompt,
        "panels": [answer.as_dict() for answer in answers],
    }


def _show_generate(document: dict[str, Any]) -> None:
    for answer in document["panels"]:
        perplexity = answer["perplexity"]
        print(f"── {answer['panel']} · {answer['verdict']} ({answer['reason']})")
        print(answer["text"])
        print(
            f"   refusal {answer['p_refusal']:.0%} (score {answer['refusal_score']:+.1f}) · "
            f"KL {answer['kl']:.2f} · perplexity {f'{perplexity:.1f}' if perplexity else '-'} · "
            f"{answer['tokens']} tokens in {answer['seconds']:.1f} s\n"
        )


def _locate(options: argparse.Namespace) -> dict[str, Any]:
    check_length(options.prompt)
    panels = _panels(options)
    directions = artifact.load(options.model, options.directions)
    maps = artifact.read_maps(options.model, options.directions)
    if maps is None:
        raise SteeringError(
            f"there are no maps for {options.model!r}; make them with `python -m steering "
            f"precompute --model {options.model}`"
        )
    layer = directions.inlp_place[1] if options.layer is None else options.layer
    chart = maps.at(layer)
    for panel in panels:
        panel.edit(directions)  # A bad panel is told before the model is loaded.
    model = _load(options)
    found = trace(model, directions, maps, options.prompt, panels)
    states = found.states[:, maps.layers.index(layer)]
    places = {"pca": chart.pca, "lda": chart.lda, "umap": chart.umap}[options.map](states)
    return {
        "model": options.model,
        "prompt": options.prompt,
        "map": options.map,
        "layer": layer,
        "position": maps.position,
        "panels": [
            {"panel": panel, "x": x, "y": y, **asdict(landing)}
            for panel, (x, y), landing in zip(
                found.panels, places[:, :2].tolist(), chart.land(states), strict=True
            )
        ],
    }


def _show_locate(document: dict[str, Any]) -> None:
    print(f"layer {document['layer']}, position {document['position']}; t: 0 harmful, 1 harmless")
    for place in document["panels"]:
        off = ", off the map" if place["outside"] else ""
        print(
            f"{place['panel']:<28} t {place['t']:+.2f}  {document['map']} ({place['x']:.2f}, "
            f"{place['y']:.2f})  nearest {place['nearest']}{off}"
        )


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    sets = {
        "harmful": prompts.read(options.harmful, limit=options.limit),
        "harmless": prompts.read(options.harmless, limit=options.limit),
    }
    panels = [panel for panel in _panels(options) if panel.name != "baseline"]
    directions = artifact.load(options.model, options.directions)
    for panel in panels:
        panel.edit(directions)
    model = _load(options)
    sampling = Sampling(max_new_tokens=options.max_new_tokens)
    rows = []
    with tqdm(total=sum(map(len, sets.values())), desc="evaluate", unit="prompt") as bar:
        for batch in answer_all(
            model,
            directions,
            sets,
            [Panel("baseline"), *panels],
            sampling=sampling,
            rows_per_batch=options.rows,
        ):
            rows += batch
            bar.update(len({(row.group, row.prompt) for row in batch}))
    source = f"{options.harmful.name}, {options.harmless.name}"
    document = {
        "model": options.model,
        "max_new_tokens": options.max_new_tokens,
        "panels": table(rows),
        "provenance": provenance(model, source),
    }
    if options.out:
        artifact.write_json(options.out, document)
    if options.texts:
        artifact.write_lines(options.texts, as_rows(rows))
    return document


def _show_evaluate(document: dict[str, Any]) -> None:
    print(markdown(document["panels"]))


def _results(options: argparse.Namespace) -> dict[str, Any]:
    document = artifact.evaluation(options.model)
    if document is None:
        raise SteeringError(
            f"there are no results for {options.model!r}; measure them with "
            f"`python -m steering precompute --model {options.model}`"
        )
    return document


def _export(options: argparse.Namespace) -> dict[str, Any]:
    return {"file": str(export(options.model, options.out, folder=options.directions))}


def _serve(options: argparse.Namespace) -> None:
    settings = {
        "STEERING_MODEL": options.model,
        "STEERING_QUANTIZATION": options.quantization,
        "STEERING_DEVICE": options.device,
        "GRADIO_SERVER_NAME": options.host,
        "GRADIO_SERVER_PORT": options.port,
    }
    os.environ.update({key: str(value) for key, value in settings.items() if value is not None})
    # app.py lies beside the package, as the entry of a Space has to.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import app

    app.main()


def _load(options: argparse.Namespace) -> ChatModel:
    with _progress_bar() as report:
        return loading.load(
            options.model,
            quantization=options.quantization,
            device=options.device,
            report=report,
        )


def _panels(options: argparse.Namespace) -> list[Panel]:
    return [parse(text) for text in options.panel or DEFAULT_PANELS]


@contextmanager
def _progress_bar() -> Generator[Report]:
    """Show the steps of long work as one bar after another."""
    bars: dict[str, Any] = {}

    def report(step: Step) -> None:
        if step.label not in bars:
            bars[step.label] = tqdm(
                desc=step.label,
                total=step.total or None,
                unit=step.unit,
                unit_scale=step.unit == "B",
                leave=step.unit == "B",
            )
        bar = bars[step.label]
        bar.update(step.done - bar.n)

    try:
        yield report
    finally:
        for bar in bars.values():
            bar.close()


def _show_plainly(document: dict[str, Any]) -> None:
    for key, value in document.items():
        print(f"{key}: {value}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m steering", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, show: Any, help_: str) -> argparse.ArgumentParser:  # noqa: ANN401
        found = commands.add_parser(name, help=help_, description=help_)
        found.add_argument("--json", action="store_true", help="print one JSON document")
        found.set_defaults(run=run, show=show)
        return found

    command("models", _models, _show_models, "list the models that are known, and their state")
    _model(command("fetch", _fetch, _show_plainly, "download, verify and convert a model"))
    _precompute_options(
        command("precompute", _precompute, _show_plainly, "make everything the app needs")
    )
    _generate_options(
        command("generate", _generate, _show_generate, "answer one request under several panels")
    )
    _locate_options(command("locate", _locate, _show_locate, "where a request lands on the maps"))
    _evaluate_options(
        command("evaluate", _evaluate, _show_evaluate, "rates of refusal on files of prompts")
    )
    _model(command("results", _results, _show_evaluate, "print a model's shipped table"))
    carry = _model(command("export", _export, _show_plainly, "take the directions elsewhere"))
    carry.add_argument("--out", type=Path, help="a .zip, .safetensors or .gguf file")
    carry.add_argument("--directions", type=Path, help="folder that precompute wrote")
    serve = command("serve", _serve, _show_plainly, "start the app")
    _machine(_model(serve, default=None))
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port (default 7860)")
    return parser


def _model(
    parser: argparse.ArgumentParser, default: str | None = catalog.DEFAULT_MODEL
) -> argparse.ArgumentParser:
    parser.add_argument(
        "--model", default=default, help="catalog name, hub id, folder or .gguf file"
    )
    return parser


def _machine(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    environment = os.environ.get("STEERING_QUANTIZATION") or None
    parser.add_argument("--quantization", default=environment, help="none, nf4 or int8")
    parser.add_argument(
        "--device", default=os.environ.get("STEERING_DEVICE") or None, help="cpu, cuda, cuda:N"
    )
    return parser


def _precompute_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    parser.add_argument("--harmful", type=Path, help="own harmful prompts (with --harmless)")
    parser.add_argument("--harmless", type=Path, help="own harmless prompts (with --harmful)")
    parser.add_argument("--out", type=Path, help="folder (default precomputed/<model>)")
    parser.add_argument("--limit", type=_positive, help="test prompts per set (default all)")
    parser.add_argument("--batch-size", type=_positive, default=16, help="prompts per forward pass")
    parser.add_argument("--rows", type=_positive, default=ROWS, help="rows per generating batch")


def _generate_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    _steering(parser)
    parser.add_argument("--prompt", required=True, help="the request")
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy")
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)


def _locate_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    _steering(parser)
    parser.add_argument("--prompt", required=True, help="the request")
    parser.add_argument("--layer", type=int, help="block input (default where INLP was chosen)")
    parser.add_argument("--map", choices=get_args(MapName), default="lda", help="default lda")


def _evaluate_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    _steering(parser)
    parser.add_argument("--harmful", type=Path, required=True, help="file of harmful prompts")
    parser.add_argument("--harmless", type=Path, required=True, help="file of harmless prompts")
    parser.add_argument("--limit", type=_positive, help="prompts of each file, from its start")
    parser.add_argument("--max-new-tokens", type=int, default=EVALUATION_TOKENS)
    parser.add_argument("--out", type=Path, help="write the table to this JSON file")
    parser.add_argument("--texts", type=Path, help="write every answer to this JSONL file")
    parser.add_argument("--rows", type=_positive, default=ROWS, help="rows per batch")


def _steering(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--panel",
        action="append",
        help=f"NAME[:key=value,...], may be repeated (default {' '.join(DEFAULT_PANELS)})",
    )
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
