from dataclasses import replace

import pytest
import torch

from steering.adaptation import refit as refits
from steering.adaptation.refit import (
    agreement,
    check_directions,
    known_agreement,
    refit,
    span_cosine,
)
from steering.artifacts.resumable import Stages
from steering.interventions.subspace import Subspace
from steering.models.chat_model import NumberFormat
from steering.models.inspection import inspect
from tests.helpers.number_formats import FLOAT32


def in_format(tiny, dtype=torch.float32, quantization="none"):
    network = type(tiny.network)(tiny.network.config)
    network.load_state_dict(tiny.network.state_dict())
    held = NumberFormat(quantization, dtype, "")
    return inspect(tiny.name, network.to(dtype), tiny.tokenizer, number_format=held)


@pytest.fixture
def rounded(tiny):
    """The tiny model in float32, every number of it one of bfloat16, as most files hold them."""
    network = type(tiny.network)(tiny.network.config)
    network.load_state_dict(tiny.network.state_dict())
    return inspect(tiny.name, network.to(torch.bfloat16).to(torch.float32), tiny.tokenizer)


def test_what_was_found_in_one_format_is_not_told_in_another(
    rounded, fitted, splits, tmp_path, monkeypatch
):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    assert check_directions(rounded, fitted, splits) == known_agreement(rounded, fitted, splits)
    same = in_format(rounded)
    assert known_agreement(same, fitted, splits) is not None
    others = [
        in_format(rounded, torch.bfloat16),
        in_format(rounded, quantization="int8"),
        in_format(rounded, quantization="nf4"),
        rounded.under("Be brief."),
    ]
    for other in others:
        assert known_agreement(other, fitted, splits) is None
    assert known_agreement(rounded, replace(fitted, default_k=1), splits) is None


def test_a_refit_in_the_same_format_is_the_shipped_fit(load, fitted, splits, cache):
    model = load(FLOAT32)
    found = refit(model, fitted, splits, Stages.of(model, "again"))
    assert found.directions.dim_point == fitted.dim_point
    alike = agreement(fitted, found.directions)
    assert alike["dim_cosine"] == pytest.approx(1)
    assert alike["inlp_cosine"] == pytest.approx(1)
    assert alike["dim_norm_ratio"] == pytest.approx(1)


def test_spans_agree_whatever_their_basis_and_differ_where_a_direction_does():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(4, 16, generator=generator)
    one = Subspace.spanned_by(vectors[:3], layer=1, position=-1, method="test")
    mixed = Subspace.spanned_by(
        torch.randn(3, 3, generator=generator) @ vectors[:3], layer=1, position=-1, method="test"
    )
    assert span_cosine(one, mixed) == pytest.approx(1, abs=1e-5)
    basis = torch.linalg.qr(torch.randn(16, 16, generator=generator))[0]
    first, second = (
        Subspace.spanned_by(basis[rows], layer=1, position=-1, method="test")
        for rows in ([0, 1, 2], [0, 1, 5])
    )
    assert span_cosine(first, second) == pytest.approx((2 / 3) ** 0.5, abs=1e-5)


def test_a_refit_takes_the_prompts_of_each_basis_as_its_artifact_did(fitted):
    scores = {
        "harmful": torch.tensor([1.0] * 9 + [-1.0] * 3),
        "harmless": torch.tensor([1.0] * 2 + [-1.0] * 10),
    }
    old = replace(fitted, dim_classes="behaviour", inlp_classes="label")
    by_dim, by_inlp = refits._prompts(old, scores)
    assert by_dim["harmful"].tolist() == list(range(9))
    assert by_dim["harmless"].tolist() == list(range(2, 12))
    assert len(by_inlp["harmful"]) == len(by_inlp["harmless"]) == 12
    for classes, size in (("behaviour", 9), ("label", 12)):
        now = replace(fitted, dim_classes=classes, inlp_classes=classes)
        by_dim, by_inlp = refits._prompts(now, scores)
        assert by_dim is by_inlp
        assert len(by_dim["harmful"]) == len(by_dim["harmless"]) == size
    none_refused = {**scores, "harmful": -torch.ones(12)}
    assert len(refits._prompts(now, none_refused)[0]["harmful"]) == 12
