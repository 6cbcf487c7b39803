from steering.evaluation import ranking
from steering.ui.results.results_table import table
from tests.helpers import tiny_evaluations
from tests.helpers.results_page import DOCUMENT, plain, row_of


def test_every_panel_has_its_text_form_its_rates_and_their_intervals():
    html = table(DOCUMENT)
    for panel in DOCUMENT["panels"]:
        body = row_of(panel["panel"], html)
        for group in tiny_evaluations.SIZES:
            rate = panel[group]["refusal_rate"]
            shown = f"{rate['estimate']:.2f} [{rate['low']:.2f}, {rate['high']:.2f}]"
            assert shown in plain(body)
        assert f"{panel['prose']['perplexity']:.2f}" in plain(body)


def test_the_baseline_is_a_line_in_every_rate_of_its_set():
    rate = DOCUMENT["panels"][0]["harmless"]["refusal_rate"]["estimate"]
    html = table(DOCUMENT)
    rows = html.count('class="main')
    assert html.count(f'class="before" style="--at:{rate:.4f}"') == rows
    alone = table(DOCUMENT | {"panels": DOCUMENT["panels"][1:]})
    assert 'class="before"' not in alone


def test_a_set_or_measure_that_nobody_has_is_no_column_and_one_that_a_row_lacks_is_a_dash():
    document = tiny_evaluations.document()
    for panel in document["panels"]:
        panel["prose"] = None
        del panel["borderline"]
    html = table(document)
    assert "Prose" not in html
    assert "Borderline" not in html
    document = tiny_evaluations.document()
    del document["panels"][1]["borderline"]
    body = row_of("actadd:c=-1", table(document))
    assert '<td class="rate">–</td>' in body
    assert "data-borderline" not in body
    assert "data-harmful-refusal" in body


def test_looping_is_the_worst_of_the_sets_and_marked_where_it_is_high():
    html = table(DOCUMENT)
    assert 'class="cost high"><b>0.11</b>' in row_of("flip:k=2,layer=8", html)
    assert "high" not in row_of("flip:k=2", html)


def test_best_is_the_paper_s_edit_with_fewest_refusals_and_only_that():
    html = table(DOCUMENT)
    # A control and a form beyond the paper's refuse as little or less.
    assert ranking.best(DOCUMENT["panels"]) == {"ablation"}
    assert html.count("★ best") == 1
    assert "★ best" in row_of("ablation", html)


def test_random_seeds_are_one_row_of_their_mean_and_range_that_holds_the_five():
    body = row_of("random:k=2,seed=3", table(DOCUMENT))
    rates = [panel["harmful"]["refusal_rate"]["estimate"] for panel in DOCUMENT["panels"][9:14]]
    mean = sum(rates) / 5
    assert f"{mean:.2f} ({min(rates):.2f}–{max(rates):.2f})" in plain(body)
    assert f'data-harmful-refusal="{mean}"' in body
    assert body.count(" hidden>") >= 10
    assert body.count("data-copy=") == 5
    assert "seeds: 0, 1, 2, 3, 4" in plain(body)


def test_controls_are_named_so_and_only_cards_have_their_marks():
    html = table(DOCUMENT)
    control = row_of("flip:basis=dim", html)
    assert "control" in plain(control)
    assert "<svg class=" not in control
    assert 'class="full"><svg class="mark"' in row_of("flip:k=2", html)
    assert 'class="hollow"><svg class="mark"' in row_of("flip:k=11", html)
    assert "control" not in plain(row_of("flip:k=2", html))


def test_an_infinite_perplexity_can_be_shown_and_sorted():
    document = tiny_evaluations.document()
    document["panels"][1]["perplexity"] = float("inf")
    body = row_of("actadd:c=-1", table(document))
    assert "∞" in body
    assert 'data-perplexity="Infinity"' in body


def test_the_heads_of_the_columns_are_words_of_the_page():
    heads = plain(table(DOCUMENT).partition("</thead>")[0])
    assert "Panel" in heads.split()
    assert "PanelEntry" not in heads
