"""
The fields of every file that crosses to the SWE-smith world, on a real run cut down to two instances.

tests/data/line is what one run of the pipeline on css-what 8.0.0 wrote (docs: formats.md), with two instances and a
few tests of each kept; hashes in `made_by` are those of the whole run. tests/workflow runs the same tests on a
line that it has just made, through the variables below. Beyond a format's own keys only `tracesmith` may stand.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tracesmith import files, records

LINE = Path(os.environ.get("TRACESMITH_TEST_LINE", Path(__file__).parents[1] / "data" / "line"))
REPO = os.environ.get("TRACESMITH_TEST_REPO", "npm__css-what.v8.0.0")
RUN = os.environ.get("TRACESMITH_TEST_RUN", "demo")
CANDIDATE = ["cost", "explanation", "output", "rewrite", "strategy", "instance_id", "patch", "repo"]
TASK = ["instance_id", "patch", "FAIL_TO_PASS", "PASS_TO_PASS", "image_name", "repo"]
ROW = ["messages", "instance_id", "resolved", "model", "traj_id", "patch"]
LISTS = {"FAIL_TO_PASS", "PASS_TO_PASS", "FAIL_TO_FAIL", "PASS_TO_FAIL"}


def load(name: str) -> Any:
    return json.loads((LINE / name).read_text())


CANDIDATES = load(f"logs/bug_gen/{REPO}_all_patches.json")
TASKS = load(f"logs/task_insts/{REPO}.json")
DATASET = load(f"logs/agent_datasets/{REPO}_final.json")
PREDICTIONS = load(f"trajectories/local/{RUN}/preds.json")
ROWS = [json.loads(line) for line in (LINE / f"trajectories_sft/{RUN}.xml.jsonl").read_text().split("\n") if line]
IDS = sorted(PREDICTIONS)


def has(record: dict[str, Any], *keys: str) -> bool:
    """Tell whether a record has these keys and no other but `tracesmith`."""
    return set(record) - {"tracesmith"} == set(keys)


def test_ids_are_a_repo_name_and_one_segment_with_strategy_and_hash() -> None:
    for row in [*CANDIDATES, *TASKS, *DATASET, *ROWS]:
        repo, name = row["instance_id"].rsplit(".", 1)
        assert repo == REPO
        assert re.fullmatch(r"func_pm_[a-z_]+__[a-z0-9]{8}", name)


def test_candidates_have_swesmiths_metadata_id_patch_and_repo() -> None:
    for row in CANDIDATES:
        assert has(row, *CANDIDATE)
        assert isinstance(row["cost"], float)
        assert all(isinstance(row[key], str) for key in CANDIDATE[1:])
        assert row["repo"] == REPO
        assert re.match(r"diff --git a/\S+ b/\S+\n--- a/\S+\n\+\+\+ b/\S+\n@@ ", row["patch"])


def test_the_files_of_a_candidate_are_named_by_strategy_and_hash() -> None:
    for row in load(f"logs/bug_gen/{REPO}/procedural.json")["candidates"]:
        folder = LINE / "logs" / "bug_gen" / REPO
        name = row["instance_id"].rsplit(".", 1)[1]
        assert Path(row["diff"]).name == f"bug__{name}.diff"
        assert Path(row["metadata"]).name == f"metadata__{name}.json"
        assert Path(row["diff"]).parts[0] == row["file"].replace("/", "__")
        assert re.search(r"_[0-9a-f]{8}$", Path(row["diff"]).parts[1])
        metadata = json.loads((folder / row["metadata"]).read_text())
        assert set(metadata) == {"cost", "explanation", "output", "rewrite", "strategy"}
        patch = next(one["patch"] for one in CANDIDATES if one["instance_id"] == row["instance_id"])
        assert (folder / row["diff"]).read_text() == patch


def test_task_instances_have_swesmiths_fields() -> None:
    for row in TASKS:
        assert has(row, *TASK)
        assert row["repo"] == f"swesmith/{REPO}"
        assert row["image_name"] == f"swebench/swesmith.x86_64.{REPO.replace('__', '_1776_')}"


def test_the_dataset_is_the_task_instances_with_their_statements() -> None:
    for row, task in zip(DATASET, TASKS, strict=True):
        assert has(row, *TASK, "problem_statement")
        assert {key: row[key] for key in TASK} == {key: task[key] for key in TASK}


def test_what_sweagents_instance_type_swesmith_reads_has_its_types() -> None:
    for row in DATASET:
        for key in ("instance_id", "image_name", "problem_statement", "repo"):
            assert isinstance(row[key], str) and row[key].strip(), key
        assert isinstance(row["FAIL_TO_PASS"], list) and row["FAIL_TO_PASS"]
        assert all(isinstance(test, str) for test in row["FAIL_TO_PASS"])


def test_a_statement_names_no_test_and_no_file() -> None:
    for row in DATASET:
        for test in [*row["FAIL_TO_PASS"], *row["PASS_TO_PASS"]]:
            assert test.split(" > ")[0] not in row["problem_statement"]
            title = test.split(" > ")[-1].strip()
            assert len(title) < 5 or title not in row["problem_statement"]


@pytest.mark.parametrize("name", IDS)
def test_a_validation_entry_has_swesmiths_files_and_lists(name: str) -> None:
    folder = LINE / "logs" / "run_validation" / REPO / name
    assert {"eval.sh", "patch.diff", "report.json", "run_instance.log", "test_output.txt"} <= {
        path.name for path in folder.iterdir()
    }
    assert has(json.loads((folder / "report.json").read_text()), *LISTS)


def test_preds_is_an_object_of_predictions_by_id() -> None:
    assert isinstance(PREDICTIONS, dict)
    assert list(PREDICTIONS) == sorted(PREDICTIONS)
    for name, row in PREDICTIONS.items():
        assert set(row) == {"instance_id", "model_patch", "model_name_or_path"}
        assert row["instance_id"] == name
        assert isinstance(row["model_patch"], str | None)
        assert row["model_name_or_path"] == RUN


@pytest.mark.parametrize("name", IDS)
def test_a_trajectory_folder_is_sweagents(name: str) -> None:
    folder = LINE / "trajectories" / "local" / RUN / name
    assert json.loads((folder / f"{name}.pred").read_text()) == PREDICTIONS[name]
    assert (folder / f"{name}.patch").read_bytes().decode() == PREDICTIONS[name]["model_patch"]
    record = json.loads((folder / f"{name}.traj").read_text())
    assert set(record) == {"trajectory", "history", "info", "replay_config", "environment"}
    assert isinstance(json.loads(record["replay_config"]), dict)
    assert {"exit_status", "submission", "model_stats"} <= set(record["info"])
    stats = {"instance_cost", "tokens_sent", "tokens_received", "api_calls"}
    assert set(record["info"]["model_stats"]) == stats
    step = {"action", "observation", "response", "thought", "execution_time", "state", "query", "extra_info"}
    assert all(set(found) == step for found in record["trajectory"])
    assert [message["role"] for message in record["history"][:2]] == ["system", "user"]
    for message in record["history"]:
        assert {"role", "content", "agent", "message_type"} <= set(message)
    for asked, answered in zip(record["history"][2::2], record["history"][3::2], strict=True):
        assert (asked["role"], answered["role"]) == ("assistant", "tool")
        assert [call["id"] for call in asked["tool_calls"]] == answered["tool_call_ids"]
        assert isinstance(json.loads(asked["tool_calls"][0]["function"]["arguments"]), dict)


def test_exit_statuses_list_every_instance_once() -> None:
    value = yaml.safe_load((LINE / f"trajectories/local/{RUN}/run_batch_exit_statuses.yaml").read_text())
    assert set(value) - {"total_cost"} == {"instances_by_exit_status"}
    assert sorted(name for names in value["instances_by_exit_status"].values() for name in names) == IDS


@pytest.mark.parametrize("name", IDS)
def test_an_instances_report_is_swebenchs(name: str) -> None:
    report = load(f"logs/run_evaluation/{RUN}/{name}/report.json")
    assert has(report, "patch_exists", "resolved", "tests_status", "model_name_or_path")
    assert (report["patch_exists"], report["resolved"]) == (True, True)
    assert set(report["tests_status"]) == LISTS
    row = next(row for row in DATASET if row["instance_id"] == name)
    for key, status in report["tests_status"].items():
        assert set(status) == {"success", "failure"}
        assert sorted(status["success"] + status["failure"]) == sorted(row.get(key, []))


def test_the_runs_report_has_its_five_keys_and_they_add_up() -> None:
    report = load(f"logs/run_evaluation/{RUN}/report.json")
    assert has(report, "resolved", "unresolved", "total", "ids_resolved", "ids_unresolved")
    assert report["resolved"] == len(report["ids_resolved"])
    assert report["unresolved"] == len(report["ids_unresolved"])
    assert report["total"] == report["resolved"] + report["unresolved"]
    assert sorted(report["ids_resolved"] + report["ids_unresolved"]) == IDS


def test_rows_have_the_trainers_fields() -> None:
    assert [row["instance_id"] for row in ROWS] == IDS
    for row in ROWS:
        assert has(row, *ROW)
        assert all(set(message) == {"role", "content"} for message in row["messages"])
        assert {message["role"] for message in row["messages"]} == {"system", "user", "assistant"}
        assert row["messages"][-1]["role"] == "assistant"
        assert re.fullmatch(re.escape(row["instance_id"]) + r"\.[a-z0-9]{8}", row["traj_id"])
        assert row["patch"] == PREDICTIONS[row["instance_id"]]["model_patch"]
        assert row["resolved"] is True
        assert row["model"] == "oracle"


def test_resolved_rows_are_rows_byte_for_byte() -> None:
    every = set((LINE / f"trajectories_sft/{RUN}.xml.jsonl").read_bytes().split(b"\n"))
    assert set((LINE / f"trajectories_sft/{RUN}.resolved_only.xml.jsonl").read_bytes().split(b"\n")) <= every


MADE = ["tool", "version", "commit", "stage", "format_version", "inputs", "settings"]
FOREIGN = [
    (f"logs/bug_gen/{REPO}_all_patches.json", "collect_patches"),
    (f"logs/task_insts/{REPO}.json", "gather_instances"),
    (f"logs/agent_datasets/{REPO}_final.json", "assemble_dataset"),
    (f"trajectories/local/{RUN}/preds.json", "run_agent"),
    (f"logs/run_evaluation/{RUN}/report.json", "evaluate_predictions"),
    (f"trajectories_sft/{RUN}.xml.jsonl", "convert_trajectories"),
    (f"trajectories_sft/{RUN}.resolved_only.xml.jsonl", "filter_resolved"),
]
OWN = [
    (f"logs/bug_gen/{REPO}/procedural.json", "generate_bugs"),
    (f"logs/build_images/{REPO}/environment.json", "build_environment"),
    (f"logs/run_validation/{REPO}/report.json", "validate_bugs"),
    (f"logs/run_validation/{REPO}/confirmation.json", "confirm_bugs"),
    (f"logs/issue_gen/{REPO}__static.json", "write_issues"),
]


@pytest.mark.parametrize(("name", "stage"), [*((f"{name}.meta.json", stage) for name, stage in FOREIGN), *OWN])
def test_every_file_says_what_made_it(name: str, stage: str) -> None:
    made = load(name)["made_by"]
    assert list(made) in (MADE, [*MADE, "origin"])
    assert ("origin" in made) <= (stage == "build_environment")
    assert (made["tool"], made["stage"]) == ("tracesmith", stage)
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in made["inputs"].values())


@pytest.mark.parametrize(("name", "stage"), [(name, stage) for name, stage in FOREIGN if not name.endswith("jsonl")])
def test_what_is_read_and_written_again_is_the_same_bytes(name: str, stage: str) -> None:
    assert files.json_bytes(load(name)) == (LINE / name).read_bytes()


def test_our_own_readers_take_every_file() -> None:
    assert [row["instance_id"] for row in records.read_candidates(LINE / f"logs/bug_gen/{REPO}_all_patches.json")]
    assert records.read_instances(LINE / f"logs/task_insts/{REPO}.json") == TASKS
    assert records.read_instances(LINE / f"logs/agent_datasets/{REPO}_final.json", statements=True) == DATASET
    assert records.read_predictions(LINE / f"trajectories/local/{RUN}/preds.json") == PREDICTIONS
    assert records.read_run_report(LINE / f"logs/run_evaluation/{RUN}/report.json")["resolved"] == len(IDS)
