"""Grades cannot be had without the fix, and a broken environment is no verdict on anybody."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tiny
import workflows

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

RUN = "tiny-oracle"
DATASET = f"logs/agent_datasets/{tiny.REPO}_final.json"
PREDICTIONS = f"trajectories/local/{RUN}/preds.json"
UNHANDLED = """diff --git a/src/late.ts b/src/late.ts
new file mode 100644
--- /dev/null
+++ b/src/late.ts
@@ -0,0 +1 @@
+setTimeout(() => void Promise.reject(new Error("late")), 0);
"""
FORGE = """diff --git a/src/forge.ts b/src/forge.ts
new file mode 100644
--- /dev/null
+++ b/src/forge.ts
@@ -0,0 +1,2 @@
+import { kill, ppid } from "node:process";
+kill(ppid, "SIGKILL");
"""


def grade(line: Path, predictions: dict[str, Any], output: str = "graded") -> subprocess.CompletedProcess[str]:
    """Grade predictions in a line's folder by hand."""
    (line / "own.json").write_text(json.dumps(predictions))
    environment = line / f"logs/build_images/{tiny.REPO}/environment.json"
    command = [sys.executable, workflows.SCRIPTS / "evaluate_predictions.py", line / "own.json"]
    command += ["--dataset", line / DATASET, "--environment", environment, "--output", line / output / "report.json"]
    return subprocess.run(command, env=workflows.environment(line), capture_output=True, text=True, check=False)


def first(line: Path) -> tuple[str, dict[str, Any]]:
    """Return the first prediction, a true fix."""
    name, prediction = next(iter(json.loads((line / PREDICTIONS).read_text()).items()))
    return name, prediction


def changed_file(patch: str) -> str:
    return next(row[6:] for row in patch.splitlines() if row.startswith("+++ b/"))


def importing(patch: str, module: str, source: str) -> str:
    """Return a patch that also imports a module at the end of the file that it changes."""
    path = changed_file(patch)
    lines = source.split("\n")
    tail = f'@@ -{len(lines) - 1} +{len(lines) - 1},2 @@\n {lines[-2]}\n+import "./{module}.js";\n'
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{tail}"


@pytest.mark.parametrize(
    ("module", "extra", "alone"), [("late", UNHANDLED, "resolved"), ("forge", FORGE, "not_trusted")]
)
def test_a_run_that_its_runner_calls_a_failure_resolves_nothing(
    module: str, extra: str, alone: str, line: Path
) -> None:
    name, prediction = first(line)
    path = changed_file(prediction["model_patch"])
    source = (line / f"logs/build_images/{tiny.REPO}/source/tree" / path).read_text()
    patch = prediction["model_patch"] + extra
    whole = patch + importing(prediction["model_patch"], module, source)
    graded = grade(line, {name: {**prediction, "model_patch": whole}})
    assert graded.returncode == 0, graded.stderr
    report = json.loads((line / "graded/report.json").read_text())
    assert report["ids_resolved"] == []
    assert report["tracesmith"]["ids_by_outcome"].keys() <= {"errors_outside_tests", "unresolved", "no_report"}
    control = grade(line, {name: {**prediction, "model_patch": patch}}, "control")
    assert control.returncode == 0, control.stderr
    report = json.loads((line / "control/report.json").read_text())
    assert report["tracesmith"]["ids_by_outcome"] == {alone: [name]}


def test_a_broken_environment_is_no_verdict(line: Path) -> None:
    name, prediction = first(line)
    modules = line / f"logs/build_images/{tiny.REPO}/bubblewrap/tree/node_modules"
    modules.rename(line / "away")
    graded = grade(line, {name: prediction})
    assert graded.returncode == 1
    assert "run build_environment again" in graded.stderr
    assert not (line / "graded" / "report.json").exists()
    (line / "away").rename(modules)
    graded = grade(line, {name: prediction})
    assert graded.returncode == 0, graded.stderr
    assert json.loads((line / "graded/report.json").read_text())["ids_resolved"] == [name]


def test_an_instance_whose_bug_does_not_apply_is_refused_before_any_work(line: Path) -> None:
    dataset = json.loads((line / DATASET).read_text())
    dataset[1]["patch"] = dataset[1]["patch"].replace("\n-", "\n-nothing like it ", 1)
    (line / DATASET).write_text(json.dumps(dataset))
    predictions = json.loads((line / PREDICTIONS).read_text())
    graded = grade(line, predictions)
    assert graded.returncode == 2
    assert dataset[1]["instance_id"] in graded.stderr
    assert not (line / "graded").exists()
