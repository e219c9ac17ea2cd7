#!/usr/bin/env python3
"""
Measure what a dry run costs, with more and more instances, shards and repositories.

    benchmarks/planning.py --instances 10 10000 --shards 1 100 --repos 1 --runs 3

A folder holds what has been made of so many instances of each repository up to the dataset, and their entries in the
store of validation; planned are agents, grades and rows of a run of each repository, in so many shards a stage.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SNAKEFILE = Path(__file__).resolve().parents[1] / "Snakefile"
STAGES = ("validation", "agent", "evaluation")
MADE = (
    "build_images/{repo}/environment.json",
    "bug_gen/{repo}/procedural.json",
    "bug_gen/{repo}_all_patches.json",
    "bug_gen/{repo}_all_patches.json.meta.json",
    "bug_gen/{repo}_screened_patches.json",
    "bug_gen/{repo}_screened_patches.json.meta.json",
    "run_validation/{repo}/report.json",
    "run_validation/{repo}/confirmation.json",
    "task_insts/{repo}.json",
    "task_insts/{repo}.json.meta.json",
    "issue_gen/{repo}__static.json",
    "agent_datasets/{repo}_final.json",
    "agent_datasets/{repo}_final.json.meta.json",
)
"""What rules have made, below logs/, oldest first."""
RECORD = {"patch": "-a\n+b\n" * 40, "FAIL_TO_PASS": ["src/a.spec.ts > a > b"] * 3}


@dataclass(frozen=True)
class Plan:
    """What one dry run took: seconds, CPU seconds of it, megabytes at most, and the jobs that it names."""

    wall_s: float
    cpu_s: float
    rss_mb: float
    jobs: int


def write_configuration(folder: Path, repos: int, shards: int) -> list[str]:
    """Write a configuration with a run of each repository, and return the rows that are planned."""
    names = [f"r{number}" for number in range(repos)]
    sources = {name: f"npm:css-what@0.0.{number}" for number, name in enumerate(names)}
    config: dict[str, Any] = {
        "defaults": {stage: {"shards": shards} for stage in STAGES},
        "repos": {name: {"profile": "CssWhatProfile", "source": source} for name, source in sources.items()},
        "runs": {name: {"repo": name} for name in names},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    return [f"trajectories_sft/{name}.resolved_only.xml.jsonl" for name in names]


def fill(folder: Path, repo: str, instances: int) -> None:
    """Write what has been made of a repository's instances."""
    records = [{"instance_id": f"{repo}.x__{number}", **RECORD} for number in range(instances)]
    data, began = json.dumps(records), time.time() - len(MADE)
    for age, name in enumerate(MADE):
        path = folder / "logs" / name.format(repo=repo)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}" if ".meta." in name or "environment" in name else data)
        os.utime(path, (began + age, began + age))
    for record in records:
        entry = folder / "logs/run_validation" / repo / str(record["instance_id"])
        entry.mkdir(exist_ok=True)
        (entry / "entry.json").write_text("{}")


def plan(folder: Path, targets: list[str]) -> Plan:
    """Plan the targets in a folder."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--directory", str(folder), "-n"]
    command += [*targets, "--configfile", str(folder / "mine.yaml")]
    output = folder / "plan.txt"
    started = time.monotonic()
    with output.open("wb") as file:
        redirected = [(os.POSIX_SPAWN_DUP2, file.fileno(), 1), (os.POSIX_SPAWN_DUP2, file.fileno(), 2)]
        pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=redirected)
        _, status, usage = os.wait4(pid, 0)
    wall_s = time.monotonic() - started
    if status:
        sys.exit(f"error: {' '.join(command)} failed:\n{output.read_text()[-2000:]}")
    totals = [line.split()[1] for line in output.read_text().splitlines() if line.startswith("total ")]
    return Plan(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, int(totals[0]))


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--shards", type=int, nargs="+", default=[1])
    parser.add_argument("--instances", type=int, nargs="+", default=[10], help="of each repository")
    parser.add_argument("--repos", type=int, nargs="+", default=[1])
    args = parser.parse_args()
    sys.stdout.write("| repositories | instances of each | shards a stage | jobs | wall, s | CPU, s | MB |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for repos, instances in itertools.product(args.repos, args.instances):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for number in range(repos):
                fill(folder, f"npm__css-what.v0.0.{number}", instances)
            for shards in args.shards:
                targets = write_configuration(folder, repos, shards)
                plan(folder, targets)  # warms the files of Snakemake
                plans = [plan(folder, targets) for _ in range(args.runs)]
                keys = ("wall_s", "cpu_s", "rss_mb")
                wall, cpu, rss = (statistics.median(getattr(one, key) for one in plans) for key in keys)
                size = f"{repos:,} | {instances:,} | {shards:,} | {plans[0].jobs:,}"
                sys.stdout.write(f"| {size} | {wall:.1f} | {cpu:.1f} | {rss:.0f} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
