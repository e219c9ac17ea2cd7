"""Which part of a .traj is read: from its history on, wherever pieces of the file end, and all of another layout."""

import json
from pathlib import Path
from typing import Any

import pytest

from sft_samples import DEMO, history, write_trajectory
from tracesmith.sft import sweagent, trajectories

VIEW = {"command": "view", "path": "/testbed"}


def record(padding: int = 0) -> dict[str, Any]:
    turns = history(VIEW)
    turns[1]["content"] = "x" * padding
    steps = [{"action": "ls", "observation": "o", "response": "r", "query": turns, "state": {"history": [1]}}] * 3
    stats = {"instance_cost": 1.5, "api_calls": 4}
    info = {"exit_status": "submitted", "model_stats": stats}
    return {"trajectory": steps, "history": turns, "info": info, "environment": DEMO}


@pytest.mark.parametrize("over", range(-2, len(sweagent.HISTORY) + 2))
def test_the_history_is_found_across_the_ends_of_pieces(tmp_path: Path, over: int) -> None:
    tail = json.dumps(record(), indent=2)
    length = len(tail) - tail.index(sweagent.HISTORY.decode())
    path = write_trajectory(tmp_path, DEMO, [])
    path.write_text(json.dumps(record(sweagent.PIECE - length + over), indent=2), encoding="utf-8")
    part = bytes(sweagent.part(path))
    assert part.startswith(b'{\n  "history": [')
    assert len(part) == sweagent.PIECE + over + 1
    assert trajectories.read_trajectory(tmp_path, DEMO).cost == 1.5


@pytest.mark.parametrize("padding", [0, sweagent.PIECE, 3 * sweagent.PIECE])
def test_a_file_in_another_layout_is_read_whole(tmp_path: Path, padding: int) -> None:
    path = write_trajectory(tmp_path, DEMO, [])
    found = []
    for layout in ({"indent": 2}, {"indent": None}, {"indent": 4}):
        path.write_text(json.dumps(record(padding), **layout), encoding="utf-8")
        found.append(trajectories.read_trajectory(tmp_path, DEMO))
    assert found[0] == found[1] == found[2]
    assert found[0].counts["refused_answers"] == 2


def test_a_file_that_ends_in_its_history_is_malformed(tmp_path: Path) -> None:
    path = write_trajectory(tmp_path, DEMO, [])
    path.write_text(json.dumps(record(), indent=2)[:-40], encoding="utf-8")
    with pytest.raises(trajectories.UnusableTrajectoryError, match="malformed_trajectory"):
        trajectories.read_trajectory(tmp_path, DEMO)


def test_what_comes_before_the_history_costs_no_memory(tmp_path: Path) -> None:
    path = write_trajectory(tmp_path, DEMO, [])
    text = json.dumps(record(), indent=2)
    with path.open("w", encoding="utf-8") as out:
        out.write('{\n  "trajectory": [\n    "')
        for _ in range(64):
            out.write("x" * (1 << 20))
        out.write('"\n  ],')
        out.write(text[text.index(sweagent.HISTORY.decode()) :])
    assert len(sweagent.part(path)) < 1 << 16
    assert trajectories.read_trajectory(tmp_path, DEMO).cost == 1.5
