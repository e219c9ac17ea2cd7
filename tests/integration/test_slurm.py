"""The line through a real Slurm: shards on several nodes, and what happens when jobs, nodes and Snakemake die."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

import cluster
import tiny
import workflows

pytestmark = [pytest.mark.slurm, pytest.mark.sandbox, pytest.mark.network]

RUN = "tiny-oracle"
VALIDATION = f"logs/run_validation/{tiny.REPO}"
REPORT = f"{VALIDATION}/report.json"
CONFIRMATION = f"{VALIDATION}/confirmation.json"
TRAJECTORIES = f"trajectories/local/{RUN}"
EVALUATION = f"logs/run_evaluation/{RUN}"
ROWS = f"trajectories_sft/{RUN}.resolved_only.xml.jsonl"


@pytest.fixture
def folder(line: Path) -> Iterator[Path]:
    """A finished line whose stages are to be done in two shards; afterwards no job of it is left."""
    stages = {name: {"shards": 2, "workers": 1} for name in ("validation", "agent", "evaluation")}
    workflows.write_config(line, workflows.read_config(line) | {"defaults": stages})
    yield line
    cluster.end_jobs(line)


def entries(folder: Path, store: str) -> dict[Path, tuple[int, int]]:
    return workflows.finished_entries([folder / store])


def check_end(process: "subprocess.Popen[str]", folder: Path) -> str:
    """Wait until Snakemake ends, well and with nothing left behind, and return what it said."""
    code = process.wait(300)
    said = (folder / "out.log").read_text()
    assert code == 0, said
    cluster.end_jobs(folder)
    assert workflows.leftovers(folder) == []
    return said


def confirming() -> list[psutil.Process]:
    """The scripts that confirm a shard now."""
    return [script for shard in ("1/2", "2/2") for script in cluster.scripts("confirm_bugs", shard)]


def check_same(folder: Path, finished: Path, name: str, keys: Sequence[str] = ("instances", "funnel")) -> None:
    """Check that a summary is that of the local run, but for how long things took."""
    mine, other = (json.loads((root / name).read_text()) for root in (folder, finished))
    assert {key: mine[key] for key in keys} == {key: other[key] for key in keys}


def test_jobs_that_fail_or_are_cancelled_go_on_where_they_were_with_more_memory(
    folder: Path, finished_line: Path
) -> None:
    config = workflows.read_config(folder)
    config["defaults"]["validation"]["workers"] = 2
    workflows.write_config(folder, config)
    workflows.forget(folder, [VALIDATION])
    process = cluster.start(folder, REPORT)
    workflows.wait_for(lambda: len(cluster.running(folder, "validate_bugs_shard")) == 2)
    first, second = sorted(cluster.running(folder, "validate_bugs_shard"), key=lambda job: job.comment)
    assert {first.node, second.node} == {"c1", "c2"}  # two units of docker each, which is what a node has
    workflows.wait_for(lambda: cluster.scripts("validate_bugs", "1/2") != [] and len(entries(folder, VALIDATION)) > 1)
    cluster.scripts("validate_bugs", "1/2")[0].kill()
    subprocess.run(["scancel", second.number], check=True)
    workflows.wait_for(lambda: {job.number for job in cluster.running(folder, "validate_bugs_shard")} == set())
    before = entries(folder, VALIDATION)
    check_end(process, folder)
    done = cluster.jobs(folder)
    assert (done[first.number].state, done[second.number].state) == ("FAILED", "CANCELLED")
    shards = [job for job in done.values() if "validate_bugs_shard" in job.comment]
    assert [job.memory for job in shards] == ["5000M", "5000M", "10000M", "10000M"]
    assert {path: entries(folder, VALIDATION)[path] for path in before} == before
    check_same(folder, finished_line, REPORT)


def test_a_killed_snakemake_goes_on_beside_its_jobs_and_repeats_nothing(folder: Path, finished_line: Path) -> None:
    store = f"{VALIDATION}/confirmation"
    workflows.forget(folder, [CONFIRMATION, store])
    process = cluster.start(folder, CONFIRMATION)
    workflows.wait_for(lambda: len(entries(folder, store)) > 0)
    orphans = confirming()
    assert len(orphans) == 2
    for script in orphans:
        script.suspend()  # in the middle of an instance, until the next Snakemake's jobs are there
    process.kill()
    process.wait()
    before = entries(folder, store)

    again = cluster.command(folder, CONFIRMATION)
    refused = subprocess.run(again, capture_output=True, text=True, check=False, env=workflows.environment(folder))
    assert refused.returncode != 0
    assert "--unlock" in refused.stderr
    subprocess.run([*again, "--unlock"], capture_output=True, check=True, env=workflows.environment(folder))
    process = cluster.start(folder, CONFIRMATION)
    workflows.wait_for(lambda: len(confirming()) == 4)
    for script in orphans:
        script.resume()
    seen = dict(before)
    while process.poll() is None:
        now = entries(folder, store)
        assert {path: now.get(path) for path in seen} == seen, "an entry was made twice"
        seen = now
    check_end(process, folder)
    assert entries(folder, store) == seen
    check_same(folder, finished_line, CONFIRMATION)


def test_the_line_has_the_bytes_of_a_local_run_though_a_node_goes_down(folder: Path, finished_line: Path) -> None:
    made = [f"{TRAJECTORIES}/preds.json", f"{EVALUATION}/report.json", f"trajectories_sft/{RUN}.xml.jsonl", ROWS]
    workflows.forget(folder, [TRAJECTORIES, EVALUATION, *made])
    process = cluster.start(folder, ROWS)
    workflows.wait_for(lambda: len(entries(folder, EVALUATION)) > 0 or process.poll() is not None, 240)
    there = cluster.running(folder, "evaluate_predictions_shard")
    assert there, (folder / "out.log").read_text()
    lost = there[0]
    cluster.kill_node(lost.node)
    try:
        said = check_end(process, folder)
    finally:
        cluster.node(lost.node)
    moved = cluster.jobs(folder)[lost.number]
    assert moved.state == "COMPLETED"
    assert moved.node != lost.node
    for name in made:
        assert (folder / name).read_bytes() == (finished_line / name).read_bytes(), name
    assert "localrule filter_resolved:" in said
    assert {job.partition for job in cluster.jobs(folder).values()} == {"cpu"}


def test_trainings_have_a_gpu_each_in_the_partition_of_gpus(tmp_path: Path) -> None:
    snakefile = workflows.ROOT / "tests" / "data" / "slurm" / "Snakefile"
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--directory", tmp_path]
    profile = ["--workflow-profile", cluster.site_profile(tmp_path), "--slurm-init-seconds-before-status-checks", "7"]
    done = subprocess.run([*command, *profile], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {(tmp_path / f"{name}.txt").read_text() for name in ("first", "second")} == {"0 gpu\n", "1 gpu\n"}
    assert [job.cpus for job in cluster.jobs(tmp_path).values()] == ["8", "8"]
