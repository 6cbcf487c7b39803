import pytest
import torch
from safetensors.torch import save_file

from steering.errors import SteeringError
from steering.foreign.foreign_directions import Wishes, import_directions
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import parse
from tests.helpers import foreign
from tests.helpers.foreign import saved

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
