"""The finished run of tests/data/line: which script reads which of its files, and how scripts run over a copy of it."""

import json
import logging
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tracesmith import files, git
from tracesmith.agents import running  # noqa: F401 - what the scripts import, loaded once for all of them
from tracesmith.bugs import collection, combining, generation, reverting  # noqa: F401
from tracesmith.environments import building  # noqa: F401
from tracesmith.evaluation import evaluating  # noqa: F401
from tracesmith.issues import assembling, writing  # noqa: F401
from tracesmith.proving import checking  # noqa: F401
from tracesmith.sft import conversion, exports, filtering, splitting  # noqa: F401
from tracesmith.validation import confirming, gathering, validating  # noqa: F401

ROOT = Path(__file__).parents[1]
LINE = ROOT / "tests" / "data" / "line"
REPO = "npm__css-what.v8.0.0"
FIRST = f"{REPO}.func_pm_op_swap__b8mkmgf1"
SECOND = f"{REPO}.func_pm_remove_cond__pyn65ivp"
PROCEDURAL = f"logs/bug_gen/{REPO}/procedural.json"
PATCHES = f"logs/bug_gen/{REPO}_all_patches.json"
ENVIRONMENT = f"logs/build_images/{REPO}/environment.json"
TREE = f"logs/build_images/{REPO}/source/tree"
VALIDATION = f"logs/run_validation/{REPO}/report.json"
CONFIRMATION = f"logs/run_validation/{REPO}/confirmation.json"
CONFIRMED = f"logs/run_validation/{REPO}/confirmation/{FIRST}/confirmation.json"
SAID = f"logs/run_validation/{REPO}/confirmation/{FIRST}/test_output.1.txt"
VERDICT = f"logs/run_validation/{REPO}/{FIRST}/report.json"
INSTANCES = f"logs/task_insts/{REPO}.json"
ISSUES = f"logs/issue_gen/{REPO}__static.json"
DATASET = f"logs/agent_datasets/{REPO}_final.json"
PREDICTIONS = "trajectories/local/demo/preds.json"
EVALUATION = "logs/run_evaluation/demo/report.json"
ROWS = "trajectories_sft/demo.xml.jsonl"
RESOLVED = "trajectories_sft/demo.resolved_only.xml.jsonl"
PROFILE = "profile.yaml"
PROMPT = "prompt.yaml"
PULLS = "pulls.json"
"""Files of the run, relative to its folder."""


@dataclass(frozen=True)
class Script:
    """A script with arguments that work, and where its output goes."""

    name: str
    arguments: tuple[str, ...]
    output: str = "out/result.json"
    flag: str = "--output"

    def command(self, **replaced: str) -> list[str]:
        """Return the command line, with values of flags replaced."""
        flags = {f"--{key.replace('_', '-')}": value for key, value in replaced.items()}
        words = [*self.arguments, self.flag, self.output]
        for flag, value in flags.items():
            if flag in words:
                words[words.index(flag) + 1] = value
            else:
                words += [flag, value]
        return words


SCRIPTS = {
    script.name: script
    for script in (
        Script("build_environment", (PROFILE, "--backend", "docker")),
        Script("generate_bugs", (TREE, "--repo", REPO, "--profile", PROFILE)),
        Script("revert_pulls", (PULLS, "--source", TREE, "--repo", REPO, "--profile", PROFILE)),
        Script("collect_patches", (PROCEDURAL, "--repo", REPO)),
        Script("validate_bugs", (PATCHES, "--environment", ENVIRONMENT)),
        Script("combine_bugs", (PATCHES, "--report", VALIDATION, "--source", TREE)),
        Script("confirm_bugs", (PATCHES, "--report", VALIDATION, "--environment", ENVIRONMENT)),
        Script(
            "gather_instances",
            (PATCHES, "--report", VALIDATION, "--confirmation", CONFIRMATION, "--environment", ENVIRONMENT),
        ),
        Script("write_issues", (INSTANCES,)),
        Script("assemble_dataset", (INSTANCES, "--issues", ISSUES)),
        Script("check_workspaces", (DATASET, "--environment", ENVIRONMENT)),
        Script("run_agent", (DATASET, "--environment", ENVIRONMENT, "--engine", "oracle", "--config", PROMPT)),
        Script("import_trajectories", (str(Path(PREDICTIONS).parent),)),
        Script("evaluate_predictions", (PREDICTIONS, "--dataset", DATASET, "--environment", ENVIRONMENT)),
        Script("convert_trajectories", (str(Path(PREDICTIONS).parent), "--style", "xml", "--report", EVALUATION)),
        Script("filter_resolved", (ROWS, "--report", EVALUATION)),
        Script("split_rows", (ROWS, "--validation", "out/validation.jsonl")),
        Script(
            "export_rows",
            ("--train", ROWS, "--validation", ROWS, "--name", "demo", "--format", "parquet"),
            output="out/manifest.json",
        ),
    )
}
# Which scripts read which file.
READERS = {
    PROFILE: ["build_environment", "generate_bugs", "revert_pulls"],
    PULLS: ["revert_pulls"],
    PROCEDURAL: ["collect_patches"],
    PATCHES: ["validate_bugs", "combine_bugs", "confirm_bugs", "gather_instances"],
    ENVIRONMENT: [
        "validate_bugs",
        "confirm_bugs",
        "gather_instances",
        "check_workspaces",
        "run_agent",
        "evaluate_predictions",
    ],
    VALIDATION: ["combine_bugs", "confirm_bugs", "gather_instances"],
    VERDICT: ["confirm_bugs"],
    CONFIRMATION: ["gather_instances"],
    CONFIRMED: ["gather_instances"],
    INSTANCES: ["write_issues", "assemble_dataset"],
    ISSUES: ["assemble_dataset"],
    DATASET: ["check_workspaces", "run_agent", "evaluate_predictions"],
    PROMPT: ["run_agent"],
    PREDICTIONS: ["evaluate_predictions"],
    EVALUATION: ["convert_trajectories", "filter_resolved"],
    ROWS: ["filter_resolved", "split_rows", "export_rows"],
}
PULL = {
    "number": 1,
    "title": "Stop at the end",
    "body": "It went on.",
    "base_commit": None,
    "diff": "--- a/src/parse.ts\n+++ b/src/parse.ts\n@@ -156 +156 @@\n"
    "-    if (endIndex <= selector.length) {\n+    if (endIndex < selector.length) {\n",
}


