import pytest

from steering.checkpoints import checkpoint
from steering.errors import SteeringError
from steering.sources import weights
from tests.helpers.checkpoint_files import change


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "made for another task .*BertForMaskedLM"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "made for another task"),
        ({"architectures": ["XLMRobertaModel"]}, "without a head .* as embedding models are"),
        ({"architectures": ["LlamaModel"]}, "without a head"),
        ({"is_encoder_decoder": True, "architectures": None}, "an encoder-decoder model"),
        (
            {"is_encoder_decoder": True, "architectures": ["T5ForConditionalGeneration"]},
            "an encoder-decoder model",
        ),
    ],
)
def test_a_model_for_another_task_is_told(folder, entries, said):
    change(folder / "config.json", **entries)
    with pytest.raises(SteeringError, match=said):
        weights.fetch(str(folder))


@pytest.mark.parametrize(
    "architectures", [None, [], "x", ["GPT2LMHeadModel"], ["Gemma3ForConditionalGeneration"]]
)
def test_architectures_that_write_text_pass(folder, architectures):
    change(folder / "config.json", architectures=architectures)
    checkpoint.check(folder)
