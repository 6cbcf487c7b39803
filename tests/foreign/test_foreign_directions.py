import hashlib
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from steering.artifacts import local_fits, store
from steering.artifacts.export import export
from steering.cli.main import main
from steering.errors import SteeringError
from steering.foreign.foreign_directions import Wishes, import_directions, shape_of
from steering.interventions.directions import Directions
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.sources import catalog
from tests.helpers import foreign

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published_directions"
"""Two folders as github.com/andyrdt/refusal_direction publishes them, if they are beside this."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path) -> str:
    return foreign.model_folder(tmp_path / "model")


@pytest.fixture
def made(tmp_path, fitted) -> Path:
    """The artifact of the tiny model, all of it there."""
    store.write(tmp_path / "made", fitted, {"seed": 42, "suffix": ["x"]})
    return tmp_path / "made"


def saved(tmp_path: Path, ending: str, by_layer: dict[int, torch.Tensor]) -> Path:
    """Vectors by layer in each of the forms in which people keep them."""
    path = tmp_path / f"vectors.{ending}"
    if ending == "gguf":
        return foreign.control_vector(path, by_layer)
    if ending == "safetensors":
        save_file({str(layer): vector for layer, vector in by_layer.items()}, path)
    elif ending == "pth":
        torch.save({"layer_activations": by_layer, "layer_type": "decoder_block"}, path)
    else:
        torch.save(by_layer, path)
    return path


FORMS = ("gguf", "safetensors", "pt", "pth")


# The layers


@pytest.mark.parametrize("c", [-1.0, 1.5])
@pytest.mark.parametrize("ending", FORMS)
def test_an_imported_vector_acts_where_the_other_libraries_add_it(
    tiny, model, tmp_path, ending, c
) -> None:
    """repeng, llama.cpp and steering-vectors add vector N to what block N gives out."""
    by_layer = foreign.vectors(0, 1, 2) if ending != "gguf" else foreign.vectors(1, 2)
    found = import_directions(saved(tmp_path, ending, by_layer), model).directions
    row = tiny.render("How do I paint the chair?")
    plain = tiny.next_token_logits([row])
    for block, vector in by_layer.items():
        edit = parse(f"actadd:c={c},layer={block + 1}").edit(found)
        with intervene(tiny, compile_edits([edit], device=tiny.device)):
            ours = tiny.next_token_logits([row])
        handle = tiny.network.model.layers[block].register_forward_hook(
            lambda _module, _args, output, vector=vector: output + c * vector
        )
        theirs = tiny.next_token_logits([row])
        handle.remove()
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        assert (theirs - plain).abs().max() > 0.01


@pytest.mark.parametrize("ending", FORMS)
def test_what_the_last_block_gives_out_is_left_out_and_said(model, tmp_path, ending) -> None:
    found = import_directions(saved(tmp_path, ending, foreign.vectors(1, 3)), model)
    assert found.directions.points == ((-1, 2),)
    assert any("layer 3 is left out" in note for note in found.manifest["imported_from"]["notes"])
    (tmp_path / "again").mkdir()
    with pytest.raises(SteeringError, match="the last block's output only"):
        import_directions(saved(tmp_path / "again", ending, foreign.vectors(3)), model)


@pytest.mark.parametrize("ending", ["safetensors", "pt", "pth"])
def test_numbers_may_be_those_of_inputs_where_the_file_has_no_convention(
    model, tmp_path, ending
) -> None:
    by_layer = foreign.vectors(0, 3)
    path = saved(tmp_path, ending, by_layer)
    found = import_directions(path, model, wishes=Wishes(numbers="inputs")).directions
    assert found.points == ((-1, 0), (-1, 3))
    assert torch.equal(found.raw((-1, 3)), by_layer[3])


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("2", 3),
        ("layer.2", 3),
        ("layers_2", 3),
        ("direction.2", 3),
        ("layer_activations.2", 3),
        ("-2", 3),
        ("blocks.2.hook_resid_post", 3),
        ("blocks.2.hook_resid_pre", 2),
    ],
)
def test_names_of_tensors_say_the_layer(model, tmp_path, name, layer) -> None:
    save_file({name: foreign.vectors(2)[2]}, tmp_path / "named.safetensors")
    found = import_directions(tmp_path / "named.safetensors", model).directions
    assert found.points == ((-1, layer),)


def test_one_vector_without_a_layer_needs_to_be_told_it(model, tmp_path) -> None:
    vector = foreign.vectors(0)[0]
    torch.save(vector, tmp_path / "bare.pt")
    with pytest.raises(SteeringError, match="--layer"):
        import_directions(tmp_path / "bare.pt", model)
    found = import_directions(tmp_path / "bare.pt", model, wishes=Wishes(layer=2)).directions
    assert found.dim_point == (-1, 2)
    assert torch.equal(found.raw((-1, 2)), vector)


def test_of_several_layers_the_one_at_half_the_depth_is_taken_or_the_one_asked_for(
    model, tmp_path
) -> None:
    path = saved(tmp_path, "gguf", foreign.vectors(1, 2))
    chosen = import_directions(path, model)
    assert chosen.directions.dim_point == (-1, 2)
    assert "not measured" in chosen.manifest["dim_choice"]["rule"]
    asked = import_directions(path, model, wishes=Wishes(layer=3))
    assert asked.directions.dim_point == (-1, 3)
    assert asked.folder != chosen.folder
    with pytest.raises(SteeringError, match=r"layer 1 has no direction.*inputs 2, 3"):
        import_directions(path, model, wishes=Wishes(layer=1))


# refusal_direction


@pytest.mark.parametrize("below", ["generate_directions", "."])
def test_a_folder_of_refusal_direction_keeps_its_positions_and_layers(
    model, tmp_path, below
) -> None:
    table = foreign.mean_diffs()
    folder = foreign.refusal_direction(tmp_path / "run", table, point=(-3, 1), below=below)
    found = import_directions(folder, model)
    assert found.directions.positions == (-3, -2, -1)
    assert found.directions.dim_point == (-3, 1)
    assert found.directions.points is None
    for position in (-3, -2, -1):
        for layer in (1, 2, 3):
            expected = table[position, layer].float()
            assert torch.equal(found.directions.raw((position, layer)), expected)
    assert not found.directions.raw((-1, 0)).any()
    with pytest.raises(SteeringError, match="class means at layer 0"):
        found.directions.subspace("dim", (-1, 0))
    assert found.manifest["position_known"] is True


def test_without_the_table_one_point_is_known_and_others_are_refused_by_name(
    model, tmp_path
) -> None:
    chosen = foreign.vectors(0)[0].double()
    folder = foreign.refusal_direction(tmp_path / "run", None, point=(-4, 3), chosen=chosen)
    found = import_directions(folder / "direction.pt", model).directions
    assert found.points == ((-4, 3),)
    assert torch.equal(found.raw((-4, 3)), chosen.float())
    with pytest.raises(SteeringError, match=r"at layer 2, position -4.*known at the layers 3"):
        parse("actadd:c=1,layer=2").edit(found)
    with pytest.raises(SteeringError, match="position -1 is out of range"):
        parse("ablation:position=-1").edit(found)


def test_files_that_were_saved_on_a_gpu_open_without_one(model, tmp_path) -> None:
    folder = foreign.refusal_direction(tmp_path / "run", foreign.mean_diffs())
    for path in (folder / "direction.pt", folder / "generate_directions" / "mean_diffs.pt"):
        foreign.as_saved_on_a_gpu(path)
    assert import_directions(folder, model).directions.difference.device.type == "cpu"


def test_a_direction_of_another_length_is_taken_and_one_of_another_run_is_refused(
    model, tmp_path
) -> None:
    table = foreign.mean_diffs()
    unit = table[-2, 2] / table[-2, 2].norm()
    scaled = foreign.refusal_direction(tmp_path / "unit", table, chosen=unit)
    found = import_directions(scaled, model)
    assert float(found.directions.raw((-2, 2)).norm()) == pytest.approx(1.0, abs=1e-6)
    assert any("times its row" in note for note in found.manifest["imported_from"]["notes"])
    for name, other in (("other", table[-1, 2]), ("turned", -table[-2, 2])):
        mixed = foreign.refusal_direction(tmp_path / name, table, chosen=other)
        with pytest.raises(SteeringError, match="mixes two runs"):
            import_directions(mixed, model)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"{PUBLISHED} is not there")
@pytest.mark.parametrize(
    ("name", "for_model", "point", "norm"),
    [
        ("gemma-2b-it", "gemma-2b-it", (-2, 10), 10.0644),
        ("qwen-1_8b-chat", "qwen1.5-1.8b-chat", (-2, 15), 26.2873),
    ],
)
def test_the_published_directions_are_read(name, for_model, point, norm) -> None:
    found = import_directions(PUBLISHED / name, for_model).directions
    table = torch.load(
        PUBLISHED / name / "generate_directions" / "mean_diffs.pt",
        map_location="cpu",
        weights_only=True,
    )
    entry = catalog.catalog()[for_model]
    assert found.difference.shape == (5, entry.n_layers, entry.d_model)
    assert found.dim_point == point
    assert float(found.raw(point).norm()) == pytest.approx(norm, abs=1e-3)
    torch.testing.assert_close(found.difference[:, 1:], table[:, 1:].float())
    assert not found.difference[:, 0].any()
    for panel in ("ablation", "actadd:c=-1", "flip:basis=dim", "random"):
        assert parse(panel).edit(found) is not None


# What does not fit, and what is dangerous


class Ran:
    """Leaves a trace if somebody unpickles it."""

    def __reduce__(self):
        return os.mkdir, (os.environ["TRACE"],)


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def changed(vector: torch.Tensor, value: float) -> torch.Tensor:
    vector = vector.clone()
    vector[5] = value
    return vector


def torch_saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


V = foreign.vectors(1)[1]
NAN, INF = float("nan"), float("inf")
CV = foreign.control_vector
RD = foreign.refusal_direction
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "gguf width": (lambda p: CV(p / "x.gguf", foreign.vectors(1, width=48)), "d_model 32"),
    "pt width": (lambda p: torch_saved(p / "x.pt", foreign.vectors(1, width=16)), "d_model 32"),
    "pt shape": (lambda p: torch_saved(p / "x.pt", {1: torch.ones(4, 8)}), "d_model 32"),
    "scalar": (lambda p: torch_saved(p / "x.pt", {1: torch.tensor(1.0)}), "d_model 32"),
    "gguf depth": (lambda p: CV(p / "x.gguf", foreign.vectors(4)), "blocks 0 to 3"),
    "pt depth": (lambda p: torch_saved(p / "x.pt", foreign.vectors(-5)), "blocks 0 to 3"),
    "table width": (lambda p: RD(p, foreign.mean_diffs(width=16)), "d_model 32"),
    "table depth": (lambda p: RD(p, foreign.mean_diffs(layers=6)), "has 6 layers"),
    "table shape": (
        lambda p: RD(p, foreign.mean_diffs()[0], chosen=V, point=(-1, 2)),
        "no tensor of shape",
    ),
    "table NaN": (
        lambda p: RD(p, torch.full((3, 4, 32), NAN), chosen=V),
        "NaN or infinite",
    ),
    "layer of the metadata": (lambda p: RD(p, None, point=(-1, 4), chosen=V), "blocks 0 to 3"),
    "position of the metadata": (lambda p: RD(p, None, point=(0, 1), chosen=V), "from the end"),
    "text in the metadata": (lambda p: RD(p, None, point=("-1", 1), chosen=V), "whole numbers"),
    "truth in the metadata": (lambda p: RD(p, None, point=(-1, True), chosen=V), "whole numbers"),
    "rounding only": (lambda p: RD(p, foreign.mean_diffs(), point=(-1, 0)), "rounding"),
    "position beyond": (
        lambda p: RD(p, foreign.mean_diffs(2), point=(-3, 1), chosen=V),
        "2 positions",
    ),
    "gguf NaN": (lambda p: CV(p / "x.gguf", {1: changed(V, NAN)}), "NaN or infinite"),
    "pt infinite": (lambda p: torch_saved(p / "x.pt", {1: changed(V, INF)}), "NaN or infinite"),
    "beyond float32": (
        lambda p: torch_saved(p / "x.pt", {1: changed(V.double(), 1e300)}),
        "NaN or infinite",
    ),
    "gguf zero": (lambda p: CV(p / "x.gguf", {1: V * 0}), "is zero"),
    "pt zero": (lambda p: torch_saved(p / "x.pt", {1: V, 2: V * 0}), "is zero"),
    "whole numbers": (lambda p: torch_saved(p / "x.pt", {1: V.long()}), r"torch\.int64"),
    "no tensors": (lambda p: torch_saved(p / "x.pt", {1: 5}), "but int"),
    "a list": (lambda p: torch_saved(p / "x.pt", [V]), "list instead of tensors"),
    "nothing": (lambda p: torch_saved(p / "x.pt", {}), "no layout that is known"),
    "strange names": (
        lambda p: torch_saved(p / "x.pt", {"weight": V, "bias": V}),
        "'weight'",
    ),
    "twice": (lambda p: torch_saved(p / "x.pt", {"1": V, "layer.1": V}), "layer 1 twice"),
    "input and output": (
        lambda p: torch_saved(
            p / "x.pt", {"blocks.1.hook_resid_post": V, "blocks.2.hook_resid_pre": V}
        ),
        "input of block 2 twice",
    ),
    "another layer type": (
        lambda p: torch_saved(p / "x.pt", {"layer_activations": {1: V}, "layer_type": "mlp"}),
        "read at 'mlp'",
    ),
    "a pickled object": (lambda p: torch_saved(p / "x.pt", Ran()), "never opened"),
    "an object as direction": (lambda p: RD(p, None, chosen=Ran()), "never opened"),
    "a model": (lambda p: CV(p / "x.gguf", {1: V}, architecture="qwen2"), "'qwen2'"),
    "other tensors": (lambda p: CV(p / "x.gguf", {"blk.0": V}), "blk.0"),
    "no direction at all": (lambda p: CV(p / "x.gguf", {}), "without `direction.N`"),
    "decimals of 64 bits": (lambda p: CV(p / "x.gguf", {1: V.double()}), "is F64"),
    "cut gguf": (lambda p: truncated(CV(p / "x.gguf", {1: V})), "no whole GGUF"),
    "cut pt": (lambda p: truncated(torch_saved(p / "x.pt", {1: V})), "no whole"),
    "cut safetensors": (
        lambda p: truncated(saved(p, "safetensors", {1: V})),
        "no whole safetensors",
    ),
    "text": (lambda p: written(p / "x.pt", b"hello"), "never opened|no whole"),
    "empty": (lambda p: written(p / "x.pt", b""), "no whole"),
    "a pointer": (
        lambda p: written(p / "x.gguf", b"version https://git-lfs.github.com/spec/v1\n"),
        "Git LFS pointer",
    ),
    "another ending": (lambda p: written(p / "x.npy", b"\x93NUMPY"), "ends in .npy"),
    "an empty folder": (lambda p: p, "a folder without direction.pt"),
    "nowhere": (lambda p: p / "missing.gguf", "no file or folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_by_name_and_nothing_is_written(
    name, model, tmp_path, cache, monkeypatch
) -> None:
    monkeypatch.setenv("TRACE", str(tmp_path / "ran"))
    make, told = BAD[name]
    point = tmp_path / "input"
    if name != "nowhere":
        point.mkdir()
    path = make(point)
    with pytest.raises(SteeringError, match=told):
        import_directions(point if path == point else path, model)
    assert not cache.exists()
    assert not (tmp_path / "ran").exists()


def test_the_pickled_object_would_leave_a_trace_if_it_ran(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TRACE", str(tmp_path / "ran"))
    pickle.loads(pickle.dumps(Ran()))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("scale", [0.0, NAN, INF, 1e-9, -1e9])
def test_a_scale_that_leaves_no_direction_is_refused(scale) -> None:
    with pytest.raises(SteeringError, match="scale"):
        Wishes(scale=scale)


# Which model


@pytest.mark.parametrize(
    "config",
    [
        {"num_hidden_layers": 7, "hidden_size": 48},
        {"text_config": {"num_hidden_layers": 7, "hidden_size": 48}, "hidden_size": 9},
        {"n_layer": 7, "n_embd": 48},
    ],
)
def test_the_width_of_a_model_is_read_from_its_config(config, tmp_path) -> None:
    found = shape_of(foreign.model_folder(tmp_path / "model", config))
    assert (found.n_layers, found.d_model) == (7, 48)


def test_the_catalog_knows_the_width_without_any_file() -> None:
    assert (shape_of("google/gemma-2b-it").n_layers, shape_of("gemma-2b-it").d_model) == (18, 2048)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("org/never-fetched", "fetch it first"),
        ("no such model", "unknown model"),
        ("", "unknown model"),
    ],
)
def test_a_model_whose_width_cannot_be_known_is_named(name, told) -> None:
    with pytest.raises(SteeringError, match=told):
        shape_of(name)


@pytest.mark.parametrize("config", [{}, [], {"hidden_size": "wide", "num_hidden_layers": 4}])
def test_a_config_that_does_not_say_the_width_is_named(config, tmp_path) -> None:
    with pytest.raises(SteeringError, match=r"config\.json (does not say|holds a JSON list)"):
        shape_of(foreign.model_folder(tmp_path / "model", config))


# Where it is written


def test_an_import_lies_in_the_cache_and_says_where_it_is_from(model, tmp_path, cache) -> None:
    path = saved(tmp_path, "gguf", foreign.vectors(1, 2))
    first, again = import_directions(path, model), import_directions(path, model)
    assert first.folder == again.folder
    assert first.folder.parent == cache / "fitted" / local_fits.folder_name(model)
    manifest = store.manifest(model, first.folder)
    origin = manifest["imported_from"]
    assert origin["format"] == "GGUF control vector"
    assert origin["files"] == {"vectors.gguf": sha256(path)}
    assert origin["date"].endswith("+00:00")
    assert any("'qwen2'" in note for note in origin["notes"])
    assert manifest["position_known"] is False
    assert str(tmp_path) not in (first.folder / "manifest.json").read_text().replace(model, "")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_import_serves_a_model_without_directions_and_gives_way_to_a_fit(
    model, tmp_path, fitted
) -> None:
    found = import_directions(saved(tmp_path, "gguf", foreign.vectors(1)), model)
    assert store.load(model).digest == found.directions.digest
    own = local_fits.root(model) / "float32-none-cpu"
    store.write(own, replace(fitted, model=model), {})
    later = import_directions(saved(tmp_path, "gguf", foreign.vectors(2)), model)
    assert store.folder_of(model) == own
    assert later.cosine is not None
    assert found.cosine is None


def test_directions_that_were_fitted_are_never_written_over(model, tmp_path, made) -> None:
    path = saved(tmp_path, "pt", foreign.vectors(1))
    before = {file.name: file.read_bytes() for file in made.iterdir()}
    with pytest.raises(SteeringError, match="was not imported"):
        import_directions(path, model, made)
    assert {file.name: file.read_bytes() for file in made.iterdir()} == before
    out = tmp_path / "new" / "folder"
    import_directions(path, model, out)
    other = import_directions(path, model, out, wishes=Wishes(scale=2.0)).directions
    torch.testing.assert_close(other.raw((-1, 2)), 2 * foreign.vectors(1)[1])
    with pytest.raises(SteeringError, match="is a file"):
        import_directions(path, model, path)


@pytest.fixture
def bundle(model, tmp_path, fitted, charted) -> Path:
    """Directions and maps of the model, as they are exported."""
    store.write(tmp_path / "local", replace(fitted, model=model), {"seed": 42})
    store.write_maps(tmp_path / "local", charted)
    return export(model, tmp_path / "bundle.zip", folder=tmp_path / "local")


@pytest.mark.parametrize("source", ["vector", "own directions without maps"])
def test_maps_of_an_earlier_import_do_not_stay_beside_other_directions(
    model, tmp_path, made, bundle, source
) -> None:
    out = tmp_path / "out"
    import_directions(bundle, model, out)
    assert store.read_maps(model, out) is not None
    path = saved(tmp_path, "pt", foreign.vectors(1)) if source == "vector" else made
    found = import_directions(path, model, out)
    assert store.read_maps(model, out) is None
    assert store.load(model, out).digest == found.directions.digest
    import_directions(bundle, model, out)
    assert store.read_maps(model, out) is not None


@pytest.mark.parametrize("killed_at", ["directions.safetensors", "manifest.json"])
def test_an_import_that_is_killed_leaves_the_one_before_and_can_be_made_again(
    model, tmp_path, bundle, monkeypatch, killed_at
) -> None:
    path = saved(tmp_path, "pt", foreign.vectors(1))
    real = store.write_file

    def stop(file: Path, content: bytes) -> None:
        real(file, content)
        if file.name == killed_at:
            raise KeyboardInterrupt

    for out in (tmp_path / "new", tmp_path / "old"):
        if out.name == "old":
            import_directions(bundle, model, out)
        before = {file.name: file.read_bytes() for file in out.iterdir()} if out.exists() else {}
        with monkeypatch.context() as patch:
            patch.setattr(store, "write_file", stop)
            with pytest.raises(KeyboardInterrupt):
                import_directions(path, model, out)
        if before:
            assert {file.name: file.read_bytes() for file in out.iterdir()} == before
        (out / store.PARTIAL).mkdir(parents=True, exist_ok=True)  # as a kill may leave it
        import_directions(path, model, out)
        assert {file.name for file in out.iterdir()} == {"directions.safetensors", "manifest.json"}


def test_it_says_which_generator_of_control_vectors_measures_one_block_before(
    model, tmp_path
) -> None:
    def notes(*, signed: bool) -> str:
        path = foreign.control_vector(tmp_path / f"{signed}.gguf", {1: V}, signed=signed)
        return " ".join(import_directions(path, model).manifest["imported_from"]["notes"])

    assert "cvector-generator" in notes(signed=True)
    assert "cvector-generator" not in notes(signed=False)


# The sign


def test_the_sign_is_turned_only_when_asked_for_and_said(model, tmp_path) -> None:
    path = saved(tmp_path, "gguf", foreign.vectors(1))
    kept = import_directions(path, model).directions
    turned = import_directions(path, model, wishes=Wishes(scale=-1.0)).directions
    assert torch.equal(turned.raw((-1, 2)), -kept.raw((-1, 2)))
    assert "cannot be seen from the file" in str(kept.imported)
    assert "multiplied by -1" in str(turned.imported)
    assert "multiplied" not in str(kept.imported)


@pytest.mark.skipif(
    catalog.DEFAULT_MODEL not in store.available(), reason="no directions are shipped"
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_cosine_with_the_difference_that_the_model_has_is_told(sign, tmp_path) -> None:
    path = export(catalog.DEFAULT_MODEL, tmp_path / "vector.gguf")
    found = import_directions(path, catalog.DEFAULT_MODEL, wishes=Wishes(scale=sign))
    assert found.cosine == pytest.approx(sign, abs=1e-5)


# Round trips


def test_an_exported_bundle_comes_back_whole(model, bundle, made, fitted) -> None:
    local, path = replace(fitted, model=model), bundle
    found = import_directions(path, model)
    assert found.directions.digest == local.digest
    assert found.directions.inlp_ranks == local.inlp_ranks
    assert found.directions.imported is None
    assert store.read_maps(model, found.folder) is not None
    manifest = store.manifest(model, found.folder)
    assert manifest["seed"] == 42
    assert manifest["imported_from"]["files"] == {"bundle.zip": sha256(path)}
    # An unpacked one as well, for a model of the same width but another name without its maps.
    moved = import_directions(made, model)
    assert moved.directions.digest == fitted.digest
    assert moved.directions.model == model
    assert any("fitted on tiny-qwen2" in n for n in moved.manifest["imported_from"]["notes"])
    assert store.read_maps(model, moved.folder) is None
    with pytest.raises(SteeringError, match="leave --layer"):
        import_directions(path, model, wishes=Wishes(scale=-1.0))


@pytest.mark.parametrize("ending", ["safetensors", "gguf"])
def test_an_exported_vector_comes_back_at_its_layer_with_its_sign(
    model, tmp_path, made, fitted, ending
) -> None:
    path = export("tiny-qwen2", tmp_path / f"vector.{ending}", folder=made)
    found = import_directions(path, model)
    position, layer = fitted.dim_point
    assert found.directions.dim_point == (-1, layer)
    assert torch.equal(found.directions.raw((-1, layer)), fitted.raw((position, layer)))
    assert "harmful minus mean over harmless" in str(found.directions.imported)
    # And once more from there: what is known of the sign is kept, not replaced by our own.
    again = export(model, tmp_path / f"again.{ending}", folder=found.folder)
    back = import_directions(again, model).directions
    assert torch.equal(back.difference, found.directions.difference)
    assert "imported from vector" in str(back.imported)


def test_a_broken_or_foreign_archive_is_named(model, tmp_path, made, cache) -> None:
    path = export("tiny-qwen2", tmp_path / "bundle.zip", folder=made)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(SteeringError, match=r"ends in \.zip"):
        import_directions(tmp_path / "other.zip", model)
    wide = foreign.model_folder(tmp_path / "wide", {"num_hidden_layers": 4, "hidden_size": 64})
    with pytest.raises(SteeringError, match="do not fit"):
        import_directions(path, wide)
    with pytest.raises(SteeringError, match="no whole archive"):
        import_directions(truncated(path), model)
    assert not cache.exists()


def test_an_import_can_be_bundled_and_its_readme_promises_no_inlp(model, tmp_path) -> None:
    found = import_directions(saved(tmp_path, "gguf", foreign.vectors(1, 2)), model)
    path = export(model, tmp_path / "bundle.zip", folder=found.folder)
    with zipfile.ZipFile(path) as archive:
        readme = archive.read("README.md").decode()
    assert "no INLP directions" in readme
    assert "nullspace projection is" not in readme.replace("\n", " ")
    assert "imported_from" in readme
    assert import_directions(path, model).directions.digest == found.directions.digest


# The artifact


def test_complete_directions_keep_their_schema_and_incomplete_ones_get_another(
    model, tmp_path, made
) -> None:
    assert store.manifest("tiny-qwen2", made)["schema"] == 1
    assert {"places", "imported"}.isdisjoint(store.manifest("tiny-qwen2", made))
    found = import_directions(saved(tmp_path, "gguf", foreign.vectors(1, 2)), model)
    manifest = store.manifest(model, found.folder)
    assert manifest["schema"] == 2  # so that versions that expect INLP refuse it by name
    assert manifest["places"] == [[-1, 2], [-1, 3]]


def test_a_complete_artifact_that_lost_its_means_is_still_refused(made, fitted) -> None:
    store.write(made, replace(fitted, harmless_mean=None), {})
    document = json.loads((made / "manifest.json").read_text())
    assert store.load("tiny-qwen2", made).harmless_mean is None
    (made / "manifest.json").write_text(json.dumps(document | {"schema": 1}))
    with pytest.raises(SteeringError, match="harmless_mean"):
        store.load("tiny-qwen2", made)


# The command


def test_the_command_prints_what_was_found_and_how_to_use_it(model, tmp_path, capsys) -> None:
    path = str(saved(tmp_path, "gguf", foreign.vectors(1, 2)))
    assert main(["import", path, "--model", model, "--json", "--flip-sign", "--layer", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["layers"] == [2, 3]
    assert document["position"] is None
    assert document["cosine"] is None
    found: Directions = store.load(model, Path(document["folder"]))
    assert torch.equal(found.raw((-1, 2)), -foreign.vectors(1, 2)[1])
    assert main(["import", path, "--model", model]) == 0
    told = capsys.readouterr().out
    for words in ("--directions", "sign: imported from", "no INLP subspace", "precompute --quick"):
        assert words in told
    assert main(["import", str(tmp_path / "nothing"), "--model", model]) == 2
    assert capsys.readouterr().err.startswith("error: there is no file or folder")
