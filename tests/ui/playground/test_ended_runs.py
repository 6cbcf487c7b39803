from steering.artifacts.run_document import RUN_KIND
from steering.inference.comparison import Answer
from steering.inference.sampling import Sampling
from steering.interventions.panel import parse
from steering.maps.steerable_model import SteerableModel
from steering.ui.playground import ended_runs
from tests.helpers.ended import asked_of, ended


def test_a_run_keeps_what_made_it(tiny, fitted):
    run = ended(SteerableModel(tiny, fitted), system="Be brief.", sampling=Sampling(4, seed=3))
    found = ended_runs.document(run)
    assert (found["kind"], found["prompt"], found["system"]) == (RUN_KIND, "Hi", "Be brief.")
    assert found["model"] == tiny.name
    assert found["conditions"]["directions"] == fitted.digest
    assert found["ended"].endswith("+00:00")
    assert not found["recorded"]
    for panel, slot in zip(found["panels"], ("baseline", "flip"), strict=True):
        (turn,) = panel["turns"]
        assert turn["sampling"] == vars(Sampling(4, seed=3))
        assert turn["answer"]["token_ids"] == list(run.token_ids[slot])
        assert turn["answer"]["verdict"]
        assert parse(turn["resolved"]) == parse(turn["panel"]).resolved(fitted)


def test_a_card_that_has_gone_on_is_its_own_and_the_others_stay(tiny, fitted):
    steerable = SteerableModel(tiny, fitted)
    before = ended(steerable)
    asked = asked_of(fitted, slots=("baseline", "flip", "ablation"))
    answer, sampling = Answer("ablation", "Words", True), Sampling(5, 1.0)
    after = ended_runs.gone_on(before, asked, "ablation", "flip", answer, sampling, steerable)
    assert after.said["ablation"].sampling == sampling
    assert {slot: after.said[slot] for slot in before.said} == before.said
    titles = [panel["title"] for panel in ended_runs.document(after)["panels"]]
    # In the order of the cards.
    assert titles == ["Baseline", "Directional ablation", "Counterfactual flipping"]


def test_a_recording_is_a_run_of_the_cards_that_it_holds(fitted):
    answers = [Answer("baseline", "One").as_dict(), Answer("ablation", "Two").as_dict()]
    recording = {"prompt": "Hi", "answers": answers, "sampling": {"max_new_tokens": 9}}
    asked = asked_of(fitted, slots=("baseline", "flip", "ablation"))
    run = ended_runs.recorded_run(asked, recording, fitted, "tiny", {"dtype": "float32"})
    assert list(run.talks) == ["baseline", "ablation"]
    assert run.said["ablation"].sampling.max_new_tokens == 9
    found = ended_runs.document(run)
    assert found["recorded"]
    assert found["conditions"]["dtype"] == "float32"


def test_a_conversation_is_kept_turn_by_turn(tiny, fitted):
    steerable = SteerableModel(tiny, fitted)
    before = ended(steerable)
    asked = asked_of(fitted, prompt="And then?", slots=("baseline",))
    answers = [Answer("baseline", "More", True)]
    after = ended_runs.ended_run(asked, answers, Sampling(3), steerable, "id", before)
    # Who takes no part in a turn has left the conversation.
    assert list(after.talks) == ["baseline"]
    found = ended_runs.document(after)
    assert found["prompt"] == "Hi"
    (panel,) = found["panels"]
    assert [turn["request"] for turn in panel["turns"]] == ["Hi", "And then?"]
    assert [turn["sampling"]["max_new_tokens"] for turn in panel["turns"]] == [6, 3]
