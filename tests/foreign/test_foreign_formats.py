from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from steering.errors import SteeringError
from steering.foreign.foreign_directions import Wishes, import_directions
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from steering.sources import catalog
from tests.helpers import foreign
from tests.helpers.foreign import saved

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published_directions"
"""Two folders as github.com/andyrdt/refusal_direction publishes them, if they are beside this."""
NOT_OURS = "reads directions of github.com/andyrdt/refusal_direction, which are not ours to ship"
FORMS = ("gguf", "safetensors", "pt", "pth")


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


def test_without_the_table_one_place_is_known_and_others_are_refused_by_name(
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


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=NOT_OURS)
@pytest.mark.parametrize(
    ("name", "for_model", "place", "norm"),
    [
        ("gemma-2b-it", "gemma-2b-it", (-2, 10), 10.0644),
        ("qwen-1_8b-chat", "qwen1.5-1.8b-chat", (-2, 15), 26.2873),
    ],
)
def test_the_published_directions_are_read(name, for_model, place, norm) -> None:
    found = import_directions(PUBLISHED / name, for_model).directions
    table = torch.load(
        PUBLISHED / name / "generate_directions" / "mean_diffs.pt",
        map_location="cpu",
        weights_only=True,
    )
    entry = catalog.catalog()[for_model]
    assert found.difference.shape == (5, entry.n_layers, entry.d_model)
    assert found.dim_point == place
    assert float(found.raw(place).norm()) == pytest.approx(norm, abs=1e-3)
    torch.testing.assert_close(found.difference[:, 1:], table[:, 1:].float())
    assert not found.difference[:, 0].any()
    for panel in ("ablation", "actadd:c=-1", "flip:basis=dim", "random"):
        assert parse(panel).edit(found) is not None


def test_it_says_which_generator_of_control_vectors_measures_one_block_before(
    model, tmp_path
) -> None:
    def notes(*, signed: bool) -> str:
        path = foreign.control_vector(
            tmp_path / f"{signed}.gguf", foreign.vectors(1), signed=signed
        )
        return " ".join(import_directions(path, model).manifest["imported_from"]["notes"])

    assert "cvector-generator" in notes(signed=True)
    assert "cvector-generator" not in notes(signed=False)
