"""The whole line, from a package to resolved rows, through Snakemake."""

import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import tiny
import workflows

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

RUN = "tiny-oracle"
ROWS = f"trajectories_sft/{RUN}.resolved_only.xml.jsonl"
REPORT = f"reports/{RUN}.html"
DATASET = f"logs/agent_datasets/{tiny.REPO}_final.json"
AFTER_AGENT = {"evaluate_predictions", "convert_trajectories", "filter_resolved", "report_run"}


def read_rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_the_line_ends_in_a_resolved_row_for_every_valid_instance(finished_line: Path) -> None:
    rows = read_rows(finished_line / ROWS)
    instances = json.loads((finished_line / DATASET).read_text())
    assert [row["instance_id"] for row in rows] == [instance["instance_id"] for instance in instances]
    assert len(rows) == 5
    assert {row["model"] for row in rows} == {"oracle"}
    assert all(row["resolved"] is True and row["patch"] for row in rows)
    assert all(row["messages"][-1]["role"] == "assistant" for row in rows)
    assert all("<function=submit>" in row["messages"][-1]["content"] for row in rows)


def test_what_a_run_writes_has_the_fields_of_the_formats(finished_line: Path) -> None:
    made = {"TRACESMITH_TEST_LINE": str(finished_line), "TRACESMITH_TEST_REPO": tiny.REPO, "TRACESMITH_TEST_RUN": RUN}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_formats.py"]
    done = subprocess.run(
        command, cwd=workflows.ROOT, env={**os.environ, **made}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_mix_has_the_resolved_rows_of_its_runs_and_pairs_them_with_the_others(line: Path) -> None:
    config = workflows.read_config(line)
    config["runs"]["nobody"] = {**config["runs"][RUN], "agent": {"engine": "null", "config": "agent.yaml"}}
    config["mixes"] = {"both": {"runs": ["nobody", RUN], "sft": {"filters": {"instances": False}}}}
    workflows.write_config(line, config)
    rows, pairs = "trajectories_sft/both.resolved_only.xml.jsonl", "exports/both/xml/preferences/"
    done = workflows.snakemake(line, rows, f"{pairs}manifest.json")
    assert done.returncode == 0, done.stdout
    assert read_rows(line / rows) == read_rows(line / ROWS)
    chosen = read_rows(line / pairs / "train.jsonl")
    trained = read_rows(line / "trajectories_sft/both.train.xml.jsonl")
    assert {pair["instance_id"] for pair in chosen} == {row["instance_id"] for row in trained}


def test_shards_change_no_byte_of_the_results(line: Path, finished_line: Path) -> None:
    config = workflows.read_config(line)
    config["defaults"] = {name: {"shards": 2, "workers": 1} for name in ("validation", "agent", "evaluation")}
    workflows.write_config(line, config)
    for name in ("run_validation", "task_insts", "run_evaluation"):
        shutil.rmtree(line / "logs" / name)
    shutil.rmtree(line / "trajectories")
    done = workflows.snakemake(line, ROWS)
    assert done.returncode == 0, done.stdout
    for name in (f"run_validation/{tiny.REPO}", f"shards/run_agent/local/{RUN}"):
        assert (line / "logs" / name).is_dir()
    same = [DATASET, ROWS, f"logs/run_evaluation/{RUN}/report.json", f"trajectories/local/{RUN}/preds.json"]
    for name in same:
        assert (line / name).read_bytes() == (finished_line / name).read_bytes(), name


def test_the_scripts_by_hand_redo_nothing_of_what_the_workflow_did(line: Path) -> None:
    repo = line / "logs/build_images" / tiny.REPO
    shared = ["--environment", repo / "environment.json"]
    validation, evaluation = line / f"logs/run_validation/{tiny.REPO}", line / f"logs/run_evaluation/{RUN}"
    trajectories = line / f"trajectories/local/{RUN}"
    stores = [validation, validation / "confirmation", evaluation, trajectories]
    before = workflows.finished_entries(stores)
    patches = line / f"logs/bug_gen/{tiny.REPO}_screened_patches.json"
    commands: list[list[str | Path]] = [
        ["validate_bugs.py", patches, "--max-instances", "5", "--output", validation / "report.json"],
        ["confirm_bugs.py", patches, "--report", validation / "report.json"],
        ["run_agent.py", line / DATASET, "--engine", "oracle", "--config", line / "agent.yaml"],
        ["evaluate_predictions.py", trajectories / "preds.json", "--dataset", line / DATASET],
    ]
    commands[1] += ["--output", validation / "confirmation.json"]
    commands[2] += ["--output", trajectories / "preds.json"]
    commands[3] += ["--output", evaluation / "report.json"]
    for script, *flags in commands:
        command = [sys.executable, workflows.SCRIPTS / script, *flags, *shared]
        subprocess.run(command, check=True, env=workflows.environment(line), capture_output=True)
    assert workflows.finished_entries(stores) == before


def test_nested_numbers_of_the_command_line_are_numbers(line: Path) -> None:
    setting = "runs={tiny-oracle: {evaluation: {timeout_s: 500}}}"
    done = workflows.snakemake(line, ROWS, "-n", "--config", setting)
    assert done.returncode == 0, done.stdout
    assert "evaluate_predictions" in done.stdout
    assert "run_agent" not in done.stdout


def test_a_second_run_has_nothing_to_do(line: Path) -> None:
    done = workflows.snakemake(line, ROWS, REPORT)
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_every_style_of_every_run_is_a_target(line: Path) -> None:
    done = workflows.snakemake(line, *(ROWS.replace("xml", style) for style in ("tool", "ticks")))
    assert done.returncode == 0, done.stdout
    tool = read_rows(line / ROWS.replace("xml", "tool"))
    ticks = read_rows(line / ROWS.replace("xml", "ticks"))
    assert all(row["messages"][2]["tool_calls"] for row in tool)
    assert all("```" in row["messages"][2]["content"] for row in ticks)


def test_the_split_and_the_exports_are_targets(line: Path) -> None:
    sides = [f"trajectories_sft/{RUN}.{side}.xml.jsonl" for side in ("train", "validation")]
    exports = [f"exports/{RUN}/xml/{kind}/manifest.json" for kind in ("parquet", "sharegpt")]
    done = workflows.snakemake(line, *sides, *exports)
    assert done.returncode == 0, done.stdout
    rows = [row for side in sides for row in read_rows(line / side)]
    assert sorted(str(row["instance_id"]) for row in rows) == [row["instance_id"] for row in read_rows(line / ROWS)]
    assert (line / f"exports/{RUN}/xml/parquet/README.md").is_file()
    assert workflows.planned(line, f"exports/{RUN}/xml/preferences/manifest.json") == {"export_rows"}


def test_a_filter_that_is_switched_on_filters_again_and_converts_nothing(line: Path) -> None:
    config = workflows.read_config(line)
    config["runs"][RUN]["sft"]["filters"]["instances"] = True
    workflows.write_config(line, config)
    assert workflows.planned(line, ROWS, REPORT) == {"filter_resolved", "report_run"}
    done = workflows.snakemake(line, ROWS, REPORT)
    assert done.returncode == 0, done.stdout
    sidecar = json.loads((line / f"{ROWS}.meta.json").read_text())
    assert sidecar["funnel"]["dropped"] == {"similar_instance": 1}
    heads, said = next(pair for pair in pairwise(done.stdout.splitlines()) if pair[0].startswith("run  "))
    assert heads.split() == ["run", "instances", "resolved", "rows", "agents,", "USD", "report"]
    assert said.split() == [RUN, "5", "5", "of", "5", "4", "0.00", REPORT]


def test_an_edited_prompt_runs_the_agent_again_and_what_follows(line: Path) -> None:
    prompt = line / "agent.yaml"
    prompt.write_text(prompt.read_text().replace("and submit.", "then submit."))
    assert workflows.planned(line, ROWS, REPORT) == {"run_agent", *AFTER_AGENT}


def test_an_edited_row_prompt_converts_again_and_runs_no_agent(line: Path) -> None:
    prompt = line / "rows.yaml"
    prompt.write_text(prompt.read_text().replace("system: |-\n", "system: |-\n  Be brief.\n", 1))
    assert workflows.planned(line, ROWS, REPORT) == AFTER_AGENT - {"evaluate_predictions"}


def test_a_changed_setting_runs_only_what_depends_on_it(line: Path) -> None:
    config = workflows.read_config(line)
    config["repos"]["tiny"]["issues"] = {"seed": 25}
    workflows.write_config(line, config)
    planned = workflows.planned(line, ROWS, REPORT)
    assert planned == {"write_issues", "assemble_dataset", "report_repo", "check_workspaces", "run_agent", *AFTER_AGENT}


def test_more_workers_change_nothing(line: Path) -> None:
    config = workflows.read_config(line)
    config["repos"]["tiny"]["validation"]["workers"] = 3
    config["runs"][RUN]["agent"]["workers"] = 7
    workflows.write_config(line, config)
    assert workflows.planned(line, ROWS, REPORT) == set()


def test_a_changed_agent_prompt_changes_the_rows_and_keeps_the_instances(line: Path) -> None:
    instances = (line / DATASET).read_bytes()
    prompt = line / "agent.yaml"
    prompt.write_text(prompt.read_text().replace("/testbed\n", "/testbed (the repository)\n", 1))
    code, shown = workflows.snakemake_on_a_terminal(line, ROWS)
    assert code == 0, shown
    assert f"run_agent local/{RUN} [####################] 5 of 5" in shown
    assert (line / DATASET).read_bytes() == instances
    assert all("(the repository)" in json.dumps(row) for row in read_rows(line / ROWS))


def test_a_run_that_resolves_nothing_has_unresolved_rows_and_a_clear_end(line: Path) -> None:
    config = workflows.read_config(line)
    config["runs"]["tiny-null"] = {"repo": "tiny", "agent": {"engine": None}}
    workflows.write_config(line, config)
    done = workflows.snakemake(line, "trajectories_sft/tiny-null.xml.jsonl")
    assert done.returncode == 0, done.stdout
    rows = read_rows(line / "trajectories_sft" / "tiny-null.xml.jsonl")
    assert [row["resolved"] for row in rows] == [False] * 5
    report = json.loads((line / "logs/run_evaluation/tiny-null/report.json").read_text())
    assert report["unresolved"] == 5
    assert report["tracesmith"]["ids_by_outcome"].keys() == {"empty_patch"}
    done = workflows.snakemake(line, "trajectories_sft/tiny-null.resolved_only.xml.jsonl")
    assert done.returncode == 1
    assert "no instance was resolved" in done.stdout


def test_instances_without_an_issue_text_say_so(line: Path) -> None:
    config = workflows.read_config(line)
    config["repos"]["tiny"]["issues"] = {"mode": "skip"}
    workflows.write_config(line, config)
    done = workflows.snakemake(line, DATASET)
    assert done.returncode == 0, done.stdout
    instances = json.loads((line / DATASET).read_text())
    assert {instance["problem_statement"] for instance in instances} == {""}
    assert {instance["tracesmith"]["issue"]["mode"] for instance in instances} == {"skip"}


def test_a_dataset_of_the_users_enters_without_bugs_being_made(line: Path) -> None:
    shutil.move(line / DATASET, line / "mine.json")
    shutil.rmtree(line / "logs" / "run_validation")
    shutil.rmtree(line / "logs" / "bug_gen")
    config = workflows.read_config(line)
    config["repos"]["tiny"]["dataset"] = "mine.json"
    workflows.write_config(line, config)
    planned = workflows.planned(line, ROWS, REPORT)
    assert planned == {"check_workspaces", "run_agent", *AFTER_AGENT}
    done = workflows.snakemake(line, ROWS, REPORT)
    assert done.returncode == 0, done.stdout
    assert len(read_rows(line / ROWS)) == 5


def test_trajectories_of_the_users_enter_without_an_agent(line: Path) -> None:
    config = workflows.read_config(line)
    shutil.copytree(line / f"trajectories/local/{RUN}", line / "elsewhere" / "run")
    (line / "elsewhere" / "run" / "preds.json").unlink()
    filters = config["runs"][RUN]["sft"]["filters"]
    config["runs"]["mine"] = {"repo": "tiny", "trajectories": "elsewhere", "sft": {"filters": filters}}
    workflows.write_config(line, config)
    rows = "trajectories_sft/mine.resolved_only.xml.jsonl"
    assert workflows.planned(line, rows) == {"import_trajectories", *AFTER_AGENT} - {"report_run"}
    done = workflows.snakemake(line, rows)
    assert done.returncode == 0, done.stdout
    assert len(read_rows(line / rows)) == 5


def test_predictions_of_the_users_are_graded_and_rows_of_them_refused(line: Path) -> None:
    predictions = json.loads((line / f"trajectories/local/{RUN}/preds.json").read_text())
    lines = [json.dumps(prediction) for prediction in predictions.values()]
    (line / "mine.jsonl").write_text("\n".join(lines[:2]) + "\n")
    config = workflows.read_config(line)
    config["runs"]["mine"] = {"repo": "tiny", "predictions": "mine.jsonl"}
    workflows.write_config(line, config)
    done = workflows.snakemake(line, "logs/run_evaluation/mine/report.json")
    assert done.returncode == 0, done.stdout
    report = json.loads((line / "logs/run_evaluation/mine/report.json").read_text())
    assert (report["resolved"], report["total"]) == (2, 2)
    assert len(report["tracesmith"]["ids_without_prediction"]) == 3
    refused = workflows.snakemake(line, "-n", "trajectories_sft/mine.xml.jsonl")
    assert refused.returncode == 1
    assert "has predictions and no trajectories" in refused.stdout
