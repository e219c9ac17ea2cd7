"""What the profiles ask of a cluster or a small machine, seen in dry runs, and what Kubernetes would be sent."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import cluster
import tiny
import workflows
from tracesmith.preflight import plan

RULES = workflows.ROOT / "rules"
ROWS = "trajectories_sft/tiny-oracle.resolved_only.xml.jsonl"
BUILT = f"logs/build_images/{tiny.REPO}/environment.json"
SHARDED = ("validate_bugs", "confirm_bugs", "run_agent", "evaluate_predictions")


PROFILES = ("slurm", "kubernetes", "ci")
CLUSTERS = ("slurm", "kubernetes")
KUBECTL = """#!/bin/sh
cd "$(dirname "$0")"
case $1 in
create) cat >"manifest.$$.yaml" && echo job.batch/tracesmith-1 ;;
get) printf tracesmith-1::True ;;
esac
"""
"""Keeps what it is sent, and says of every job that it failed."""


def profile(name: str) -> Path:
    return workflows.ROOT / "profiles" / name


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((profile(name) / "config.yaml").read_text())
    return found


@pytest.mark.parametrize("name", PROFILES)
def test_it_caps_what_the_profile_of_a_workstation_does_and_reruns_for_the_same_reasons(name: str) -> None:
    mine, default = read(name), read("default")
    assert mine["resources"].keys() == default["resources"].keys()
    for key in ("scheduler", "rerun-triggers", "rerun-incomplete", "show-failed-logs"):
        assert mine[key] == default[key], key
    assert {"cores", "nolock"} & mine.keys() == (set() if name in CLUSTERS else {"cores", "nolock"})


def test_the_clusters_are_asked_for_the_same_memory() -> None:
    slurm, kubernetes = (
        {rule: one["mem_mb"] for rule, one in read(name)["set-resources"].items()} for name in CLUSTERS
    )
    assert slurm == kubernetes


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
    wanted = {*plan.SANDBOXED, *(f"{name}_shard" for name in SHARDED), "write_issues_shard"}
    asked = read("slurm")["set-resources"]
    assert wanted <= {rule for rule, resources in asked.items() if "attempt" in str(resources["mem_mb"])}


def test_every_rule_that_is_named_exists() -> None:
    """Snakemake says nothing of a name that it does not know."""
    words = [line.split() for path in RULES.glob("*.smk") for line in path.read_text().splitlines()]
    rules = {line[-1].rstrip(":") for line in words if line[:1] == ["rule"]}
    rules |= {line[line.index("as") + 1] for line in words if line[:2] == ["use", "rule"]}
    assert read("slurm")["set-resources"].keys() <= rules


def test_no_rule_has_retries_of_its_own() -> None:
    """Of a rule they count again inside of each Slurm job."""
    assert not [path for path in RULES.glob("*.smk") if "retries:" in path.read_text()]


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_shard_asks_for_its_workers_and_the_job_that_puts_them_together_for_one(folder: Path, name: str) -> None:
    jobs = requests(folder, profile(name), ROWS)
    for stage in SHARDED:
        assert (jobs[f"{stage}_shard"]["mem_mb"], jobs[f"{stage}_shard"]["docker"]) == ("13000", "6")
        assert (jobs[stage]["mem_mb"], jobs[stage]["docker"]) == ("3000", "1")
    if name == "slurm":
        assert jobs["run_agent_shard"]["cpus_per_task"] == "3"
    assert not any("gres" in job or "slurm_partition" in job for job in jobs.values())


def test_a_small_machine_is_asked_for_four_sandboxes_at_most(folder: Path) -> None:
    jobs = requests(folder, profile("ci"), ROWS)
    assert {int(jobs[f"{stage}_shard"]["docker"]) for stage in SHARDED} == {4}


@pytest.mark.sandbox
def test_kubernetes_is_sent_what_a_job_asks_for(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "kubectl").write_text(KUBECTL)
    (folder / "bin" / "kubectl").chmod(0o755)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(workflows.ROOT / "Snakefile"), BUILT]
    place = ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
    options = ["--workflow-profile", str(profile("kubernetes")), "--retries", "1", "--latency-wait", "1"]
    options += ["--seconds-between-status-checks", "1"]
    found = {**workflows.environment(folder), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    given = {"capture_output": True, "text": True, "timeout": 300, "env": found}
    done = subprocess.run([*command, *place, *options], check=False, **given)
    assert done.returncode == 1, done.stderr
    jobs = [yaml.safe_load(path.read_text()) for path in (folder / "bin").glob("manifest.*.yaml")]
    assert {job["metadata"]["generateName"] for job in jobs} == {"tracesmith-build-environment-"}
    containers = [job["spec"]["template"]["spec"]["containers"][0] for job in jobs]
    assert {one["workingDir"] for one in containers} == {str(folder)}
    assert {one["resources"]["requests"]["cpu"] for one in containers} == {"1"}
    assert sorted(one["resources"]["limits"]["memory"] for one in containers) == ["12000M", "6000M"]
    assert all(job["spec"]["template"]["spec"]["activeDeadlineSeconds"] == 3600 for job in jobs)


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
