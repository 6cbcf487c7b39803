"""`bench`: how fast this machine is."""

import argparse
from typing import cast

import torch

from steering.artifacts import store
from steering.bench import bench as benches
from steering.bench import bench_document, crowd_report, gpu, start, visitors
from steering.bench.app_process import serving
from steering.bench.bench_document import BenchDocument
from steering.bench.suites import Subject
from steering.cli import shared
from steering.errors import SteeringError
from steering.maps.steerable_model import SteerableModel
from steering.models import loading
from steering.models.chat_model import ChatModel
from steering.models.number_formats import Dtype


def run(options: argparse.Namespace) -> BenchDocument:
    """Time one suite and return its document."""
    if options.suite == "start":
        return start.measure(
            _serve_options(options),
            model=options.model,
            tokens=options.max_new_tokens,
            rounds=options.rounds,
        )
    if options.suite == "visitors":
        return _visitors(options)
    if options.suite == "gpu":
        gpu.require_device(options.device)
    directions = store.load(options.model)
    model = shared.load(options)
    with shared.progress_bar():
        dtype = cast("Dtype", str(model.dtype).removeprefix("torch."))
        kind, device = model.number_format.quantization, str(model.device)
        plain = (
            loading.load(options.model, quantization=kind, dtype=dtype, device=device, packed=False)
            if model.number_format.packed
            else model
        )
        if options.suite == "gpu":
            return gpu.measure(model, plain, options.max_new_tokens, rounds=options.rounds)
        steerable = SteerableModel(model, directions)
        fast, why = _fast(options) if options.suite == "decode" else (None, "")
        subject = Subject(
            steerable,
            plain,
            options.max_new_tokens,
            options.gguf,
            fast=SteerableModel(fast, directions) if fast else None,
            why_not_fast=why,
        )
        return benches.bench(subject, options.suite, rounds=options.rounds)


def _fast(options: argparse.Namespace) -> tuple[ChatModel | None, str]:
    """Load the model with fast products, or say why it may not have them."""
    asked = argparse.Namespace(**{**vars(options), "speed": "fast"})
    try:
        return shared.load(asked), ""
    except SteeringError as error:
        return None, str(error)


def _visitors(options: argparse.Namespace) -> BenchDocument:
    """Let visitors come to the app as it is served here."""
    crowd = visitors.Crowd(options.visitors, options.minutes)
    settings = {
        "STEERING_LOG": "debug",  # steps are counted in it
        "STEERING_MAX_NEW_TOKENS": str(options.max_new_tokens),
    }
    with serving(_serve_options(options), settings) as app:
        app.wait_for_page()
        seen = visitors.watch(app, crowd, tokens=options.max_new_tokens)
        return crowd_report.report(
            seen,
            app,
            model=options.model,
            tokens=options.max_new_tokens,
            device=_device_of(options.device),
        )


def _device_of(asked: str | None) -> str:
    """Return what the app works on, which is another process: as it chooses itself."""
    if asked:
        return asked.partition(":")[0]
    return "cuda" if torch.cuda.is_available() else "cpu"


def _serve_options(options: argparse.Namespace) -> list[str]:
    """Return what `serve` is told of the same model."""
    names = ("model", "quantization", "dtype", "device", "thinking")
    given = {name: getattr(options, name) for name in names}
    return [each for name, value in given.items() if value for each in (f"--{name}", str(value))]


def show(document: BenchDocument) -> None:
    """Print the ratios."""
    print(bench_document.table(document))
