"""What profiles/slurm asks of a cluster, seen in dry runs."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cluster
import workflows
from tracesmith.preflight import plan

RULES = workflows.ROOT / "rules"
ROWS = "trajectories_sft/tiny-oracle.resolved_only.xml.jsonl"
SHARDED = ("validate_bugs", "confirm_bugs", "run_agent", "evaluate_predictions")


def asked() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load(cluster.PROFILE.read_text())["set-resources"]
    return found


def test_it_caps_what_the_profile_of_a_workstation_does_and_reruns_for_the_same_reasons() -> None:
    mine, default = (
        yaml.safe_load((workflows.ROOT / "profiles" / name / "config.yaml").read_text())
        for name in ("slurm", "default")
    )
    assert mine["resources"].keys() == default["resources"].keys()
    assert mine["rerun-triggers"] == default["rerun-triggers"]
    assert not {"cores", "nolock"} & mine.keys()


def requests(folder: Path, profile: Path, target: str) -> dict[str, dict[str, str]]:
    """Return what one job of each rule asks for, with the threads that it has on nodes of 64 CPUs."""
    options = ["--workflow-profile", str(profile), "--cores", "64"]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(workflows.ROOT / "Snakefile"), "-n", target]
    place = ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
    done = subprocess.run([*command, *place, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {job["rule"]: job for job in workflows.requests(done.stdout)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose stages have shards, of six workers each."""
    workflows.make_folder(tmp_path)
    stages = {name: {"shards": 3, "workers": 6} for name in ("validation", "agent", "evaluation")}
    workflows.write_config(tmp_path, workflows.read_config(tmp_path) | {"defaults": stages})
    return tmp_path


def test_every_rule_that_opens_sandboxes_asks_for_their_memory() -> None:
    wanted = {*plan.SANDBOXED, *(f"{name}_shard" for name in SHARDED)}
    assert wanted <= {rule for rule, resources in asked().items() if "attempt" in str(resources["mem_mb"])}


def test_every_rule_that_is_named_exists() -> None:
    """Snakemake says nothing of a name that it does not know."""
    words = [line.split() for path in RULES.glob("*.smk") for line in path.read_text().splitlines()]
    rules = {line[-1].rstrip(":") for line in words if line[:1] == ["rule"]}
    rules |= {line[line.index("as") + 1] for line in words if line[:2] == ["use", "rule"]}
    assert asked().keys() <= rules


def test_no_rule_has_retries_of_its_own() -> None:
    """Of a rule they count again inside of each Slurm job."""
    assert not [path for path in RULES.glob("*.smk") if "retries:" in path.read_text()]


def test_a_shard_asks_for_its_workers_and_the_job_that_puts_them_together_for_one(folder: Path) -> None:
    jobs = requests(folder, cluster.PROFILE.parent, ROWS)
    for stage in SHARDED:
        assert (jobs[f"{stage}_shard"]["mem_mb"], jobs[f"{stage}_shard"]["docker"]) == ("13000", "6")
        assert (jobs[stage]["mem_mb"], jobs[stage]["docker"]) == ("3000", "1")
    assert jobs["run_agent_shard"]["cpus_per_task"] == "3"
    assert not any("gres" in job or "slurm_partition" in job for job in jobs.values())


def test_partitions_and_caps_of_nodes_are_asked_for_where_the_examples_are_taken(folder: Path) -> None:
    site = cluster.site_profile(folder)
    config = workflows.read_config(folder)
    config["runs"]["tiny-oracle"]["training"] = {"gpus": 2}
    workflows.write_config(folder, config)
    jobs = requests(folder, site, "outputs/tiny-oracle/manifest.json")
    assert {jobs[f"{stage}_shard"]["gres"] for stage in SHARDED} == {"docker:6"}
    assert jobs["build_environment"]["gres"] == "docker:1"
    assert {job["slurm_partition"] for rule, job in jobs.items() if rule != "finetune"} == {"cpu"}
    assert (jobs["finetune"]["slurm_partition"], jobs["finetune"]["gpu"]) == ("gpu", "2")
