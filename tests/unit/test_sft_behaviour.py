"""Flags of what an agent ran and handed in, and the turns that a tool answered with an error."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from sft_samples import DEMO, PROMPT, RECORDINGS, assistant, history, read_rows, write_report, write_trajectory
from tracesmith import files
from tracesmith.sft.conversion import Settings, convert_trajectories

DATA = Path(__file__).parents[1] / "data" / "line"
REPO = "npm__css-what.v8.0.0"


def row_of(tmp_path: Path, *commands: str, observation: str = "ok", **choices: Any) -> dict[str, Any]:
    turns = history()[:2]
    for number, command in enumerate(commands):
        turns.append(assistant(f"c{number}", "bash", {"command": command}, "I run."))
        turns.append({"role": "tool", "content": f"OBSERVATION:\n{observation}", "tool_call_ids": [f"c{number}"]})
    turns.append(assistant("end", "submit", {}, "Done."))
    write_trajectory(tmp_path / "run", DEMO, turns)
    convert_trajectories(tmp_path / "run", tmp_path / "rows.jsonl", Settings("xml", PROMPT, **choices))
    return read_rows(tmp_path / "rows.jsonl")[0]["tracesmith"]


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("git log -p -3", ["mines_history"]),
        ("cd /testbed && git show HEAD~1", ["mines_history"]),
        ("git -C /testbed reflog", ["mines_history"]),
        ("git checkout main -- src", ["mines_history"]),
        ("git diff HEAD~1", ["mines_history"]),
        ("git diff -- src/range.ts > patch.txt", []),
        ("git stash && npm test; git stash pop", []),
        ("git checkout -- src/range.ts", []),
        ("curl -s https://unpkg.com/css-what/lib/index.js", ["tries_network"]),
        ("cd /tmp; npm install css-what", ["tries_network"]),
        ("git fetch origin", ["tries_network"]),
        ("npm test -- --run && npm run build", []),
        ("grep -rn 'git log' docs", []),
        ("cat curl.ts", []),
    ],
)
def test_commands_that_look_elsewhere_are_flagged(tmp_path: Path, command: str, flags: list[str]) -> None:
    assert row_of(tmp_path, command)["flags"] == flags


@pytest.mark.parametrize(
    "observation",
    [
        "Your bash command contained syntax errors and was NOT executed.",
        "The command 'sleep 1000' was cancelled because it took more than 30 seconds.",
        "No replacement was performed, old_str did not appear verbatim.",
    ],
)
def test_turns_that_the_tool_answers_with_an_error_are_listed(tmp_path: Path, observation: str) -> None:
    assert row_of(tmp_path, "a", "b", observation=observation)["error_turns"] == [0, 1]


def test_a_failing_test_is_no_error_of_the_tool(tmp_path: Path) -> None:
    assert row_of(tmp_path, "npm test", observation="1 failed\nAssertionError: 3 != 4")["error_turns"] == []


def test_the_recorded_timeout_is_an_error_turn(tmp_path: Path) -> None:
    convert_trajectories(RECORDINGS / "command_timeout", tmp_path / "rows.jsonl", Settings("xml", PROMPT))
    assert read_rows(tmp_path / "rows.jsonl")[0]["tracesmith"]["error_turns"] == [1]


def test_flags_of_the_grade_and_of_the_patch_are_in_the_row(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.json", [DEMO], [])
    value = files.read_json(report) | {"tracesmith": {"ids_by_flag": {"edits_tests": [DEMO], "writes_files": ["x__1"]}}}
    files.write_json(report, value)
    assert row_of(tmp_path, "git log", report=report)["flags"] == ["edits_tests", "mines_history"]


def test_a_dataset_and_an_environment_tell_of_the_instance(tmp_path: Path) -> None:
    dataset = DATA / "logs" / "agent_datasets" / f"{REPO}_final.json"
    shutil.copytree(DATA / "logs" / "build_images" / REPO, tmp_path / "environment")
    for name in ("mirror.git", "bubblewrap/tree"):
        (tmp_path / "environment" / name).mkdir(parents=True, exist_ok=True)
    environment = tmp_path / "environment" / "environment.json"
    run = DATA / "trajectories" / "local" / "demo"
    settings = Settings("xml", PROMPT, dataset=dataset, environment=environment)
    convert_trajectories(run, tmp_path / "rows.jsonl", settings)
    instances = {one["instance_id"]: one for one in files.read_json(dataset)}
    sidecar = files.read_json(tmp_path / "rows.jsonl.meta.json")
    assert sidecar["image_digest"] == files.read_json(environment)["installed"]
    for row in read_rows(tmp_path / "rows.jsonl"):
        extras, instance = row["tracesmith"], instances[row["instance_id"]]
        assert extras["repo"] == REPO
        assert extras["provenance"]["image"] == instance["image_name"]
        assert extras["provenance"]["source"] == instance["tracesmith"]["source_hash"]
        assert extras["provenance"]["dataset"] == files.digest_file(dataset)
        assert extras["split_group"] in instances
