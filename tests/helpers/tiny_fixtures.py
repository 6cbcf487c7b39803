"""Fixtures and per-test settings, loaded by conftest in every process that runs tests.

`family` and `family_model` run a test once for every supported family; `tiny` is one small chat
model and `fitted` the directions found on it, for tests that need no family; `real` is the default
model with what is shipped for it.
"""

import copy
import gc
import logging
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from threadpoolctl import ThreadpoolController

from steering.artifacts import folders, store
from steering.fitting.control_fit import controls_of
from steering.inference.activations import capture_sets
from steering.interventions.directions import Directions
from steering.maps.model_maps import Maps
from steering.maps.model_maps import fit as fit_maps
from steering.models import dtype_speed, loading, packed_linear
from steering.models.chat_model import ChatModel
from steering.models.dtype_speed import Kernel, Speed
from steering.models.inspection import inspect
from steering.serving import machine_fit
from steering.serving.engine import Supply
from steering.sources import catalog, weights
from tests.helpers.left_work import wait_for_left_work
from tests.helpers.tiny_directions import fit_directions
from tests.helpers.tiny_models import (
    FAMILIES,
    HARMFUL,
    HARMLESS,
    Family,
    build,
    make_network,
    make_tokenizer,
)

# Machines that share their cores miss any deadline, and draw an example in half a minute at times;
# 50 examples keep the fast set fast (chosen).
settings.register_profile(
    "steering", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steering")

# numba's OpenMP pool, once UMAP starts it, undoes torch.set_num_threads: what runs later in the
# same test then differs in its last bits from the same work in the next test.
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"

_POOLS = ThreadpoolController()


# Most of what is imported and collected stays until the end: no use in searching it for garbage.
gc.disable()


def pytest_collection_finish() -> None:
    """Search only what the tests make for garbage."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """Threads only cost time on matrices this small; tests on real models keep theirs.

    A hook, not a fixture, so that fixtures of every scope run with as many threads as the tests
    that use them: the last bits of a matrix product hang on the number.
    """
    with _no_log_left():
        if any(map(item.get_closest_marker, ("model", "browser", "gpu"))):
            return (yield)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            # NumPy's and SciPy's threads are others than torch's.
            with _POOLS.limit(limits=1, user_api="blas"):
                return (yield)
        finally:
            torch.set_num_threads(before)


@contextmanager
def _no_log_left() -> Generator[None]:
    """Take the log back that a test or its fixtures have opened, as the app does when it is served.

    It writes to the stream of that test for ever, and the next test would find nothing on its own.
    """
    before, level = list(logging.root.handlers), logging.root.level
    try:
        yield
    finally:
        for handler in list(logging.root.handlers):
            # pytest's own handlers come and go between the phases of a test, of other classes.
            if type(handler) is logging.StreamHandler and handler not in before:
                logging.root.removeHandler(handler)
        logging.root.setLevel(level)


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test begins while threads of the one before work with a model.

    What a test has patched stays so until then, but for the wait until no visitor wants the model:
    those of a test that is over never leave.
    """
    yield
    monkeypatch.setattr(machine_fit, "_QUIET_SECONDS", 0.0)
    monkeypatch.setattr(Maps, "warm_up", lambda _: None)
    wait_for_left_work()


@pytest.fixture(scope="session", autouse=True)
def untimed() -> Iterator[None]:
    """Choose no number format by the machine's load: it is float32, and large models are packed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dtype_speed, "measure", _speeds)
        yield


def _speeds(
    folder: Path,
    dtypes: Sequence[torch.dtype] = dtype_speed.CANDIDATES,
    parts: int | None = None,
) -> dict[Kernel, Speed]:
    shapes = dtype_speed.matrix_shapes(folder)
    size = sum(rows * d_in * count for (rows, d_in), count in shapes.items())
    if size < dtype_speed.LEAST_WEIGHTS:
        return {}
    plain = {torch.float32: 1.0, torch.bfloat16: 2.0}
    fast = {Kernel(torch.float32, packed=False, parts=parts): Speed(0.2, 0.2)} if parts else {}
    return fast | {
        Kernel(dtype, packed): Speed(seconds, seconds)
        for dtype in dtypes
        for packed, seconds in ((False, plain[dtype]), (True, 0.5 * plain[dtype]))
        if not packed or packed_linear.packs(dtype)
    }


@pytest.fixture(scope="session", params=FAMILIES)
def family_name(request: pytest.FixtureRequest) -> str:
    """Every supported family, one after another."""
    return request.param


@pytest.fixture(scope="session")
def family(family_name: str) -> Family:
    """The facts of a family."""
    return FAMILIES[family_name]


@pytest.fixture(scope="session")
def family_model(family_name: str) -> ChatModel:
    """A tiny random chat model of every supported family."""
    return build(family_name)


@pytest.fixture(scope="session")
def model_of() -> Callable[[str], ChatModel]:
    """Return the tiny model of one family by name; shared, so only hooks may touch it."""
    return build


@pytest.fixture(scope="session")
def tiny() -> ChatModel:
    """One tiny random chat model (Qwen2, 4 blocks, d_model 32, byte-level tokens)."""
    return build("qwen2")


@pytest.fixture(scope="session")
def wide() -> ChatModel:
    """A Qwen2 of d_model 64: packed NF4 on a CPU takes whole blocks of 64 weights only."""
    family = FAMILIES["qwen2"]
    settings = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3}
    family = replace(family, settings=settings)
    tokenizer = make_tokenizer(family)
    return inspect("wide", make_network(family, tokenizer, seed=2), tokenizer)


@pytest.fixture
def own_copy() -> Callable[[ChatModel], Any]:
    """Return a network and a tokenizer that a test may spoil."""
    return lambda model: (copy.deepcopy(model.network), copy.deepcopy(model.tokenizer))


@pytest.fixture(scope="session")
def prompts() -> dict[str, list[str]]:
    """24 requests a class that differ in their verb only."""
    return {"harmful": HARMFUL, "harmless": HARMLESS}


@pytest.fixture(scope="session")
def states(tiny: ChatModel) -> dict[str, torch.Tensor]:
    """Activations of both classes on `tiny` at positions -3 to -1: [prompt, position, layer, d]."""
    sets = {"harmful": HARMFUL, "harmless": HARMLESS}
    return capture_sets(tiny, sets, layers=range(tiny.n_layers), positions=(-3, -2, -1))


@pytest.fixture(scope="session")
def fitted(tiny: ChatModel, states: dict[str, torch.Tensor]) -> Directions:
    """Directions of `tiny`: difference in means everywhere, INLP at 2 positions and 3 layers."""
    points = [(position, layer) for position in (-2, -1) for layer in (1, 2, 3)]
    return fit_directions(tiny, states, points, dim_point=(-2, 2), inlp_point=(-1, 1))


@pytest.fixture(scope="session")
def controlled(fitted: Directions, states: dict[str, torch.Tensor]) -> Directions:
    """The same directions with what controls of the same data need."""
    return replace(fitted, controls=controls_of(fitted, states))


@pytest.fixture(scope="session")
def charted(tiny: ChatModel, states: dict[str, torch.Tensor], fitted: Directions) -> Maps:
    """Maps of `tiny` at the position where INLP was fitted, layers 1 to 3."""
    position = fitted.inlp_point[0]
    index = fitted.positions.index(position)
    return fit_maps(
        {label: found[:, index, 1:] for label, found in states.items()},
        {"harmful": HARMFUL, "harmless": HARMLESS},
        model=tiny.name,
        dtype=str(tiny.dtype).removeprefix("torch."),
        quantization=tiny.number_format.quantization,
        position=position,
        layers=(1, 2, 3),
    )


@pytest.fixture(scope="session")
def real() -> tuple[ChatModel, Directions]:
    """The default model and its shipped directions, in float32: quick on every machine."""
    if catalog.DEFAULT_MODEL not in folders.available():
        pytest.skip("no directions of the default model are shipped")
    weights.fetch(catalog.DEFAULT_MODEL)
    return loading.load(dtype="float32"), store.load(catalog.DEFAULT_MODEL)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of the test's own."""
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))


@pytest.fixture
def supply(
    tiny: ChatModel, fitted: Directions, charted: Maps, monkeypatch: pytest.MonkeyPatch
) -> Supply:
    """What an engine takes to serve `tiny` with directions and maps, which are checked."""
    from tests.helpers.engines import charted_supply

    monkeypatch.setattr(type(charted), "warm_up", lambda _: None)
    monkeypatch.setattr(machine_fit, "_QUIET_SECONDS", 0.0)
    return charted_supply(tiny, fitted, charted)


@pytest.fixture
def thinker(tiny: ChatModel) -> ChatModel:
    """`tiny` with a template that can think."""
    from tests.helpers.engines import thinking

    return thinking(tiny)
