"""The command line: `python -m steering COMMAND ...`; every command explains itself with --help."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from steering import defaults, program
from steering.cli import import_commands, request_commands
from steering.cli.shared import show_plainly
from steering.data import input_text
from steering.defaults import ROWS
from steering.errors import SteeringError
from steering.interventions.panel import DEFAULT_PANELS
from steering.maps.map_points import MapName
from steering.sources import catalog
from steering.system import console
from steering.system.lazy import Later

bench_commands = Later("steering.cli.bench_commands")
evaluation = Later("steering.cli.evaluate_commands")
fitting = Later("steering.cli.fit_commands")
study = Later("steering.cli.study_commands")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 2 for what the user can mend, 130 for Ctrl-C."""
    with console.opened():
        options = parser().parse_args(arguments)
        try:
            _read_as_text(options)
            document = options.run(options)
            if document is not None:
                _print(document, options)
        except SteeringError as error:
            console.say(f"error: {error}")
            return 2
        except KeyboardInterrupt:
            console.say("stopped")
            return 130
        return 0


def _read_as_text(options: argparse.Namespace) -> None:
    """Read what the shell handed over as bytes; paths stay as they are, whatever their bytes."""
    for name, value in vars(options).items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, str):
            setattr(options, name, input_text.from_command_line(value, option))
        elif isinstance(value, list):
            setattr(options, name, [input_text.from_command_line(each, option) for each in value])


