import json

import numpy as np
import pytest
import torch

from steering.anatomy import worded_answers, wording_study
from steering.anatomy.english_ground import EnglishGround
from steering.anatomy.wording_study import chosen, document
from steering.artifacts.resumable import Stages
from steering.artifacts.wording_document import WORDING_FILE, WordingDocument, arm_of, read
from steering.data.wordings import WORDINGS
from steering.interventions.panel import Panel
from steering.maps.steerable_model import SteerableModel
from tests.helpers.typed_documents import faults


@pytest.fixture(scope="module")
def steerable(tiny, fitted, charted):
    return SteerableModel(tiny, fitted, charted)


@pytest.fixture(scope="module")
def found(steerable, tmp_path_factory):
    """The document of two pairs in three wordings, made once: no test changes it."""
    stages = Stages(["a test"])
    stages.folder = tmp_path_factory.mktemp("stages")
    few = {name: pairs for name, pairs in chosen(2).items() if name in ("en", "de", "base64")}
    return document(steerable, few, stages, 4)


def test_the_document_is_of_its_type_and_can_be_read(found, tmp_path):
    assert faults(found, WordingDocument) == []
    (tmp_path / WORDING_FILE).write_text(json.dumps(found))
    assert read("tiny", tmp_path) == json.loads(json.dumps(found))
    assert [row["wording"] for row in found["wordings"]] == ["en", "de", "base64"]
    assert found["wordings"][0]["first_token"].keys() == {"harmful", "harmless"}
    assert found["wordings"][1]["first_token"] is None


def test_only_others_are_compared_with_english(found):
    for row in found["wordings"]:
        is_english = row["wording"] == "en"
        assert all((each["than_english"] is None) == is_english for each in row["axes"])
        assert [each["axis"] for each in row["axes"]] == list(found["places"])


def test_a_mean_along_the_axis_is_that_of_its_points(found):
    for row in found["wordings"]:
        for name, entry in row["along"].items():
            mean = np.mean([place[0] for place in row["points"][name]])
            assert entry["estimate"] == pytest.approx(mean, abs=1e-3)
            assert all(len(place) == 3 for place in row["points"][name])


def test_a_direction_is_measured_towards_harmful_beside_drawn_ones(steerable):
    """States lie apart along the direction alone: it tells them, others hardly."""
    ground = EnglishGround.of(steerable)
    unit = ground.units["dim"].float()
    noise = torch.randn(2, 12, len(unit), generator=torch.Generator().manual_seed(1))
    noise -= (noise @ unit)[..., None] * unit
    states = {
        (name, each, "dim"): noise[index] + side * (1 - 2 * index) * 0.1 * unit
        for name, side in (("en", 1), ("de", -1))
        for index, each in enumerate(("harmful", "harmless"))
    }
    english, turned = (wording_study.axis(ground, states, name, "dim") for name in ("en", "de"))
    assert english["auc"]["estimate"] == 1.0
    assert english["random"]["mean"] < 0.8
    assert turned["auc"]["estimate"] == 0.0
    assert turned["than_english"]["estimate"] == -1.0


def test_a_limit_takes_the_same_pairs_in_every_wording():
    few = chosen(3)
    assert list(few) == list(WORDINGS)
    assert len({tuple(each.pair for each in pairs) for pairs in few.values()}) == 1
    assert all(len(pairs) == 40 for pairs in chosen().values())


@pytest.mark.model
def test_shipped_places_and_verdicts_come_out_again(real):
    """The first pair in three wordings, and its untouched German answer."""
    model, directions = real
    stored = read(model.name)
    assert stored is not None
    steerable = SteerableModel(model, directions)
    ground = EnglishGround.of(steerable)
    for name in ("en", "hi", "past"):
        (row,) = [each for each in stored["wordings"] if each["wording"] == name]
        pair = chosen()[name][0]
        rows = model.render_all([pair.harmful, pair.harmless], what="request")
        places = ground.along(ground.read(rows)["dim"])
        expected = [row["points"][each][0][0] for each in ("harmful", "harmless")]
        assert places == pytest.approx(expected, abs=2e-3)
    german = {"de": [chosen()["de"][0]]}
    arms = {"harmful": {"baseline": Panel("baseline")}}
    found = worded_answers.answered(steerable, german, arms, Stages(["real"]), stored["tokens"])
    (answer,) = found["de", "harmful", "baseline"]
    (row,) = [each for each in stored["wordings"] if each["wording"] == "de"]
    arm = arm_of(row, "baseline", "harmful")
    assert arm is not None
    assert answer.judgement.verdict == arm["verdicts"][0]
