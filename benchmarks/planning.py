#!/usr/bin/env python3
"""
Measure what a dry run costs: the whole plan of config.yaml, several times, after one warm-up.

    benchmarks/planning.py --runs 5
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SNAKEFILE = Path(__file__).resolve().parents[1] / "Snakefile"


def measure(folder: str) -> float:
    """Plan everything in an empty folder and return the wall seconds it took."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--directory", folder, "-n"]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - started


def main() -> None:
    """Print minimum, median and maximum."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(folder)
        seconds = [measure(folder) for _ in range(args.runs)]
    line = (
        f"snakemake -n: min {min(seconds):.2f} s, median {statistics.median(seconds):.2f} s, max {max(seconds):.2f} s"
    )
    sys.stdout.write(f"{line} ({args.runs} runs)\n")


if __name__ == "__main__":
    main()
