"""Turns a GGUF file into a folder that loads in seconds: bfloat16 safetensors, config, tokenizer.

The work runs in a process of its own (`python -m steering.sources.gguf_conversion FILE FOLDER`).
Unpacking a GGUF file takes up to a minute of pure Python and about three times the memory of the
result: in a child process it neither holds up the app's threads nor leaves its memory behind, and
the progress bars that transformers draws go to a log instead of the visitor's terminal.
"""

import functools
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

from steering.errors import SteeringError
from steering.shipped import PACKAGE
from steering.system import disk_space
from steering.system.progress import Report, Step

_logger = logging.getLogger(__name__)

CONVERSION_STEPS = (
    "reading the GGUF file",
    "writing safetensors",
    "converting the tokenizer",
    "checking",
)
"""What a conversion does, in order."""

_END_OF_TURN = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<end_of_turn>", "<|end|>")
"""Tokens that end an answer in the families supported here. A GGUF file names one of them only,
while the publishers' generation settings name several; those the tokenizer knows are all kept."""

_ROOM = 1.05
"""Disk space asked for, as a multiple of the tensors' bytes: tokenizer and file system (chosen)."""


def converter_versions() -> dict[str, str]:
    """Versions of the packages whose code decides what the converted files hold."""
    return {name: version(name) for name in ("transformers", "gguf", "safetensors", "torch")}


def convert(gguf: Path, folder: Path, *, report: Report) -> None:
    """Convert `gguf` into the new `folder`, in a child process.

    The tensors are dequantized to bfloat16. The output head is tied to the embedding only where
    the two are equal. Nothing is fetched from anywhere.

    Args:
        gguf: The file to read.
        folder: Where to write; it is removed again if anything fails.
        report: Progress callback, called at each named step.

    Raises:
        SteeringError: If the file cannot be read, or disk or memory do not suffice.
    """
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(
            [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }
    folder.mkdir(parents=True)
    label = f"Converting {gguf.name}"
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        ExitStack() as undo,
    ):
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        child = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, str(gguf.absolute()), str(folder)],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            text=True,
        )
        with child, ExitStack() as stop:
            stop.callback(child.kill)  # before anyone waits for it: on Ctrl-C or a failing report
            sizes = _follow(child, label, report)
            stop.pop_all()
        if child.returncode != 0:
            log.seek(0)
            raise _failure(gguf, folder, child.returncode, sizes, log.read())
        undo.pop_all()
    report(Step(f"{label}: done", len(CONVERSION_STEPS), len(CONVERSION_STEPS), "step"))


def _follow(child: "subprocess.Popen[str]", label: str, report: Report) -> dict[str, int]:
    """Report the child's steps; return the sizes it gave where disk space does not suffice."""
    told: dict[str, int] = {}
    assert child.stdout is not None
    for line in child.stdout:
        told |= json.loads(line)
        if "step" in told:
            number = told.pop("step")
            report(
                Step(f"{label}: {CONVERSION_STEPS[number]}", number, len(CONVERSION_STEPS), "step")
            )
    return told


def _failure(gguf: Path, folder: Path, code: int, told: dict[str, int], log: str) -> SteeringError:
    # Not as an error: with no handler set, Python would print that beside what is raised.
    _logger.info("the conversion of %s ended with code %d:\n%s", gguf, code, log)
    if "needed" in told or disk_space.says_full(log):
        return disk_space.full(folder, told.get("needed"))
    if code < 0:
        return SteeringError(
            f"the conversion of {gguf} was stopped by signal {-code}, most likely because memory "
            f"ran out: it needs about {6 * gguf.stat().st_size / 1e9:.1f} GB; close other programs "
            "or convert it on a larger machine and copy the cache folder"
        )
    reason = next((line for line in reversed(log.splitlines()) if line.strip()), "no reason given")
    return SteeringError(
        f"{gguf} could not be converted: {reason.strip()}; allowed is a GGUF file of an "
        "architecture that transformers can read, for example llama or qwen2"
    )


def main() -> None:
    """Convert in this process; steps and the space needed go to stdout, a JSON object a line."""
    gguf, folder = map(Path, sys.argv[1:])
    import gguf as gguf_package

    # transformers parses the whole file anew for the config, the weights and the tokenizer, at 5
    # to 15 s each. This process has no other use for the class, so the one parse is shared.
    gguf_package.GGUFReader = functools.cache(gguf_package.GGUFReader)
    _say(step=0)
    network = _read(gguf)
    needed = int(_ROOM * sum(t.numel() * t.element_size() for t in network.state_dict().values()))
    if shutil.disk_usage(folder).free < needed:
        _say(needed=needed)
        sys.exit(1)
    _say(step=1)
    _settle(network)
    network.save_pretrained(folder)
    expected = _logits(network)
    del network  # the check below loads it again, and memory should hold it once

    _say(step=2)
    from transformers import AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokenizer.save_pretrained(folder)
    ends = [token for token in _END_OF_TURN if token in tokenizer.get_added_vocab()]
    ids = {tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids(ends)} - {None}
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=sorted(ids),
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
    ).save_pretrained(folder)

    _say(step=3)
    _check(folder, expected, tokenizer)


def _say(**told: int) -> None:
    # What libraries print goes to the log, so this channel carries nothing else.
    assert sys.__stdout__ is not None
    sys.__stdout__.write(json.dumps(told) + "\n")
    sys.__stdout__.flush()


def _read(gguf: Path) -> Any:  # noqa: ANN401 - transformers is untyped here
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    return AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )


def _settle(network: Any) -> None:  # noqa: ANN401
    """Make a network read from GGUF an ordinary one that can be saved."""
    import torch

    # The quantizer refuses to be saved although every tensor is dense by now.
    network.hf_quantizer = None
    network.is_quantized = False
    for name in ("quantization_config", "_model_name_or_path"):
        if hasattr(network.config, name):
            delattr(network.config, name)
    embedding, head = network.get_input_embeddings(), network.get_output_embeddings()
    network.config.tie_word_embeddings = torch.equal(embedding.weight, head.weight)
    network.tie_weights()


def _logits(network: Any) -> Any:  # noqa: ANN401
    import torch

    tokens = torch.arange(16)[None] % network.config.vocab_size
    with torch.inference_mode():
        return network.eval()(tokens).logits


def _check(folder: Path, expected: Any, tokenizer: Any) -> None:  # noqa: ANN401
    """Load the folder as the app will, and compare with what was read from the GGUF file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    again = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    # Same weights, same kernels, same machine: anything but equality is a wrong conversion.
    if not torch.equal(_logits(again), expected):
        raise ValueError("the converted network gives other logits than the GGUF file")
    text = "Chat: naïve 日本語 🙂\n\tx  42"
    reread = AutoTokenizer.from_pretrained(folder)
    if reread.encode(text) != tokenizer.encode(text):
        raise ValueError("the converted tokenizer gives other tokens than the GGUF file")


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):
        main()
