"""`bench`: how fast this machine is."""

import argparse
from typing import cast

from steering.artifacts import store
from steering.bench import bench as benches
from steering.bench.bench import BenchDocument
from steering.bench.suites import Subject
from steering.cli import shared
from steering.maps.steerable_model import SteerableModel
from steering.models import loading
from steering.models.number_formats import Dtype


def run(options: argparse.Namespace) -> BenchDocument:
    """Time one suite and return its document."""
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
        subject = Subject(SteerableModel(model, directions), plain, options.max_new_tokens)
        return benches.bench(subject, options.suite, rounds=options.rounds)


def show(document: BenchDocument) -> None:
    """Print the ratios."""
    print(benches.table(document))
