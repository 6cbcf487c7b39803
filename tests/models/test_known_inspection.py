"""What was found out about a model at an earlier load."""

from dataclasses import replace

import pytest
import torch

from steering.models import inspection
from steering.models.capabilities import Abilities
from steering.models.chat_model import NumberFormat
from steering.models.inspection import inspect
from steering.models.known_inspection import Inspected, keep, place, read

FORMAT = NumberFormat("none", torch.float32, "")
FOUND = Inspected(Abilities(joins=False, skips=False), ("It always begins alike.",))
CPU = torch.device("cpu")


@pytest.fixture
def kept(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    return place({"sha256": "ab"}, FORMAT, CPU, "auto")


def test_findings_come_back_and_those_of_an_earlier_form_are_found_again(kept):
    assert read(kept) is None
    keep(kept, FOUND)
    assert read(kept) == FOUND
    for broken in ("", "[]", '{"abilities": {}}', '{"abilities": {"flies": 1}, "warnings": []}'):
        kept.write_text(broken)
        assert read(kept) is None


def test_findings_are_of_weights_with_a_name_in_one_format(kept):
    assert place({"source": "/some/folder"}, FORMAT, CPU, "auto") is None
    keep(None, FOUND)
    assert read(None) is None
    others = [
        place({"revision": "ab"}, FORMAT, CPU, "auto"),
        place({"sha256": "cd"}, FORMAT, CPU, "auto"),
        place({"sha256": "ab"}, replace(FORMAT, packed=True), CPU, "auto"),
        place({"sha256": "ab"}, replace(FORMAT, dtype=torch.bfloat16), CPU, "auto"),
        place({"sha256": "ab"}, replace(FORMAT, quantization="nf4"), CPU, "auto"),
        place({"sha256": "ab"}, FORMAT, torch.device("cuda"), "auto"),
        place({"sha256": "ab"}, FORMAT, CPU, "on"),
    ]
    assert len({kept, *others}) == len(others) + 1


def test_what_is_known_is_not_tried_again(tiny, monkeypatch):
    def never(*_, **__):
        raise AssertionError("tried")

    monkeypatch.setattr(inspection, "measure", never)
    monkeypatch.setattr(inspection, "_warnings", never)
    found = inspect(tiny.name, tiny.network, tiny.tokenizer, known=FOUND)
    assert (found.abilities, found.warnings) == (FOUND.abilities, FOUND.warnings)
    with pytest.raises(AssertionError, match="tried"):
        inspect(tiny.name, tiny.network, tiny.tokenizer)


def test_a_disk_that_is_full_costs_a_trial_the_next_time_and_nothing_else(kept, monkeypatch):
    kept.parent.parent.mkdir(parents=True, exist_ok=True)
    kept.parent.write_text("a file where a folder should be")
    keep(kept, FOUND)
    assert read(kept) is None
