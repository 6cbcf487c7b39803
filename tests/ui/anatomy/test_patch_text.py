from dataclasses import replace

from steering.serving.own_patching import PatchedRequests
from steering.ui.anatomy import patch_text
from tests.helpers.patching import made


def test_the_sentence_says_what_the_grids_show():
    document = made()
    said = patch_text.sentence(document)
    assert said.startswith("At layer 3, with all 3 last tokens at once, the whole state brings")
    assert "0.90 [0.80, 1.00]" in said
    assert "the part inside U 0.60 [0.50, 0.70]" in said
    assert "Random directions bring back 0.01" in said
    assert "another harmless request −0.05" in said
    assert "From layer 3 on, more than half" in said
    for rows in document["restored"]["refusal"]["whole"]["mean"]:
        rows[:] = [0.1] * 4
    assert "more than half" not in patch_text.sentence(document)


def test_the_board_counts_where_the_part_does_more_than_the_whole():
    found = patch_text.board(made())
    assert "1 of 8 cells" in found
    assert "Makelov" in found
    assert found.count('class="grid"') == 8


def test_from_a_layer_on_means_at_every_later_one():
    grid = {"mean": [[0.6], [0.2], [0.7], [0.8]], "low": [], "high": []}
    assert patch_text._first_carrying([1, 3, 5, 7], grid, 0) == 5
    grid["mean"][-1] = [0.5]
    assert patch_text._first_carrying([1, 3, 5, 7], grid, 0) is None


def test_a_pair_of_ones_own_is_shown_without_intervals():
    patched = PatchedRequests(
        donor=2.0,
        receiver=-2.0,
        layers=[3],
        columns=[[-2], [-1], [-2, -1]],
        tokens=[("<b>", "c"), ("\n", "\n"), ("", "")],
        basis="inlp",
        restored={"whole": [[0.25, 0.5, 0.75]]},
    )
    found = patch_text.found(patched)
    assert 'data-towards="refusal"' in found
    turned = patch_text.found(replace(patched, donor=-2.0, receiver=2.0, basis="dim"))
    assert 'data-towards="answer"' in turned
    assert "U is the difference in means" in turned
    assert "2.00 of the first request, −2.00 of the second" in found
    assert "brings back 0.50" in found
    assert "&lt;b&gt; in place of c" in found
    assert "<b>" not in found
