"""The command `serve --replicas 2` on a random model that writes slowly and never ends by itself.

Usage: replica_server.py PORT FOLDER. Model, directions and cache lie in FOLDER.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from steering.adaptation import quick_fit  # noqa: E402
from steering.artifacts import store  # noqa: E402
from steering.artifacts.provenance import fingerprint  # noqa: E402
from steering.cli.main import main as command  # noqa: E402
from steering.models import loading  # noqa: E402
from tests.browser.server import fit  # noqa: E402
from tests.helpers import tiny_models  # noqa: E402

WIDE = {"intermediate_size": 131072, "max_position_embeddings": 8192}
"""So that a step takes two hundredths of a second or more, and a run of the longest answers takes
minutes: a busy machine has time to find it being written, and nobody waits for its end."""


def write_model(folder: Path) -> None:
    """Write a model that `loading` reads, in this process and in every replica."""
    family = tiny_models.FAMILIES["qwen2"]
    family = replace(family, settings={**family.settings, **WIDE})
    tokenizer = tiny_models.make_tokenizer(family)
    network = tiny_models.make_network(family, tokenizer, seed=1)
    endless = tiny_models.without_end(tiny_models.inspect("wide", network, tokenizer))
    endless.network.save_pretrained(folder)
    endless.tokenizer.save_pretrained(folder)


def main(port: str, folder: Path) -> int:
    """Serve the page."""
    os.environ["STEERING_CACHE"] = str(folder / "cache")
    torch.set_num_threads(1)
    name = str(folder / "model")
    write_model(folder / "model")
    model = loading.load(name, dtype="float32", device="cpu")
    store.write(quick_fit.folder_of(model), fit(model), {"fingerprint": fingerprint(model)})
    given = ("--dtype", "float32", "--device", "cpu", "--speed", "exact", "--port", port)
    return command(["serve", "--model", name, "--replicas", "2", *given])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
