"""The demo with fewer bugs in both sandboxes: the same instances, verdicts and rows. `.ci/run` makes the whole one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import workflows

REPO = "npm__css-what.v8.0.0"
ROWS = "trajectories_sft/demo.resolved_only.xml.jsonl"
SAME = [
    f"logs/bug_gen/{REPO}_all_patches.json",
    f"logs/task_insts/{REPO}.json",
    f"logs/agent_datasets/{REPO}_final.json",
    "trajectories/local/demo/preds.json",
    "logs/run_evaluation/demo/report.json",
    "trajectories_sft/demo.xml.jsonl",
    ROWS,
]


def run_demo(folder: Path, backend: str) -> Path:
    """Run the demo of config.yaml, with few bugs, in a folder and return it."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", workflows.ROOT / "Snakefile", "--directory", folder]
    fewer = "bug_generation: {max_bugs: 10}, validation: {max_instances: 3}"
    chosen = f"repos={{css-what: {{sandbox: {{backend: {backend}}}, {fewer}}}}}"
    command = [*snakemake, ROWS, "reports/demo.html", "--cores", "all", "--config", chosen]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished demo, in bubblewrap."""
    return run_demo(tmp_path_factory.mktemp("demo"), "bubblewrap")


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


@pytest.mark.sandbox
@pytest.mark.network
def test_each_instance_of_the_demo_becomes_a_row(demo: Path) -> None:
    assert len(read(demo, f"logs/agent_datasets/{REPO}_final.json")) == 3
    steps = {step["step"]: step["count"] for step in read(demo, "reports/demo.json")["funnel"]}
    assert steps.keys() == {"candidates", "valid_instances", "trajectories", "resolved", "rows"}
    assert steps["rows"] == steps["resolved"] == steps["valid_instances"] < steps["candidates"]


@pytest.mark.docker
@pytest.mark.sandbox
@pytest.mark.network
def test_docker_and_bubblewrap_give_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    other = run_demo(tmp_path, "docker")
    for name in SAME:
        assert (other / name).read_bytes() == (demo / name).read_bytes(), name
    validations = [read(folder, f"logs/run_validation/{REPO}/report.json") for folder in (demo, other)]
    assert validations[0]["instances"] == validations[1]["instances"]
    for instance in validations[0]["instances"]:
        name = f"logs/run_validation/{REPO}/{instance['instance_id']}/report.json"
        assert (other / name).read_bytes() == (demo / name).read_bytes(), name
