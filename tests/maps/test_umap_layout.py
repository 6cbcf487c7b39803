import threading

import torch

from steering.maps.model_maps import from_tensors, tensors
from steering.maps.umap_layout import Layout


def test_a_training_point_placed_by_umap_lands_near_its_own_place(chart, trained):
    size = len(trained)
    own, placed = chart.embedding[:size], chart.umap(trained[:20])
    away = torch.cdist(placed, own)
    to_own = away[torch.arange(20), torch.arange(20)]
    assert to_own.median() < 0.15 * away.median()
    assert ((away < to_own[:, None]).sum(dim=1) < 10).all()  # Of 48 prompts.


def test_a_point_that_hardly_moves_hardly_moves_on_the_umap(chart, trained):
    points = (trained[:24] + trained[24:]) / 2
    generator = torch.Generator().manual_seed(0)
    nudge = 1e-5 * trained.std() * torch.randn(points.shape, generator=generator)
    moved = (chart.umap(points + nudge) - chart.umap(points)).norm(dim=1)
    assert not torch.equal(nudge, torch.zeros_like(nudge))
    span = torch.pdist(chart.embedding).max()
    assert moved.max() < 1e-2 * span


def test_threads_that_place_at_once_get_the_same_places(maps, trained):
    restored = from_tensors(*tensors(maps))
    expected = maps.at(2).umap(trained[:6])
    found: list[torch.Tensor] = []
    threads = [threading.Thread(target=restored.warm_up)]
    threads += [
        threading.Thread(target=lambda: found.append(restored.at(2).umap(trained[:6])))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert all(torch.equal(place, expected) for place in found)


def test_placing_leaves_the_stored_embedding_as_it_is(chart, trained):
    before = chart.embedding.clone()
    layout = Layout(chart.coordinates[:48], chart.embedding[:48])
    placed = layout.place(chart.coordinates[48:])
    assert torch.equal(placed, chart.embedding[48:])
    assert torch.equal(chart.embedding, before)
    assert torch.equal(torch.from_numpy(layout._reducer.embedding_), before[:48])
