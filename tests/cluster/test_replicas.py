"""The door to Ray Serve, on a stand-in that notes what it is told."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from steering.cluster import ray_door, replicas
from steering.cluster.replicas import Pace, Replicas
from steering.errors import SteeringError
from steering.inference.row_limit import row_limit
from steering.serving import held_model
from steering.serving.engine import Engine, Supply
from steering.serving.replica_range import ReplicaRange
from steering.serving.shared_steps import MOST_ROWS
from steering.system.fair_lock import FairLock
from tests.cluster.conftest import RAY_WAS_IMPORTED
from tests.helpers.engines import Slow, until
from tests.helpers.left_work import wait_for_left_work

NAMES = ("STEERING_REPLICAS", "STEERING_ADDRESS", "STEERING_MODEL", "STEERING_REPLICA_MODELS")


class Door:
    """As much of Ray and of Ray Serve as replicas use.

    Attributes:
        told: The options of every deployment, in order.
        calls: Method, key and arguments of every call.
        said: What `warm` answers.
    """

    def __init__(self, processors=8.0):
        self.processors, self.gpus, self.said = processors, 0, ""
        self.told, self.calls, self.ended, self.settings = [], [], [], []
        self.gone = False

    def cluster_resources(self):
        return {"CPU": self.processors, "GPU": self.gpus}

    def shutdown(self):
        self.ended.append("ray")

    def delete(self, name, *, _blocking):
        assert not _blocking
        self.ended.append(name)
        if self.gone:
            raise ConnectionError("the cluster does not answer")

    def start(self, **given):
        assert given == {"proxy_location": "Disabled"}

    def multiplexed(self, *, max_num_models_per_replica):
        self.most = max_num_models_per_replica
        return lambda method: method

    def deployment(self, kind, **told):
        self.told.append(told)
        self.kind = kind
        return self

    def options(self, **told):
        if "user_config" in told:
            self.settings.append(told["user_config"])
            return self
        return Handle(self, told)

    def bind(self):
        return self

    def run(self, bound, *, name, route_prefix):
        assert (bound, name, route_prefix) == (self, replicas.APPLICATION, None)
        return self


class Handle:
    def __init__(self, door, told):
        self.door, self.known = door, told

    def options(self, **more):
        return Handle(self.door, self.known | more)

    def remote(self, *given):
        self.door.calls.append((self.known, given))
        return SimpleNamespace(result=lambda: self.door.said)


@pytest.fixture
def door(monkeypatch):
    made = Door()
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name in ("ray", "serve"):
        monkeypatch.setattr(ray_door, name, lambda: made)
    monkeypatch.setattr(ray_door, "connect", lambda address, **_: made)
    return made


def begun(model, least=2, most=2, address=None, **more):
    made = Replicas(ReplicaRange(least, most), address, **more)
    made.hold(model)
    return made


def test_replicas_begin_with_the_first_model_and_all_load_it(door, tiny):
    made = Replicas(ReplicaRange(2, 2), None)
    assert door.told == []
    made.hold(tiny)
    (told,) = door.told
    key = held_model.of_model(tiny).key
    assert told["num_replicas"] == 2
    assert "autoscaling_config" not in told
    assert told["ray_actor_options"]["num_cpus"] == torch.get_num_threads()
    variables = told["ray_actor_options"]["runtime_env"]["env_vars"]
    assert variables["OMP_NUM_THREADS"] == str(torch.get_num_threads())
    assert door.settings == [{"model": key}]
    assert door.calls == [({"method_name": "warm", "multiplexed_model_id": key}, (key,))]
    made.hold(tiny)
    assert len(door.told) == 1, "another model begins nothing anew"
    assert len(door.settings) == 2


def test_a_range_follows_the_runs_that_wait(door, tiny):
    begun(tiny, 1, 3, models=2, pace=Pace(busy=4.0, more=7.0, fewer=90.0))
    (told,) = door.told
    scale = told["autoscaling_config"]
    assert (scale["min_replicas"], scale["max_replicas"]) == (1, 3)
    assert scale["target_ongoing_requests"] == 4.0
    assert (scale["upscale_delay_s"], scale["downscale_delay_s"]) == (7.0, 90.0)
    assert "num_replicas" not in told
    assert told["graceful_shutdown_timeout_s"] >= 600, "who goes ends what it writes"
    assert door.most == 2


def test_a_request_goes_to_whoever_has_its_model_as_a_stream(door, tiny):
    begun(tiny).ask({"model": "a key"})
    told, given = door.calls[-1]
    assert told == {"method_name": "columns", "multiplexed_model_id": "a key", "stream": True}
    assert given == ({"model": "a key"},)


def test_all_replicas_together_have_room_for_their_rows(door, tiny):
    turn = FairLock()
    steps, room = begun(tiny, 1, 3).steps(tiny, turn)
    assert room == 3 * row_limit(tiny, MOST_ROWS)
    assert steps.model.name == tiny.name
    assert steps.model.turn is turn, "passes for the map see no hooks of others"
    lone = replace(tiny, abilities=replace(tiny.abilities, joins=False))
    assert begun(tiny, 1, 3).steps(lone, turn)[1] == 3


def test_a_gpu_is_asked_for_each_and_named_as_a_replica_sees_it(door, tiny, monkeypatch):
    monkeypatch.setenv("STEERING_DEVICE", "cuda:1")
    there = SimpleNamespace(device=torch.device("cuda:1"))
    monkeypatch.setattr(held_model, "of_model", lambda _: SimpleNamespace(key="a key"))
    with pytest.raises(SteeringError, match="need a GPU each, and this machine has 0"):
        begun(there)
    door.gpus = 2
    begun(there)
    (told,) = door.told
    assert told["ray_actor_options"]["num_gpus"] == 1
    assert told["ray_actor_options"]["runtime_env"]["env_vars"]["STEERING_DEVICE"] == "cuda"
    begun(tiny)
    assert door.told[-1]["ray_actor_options"]["num_gpus"] == 0


def test_two_models_that_are_loaded_at_once_begin_one_deployment(door, tiny, monkeypatch):
    both, made = threading.Barrier(2), Replicas(ReplicaRange(2, 2), None)

    def connect(_address, **_more):
        time.sleep(0.05)
        return door

    def hold():
        both.wait()
        made.hold(tiny)

    monkeypatch.setattr(ray_door, "connect", connect)
    threads = [threading.Thread(target=hold) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(door.told) == 1


def key_of(model):
    return {"model": held_model.of_model(model).key}


@pytest.mark.parametrize("first", ["slow", "quick"])
def test_a_slow_load_that_was_superseded_is_told_to_no_replica(door, tiny, fitted, first):
    models = {name: replace(tiny, name=name) for name in ("slow", "quick")}
    loads = {name: Slow([model]) for name, model in models.items()}
    made = Replicas(ReplicaRange(2, 2), None)
    supply = Supply(
        lambda name, _report: loads[name](),
        lambda name: replace(fitted, model=name),
        lambda _: (),
    )
    engine = Engine("slow", made.behind(supply))
    engine.start()
    until(lambda: loads["slow"].calls == 1)
    engine.choose("quick")
    until(lambda: loads["quick"].calls == 1)
    for name in (first, *models.keys() - {first}):
        before = [each for each in threading.enumerate() if each.name == "load"]
        loads[name].gates[0].set()
        until(lambda known=before: not all(each.is_alive() for each in known))
    wait_for_left_work()
    assert engine.model.name == "quick"
    assert door.settings == [key_of(models["quick"])]
    assert [given for _, given in door.calls] == [(key_of(models["quick"])["model"],)]


def test_a_model_is_told_where_it_is_of_use_when_its_turn_comes(door, tiny, monkeypatch):
    """The one before may take minutes to be held, and visitors may change their mind meanwhile."""
    models = [replace(tiny, name=name) for name in ("one", "two", "three")]
    made, gate, wanted = Replicas(ReplicaRange(2, 2), None), threading.Event(), ["one", "two"]
    run = door.run

    def slowly(*given, **named):
        gate.wait(60)
        return run(*given, **named)

    monkeypatch.setattr(door, "run", slowly)
    threads = []
    for model in models[:2]:
        given = (model, lambda name=model.name: name in wanted)
        threads.append(threading.Thread(target=made.hold, args=given))
        threads[-1].start()
        until(lambda: len(door.settings) == 1)  # the first one has the lock
    wanted[:] = ["three"]
    gate.set()
    for each in threads:
        each.join(60)
    made.hold(models[2], lambda: "three" in wanted)
    assert door.settings == [key_of(models[0]), key_of(models[2])]
    # Nor does a replica load the first one any more, for which it would give up what it holds.
    assert [given for _, given in door.calls] == [(key_of(models[2])["model"],)]


def test_a_page_that_ends_while_ray_begins_ends_it(door, tiny, monkeypatch):
    made = Replicas(ReplicaRange(2, 2), None)

    def start(**_given):
        made.end()
        raise SteeringError("it was ended")

    monkeypatch.setattr(door, "start", start)
    with pytest.raises(SteeringError, match="it was ended"):
        made.hold(tiny)
    assert door.ended == ["ray"]
    with pytest.raises(SteeringError, match="being ended"):
        made.ask({"model": "a key"})


def test_what_cannot_be_held_there_is_said(door, tiny):
    door.said = "a replica holds other weights"
    with pytest.raises(SteeringError, match="other weights"):
        begun(tiny)


def test_a_cluster_that_is_too_small_by_now_is_told_to_the_log(door, tiny, monkeypatch):
    told = []
    monkeypatch.setattr(replicas._logger, "warning", lambda *words: told.append(words))
    begun(tiny)
    assert told == []
    door.processors = 0.0
    begun(tiny)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("address", "ended"), [(None, ["ray"]), ("auto", [replicas.APPLICATION, "ray"])]
)
def test_what_was_begun_ends_with_the_page(door, tiny, address, ended):
    with begun(tiny, address=address):
        assert door.ended == []
    assert door.ended == ended


def test_a_cluster_that_is_gone_does_not_keep_this_process_in_it(door, tiny):
    made = begun(tiny, address="auto")
    door.gone = True
    with pytest.raises(ConnectionError):
        made.end()
    assert door.ended == [replicas.APPLICATION, "ray"]


def test_what_was_not_begun_does_not_end(door):
    Replicas(ReplicaRange(1, 2), None).end()
    assert door.ended == []


def test_a_supply_loads_here_and_then_there(door, tiny, fitted):
    made, said = Replicas(ReplicaRange(2, 2), None), []
    supply = made.behind(Supply(lambda *_: tiny, lambda _: fitted, lambda _: ()))
    assert supply.load("tiny", said.append, lambda model: model is tiny) is tiny
    assert [step.label for step in said] == ["Waiting for the processes that write answers"]
    assert len(door.settings) == 1
    assert supply.steps is not None
    assert supply.load("tiny", said.append, lambda _: False) is tiny
    assert len(door.settings) == 1


def test_the_thread_that_reaches_ray_stays_when_the_one_that_loads_has_ended(
    door, tiny, monkeypatch
):
    """Ray's own processes end with the thread that began them."""
    began = []

    def connect(_address, **_more):
        began.append(threading.current_thread())
        return door

    monkeypatch.setattr(ray_door, "connect", connect)
    made = Replicas(ReplicaRange(2, 2), None)
    loading = threading.Thread(target=made.hold, args=(tiny,))
    loading.start()
    loading.join()
    assert began[0] is not loading
    assert began[0].is_alive()
    made.end()
    assert not began[0].is_alive()


def test_without_the_setting_nothing_is_asked_of_ray(door, monkeypatch):
    monkeypatch.setattr(ray_door, "serve", lambda: pytest.fail("Ray was imported"))
    assert replicas.from_environment() is None
    monkeypatch.setenv("STEERING_REPLICAS", "1")
    assert replicas.from_environment() is None


def test_the_environment_says_how_many_and_where(door, monkeypatch):
    monkeypatch.setenv("STEERING_REPLICAS", "1-4")
    assert replicas.from_environment().count == ReplicaRange(1, 4)
    monkeypatch.setenv("STEERING_MODEL", "none")
    with pytest.raises(SteeringError, match="replicas need a model that is held"):
        replicas.from_environment()


@pytest.mark.parametrize(("replicas", "imports"), [("1", False), ("2", True)])
def test_a_page_without_replicas_imports_no_ray(ray_that_ends, replicas, imports):
    asked = {"STEERING_REPLICAS": replicas, "STEERING_MODEL": "" if imports else "none"}
    done = ray_that_ends("from steering.app import App; App()", **asked)
    assert done == (RAY_WAS_IMPORTED if imports else 0)
