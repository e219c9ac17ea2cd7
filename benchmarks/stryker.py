#!/usr/bin/env python3
"""
Measure what a mutant costs Stryker and what a candidate costs `validate_bugs`, on the same files of one package.

    benchmarks/stryker.py --package css-what --candidates 100 --environment FOLDER src/parse.ts src/stringify.ts

Stryker is installed into a sandbox with the network and runs there with one worker, twice: as it is, ending a mutant at
the first test that fails, and without that, as telling which tests fail takes.
"""

import argparse
import functools
import json
import sys
from dataclasses import replace
from pathlib import Path

import validation as ours

from tracesmith import prepared
from tracesmith.environments import locking, profiles
from tracesmith.sandboxes import base

VERSION = "10.1.1"
PACKAGES = [f"@stryker-mutator/{name}@{VERSION}" for name in ("core", "vitest-runner")]
INSTALL = [
    "npm",
    "install",
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--legacy-peer-deps",
    *PACKAGES,
]
REPORT = "/tmp/stryker.json"  # noqa: S108 - a path inside the sandbox
CONFIG = {
    "testRunner": "vitest",
    "coverageAnalysis": "perTest",
    "concurrency": 1,
    "reporters": ["json"],
    "jsonReporter": {"fileName": REPORT},
}


def stryker(package: str, path: Path, mutate: list[str], *, whole: bool) -> tuple[int, float]:
    """Return how many mutants Stryker ran, and the CPU seconds of all; `whole` runs all tests of each."""
    backend = prepared.open_backend(path, replace(prepared.read(path), network=True))
    with backend.open() as box:
        locking.run(box, profiles.read(ours.profile_of(package)), [INSTALL])
        config = json.dumps({**CONFIG, "mutate": mutate, "disableBail": whole})
        base.write_file(box, f"{base.TESTBED}/stryker.config.json", config.encode())
        work = functools.partial(base.must, box, ["node_modules/.bin/stryker", "run"], timeout_s=3600)
        _, used = ours.priced(work)
        files = json.loads(base.read_file(box, REPORT) or b"{}")["files"]
    mutants = [mutant["status"] for file in files.values() for mutant in file["mutants"]]
    return len([status for status in mutants if status not in ("Ignored", "NoCoverage")]), used


def validated(folder: Path, package: str, mutate: list[str], count: int, seed: int) -> tuple[int, float]:
    """Return how many candidates of the files were validated, and the CPU seconds of all, coverage included."""
    ready = ours.prepare(folder)
    listed = ours.candidates_of(folder, package, count, seed, mutate)
    return len(listed), ready.cpu_s + sum(one.cpu_s for one in ours.validate(ready.runner, ready.warm, listed))


def main() -> None:
    """Measure the three and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="sources to change")
    parser.add_argument("--package", required=True, help="one of configs/repos, or a profile of your own")
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--environment", type=Path, required=True, help="folder of the environment, built")
    args = parser.parse_args()
    path = args.environment / "environment.json"
    rows = {
        "Stryker, to the first failing test": stryker(args.package, path, args.files, whole=False),
        "Stryker, all tests": stryker(args.package, path, args.files, whole=True),
        "validate_bugs": validated(args.environment, args.package, args.files, args.candidates, args.seed),
    }
    lines = ["| | changes | CPU s | CPU s each | a CPU minute |", "|---|---|---|---|---|"]
    for name, (count, used) in rows.items():
        lines.append(f"| {name} | {count} | {used:.0f} | {used / count:.2f} | {60 * count / used:.0f} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
