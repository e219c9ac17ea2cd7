#!/usr/bin/env python3
"""
Measure what building an environment again costs when everything is there: it is to be a no-op.

    benchmarks/warm_build.py --backend bubblewrap --runs 5

It builds css-what's environment in a temporary folder, then builds it again and again, and checks that no entry of its
store is touched: nothing is installed and no suite is run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET_S = 0.5


def measure(folder: Path, backend: str) -> tuple[float, float]:
    """Build the environment and return the wall seconds and the CPU seconds, those of all its processes."""
    script, profile = ROOT / "scripts" / "build_environment.py", ROOT / "configs" / "repos" / "css-what.yaml"
    command = [sys.executable, script, profile, "--backend", backend, "--output", folder / "environment.json"]
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def entries(folder: Path) -> dict[Path, int]:
    """Return the entries of the store with their times."""
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("entry.json"))}


def main() -> None:
    """Print medians and whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["docker", "bubblewrap"], default="bubblewrap")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cold, _ = measure(folder, args.backend)
        before = entries(folder)
        found = [measure(folder, args.backend) for _ in range(args.runs)]
        if entries(folder) != before:
            sys.exit("a warm build has changed its store")
    wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
    met = "met" if cpu < TARGET_S else "MISSED"
    line = f"{args.backend}: cold {cold:.1f} s; warm {wall:.2f} s wall (least {min(found)[0]:.2f}), {cpu:.2f} s CPU"
    sys.stdout.write(f"{line}, medians of {args.runs}; target under {TARGET_S} s CPU: {met}\n")


if __name__ == "__main__":
    main()
