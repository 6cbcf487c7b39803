from pathlib import Path

import pytest
import torch

from steering.errors import SteeringError
from steering.foreign.foreign_directions import import_directions
from steering.interventions.panel import parse
from steering.sources import catalog
from tests.helpers import foreign

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published_directions"
"""Two folders as github.com/andyrdt/refusal_direction publishes them, if they are beside this."""
NOT_OURS = "reads directions of github.com/andyrdt/refusal_direction, which are not ours to ship"


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
