"""report_run.py as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "report_run.py"
GIVEN = ["--dataset", "dataset.json", "--predictions", "preds.json", "--evaluation", "report.json", "--rows", "r.jsonl"]
OUTPUTS = ["--output", "reports/RUN.html", "--summary", "reports/RUN.json"]


def instance(name: str) -> dict[str, Any]:
    fixed = {"patch": "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n", "image_name": "i", "repo": "o/r"}
    return {"instance_id": name, "FAIL_TO_PASS": ["f"], "PASS_TO_PASS": ["p"], "problem_statement": "Help.", **fixed}


def make(folder: Path) -> None:
    prediction = {"model_patch": "x", "model_name_or_path": "m"}
    values: dict[str, Any] = {
        "dataset.json": [instance("a"), instance("b")],
        "preds.json": {name: {"instance_id": name, **prediction} for name in "ab"},
        "report.json": {"ids_resolved": ["a"], "ids_unresolved": ["b"]},
        "r.jsonl": {"instance_id": "a", "resolved": True, "model": "m", "messages": []},
    }
    for name, value in values.items():
        (folder / name).write_text(json.dumps(value) + "\n")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_page_and_the_summary_are_written(tmp_path: Path) -> None:
    make(tmp_path)
    done = run(tmp_path, "RUN", *GIVEN, "--resolved", "r.jsonl", *OUTPUTS)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "RUN: 2 instances, candidates -, valid_instances 2, trajectories 2, resolved 1, rows 1" in done.stderr
    summary = json.loads((tmp_path / "reports" / "RUN.json").read_text())
    assert summary["run_id"] == "RUN" and summary["made_by"]["stage"] == "report_run"
    assert set(summary["made_by"]["inputs"]) == {"dataset", "predictions", "evaluation", "rows", "resolved"}
    assert summary["files"]["dataset"] == "dataset.json" and summary["files"]["report"] == "reports/RUN.html"
    page = (tmp_path / "reports" / "RUN.html").read_text()
    assert page.startswith("<!doctype html>") and "<h1>Run RUN</h1>" in page
    assert str(tmp_path) not in page + json.dumps(summary)


def test_bad_input_is_one_line_and_exit_2_and_writes_nothing(tmp_path: Path) -> None:
    make(tmp_path)
    before = sorted(tmp_path.iterdir())
    (tmp_path / "bad.json").write_text("{")
    for more, said in (
        (["--validation", "missing.json"], "missing.json: no such file"),
        (["--bugs", "bad.json", "missing.json"], "bad.json: not JSON"),
        (["--environment", "bad.json"], "bad.json: not JSON"),
        (["--resolved", "missing.jsonl"], "missing.jsonl: no such file; leave --resolved out"),
        (["--predictions", "r.jsonl"], "r.jsonl"),
    ):
        done = run(tmp_path, "RUN", *GIVEN, *OUTPUTS, *more)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr
        assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "bad.json"])


def test_the_help_shows_a_command_that_works() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "scripts/report_run.py RUN --dataset" in done.stdout
    assert os.access(SCRIPT, os.X_OK)
