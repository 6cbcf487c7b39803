import json
import sys
import threading
import time

import pytest
import torch

from steering.artifacts import team
from steering.artifacts.resumable import Stages
from steering.cluster import crew, ray_door
from steering.errors import SteeringError
from tests.helpers.thread_ray import Died

KEYS = [f"key {number}" for number in range(20)]


class Work:
    """Two stages of lines around one of tensors; notes who has found what."""

    def __init__(self, before=lambda key: None) -> None:
        self.before, self.by, self.made = before, [], []

    def __call__(self, _options):
        stages = Stages(["work"])
        first = stages.lines("words", KEYS, self.find)
        tensors = stages.tensors("sum", self.add)
        last = stages.lines("again", KEYS[:3], self.find)
        team.part_done()
        return first, tensors["sum"].tolist(), last

    def find(self, key):
        self.before(key)
        self.by.append((key, threading.current_thread().name))
        return {"length": len(key), "third": 1 / 3}

    def add(self):
        self.made.append(threading.current_thread().name)
        return {"sum": torch.tensor([float(len(self.by) > 0)])}


def lines_on_disk(tmp_path, name):
    (file,) = tmp_path.glob(f"cache/precompute/*/{name}.jsonl")
    return [json.loads(line)["key"] for line in file.read_text().splitlines()]


def slowly(_key):
    time.sleep(0.005)


def test_workers_find_what_one_process_finds_and_only_the_leader_keeps_it(
    threads, asked, tmp_path, monkeypatch
):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "one"))
    alone = Work()
    expected = crew.run(asked(1), alone)
    assert threads.begun == 0
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path / "cache"))
    work = Work(slowly)
    assert crew.run(asked(2), work) == expected
    assert threads.begun == 2
    assert {name for _, name in work.by} == {"worker"}
    assert sorted(key for key, _ in work.by) == sorted(key for key, _ in alone.by)
    assert work.made == ["MainThread"]
    assert sorted(lines_on_disk(tmp_path, "words")) == sorted(KEYS)
    assert sorted(lines_on_disk(tmp_path, "again")) == sorted(KEYS[:3])


def test_results_of_requests_alone_are_kept_apart_from_those_of_shared_steps(asked, threads):
    found = []
    for workers in (None, 1):
        crew.run(asked(workers), lambda _: found.append(Stages(["work"]).folder))
    assert found[0] != found[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_dies_is_replaced_and_nothing_is_lost(threads, asked, workers, tmp_path):
    dies = ["key 3", "key 3", "key 11"]

    def before(key):
        slowly(key)
        if key in dies:
            dies.remove(key)
            raise Died

    work = Work(before)
    first, _, last = crew.run(asked(workers, "auto"), work)
    assert [each["length"] for each in first] == [len(key) for key in KEYS]
    assert len(last) == 3
    assert threads.begun == workers + 3
    keys = lines_on_disk(tmp_path, "words")
    assert sorted(keys) == sorted(KEYS)
    assert len(keys) == len(KEYS)


def test_workers_that_die_again_and_again_end_the_work(threads, asked):
    def before(_key):
        raise Died

    with pytest.raises(SteeringError, match="again and again"):
        crew.run(asked(2), Work(before))


def test_a_leader_that_was_stopped_goes_on_with_another_number_of_workers(
    threads, asked, monkeypatch, tmp_path
):
    kept = crew.Crew.lines

    def stopped(self, stage, groups):
        for number, found in enumerate(kept(self, stage, groups)):
            if number == 8:
                raise KeyboardInterrupt
            yield found

    with monkeypatch.context() as patch:
        patch.setattr(crew.Crew, "lines", stopped)
        with pytest.raises(KeyboardInterrupt):
            crew.run(asked(2), Work(slowly))
    known = lines_on_disk(tmp_path, "words")
    assert len(known) == 8
    threads._over = False
    work = Work(slowly)
    first, _, _ = crew.run(asked(3), work)
    assert [each["length"] for each in first] == [len(key) for key in KEYS]
    found_now = [key for key, _ in work.by]
    assert sorted(found_now) == sorted([*set(KEYS) - set(known), *KEYS[:3]])


def test_when_all_is_found_already_no_worker_begins(threads, asked):
    whole = crew.run(asked(2), Work())
    begun = threads.begun
    assert crew.run(asked(2), Work()) == whole
    assert threads.begun == begun


def test_what_a_worker_cannot_do_is_told_by_the_leader(threads, asked):
    def before(key):
        if key == "key 7":
            raise SteeringError("flip leaves no finite numbers")

    with pytest.raises(SteeringError, match=r"^flip leaves no finite numbers$"):
        crew.run(asked(2), Work(before))


def test_workers_whose_machines_differ_are_told_apart(threads, asked):
    def work(_options):
        where = "leader" if threading.current_thread().name == "MainThread" else "follower"
        return Stages([where]).lines("words", KEYS, lambda key: {"is": key})

    with pytest.raises(SteeringError, match="at other work"):
        crew.run(asked(2), work)


def test_too_small_a_cluster_is_refused(threads, asked):
    threads.processors = 1
    with pytest.raises(SteeringError, match=r"need \d+ processors, and the cluster has 1"):
        crew.run(asked(2), Work())
    threads.processors = 1000
    options = asked(2)
    options.device = "cuda:1"
    with pytest.raises(SteeringError, match=r"on cuda:1 need a GPU each, and the cluster has 0"):
        crew.run(options, Work())


def test_workers_whose_work_ends_early_are_not_begun_for_ever(threads, asked):
    def work(_options):
        if threading.current_thread().name == "MainThread":
            Stages(["work"]).lines("words", KEYS, lambda key: {"is": key})

    with pytest.raises(SteeringError, match="ended before this process's"):
        crew.run(asked(2), work)


def test_a_stage_may_be_asked_for_again_with_other_keys(threads, asked):
    def work(_options):
        stages = Stages(["work"])
        return [
            stages.lines("words", keys, lambda key: {"is": key})
            for keys in (KEYS[:3], KEYS[2:6], KEYS[:3])
        ]

    assert crew.run(asked(2), work) == [
        [{"is": key} for key in keys] for keys in (KEYS[:3], KEYS[2:6], KEYS[:3])
    ]


def test_without_workers_nothing_asks_for_ray(monkeypatch, asked):
    def missing():
        raise AssertionError("Ray was asked for")

    monkeypatch.setattr(ray_door, "ray", missing)
    assert crew.run(asked(None), lambda _: 1) == 1
    assert crew.run(asked(1), lambda _: 2) == 2
    with pytest.raises(AssertionError, match="Ray was asked for"):
        crew.run(asked(2), lambda _: 3)


def test_what_ray_says_is_not_in_the_commands_output(threads, asked, capsys):
    crew.run(asked(2), lambda _: sys.stdout.write("a worker died\n"))
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "a worker died\n")
    crew.run(asked(1), lambda _: sys.stdout.write("a document\n"))
    assert capsys.readouterr().out == "a document\n"
