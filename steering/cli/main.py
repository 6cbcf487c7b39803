"""The command line: `python -m steering COMMAND ...`; every command explains itself with --help."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steering import program
from steering.cli import (
    command_options,
    contrast_commands,
    harm_commands,
    import_commands,
    judge_commands,
    patch_commands,
    replay_commands,
    reproduce_commands,
    request_commands,
    scaling_commands,
    token_commands,
    wording_commands,
    worker_options,
)
from steering.cli.shared import show_plainly, unpack_directions
from steering.data import input_text
from steering.errors import SteeringError
from steering.system import console, threads
from steering.system.lazy import Later

bench_commands = Later("steering.cli.bench_commands")
capability = Later("steering.cli.capability_commands")
evaluation = Later("steering.cli.evaluate_commands")
fitting = Later("steering.cli.fit_commands")
study = Later("steering.cli.study_commands")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code.

    It is 1 where a command that compares found a difference, 2 for what the user can mend, and 130
    for Ctrl-C.
    """
    threads.sleep_while_waiting()
    with console.opened():
        options = parser().parse_args(arguments)
        try:
            _read_as_text(options)
            unpack_directions(options)
            document = options.run(options)
            if document is not None:
                _print(document, options)
        except SteeringError as error:
            console.say(f"error: {error}")
            return 2
        except KeyboardInterrupt:
            console.say("stopped")
            return 130
        return int(options.failed(document))


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
        found.set_defaults(run=run, show=show, failed=lambda _document: False)
        return found

    command(
        "models",
        request_commands.models,
        request_commands.show_models,
        "list the models that are known, and their state",
    )
    command_options.model(
        command(
            "fetch", request_commands.fetch, show_plainly, "download, verify and convert a model"
        )
    )
    command_options.precompute(
        command("precompute", fitting.precompute, show_plainly, "make everything the app needs")
    )
    contrast_commands.options(
        command(
            "contrast",
            contrast_commands.run,
            contrast_commands.show,
            "what tells two lists of texts apart, with controls, for use with every panel",
        )
    )
    command_options.generate(
        command(
            "generate",
            request_commands.generate,
            request_commands.show_generate,
            "answer one request under several panels",
        )
    )
    command_options.tokens(
        command(
            "tokens",
            token_commands.run,
            token_commands.show,
            "look into every token of an answer: alternatives, probability, surprise",
        )
    )
    again = command(
        "replay", replay_commands.run, replay_commands.show, "run a saved run again, and compare"
    )
    again.set_defaults(failed=replay_commands.failed)
    replay_commands.options(again)
    command_options.locate(
        command(
            "locate",
            request_commands.locate,
            request_commands.show_locate,
            "where a request lands on the maps",
        )
    )
    command_options.evaluate(
        command(
            "evaluate",
            evaluation.evaluate,
            evaluation.show,
            "the paper's comparison, with controls and intervals, on sets of prompts",
        )
    )
    command_options.capability(
        command(
            "capability",
            capability.run,
            capability.show,
            "what edits cost on multiple-choice questions and code, beside refusals",
        )
    )
    harm_commands.options(
        command(
            "harm",
            harm_commands.run,
            harm_commands.show,
            "harm and refusal as two axes: where prompts lie, and what moves which",
        )
    )
    patch_commands.options(
        command(
            "patch",
            patch_commands.run,
            patch_commands.show,
            "which states of a request bring its refusal back in the run of its harmless twin",
        )
    )
    wording_commands.options(
        command(
            "wordings",
            wording_commands.run,
            wording_commands.show,
            "what English directions tell and do in other languages and wordings",
        )
    )
    command_options.sweep(
        command("sweep", study.run, show_plainly, "grids of rank, strength and layer")
    )
    command_options.model(
        command("results", evaluation.results, evaluation.show, "print a model's stored results")
    )
    judge_commands.options(
        command(
            "judge",
            judge_commands.run,
            judge_commands.show,
            "what the rules say of anybody's answers",
        )
    )
    carry = command_options.model(
        command("export", study.export, show_plainly, "export the directions for other programs")
    )
    carry.add_argument("--out", type=Path, help="a .zip, .safetensors or .gguf file")
    carry.add_argument("--directions", type=Path, help="folder that precompute wrote")
    bring = command(
        "import", import_commands.run, import_commands.show, "use directions found elsewhere"
    )
    import_commands.options(command_options.model(bring))
    command_options.transfer(
        command(
            "transfer",
            study.transfer,
            study.show_transfer,
            "do directions and maps of one number format serve in another?",
        )
    )
    command_options.gate(
        command("gate", study.gate, study.show_gate, "do answers stay the same with fast products?")
    )
    again = command(
        "reproduce",
        reproduce_commands.run,
        reproduce_commands.show,
        "make an artifact again and say what differs",
    )
    reproduce_commands.options(command_options.machine(command_options.model(again)))
    command_options.bench(
        command(
            "bench", bench_commands.run, bench_commands.show, "how fast this machine is, as ratios"
        )
    )
    scaling_commands.options(
        command(
            "scaling",
            scaling_commands.run,
            scaling_commands.show,
            "how many machines a crowd of visitors needs, simulated from measured times",
        )
    )
    serve = command("serve", request_commands.serve, show_plainly, "start the app")
    worker_options.replicas(
        command_options.speed(command_options.machine(command_options.model(serve, default=None)))
    )
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port (default 7860)")
    return whole
