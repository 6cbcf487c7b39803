import hashlib
import json
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from steering.artifacts import folders, store
from steering.errors import SteeringError
from steering.sweep import sweep_table


@pytest.fixture
def folder(tmp_path, fitted):
    store.write(tmp_path / "made", fitted, {})
    return tmp_path / "made"


@pytest.fixture
def mapped(folder):
    """The folder with shipped maps, which are there at once: to fit some compiles UMAP."""
    shipped = folders.folder_of("smollm2-135m-instruct") / "maps.safetensors"
    if not shipped.is_file():
        pytest.skip("no maps are shipped")
    shutil.copy(shipped, folder)
    return folder


def manifest(folder, **changes) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def spoil(folder, name, change) -> None:
    """Change a tensor of the directions, and make the hash agree as whoever edits would."""
    path = folder / "directions.safetensors"
    tensors = load_file(path)
    tensors[name] = change(tensors[name]).contiguous()
    save_file(tensors, path)
    manifest(folder, directions_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def spoil_maps(folder, name, change) -> None:
    path = folder / "maps.safetensors"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors[name] = change(tensors[name]).contiguous()
    save_file(tensors, path, metadata)


def change_maps(folder, **changes) -> None:
    path = folder / "maps.safetensors"
    with safe_open(path, "pt") as file:
        held = json.loads(file.metadata()["maps"])
    document = {**json.loads(held["maps"]), **changes}
    save_file(load_file(path), path, {"maps": json.dumps({"maps": json.dumps(document)})})


def with_value(value):
    def change(tensor):
        tensor = tensor.clone()
        tensor.flatten()[-1] = value
        return tensor

    return change


CHANGES = {
    "NaN": with_value(float("nan")),
    "infinity": with_value(float("inf")),
    "narrower": lambda tensor: tensor[..., :-1],
    "wider": lambda tensor: torch.cat([tensor, tensor[..., :1]], dim=-1),
    "one axis less": lambda tensor: tensor[0],
    "empty": lambda tensor: tensor[:0],
    "half precision": lambda tensor: tensor.half(),
    "double precision": lambda tensor: tensor.double(),
    "whole numbers": lambda tensor: tensor.long(),
}


@pytest.mark.parametrize("name", ["difference", "harmless_mean", "inlp(-1,1)", "inlp(-2,3)"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_tensor_that_does_not_fit_is_refused_by_name(folder, name, change):
    store.load("tiny", folder)
    spoil(folder, name, change)
    with pytest.raises(SteeringError) as caught:
        store.load("tiny", folder)
    told = str(caught.value)
    assert "cannot be read" in told
    # Where `difference` has another width, whatever stands beside it does not fit.
    assert name in told or (name == "difference" and ("harmless_mean" in told))
    assert "precompute --quick --model tiny" in told


@pytest.mark.parametrize("name", ["difference", "harmless_mean"])
def test_missing_layers_are_refused(folder, name):
    spoil(folder, name, lambda tensor: tensor[:, :2])
    with pytest.raises(SteeringError, match="harmless_mean is wrong: it must be of shape"):
        store.load("tiny", folder)


def test_layers_missing_everywhere_are_refused_at_the_basis_that_needs_them(folder):
    for name in ("difference", "harmless_mean"):
        spoil(folder, name, lambda tensor: tensor[:, :2])
    with pytest.raises(SteeringError, match=r"inlp\(-?\d,[23]\) is wrong: it must be at a point"):
        store.load("tiny", folder)


@pytest.mark.parametrize(
    "change", [lambda b: b * 1.01, lambda b: b[[0, 0]], lambda b: b.bfloat16().float()]
)
def test_a_basis_that_is_not_orthonormal_is_refused_by_name(folder, change):
    spoil(folder, "inlp(-1,1)", change)
    with pytest.raises(SteeringError, match=r"inlp\(-1,1\) is wrong: .*not orthonormal"):
        store.load("tiny", folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("dim_place", each) for each in ([-1], [-1, 99], [-9, 1], "x", [-1, 1.5], None)),
        *(("inlp_place", each) for each in ([-1, 0], [0, 1], {"a": 1})),
        *(("positions", each) for each in ("abc", [], [-1, -1, -2], [-1, -2], 3)),
        *(("default_k", each) for each in (0, 999, "2", None)),
        *(("default_c", each) for each in (float("nan"), float("inf"), "1", None)),
        *(("inlp", each) for each in ([], {"x": {}}, {"(-1,1)": 7}, 5)),
        ("model", 5),
    ],
)
def test_a_manifest_edited_by_hand_is_refused_not_traced(folder, key, value):
    manifest(folder, **{key: value})
    with pytest.raises(SteeringError, match=r"cannot be read .*precompute --quick --model tiny"):
        store.load("tiny", folder)


TENSORS = ("means", "rest", "coordinates", "embedding", "clusters.whitening", "clusters.limits")


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_maps_with_a_tensor_that_does_not_fit_are_refused(mapped, name, change):
    spoil_maps(mapped, name, change)
    with pytest.raises(SteeringError, match=r"maps\.safetensors cannot be read") as caught:
        store.read_maps("tiny", mapped)
    assert "is wrong" in str(caught.value) or "expected float32" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("layers", each) for each in ([1, 2], [3, 2, 1], ["1", "2", "3"], None, "abc")),
        *(("texts", each) for each in (["one"], None, [1])),
        *(("labels", each) for each in (["harmful"], 7)),
        *(("model", 5), ("dtype", None), ("position", "x"), ("position", None)),
    ],
)
def test_maps_whose_facts_were_edited_are_refused(mapped, key, value):
    assert store.read_maps("tiny", mapped) is not None
    change_maps(mapped, **{key: value})
    with pytest.raises(SteeringError, match=r"maps\.safetensors cannot be read"):
        store.read_maps("tiny", mapped)