def _print(document: Any, options: argparse.Namespace) -> None:  # noqa: ANN401
    try:
        if options.json:
            print(console.json_text(document))
        else:
            options.show(document)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the pipe, such as `head`, has stopped
        console.abandon(sys.stdout)
    except OSError as error:  # a full disk behind a redirection, a terminal that is gone
        console.abandon(sys.stdout)
        raise SteeringError(
            f"the output could not be written ({error.strerror}); free space there, or send it "
            "elsewhere"
        ) from error


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line; the documentation is written from it."""
    whole = argparse.ArgumentParser(prog=program.name(), description=program.named(__doc__ or ""))
    added = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, show: Any, help_: str) -> argparse.ArgumentParser:  # noqa: ANN401
        found = added.add_parser(name, help=help_, description=help_)
        found.add_argument("--json", action="store_true", help="print one JSON document")
        found.set_defaults(run=run, show=show)
        return found

    command(
        "models",
        request_commands.models,
        request_commands.show_models,
        "list the models that are known, and their state",
    )
    _model(
        command(
            "fetch", request_commands.fetch, show_plainly, "download, verify and convert a model"
        )
    )
    plain = show_plainly
    _precompute_options(
        command("precompute", fitting.precompute, plain, "make everything the app needs")
    )
    _generate_options(
        command(
            "generate",
            request_commands.generate,
            request_commands.show_generate,
            "answer one request under several panels",
        )
    )
    _locate_options(
        command(
            "locate",
            request_commands.locate,
            request_commands.show_locate,
            "where a request lands on the maps",
        )
    )
    _evaluate_options(
        command(
            "evaluate",
            evaluation.evaluate,
            evaluation.show,
            "the paper's comparison, with controls and intervals, on sets of prompts",
        )
    )
    _sweep_options(command("sweep", study.run, plain, "grids of rank, strength and layer"))
    _model(
        command("results", evaluation.results, evaluation.show, "print a model's stored results")
    )
    carry = _model(
        command("export", study.export, plain, "export the directions for other programs")
    )
    carry.add_argument("--out", type=Path, help="a .zip, .safetensors or .gguf file")
    carry.add_argument("--directions", type=Path, help="folder that precompute wrote")
    bring = command(
        "import", import_commands.run, import_commands.show, "use directions found elsewhere"
    )
    import_commands.options(_model(bring))
    _transfer_options(
        command(
            "transfer",
            study.transfer,
            study.show_transfer,
            "do directions and maps of one number format serve in another?",
        )
    )
    _bench_options(
        command(
            "bench", bench_commands.run, bench_commands.show, "how fast this machine is, as ratios"
        )
    )
    serve = command("serve", request_commands.serve, show_plainly, "start the app")
    _machine(_model(serve, default=None))
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port (default 7860)")
    return whole


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
        "--dtype",
        default=os.environ.get("STEERING_DTYPE") or None,
        help="auto, float32, bfloat16 or float16 (default auto: measured on a CPU)",
    )
    parser.add_argument(
        "--device", default=os.environ.get("STEERING_DEVICE") or None, help="cpu, cuda, cuda:N"
    )
    return _thinking(parser)


def _thinking(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--thinking",
        default=os.environ.get("STEERING_THINKING") or "auto",
        help="on, off or auto (default: off where the chat template allows it)",
    )
    return parser


def _precompute_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    parser.add_argument("--harmful", type=Path, help="own harmful prompts (with --harmless)")
    parser.add_argument("--harmless", type=Path, help="own harmless prompts (with --harmful)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="directions, maps and start settings only, in minutes, kept in the cache",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder (default precomputed/<model> of a checkout, else the cache, as with --quick)",
    )
    parser.add_argument("--limit", type=_positive, help="test prompts per set (default all)")
    parser.add_argument("--batch-size", type=_positive, default=16, help="prompts per forward pass")
    parser.add_argument("--rows", type=_positive, default=ROWS, help="rows per generating batch")


def _generate_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    _steering(parser)
    parser.add_argument("--prompt", required=True, help="the request")
    parser.add_argument("--max-new-tokens", type=int, default=64, help="length (default 64)")
    parser.add_argument("--temperature", type=float, default=0.0, help="default 0: greedy")
    parser.add_argument(
        "--top-p", type=float, default=1.0, help="share of the likeliest tokens (default 1: all)"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed for sampling (default 0)")
    _system(parser)


def _locate_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    _steering(parser)
    parser.add_argument("--prompt", required=True, help="the request")
    parser.add_argument("--layer", type=int, help="block input (default where INLP was chosen)")
    parser.add_argument("--map", choices=get_args(MapName), default="lda", help="default lda")
    _system(parser)


def _evaluate_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    _steering(parser, default="the whole comparison; controls are always added")
    parser.add_argument("--harmful", type=Path, help="own harmful prompts (with --harmless)")
    parser.add_argument("--harmless", type=Path, help="own harmless prompts (with --harmful)")
    parser.add_argument("--borderline", type=Path, help="own borderline prompts")
    parser.add_argument("--limit", type=_positive, help="prompts of each set")
    parser.add_argument("--text", type=Path, help="own text to measure the cost on, or `none`")
    parser.add_argument("--judge", help="chat model or http(s)://host/v1#model that judges, too")
    parser.add_argument(
        "--max-new-tokens",
        type=int,
        default=defaults.TOKENS,
        help=f"length of an answer (default {defaults.TOKENS})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="write this JSON file (default: a whole comparison goes beside the directions)",
    )
    parser.add_argument("--texts", type=Path, help="write every answer to this JSONL file")
    parser.add_argument("--rows", type=_positive, default=ROWS, help="rows per batch")
    _system(parser)


def _sweep_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument(
        "--grid",
        action="append",
        help="panels with alternatives, as in flip:k=1|2|4,alpha=1|2; may be repeated",
    )
    parser.add_argument(
        "--answer", action="append", help="the same: panels that answer and are judged"
    )
    parser.add_argument("--prompts", type=_positive, help="validation prompts a class")
    parser.add_argument("--answered", type=_positive, help="validation prompts that are answered")
    parser.add_argument(
        "--out", type=Path, help="a .csv file (default: beside the directions), and a .json"
    )


def _transfer_options(parser: argparse.ArgumentParser) -> None:
    _thinking(_model(parser))
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")
    parser.add_argument(
        "--format", action="append", help="as in the table, may be repeated (default: all here)"
    )
    parser.add_argument(
        "--prompts",
        type=_positive,
        default=defaults.TRANSFER_PROMPTS,
        help=f"harmful validation prompts that are answered (default {defaults.TRANSFER_PROMPTS})",
    )
    parser.add_argument("--out", type=Path, help="write this JSON file")


def _bench_options(parser: argparse.ArgumentParser) -> None:
    _machine(_model(parser))
    parser.add_argument(
        "--suite",
        choices=defaults.SUITES,
        default=defaults.SUITES[0],
        help=f"what is timed (default {defaults.SUITES[0]})",
    )
    parser.add_argument(
        "--rounds", type=_positive, default=defaults.ROUNDS, help="how often (default 5)"
    )
    parser.add_argument(
        "--max-new-tokens", type=_positive, default=48, help="length of an answer (default 48)"
    )


def _steering(parser: argparse.ArgumentParser, *, default: str = " ".join(DEFAULT_PANELS)) -> None:
    parser.add_argument(
        "--panel",
        action="append",
        help=f"NAME[:key=value,...], may be repeated (default {default})",
    )
    parser.add_argument("--directions", type=Path, help="folder that precompute wrote")


def _system(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--system", default="", help="system prompt (default: the template's own)")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive integer")
    return int(text)
