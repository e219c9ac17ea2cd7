"""Agents take turns, and a run that the machine cut off begins again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracesmith.agents.entries import Entries
from tracesmith.agents.turns import Turns
from tracesmith.errors import InputError, StoppedError


def test_no_more_agents_work_at_once_than_there_are_workers() -> None:
    turns, lock = Turns(2, threading.Event()), threading.Lock()
    working, most = [0], [0]
    both = threading.Barrier(2)

    def work(_: int) -> float:
        began: list[float] = []
        with turns.held(began):
            with lock:
                working[0] += 1
                most[0] = max(most[0], working[0])
            both.wait(60)
            with lock:
                working[0] -= 1
        return began[0]

    with ThreadPoolExecutor(5) as threads:
        began = list(threads.map(work, range(6)))
    assert most == [2]
    assert len(began) == 6


def test_who_waits_for_a_turn_gives_up_when_the_run_is_stopped() -> None:
    stopped = threading.Event()
    turns = Turns(1, stopped)
    with turns.held([]):
        stopped.set()
        with pytest.raises(StoppedError), turns.held([]):
            pass


def test_a_trajectory_that_was_cut_off_begins_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    entries = Entries(tmp_path / "run")
    assert entries.begin("x", "f") is None
    assert entries.begin("x", "f") is None, "no step was saved"
    entries.save("x", {"trajectory": [1]})
    assert entries.begin("x", "f") == {"trajectory": [1]}
    (tmp_path / "run" / "x" / "x.traj").write_text('{"trajectory": [')
    assert entries.begin("x", "f") is None
    assert "the instance begins again" in caplog.text


def test_trajectories_that_were_made_elsewhere_are_refused_and_left_alone(tmp_path: Path) -> None:
    entries, foreign = Entries(tmp_path / "run"), tmp_path / "run" / "x" / "x.traj"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("{}")
    with pytest.raises(InputError, match=r"x/x.traj: was not made here, and would be made anew; give the folder"):
        entries.check([], tmp_path / "dataset.json")
    assert foreign.read_text() == "{}"
