#!/usr/bin/env python3
"""
Say what a run of very many instances takes on a cluster, and check the arithmetic against real runs of Snakemake.

    benchmarks/scaling_model.py --instances 1000000 --jobs 200 --workers 8 --shard-minutes 60
    benchmarks/scaling_model.py --check

A check runs shards that wait as long as the work of their instances takes, costs that are drawn by a seed and are known
beforehand, on the real Snakemake, and compares its time with what is said. docs/scaling.md says where the numbers of
STAGES come from.
"""

import argparse
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

JOB_CPU_S = 4.0
"""CPU seconds of a Slurm job besides its work: two Snakemakes and the imports."""
JOB_WALL_S = 45.0
"""Seconds from a free place in the queue to work, and from the end of the work until that is noticed."""
TOLERANCE = 0.15
SEED = 24
WORKFLOW = """
rule all:
    input: expand("{{i}}.done", i=range({shards}))

rule shard:
    output: touch("{{i}}.done")
    threads: 1
    shell: "{python} {script} --shard {{wildcards.i}} --of {shards} --workers {workers} --items {items} --mean {mean}"
"""


@dataclass(frozen=True)
class Stage:
    """What one item of a stage costs: seconds of one worker, CPU seconds, bytes that stay, and USD."""

    name: str
    items: float
    """For each instance of the dataset."""
    item_s: float
    cpu_s: float
    size: int
    usd: float = 0.0
    alone: bool = False
    """Whether one job with one worker does it all."""


STAGES = (
    Stage("validation and confirmation", 1.5, 6.0, 6.0, 290_000),
    Stage("agent, 40 turns", 1.0, 400.0, 1.3, 250_000, 0.30),
    Stage("evaluation", 1.0, 6.0, 6.0, 106_000),
    Stage("rows", 1.0, 0.02, 0.02, 120_000, alone=True),
)


@dataclass(frozen=True)
class Forecast:
    """What a stage takes in all: shards, seconds of wall, CPU seconds of work and of jobs, bytes, USD."""

    shards: int
    wall_s: float
    work_cpu_s: float
    job_cpu_s: float
    size: float
    usd: float


def wall(items: int, shards: int, jobs: int, workers: int, item_s: float, job_s: float) -> float:
    """
    Return the seconds of a stage: shards go in waves of `jobs`, the items of one through its workers.

    The last items of a shard end at different times: half an item's time, where there are many workers.
    """
    rounds = math.ceil(items / shards) / workers + 0.5 * (1 - 1 / workers)
    return math.ceil(shards / jobs) * (job_s + rounds * item_s)


def forecast(stage: Stage, instances: int, jobs: int, workers: int, shard_s: float) -> Forecast:
    """Return what a stage takes when a shard is to have work for so many seconds."""
    items = math.ceil(instances * stage.items)
    workers = 1 if stage.alone else workers
    shards = 1 if stage.alone else max(1, math.ceil(items * stage.item_s / workers / shard_s))
    seconds = wall(items, shards, jobs, workers, stage.item_s, JOB_WALL_S)
    return Forecast(
        shards, seconds, items * stage.cpu_s, (shards + 1) * JOB_CPU_S, items * stage.size, items * stage.usd
    )


def show(args: argparse.Namespace) -> None:
    """Print the forecast of all stages."""
    sys.stdout.write(
        "| stage | shards | hours | CPU hours of work | of jobs | GB | USD |\n|---|---|---|---|---|---|---|\n"
    )
    for stage in STAGES:
        one = forecast(stage, args.instances, args.jobs, args.workers, args.shard_minutes * 60)
        cells = [stage.name, f"{one.shards:,}", f"{one.wall_s / 3600:,.1f}", f"{one.work_cpu_s / 3600:,.0f}"]
        cells += [f"{one.job_cpu_s / 3600:,.1f}", f"{one.size / 1e9:,.0f}", f"{one.usd:,.0f}"]
        sys.stdout.write(f"| {' | '.join(cells)} |\n")


def cost_of(number: int, mean: float) -> float:
    """Return the seconds of an item, from half of the mean to one and a half."""
    return mean * random.Random(SEED + number).uniform(0.5, 1.5)  # noqa: S311 - no secret


def work(args: argparse.Namespace) -> None:
    """Be a shard: wait as long as its items take, so many workers at once, each taking the next one."""
    free = [0.0] * args.workers
    for number in range(args.shard, args.items, args.of):
        free.sort()
        free[0] += cost_of(number, args.mean)
    time.sleep(max(free))


def simulate(folder: Path, shards: int, workers: int, items: int, mean: float) -> float:
    """Run so many shards on the real Snakemake, two at once, and return its seconds."""
    text = WORKFLOW.format(
        python=sys.executable, script=Path(__file__).resolve(), shards=shards, workers=workers, items=items, mean=mean
    )
    (folder / "Snakefile").write_text(text)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--scheduler", "greedy", "--directory", str(folder)]
    started = time.monotonic()
    subprocess.run([*command, "--snakefile", str(folder / "Snakefile")], check=True, capture_output=True)
    return time.monotonic() - started


def check(cases: Sequence[tuple[int, int]], items: int, mean: float) -> None:
    """Compare runs with what the model says of them. Ends with an error where one is off by more than TOLERANCE."""
    sys.stdout.write("| shards | workers | said, s | seen, s | off, % |\n|---|---|---|---|---|\n")
    worst = 0.0
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as many:
        job_s = (simulate(Path(many), 41, 1, 0, mean) - simulate(Path(one), 1, 1, 0, mean)) / 20
    for shards, workers in cases:
        with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as full:
            start_s = simulate(Path(empty), 1, 1, 0, mean)
            seen = simulate(Path(full), shards, workers, items, mean)
        said = start_s - job_s + wall(items, shards, 2, workers, mean, job_s)
        off = (seen - said) / said
        worst = max(worst, abs(off))
        sys.stdout.write(f"| {shards} | {workers} | {said:.1f} | {seen:.1f} | {100 * off:+.0f} |\n")
        sys.stdout.flush()
    if worst > TOLERANCE:
        sys.exit(f"error: off by {worst:.0%}, and {TOLERANCE:.0%} is what is promised")
    sys.stdout.write(f"A job costs {job_s:.2f} s.\n")


def main() -> None:
    """Print a forecast, or a check of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=1_000_000, help="of the dataset")
    parser.add_argument("--jobs", type=int, default=200, help="that run at once")
    parser.add_argument("--workers", type=int, default=8, help="of a job")
    parser.add_argument("--shard-minutes", type=float, default=60, help="of work that a shard is to have")
    parser.add_argument("--check", action="store_true", help="three minutes, on two cores")
    for name in ("--shard", "--of", "--items"):
        parser.add_argument(name, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--mean", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.check:
        check([(1, 4), (2, 4), (4, 4), (8, 2), (20, 8)], items=400, mean=0.4)
    elif args.of:
        work(args)
    else:
        show(args)


if __name__ == "__main__":
    main()