def edit(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Return a change of the JSON value of a file; what it returns, unless None, is written."""

    def apply(path: Path) -> None:
        value = json.loads(path.read_text())
        changed = change(value)
        path.write_text(json.dumps(value if changed is None else changed))

    return apply


def put(*keys: Any) -> Callable[[Any], None]:
    """Return a change that sets a nested key: put(0, "repo", 5)."""
    *path, last, value = keys

    def apply(found: Any) -> None:
        for key in path:
            found = found[key]
        found[last] = value

    return apply


def make_folder(folder: Path) -> Path:
    """Make a folder with the finished run, whose sandboxes cannot be opened."""
    shutil.copytree(LINE, folder)
    git.make_mirror((folder / ENVIRONMENT).with_name("mirror.git"), LINE / f"logs/build_images/{REPO}/source/tree")
    shutil.copy(ROOT / "configs" / "repos" / "css-what.yaml", folder / PROFILE)
    shutil.copy(ROOT / "configs" / "agent" / "oracle.yaml", folder / PROMPT)
    (folder / PULLS).write_text(json.dumps([PULL, {**PULL, "number": 2}]))
    edit(lambda value: value.update(backend="docker", image="sha256:0", tree=None))(folder / ENVIRONMENT)
    edit(put("made_by", "inputs", "environment", files.digest_file(folder / ENVIRONMENT)))(folder / CONFIRMATION)
    return folder


def run(work: Path, name: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a script as a user does."""
    environment = {**os.environ, **settings(work)}
    command = [sys.executable, ROOT / "scripts" / f"{name}.py", *words]
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)


def run_in_fork(work: Path, name: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own that has the library loaded already: a tenth of the time."""
    output = work.parent / "stderr"
    pid = os.fork()
    if pid == 0:
        become(work, name, words, output)
    _, status = os.waitpid(pid, 0)
    return subprocess.CompletedProcess(words, os.waitstatus_to_exitcode(status), "", output.read_text())


def become(work: Path, name: str, words: list[str], output: Path) -> NoReturn:
    """Be the script, and end with its exit code."""
    code: Any = 1
    try:
        os.chdir(work)
        os.environ.update(settings(work))
        tempfile.tempdir = None
        logging.root.handlers.clear()
        sys.stdout = sys.stderr = output.open("w", errors="backslashreplace")
        script = str(ROOT / "scripts" / f"{name}.py")
        sys.argv = [script, *words]
        runpy.run_path(script, run_name="__main__")
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code or 0)


def settings(work: Path) -> dict[str, str]:
    """Return the variables of a run whose sandboxes cannot be opened."""
    return {"DOCKER_HOST": f"unix://{work}/no-engine.sock", "TMPDIR": str(work.parent), "COLUMNS": "200"}


def contents(work: Path) -> dict[str, bytes | None]:
    """Return what a folder holds: the bytes of files, None for folders."""
    return {
        path.relative_to(work).as_posix(): path.read_bytes() if path.is_file() else None for path in work.rglob("*")
    }


def put_back(work: Path, before: dict[str, bytes | None]) -> None:
    """Make a folder what it was."""
    now = contents(work)
    for name in sorted(set(now) - set(before) | {name for name in now if now[name] is None and before.get(name)}):
        path = work / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name, data in before.items():
        if data is None:
            (work / name).mkdir(parents=True, exist_ok=True)
        elif now.get(name) != data:
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(data)


def check_refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """Check that a script ended with 2 and one line that has some words."""
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for words in said:
        assert words in done.stderr
