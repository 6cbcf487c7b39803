import json
from dataclasses import replace

import gradio as gr

from steering.maps.model_maps import Maps
from steering.serving.engine import Engine, Supply
from steering.ui.map.locate import located
from steering.ui.map.map_section import Atlas, Memory
from steering.ui.playground.asked import Asked
from tests.helpers.engines import until


def test_a_model_that_its_maps_fit_can_be_traced_and_another_cannot(
    tiny, fitted, charted, monkeypatch
):
    # UMAP compiles for seconds and is not asked here.
    monkeypatch.setattr(Maps, "warm_up", lambda _maps: None)

    def ready(maps):
        supply = Supply(lambda *_: tiny, lambda _: fitted, lambda _: (), maps=lambda _: maps)
        engine = Engine("tiny", supply)
        engine.start()
        until(lambda: engine.status.phase == "ready")
        return engine

    made = Atlas(gr.HTML(), gr.Button(), gr.Button(), Memory())
    engine = ready(charted)
    assert engine.tracer is not None
    assert (engine.tracer.model, engine.tracer.maps) == (tiny, charted)
    assert json.loads(located(made, engine, Asked(" ", {}))) == {
        "model": tiny.name,
        "maps": True,
        "maps_id": engine.maps_id,
        "panels": [],
    }
    other = ready(replace(charted, model="another"))
    assert other.tracer is None
    assert json.loads(located(made, other, Asked("How do I wash a dog?", {})))["maps"] is False
    assert ready(None).tracer is None
