"""Rows of a run and the sidecar that says what became of each trajectory."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from sft_samples import DEMO, PROMPT, RECORDINGS, history, read_rows, write_report, write_trajectory
from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.sft.conversion import Settings, convert_trajectories

VIEW = {"command": "view", "path": "/testbed"}
EXTRAS = ["format_version", "run_id", "repo", "exit_status", "engine", "cost", "style", "system", "flags"]
EXTRAS += ["error_turns", "not_in_row", "split_group", "provenance"]
KEYS = ["messages", "instance_id", "resolved", "model", "traj_id", "patch", "tracesmith"]


def convert(
    root: Path, output: Path, style: str = "xml", **choices: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    convert_trajectories(root, output, Settings(style, PROMPT, **choices))
    return read_rows(output), files.read_json(output.with_name(f"{output.name}.meta.json"))


def test_the_recorded_runs_are_rows_or_listed(tmp_path: Path) -> None:
    root = tmp_path / "run"
    for recording in sorted(RECORDINGS.iterdir()):
        shutil.copytree(recording / DEMO, root / recording.name)
        for path in (root / recording.name).iterdir():
            path.rename(path.with_name(f"{recording.name}{path.suffix}"))
    rows, sidecar = convert(root, tmp_path / "rows.jsonl")
    assert {row["instance_id"]: row["tracesmith"]["exit_status"] for row in rows} == {
        "call_limit": "exit_cost",
        "command_timeout": "submitted",
        "container_killed": "exit_error",
        "context_window": "exit_context",
        "submitted": "submitted",
        "xml_function_calling": "submitted",
    }
    assert all(row["messages"][-1]["role"] == "assistant" for row in rows)
    assert not any("Exit due to" in json.dumps(row) for row in rows)
    assert sidecar["funnel"] == {"in": 8, "out": 6, "dropped": {"no_assistant_turn": 2}}
    reason = "no_assistant_turn"
    assert sidecar["dropped"] == [{"instance_id": name, "reason": reason} for name in ("no_tool_call", "rate_limited")]


def test_a_row_has_the_keys_of_the_format_in_their_order(tmp_path: Path) -> None:
    rows, _ = convert(RECORDINGS / "submitted", tmp_path / "rows.jsonl")
    assert [list(row) for row in rows] == [KEYS, KEYS]
    first = rows[0]
    assert first["model"] == "openai/scripted"
    assert first["resolved"] is None
    assert first["patch"] == (RECORDINGS / "submitted" / DEMO / f"{DEMO}.patch").read_text(encoding="utf-8")
    assert first["traj_id"] == f"{DEMO}.{files.short_hash('submitted' + DEMO)}"
    assert re.fullmatch(r".*\.[a-z0-9]{8}", first["traj_id"])
    extras = first["tracesmith"]
    assert list(extras) == EXTRAS
    assert (extras["format_version"], extras["run_id"], extras["repo"]) == (2, "submitted", "demo__ts-demo.range")
    assert (extras["exit_status"], extras["engine"], extras["cost"]) == ("submitted", "sweagent", 0.0)
    assert extras["system"] == "You are a helpful assistant that can interact with a computer to solve tasks."
    assert first["messages"][0]["content"] != extras["system"]
    assert (extras["flags"], extras["error_turns"], extras["not_in_row"]) == ([], [], {})
    trajectory = (RECORDINGS / "submitted" / DEMO / f"{DEMO}.traj").read_bytes()
    read = b"{" + trajectory[trajectory.index(b'\n  "history": [') :]
    assert extras["provenance"]["trajectory"] == hashlib.sha256(read).hexdigest()
    assert extras["provenance"]["prompt"] == files.digest_file(PROMPT)


def test_the_engine_and_the_run_id_are_named(tmp_path: Path) -> None:
    info = {"exit_status": "submitted", "engine": "oracle"}
    write_trajectory(tmp_path / "run", DEMO, history(VIEW), info=info)
    [row], sidecar = convert(tmp_path / "run", tmp_path / "rows.jsonl", run_id="glm-4.6")
    assert (row["tracesmith"]["engine"], row["tracesmith"]["run_id"]) == ("oracle", "glm-4.6")
    assert row["traj_id"] == f"{DEMO}.{files.short_hash('glm-4.6' + DEMO)}"
    assert sidecar["made_by"]["settings"] == {"style": "xml", "run_id": "glm-4.6", "scrub": True}


def test_tool_rows_carry_the_tool_schemas(tmp_path: Path) -> None:
    rows, _ = convert(RECORDINGS / "submitted", tmp_path / "rows.jsonl", style="tool")
    assert [tool["function"]["name"] for tool in rows[0]["tracesmith"]["tools"]] == [
        "bash",
        "str_replace_editor",
        "submit",
    ]


def test_rows_are_sorted_and_hold_the_verdict(tmp_path: Path) -> None:
    for name in ("c__c", "a__a", "b__b"):
        write_trajectory(tmp_path / "run", name, history(VIEW))
    report = write_report(tmp_path / "report.json", ["b__b"], ["a__a", "c__c"])
    rows, _ = convert(tmp_path / "run", tmp_path / "rows.jsonl", report=report)
    assert [(row["instance_id"], row["resolved"]) for row in rows] == [("a__a", False), ("b__b", True), ("c__c", False)]


def test_whatever_is_no_row_is_listed_with_its_reason(tmp_path: Path) -> None:
    root = tmp_path / "run"
    for name in ("good__1", "unknown__1", "bad id"):
        write_trajectory(root, name, history(VIEW))
    write_trajectory(root, "cut__1", []).write_text('{"history": [', encoding="utf-8")
    (root / "empty__1").mkdir()
    (root / ".hidden").mkdir()
    report = write_report(tmp_path / "report.json", ["good__1", "cut__1"], ["absent__1", "empty__1"])
    rows, sidecar = convert(root, tmp_path / "rows.jsonl", report=report)
    assert [row["instance_id"] for row in rows] == ["good__1"]
    assert sidecar["dropped"] == [
        {"instance_id": "absent__1", "reason": "no_trajectory"},
        {"instance_id": "bad id", "reason": "bad_instance_id"},
        {"instance_id": "cut__1", "reason": "malformed_trajectory"},
        {"instance_id": "empty__1", "reason": "missing_traj"},
        {"instance_id": "unknown__1", "reason": "not_in_report"},
    ]
    assert (sidecar["funnel"]["in"], sidecar["funnel"]["out"]) == (6, 1)


def test_a_line_separator_in_a_message_does_not_split_the_row(tmp_path: Path) -> None:
    turns = history(VIEW)
    turns[3]["content"] = "a\u2028b\x85c"
    write_trajectory(tmp_path / "run", DEMO, turns)
    [row], _ = convert(tmp_path / "run", tmp_path / "rows.jsonl")
    assert row["messages"][3]["content"] == "a\u2028b\x85c"
    assert len((tmp_path / "rows.jsonl").read_bytes().decode("utf-8").splitlines()) == 1


def test_the_sidecar_says_which_trajectories_made_the_rows(tmp_path: Path) -> None:
    root = tmp_path / "run"
    write_trajectory(root, DEMO, history(VIEW))
    _, before = convert(root, tmp_path / "rows.jsonl")
    (root / DEMO / f"{DEMO}.patch").write_text("+x\n", encoding="utf-8")
    _, after = convert(root, tmp_path / "rows.jsonl")
    assert set(before["made_by"]["inputs"]) == {"prompt", "trajectories"}
    assert before["made_by"]["inputs"]["trajectories"] != after["made_by"]["inputs"]["trajectories"]


def test_a_run_without_a_row_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 no_assistant_turn"):
        convert(RECORDINGS / "rate_limited", tmp_path / "out" / "rows.jsonl")
    report = write_report(tmp_path / "report.json", ["other__1"], [])
    with pytest.raises(InputError, match="1 no_trajectory, 2 not_in_report"):
        convert(RECORDINGS / "submitted", tmp_path / "out" / "rows.jsonl", report=report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json"]
