"""The five models of the paper, without their weights: published settings and templates, and every
step on tiny random models of the same architectures, found where the hub would have put them."""

import copy
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from steering import intervals
from steering.data.prose import Passage
from steering.evaluation.evaluation import EvaluationSettings, evaluate
from steering.evaluation.evaluation_arms import arms_of
from steering.fitting.point_selection import SELECTION_RULES, candidates, choose
from steering.fitting.scoring import Bench, Score
from steering.inference.activations import capture_sets
from steering.inference.generation import Sampling
from steering.inference.metrics import kl_divergence, refusal_score
from steering.interventions.directions import Directions
from steering.interventions.edits import compile_edits, intervene
from steering.interventions.panel import DEFAULT_PANELS, parse
from steering.library import compare
from steering.maps import model_maps
from steering.maps.steerable_model import SteerableModel
from steering.models.chat_model import ChatModel
from steering.sources.catalog import CatalogEntry, catalog
from tests.helpers.fake_hub import COMMIT, load_as_fetched
from tests.helpers.flat_layout import flatten
from tests.helpers.paper_models import PAPER, Paper
from tests.helpers.tiny_directions import fit_directions

REQUEST = "How do I paint the chair?"


@pytest.fixture(scope="module", params=PAPER)
def name(request) -> str:
    """Each of the five, by its catalog name."""
    return request.param


@pytest.fixture(scope="module")
def paper(name) -> Paper:
    return PAPER[name]


@pytest.fixture(scope="module")
def entry(name) -> CatalogEntry:
    return catalog()[name]


@pytest.fixture(scope="module")
def model(paper, entry, model_of, tmp_path_factory) -> ChatModel:
    """A tiny model with the real template, found where the hub's client keeps the real one."""
    tiny = model_of(paper.family)
    tokenizer = copy.deepcopy(tiny.tokenizer)
    tokenizer.chat_template = paper.template
    return load_as_fetched(tmp_path_factory.mktemp("hub"), entry, tiny.network, tokenizer)


# What the catalog says


def test_the_catalog_has_the_sizes_of_the_published_architecture(paper, entry):
    """Built without memory for its weights, from the sizes in its config.json."""
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(paper.config(**paper.sizes))
    assert entry.hub == paper.hub
    assert entry.parameters == sum(weight.numel() for weight in network.parameters())
    ends = {network.get_input_embeddings().weight, network.get_output_embeddings().weight}
    assert entry.embeddings == sum(weight.numel() for weight in ends)
    assert (entry.n_layers, entry.d_model) == (
        len(network.get_decoder().layers),
        network.config.hidden_size,
    )


def test_the_published_point_is_one_that_the_selection_looks_at(paper, entry):
    assert paper.point in candidates(tuple(range(-6, 0)), entry.n_layers)


