"""The line through a real Slurm: shards on several nodes, and what happens when jobs, nodes and Snakemake die."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import cluster
import daemons
import guide_runs
import tiny
import workflows

pytestmark = [pytest.mark.slurm, pytest.mark.sandbox, pytest.mark.network]

LINE = workflows.Line(tiny.REPO, "tiny-oracle")
VALIDATION, TRAJECTORIES, EVALUATION, _ = LINE.stores
REPORT = f"{VALIDATION}/report.json"
PREDICTIONS = f"{TRAJECTORIES}/preds.json"
NAMES = {
    "snakemake ": f"snakemake --snakefile {workflows.ROOT}/Snakefile ",
    "trajectories_sft/RUN.resolved_only.xml.jsonl": PREDICTIONS,
    "profiles/slurm": "site",
    "mine.yaml": "config.yaml",
}
"""Names of the guide, and what stands in a test's folder, which is no clone; a target that takes less than the line."""


@pytest.fixture(scope="module", autouse=True)
def slurm() -> Iterator[None]:
    """Start a Slurm, and show its logs where it does not answer to the end."""
    with daemons.started("slurm.sh") as place:
        yield
        done = subprocess.run(["scontrol", "ping"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + daemons.said(place)


@pytest.fixture
def folder(line: Path) -> Iterator[Path]:
    """A copy of a finished line; afterwards no job of it is left."""
    yield line
    cluster.end_all(line)


def use_shards(folder: Path, stage: str, workers: int = 1) -> None:
    """Have a stage done in two shards, and no stage ask for more sandboxes than a node of the test has."""
    defaults = {one: {"workers": 2} for one in ("validation", "agent", "evaluation")}
    defaults[stage] = {"shards": 2, "workers": workers}
    workflows.write_config(folder, workflows.read_config(folder) | {"defaults": defaults})


def entries(folder: Path, store: str) -> dict[Path, tuple[int, int]]:
    return workflows.finished_entries([folder / store])


def check_end(process: "subprocess.Popen[str]", folder: Path) -> str:
    """Wait until Snakemake ends, well and with nothing left behind, and return what it said."""
    code = process.wait(600)
    said = (folder / "out.log").read_text()
    assert code == 0, said
    cluster.end_jobs(folder)
    assert workflows.leftovers(folder) == []
    return said


def wait_for(condition: Callable[[], bool]) -> None:
    workflows.wait_for(condition, 480)


def freeze_shards(process: "subprocess.Popen[str]", folder: Path, script: str, store: str) -> list[psutil.Process]:
    """Stop the scripts of both shards of a stage in the middle of their work, and return them."""

    def _are_at_work() -> bool:
        assert process.poll() is None, (folder / "out.log").read_text()
        return len(cluster.shards(folder, script)) == 2 and len(entries(folder, store)) > 0

    wait_for(_are_at_work)
    found = cluster.shards(folder, script)
    for one in found:
        one.suspend()
    return found


def commands_of_the_guide() -> dict[str, list[str]]:
    """Return the commands of docs/cluster.md by their programs."""
    guide = (workflows.ROOT / "docs" / "cluster.md").read_text()
    lines = re.findall(r"(?m)^(?:    )?((?:squeue|srun|snakemake) .*)$", guide)
    return {name: [line for line in lines if line.split()[0] == name] for name in ("squeue", "srun", "snakemake")}


def test_jobs_that_fail_or_are_cancelled_go_on_where_they_were_with_more_memory(
    folder: Path, finished_line: Path
) -> None:
    use_shards(folder, "validation", workers=2)
    workflows.forget(folder, [VALIDATION])
    process = cluster.start(folder, REPORT)
    scripts = freeze_shards(process, folder, "validate_bugs", VALIDATION)
    first, second = cluster.running(folder, "validate_bugs_shard")
    assert {first.node, second.node} == {"c1", "c2"}  # two units of docker each, which is what a node has
    scripts[0].kill()
    subprocess.run(["scancel", second.number], check=True)
    wait_for(lambda: all(cluster.jobs(folder)[job.number].has_ended() for job in (first, second)))
    before = entries(folder, VALIDATION)
    check_end(process, folder)
    done = cluster.jobs(folder)
    assert (done[first.number].state, done[second.number].state) == ("FAILED", "CANCELLED")
    memory = [job.memory for job in done.values() if "validate_bugs_shard" in job.comment]
    assert sorted(memory) == ["10000M", "10000M", "5000M", "5000M"]
    assert {path: entries(folder, VALIDATION)[path] for path in before} == before
    merged, whole = (json.loads((root / REPORT).read_text()) for root in (folder, finished_line))
    assert (merged["instances"], merged["funnel"]) == (whole["instances"], whole["funnel"])


def test_a_killed_snakemake_goes_on_beside_its_jobs_and_repeats_nothing(folder: Path, finished_line: Path) -> None:
    """By the commands of the guide, as they stand."""
    use_shards(folder, "agent")
    workflows.forget(folder, [TRAJECTORIES])
    for name in (".venv", "scripts"):
        (folder / name).symlink_to(sys.prefix if name == ".venv" else workflows.SCRIPTS)
    cluster.site_profile(folder)
    shown = commands_of_the_guide()
    first, unlock, again, *_ = (guide_runs.replaced(line, NAMES) for line in shown["snakemake"])
    assert first == again
    process = cluster.start_by_hand(folder, first)
    orphans = freeze_shards(process, folder, "run_agent", TRAJECTORIES)
    workflows.kill_tree(process)
    before = entries(folder, TRAJECTORIES)

    refused = cluster.start_by_hand(folder, again)
    assert refused.wait(120) != 0
    assert "--unlock" in (folder / "out.log").read_text()
    (squeue,), (srun,) = shown["squeue"], shown["srun"]
    assert [line.split()[1] for line in guide_runs.run(folder, squeue, {}).splitlines()] == ["RUNNING", "RUNNING"]
    guide_runs.run(folder, unlock, {})
    process = cluster.start_by_hand(folder, again)
    wait_for(lambda: len(cluster.shards(folder, "run_agent")) == 4)
    for script in orphans:
        script.resume()
    seen = dict(before)
    while process.poll() is None:
        now = entries(folder, TRAJECTORIES)
        assert {path: now.get(path) for path in seen} == seen, "an entry was made twice"
        seen = now
        time.sleep(0.05)
    check_end(process, folder)
    assert entries(folder, TRAJECTORIES) == seen
    assert (folder / PREDICTIONS).read_bytes() == (finished_line / PREDICTIONS).read_bytes()
    guide_runs.run(folder, srun, {})


def test_the_whole_line_has_the_bytes_of_a_local_run_though_a_node_goes_down(folder: Path, finished_line: Path) -> None:
    use_shards(folder, "evaluation")
    stages = [f"logs/{path.name}" for path in (folder / "logs").iterdir() if path.name != "build_images"]
    workflows.forget(folder, [*stages, "trajectories", "trajectories_sft", "reports"])
    process = cluster.start(folder, LINE.rows)
    scripts = freeze_shards(process, folder, "evaluate_predictions", EVALUATION)
    lost, _ = cluster.running(folder, "evaluate_predictions_shard")
    cluster.kill_node(lost.node)  # its jobs go on, unseen, beside those that take their place
    try:
        wait_for(lambda: len(cluster.shards(folder, "evaluate_predictions")) == 4)
        for script in scripts:
            script.resume()
        said = check_end(process, folder)
    finally:
        cluster.node(lost.node)
    moved = cluster.jobs(folder)[lost.number]
    assert moved.state == "COMPLETED"
    assert moved.node != lost.node
    workflows.check_final(LINE, folder, finished_line)
    assert "localrule filter_resolved:" in said
    assert {job.partition for job in cluster.jobs(folder).values()} == {"cpu"}


def test_trainings_have_a_gpu_each_in_the_partition_of_gpus(tmp_path: Path) -> None:
    snakefile = workflows.ROOT / "tests" / "data" / "slurm" / "Snakefile"
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--directory", tmp_path]
    profile = ["--workflow-profile", cluster.site_profile(tmp_path)]
    done = subprocess.run([*command, *profile], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {(tmp_path / f"{name}.txt").read_text() for name in ("first", "second")} == {"0 gpu\n", "1 gpu\n"}
    assert [job.cpus for job in cluster.jobs(tmp_path).values()] == ["8", "8"]