def test_the_files_of_the_artifact_swapped_are_refused(mapped):
    one, other = mapped / "directions.safetensors", mapped / "maps.safetensors"
    held = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(held)
    with pytest.raises(SteeringError, match="broken or from another run"):
        store.load("tiny", mapped)
    with pytest.raises(SteeringError, match="cannot be read"):
        store.read_maps("tiny", mapped)


@pytest.mark.parametrize("content", ["[]", "7", '{"panels": 7}', '{"panels": [{"k": 1}]}', "nan"])
def test_a_table_that_is_none_is_refused(folder, content):
    (folder / "evaluation.json").write_text(content)
    with pytest.raises(SteeringError, match=r"evaluation\.json cannot be read"):
        store.evaluation("tiny", folder)


@pytest.mark.parametrize(
    "line", ["7", "[]", "{}", '{"prompt": 7}', '{"prompt": "a", "answers": [7]}', b"\xff"]
)
def test_a_recording_that_is_none_is_refused(folder, line):
    content = line if isinstance(line, bytes) else line.encode()
    (folder / "recordings.jsonl").write_bytes(b'{"prompt": "a \xe2\x80\xa8 b"}\n' + content)
    with pytest.raises(SteeringError, match=r"recordings\.jsonl cannot be read"):
        store.recordings("tiny", folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("0.5", "half"),
        lambda text: text.replace("panel,", "name of the panel,", 1),
        lambda text: text + "flip,few\n",
        lambda text: text + '"open\n',
        lambda text: "",
    ],
)
def test_a_grid_edited_by_hand_is_refused_even_where_the_hash_agrees(tmp_path, change):
    path = tmp_path / "sweep.csv"
    sweep_table.write(path, [{"panel": "flip:k=1", "kl": 0.5}], {})
    assert sweep_table.load(path)[0][0]["kl"] == 0.5
    content = change(path.read_text()).encode()
    path.write_bytes(content)
    facts = path.with_suffix(".json")
    document = json.loads(facts.read_text())
    document["table_sha256"] = hashlib.sha256(content).hexdigest()
    facts.write_text(json.dumps(document))
    with pytest.raises(SteeringError, match=r"sweep\.csv cannot be read"):
        sweep_table.load(path)
