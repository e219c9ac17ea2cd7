#!/usr/bin/env python3
"""
Measure what a dry run costs: the whole plan of config.yaml, with stages in more and more shards.

    benchmarks/planning.py --shards 1 10 100 1000 --runs 3

The number of instances changes no plan: a job is a stage of a repository or a run, or a shard of one.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SNAKEFILE = Path(__file__).resolve().parents[1] / "Snakefile"


@dataclass(frozen=True)
class Plan:
    """What one dry run took."""

    wall_s: float
    cpu_s: float
    rss_mb: float
    jobs: int


def plan(folder: Path, shards: int) -> Plan:
    """Plan everything in an empty folder."""
    (folder / "shards.json").write_text(
        json.dumps({"defaults": {stage: {"shards": shards} for stage in ("validation", "agent", "evaluation")}})
    )
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--directory", str(folder), "-n"]
    command += ["--configfile", str(folder / "shards.json")]
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
    args = parser.parse_args()
    sys.stdout.write("| shards a stage | jobs | wall, s | CPU, s | MB |\n|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        plan(Path(folder), 1)  # warms the files of Snakemake
        for shards in args.shards:
            plans = [plan(Path(folder), shards) for _ in range(args.runs)]
            wall, cpu, rss = (
                statistics.median(getattr(one, key) for one in plans) for key in ("wall_s", "cpu_s", "rss_mb")
            )
            sys.stdout.write(f"| {shards} | {plans[0].jobs} | {wall:.2f} | {cpu:.2f} | {rss:.0f} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
