import argparse
from pathlib import Path

import pytest

from steering.artifacts import team
from steering.artifacts.resumable import Stages
from steering.cluster.board import Board, Handout
from steering.cluster.follower import Follower, follow
from steering.inference.answering import are_requests_alone


def asks(board):
    return lambda method, *arguments: getattr(board, method)(*arguments)


def test_a_follower_finds_what_is_handed_out_until_the_stage_is_whole(monkeypatch):
    board = Board(1)
    board.open("s", [["a"], ["b"]])
    whole = {"a": {"is": "a"}, "b": {"is": "b"}}
    kept = board.claim

    def claim(worker, stage):
        found = kept(worker, stage)
        return found if found.keys else Handout(found=whole)

    monkeypatch.setattr(board, "claim", claim)
    found = Follower(0, asks(board)).lines("s", lambda keys: ((key, {"is": key}) for key in keys))
    assert found == whole
    assert dict(board.take()) == whole


def test_stages_within_a_stage_are_the_followers_own(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_CACHE", str(tmp_path))
    board, seen = Board(1), []
    board.open("s", [["a"]])

    def compute(keys):
        assert team.following() is None
        seen.append(Stages(["own"]).lines("inner", list(keys), lambda key: {"is": key}))
        board.end("s", {"a": {}})
        return [(key, {}) for key in keys]

    follower = Follower(0, asks(board))
    with team.followed(follower):
        follower.lines("s", compute)
    assert seen == [[{"is": "a"}]]


def test_a_follower_ends_where_its_part_is_done_and_answers_requests_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    seen = []

    def command(options):
        seen.append((options.n, are_requests_alone(), Path.cwd().name))
        team.part_done()
        raise AssertionError("it went on")

    options = argparse.Namespace(n=1)
    follow(Follower(0, asks(Board(1))), command, options, tmp_path / "there")
    follow(Follower(0, asks(Board(1))), command, options, tmp_path / "missing")
    assert seen == [(1, True, "there")] * 2
    with pytest.raises(AssertionError, match="went on"):  # who is no follower does
        command(options)