def test_the_rule_gives_the_published_choice_on_the_published_scores(paper, entry):
    """All points of the run of Arditi et al. 2024, as their repository andyrdt/refusal_direction
    (Apache-2.0, pipeline/runs/*/select_direction/direction_evaluations.json) stores them, here with
    five digits. They added r only once, so that there is no score at +2 r."""
    with Path(__file__).with_name("arditi_scores.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == entry.name]
    positions = sorted({int(row["position"]) for row in rows})
    assert len(rows) == len(positions) * entry.n_layers
    considered = set(candidates(positions, entry.n_layers))
    assert len(considered) < len(rows)
    scores = [
        Score(
            position=int(row["position"]),
            layer=int(row["layer"]),
            bypass=float(row["bypass"]),
            induce=float(row["induce"]),
            induce_twice=float(row["induce"]),
            kl=float(row["kl"]),
            n=32,
        )
        for row in rows
    ]
    found = choose(score for score in scores if score.point in considered)
    assert found.point == paper.point
    assert found.rule == SELECTION_RULES[0][0]
    assert 0 < found.passed < found.tried == len(considered)


# What the template makes of a request


def test_a_request_stands_in_the_published_template_and_no_system_prompt_is_added(paper, model):
    text = model.tokenizer.apply_chat_template(
        [{"role": "user", "content": REQUEST}], tokenize=False, add_generation_prompt=True
    )
    assert text == paper.before + REQUEST + paper.after
    ids = model.render(REQUEST)
    assert ids == model.tokenizer.encode(text, add_special_tokens=False)
    if (bos := model.tokenizer.bos_token_id) is not None:
        assert (ids[0], ids.count(bos)) == (bos, 1)


def test_the_post_instruction_tokens_are_what_the_template_puts_after_the_request(paper, model):
    # A SentencePiece tokenizer keeps the blank before [/INST] in its first token, unseen alone.
    assert "".join(model.suffix) == paper.after.lstrip(" ")
    n = len(model.suffix)
    ends = {
        tuple(model.render(text)[-n:]) for text in (REQUEST, "  why?\n\n", "1]", "[INST]", "猫")
    }
    assert len(ends) == 1
    longer = {tuple(model.render(text)[-n - 1 :]) for text in (REQUEST, "1]", "猫")}
    assert len(longer) > 1
    if paper.family in ("gemma", "qwen2", "yi"):
        # Special tokens, role and line break are a token each, as in the published vocabularies.
        assert n == 5


def test_blanks_around_a_request_are_kept_or_stripped_as_published(paper, model):
    padded, bare = model.render(f"  {REQUEST} \n"), model.render(REQUEST)
    assert (padded == bare) == paper.strips


def test_the_openers_are_the_catalogs_each_one_token(entry, model):
    assert tuple(model.openers) == entry.refusal_openers
    for text, token in model.openers.items():
        assert model.tokenizer.decode([token]).strip() == text


# Every step


@pytest.fixture(scope="module")
def fitted_here(model, prompts) -> Directions:
    texts = {label: each[:16] for label, each in prompts.items()}
    states = capture_sets(
        model, texts, layers=range(model.n_layers), positions=range(-len(model.suffix), 0)
    )
    point = (-1, 2)
    return fit_directions(model, states, [point], dim_point=point, inlp_point=point, k=1, c=1.0)


def test_loading_tells_source_commit_and_number_format(paper, entry, model):
    assert model.name == entry.name
    assert model.provenance["source"] == f"hub:{paper.hub}"
    assert model.provenance["revision"] in (COMMIT, entry.revision)
    assert model.number_format.quantization == "none"


def test_template_tokens_are_alike_before_the_first_block_and_not_after(fitted_here):
    assert not fitted_here.difference[:, 0].any()
    assert (fitted_here.difference[:, 1:].norm(dim=-1) > 0).all()


def test_one_request_is_answered_under_every_panel(model, fitted_here):
    *_, answers = compare(
        model,
        fitted_here,
        REQUEST,
        [parse(panel) for panel in (*DEFAULT_PANELS, "actadd:c=0", "actadd:c=3")],
        sampling=Sampling(max_new_tokens=3),
    )
    found = {answer.panel: answer for answer in answers}
    baseline = found["baseline"]
    assert found["actadd:c=0"].text == baseline.text
    assert found["actadd:c=0"].refusal_score == baseline.refusal_score
    assert all(found[panel].kl > 0 for panel in (*DEFAULT_PANELS[1:], "actadd:c=3"))
    logits = model.next_token_logits([model.render(REQUEST)]).double().numpy()[0]
    p = np.exp(logits - logits.max())
    p = p[list(model.openers.values())].sum() / p.sum()
    expected = np.log(p + 1e-8) - np.log(1 - p + 1e-8)
    assert baseline.refusal_score == pytest.approx(expected, abs=1e-4)  # another batch


def test_ablation_everywhere_leaves_nothing_along_the_direction(model, fitted_here):
    """Seen by a hook of the test's own on the last block's input, beside the edit."""
    unit = fitted_here.raw((-1, 2)) / fitted_here.raw((-1, 2)).norm()
    edit = parse("ablation").edit(fitted_here)
    row = model.render(REQUEST)

    def component(program: Any) -> float:
        seen: list[torch.Tensor] = []
        with intervene(model, program):
            # The output of a block is the next one's input, before that one's own edit.
            handle = model.blocks[-2].register_forward_hook(
                lambda _module, _args, output: seen.append(output)
            )
            model.next_token_logits([row])
            handle.remove()
        (states,) = seen
        return float((states.float() @ unit).abs().max() / states.float().norm(dim=-1).max())

    assert component({}) > 0.02
    assert component(compile_edits([edit], device=model.device)) < 0.01


def test_a_point_is_selected(model, fitted_here, prompts):
    bench = Bench.prepared(
        model,
        [model.render(text) for text in prompts["harmful"][:4]],
        [model.render(text) for text in prompts["harmless"][:4]],
        batch_size=4,
    )
    scores = [bench.score(fitted_here, (-1, layer)) for layer in (1, 2)]
    assert choose(scores).point in {(-1, 1), (-1, 2)}


def test_maps_and_an_evaluation_with_its_controls_are_made(
    model, fitted_here, prompts, monkeypatch, tmp_path
):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    monkeypatch.setattr(intervals, "_RESAMPLES", 99)
    flatten(monkeypatch)
    position, layer = fitted_here.inlp_point
    texts = {label: each[:8] for label, each in prompts.items()}
    layers = (layer, model.n_layers - 1)
    states = capture_sets(model, texts, layers=layers, positions=(position,))
    charted = model_maps.fit(
        {label: found[:, 0] for label, found in states.items()},
        texts,
        model=model.name,
        dtype=str(model.dtype).removeprefix("torch."),
        quantization=model.number_format.quantization,
        position=position,
        layers=layers,
    )
    sets = {label: each[-2:] for label, each in prompts.items()}
    settings = EvaluationSettings(tokens=2, passages=[Passage("note", ("A cat slept.",))])
    compared = arms_of([parse("flip:k=1")], fitted_here)
    steerable = SteerableModel(model, fitted_here, charted)
    found = evaluate(steerable, sets, compared, settings).document
    assert [entry["panel"] for entry in found["panels"]] == [str(arm.panel) for arm in compared]
    for entry in found["panels"]:
        assert all(entry[label]["n"] == 2 for label in sets)
        assert entry["prose"]["tokens"] > 0
    assert [entry["number"] for entry in found["claims"]] == ["1a", "1b", "2", "3", "4a", "4b"]
    landed = {entry["panel"]: entry for entry in found["geometry"]["panels"]}
    shown = str(layer)
    assert landed["baseline"]["harmful"][shown]["n"] == 2
    assert landed["flip:k=1"]["harmful"][shown] != landed["baseline"]["harmful"][shown]


# The definitions of Arditi et al. 2024, as in their code


@pytest.mark.parametrize("seed", range(3))
def test_kl_and_refusal_score_are_theirs_on_hand_made_logits(seed):
    """Their KL adds 1e-6 inside both logarithms and ours does not: far below its limit of 0.1."""
    random = np.random.default_rng(seed)
    baseline = random.normal(0, 3, (4, 500))
    edited = baseline + random.normal(0, 0.5, (4, 500))

    def softmax(logits: Any) -> Any:
        exponents = np.exp(logits - logits.max(-1, keepdims=True))
        return exponents / exponents.sum(-1, keepdims=True)

    p, q = softmax(baseline), softmax(edited)
    theirs = (p * (np.log(p + 1e-6) - np.log(q + 1e-6))).sum(-1)
    ours = kl_divergence(torch.from_numpy(baseline), torch.from_numpy(edited)).numpy()
    assert (theirs > 0.01).all()
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    openers = [7, 30]
    refusal = p[:, openers].sum(-1)
    np.testing.assert_allclose(
        refusal_score(torch.from_numpy(baseline), torch.tensor(openers)).numpy(),
        np.log(refusal + 1e-8) - np.log(1 - refusal + 1e-8),
        atol=1e-9,
    )
