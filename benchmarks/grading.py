#!/usr/bin/env python3
"""
Measure what the grade of one prediction costs beyond the time of its tests.

    benchmarks/grading.py --backend bubblewrap --predictions 10

It builds css-what's environment in a temporary folder and evaluates as many predictions of one instance as asked for,
one after the other, as evaluate_predictions does, with and without the second opinion. The time of the tests is that of
the runner's command in the sandbox, start of Node included; all else of the evaluation, the reading of its input
included, is divided by the number of predictions. With a second opinion it is the cost of two runs.
"""

import argparse
import difflib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from tracesmith import files, prepared, references  # noqa: E402
from tracesmith.evaluation import evaluating, grading  # noqa: E402
from tracesmith.pool import Share  # noqa: E402
from tracesmith.suites import SuiteRun  # noqa: E402

TARGETS_S = {"bubblewrap": 0.5, "docker": 1.5}


def build(folder: Path, backend: str) -> Path:
    """Build css-what's environment and return the path of environment.json."""
    path = folder / "environment.json"
    script, profile = ROOT / "scripts" / "build_environment.py", ROOT / "configs" / "repos" / "css-what.yaml"
    command = [sys.executable, script, profile, "--backend", backend, "--reference-runs", "2", "--output", path]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return path


def make_input(environment: Path, folder: Path, count: int) -> None:
    """Write a dataset of one bug under many ids, and the predictions that repair it."""
    made = prepared.read(environment)
    source = environment.parent / made.source
    tests = references.read(environment.parent, made).stable.passed()
    path = next(path for path in sorted(source.rglob("*.ts")) if ".spec." not in path.name)
    lines, name = path.read_text().splitlines(keepends=True), path.relative_to(source).as_posix()
    worse = ["// a bug\n", *lines]
    bug = "".join(difflib.unified_diff(lines, worse, f"a/{name}", f"b/{name}"))
    fix = "".join(difflib.unified_diff(worse, lines, f"a/{name}", f"b/{name}"))
    first, *others = sorted(tests)
    instance = {"patch": bug, "FAIL_TO_PASS": [first], "PASS_TO_PASS": others, "image_name": "x", "repo": made.repo}
    ids = [f"{made.repo}.x__{number}" for number in range(count)]
    (folder / "data.json").write_text(json.dumps([{**instance, "instance_id": one} for one in ids]))
    predictions: dict[str, Any] = {
        one: {"instance_id": one, "model_patch": fix, "model_name_or_path": "x"} for one in ids
    }
    (folder / "preds.json").write_text(json.dumps(predictions))


class Clock:
    """Adds up the time of every run of a suite."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.run = grading.suites.run

    def __call__(self, *arguments: Any) -> SuiteRun:
        """Run a suite."""
        found = self.run(*arguments)
        self.seconds += found.seconds
        return found


def measure(environment: Path, folder: Path, count: int, again: bool) -> tuple[float, float]:
    """Return the seconds of one prediction: of its tests, and of all else."""
    clock = Clock()
    grading.suites.run = clock
    output = folder / f"graded-{again}" / "report.json"
    begun = time.perf_counter()
    paths = (folder / "preds.json", folder / "data.json", environment)
    evaluating.evaluate(*paths, 600, output, Share(1), second_opinion=again)
    took = time.perf_counter() - begun
    grading.suites.run = clock.run
    report = files.read_json(output)
    if report["resolved"] != count:
        sys.exit(f"only {report['resolved']} of {count} were resolved: {report['tracesmith']['ids_by_outcome']}")
    return clock.seconds / count, (took - clock.seconds) / count


def main() -> None:
    """Print the table and whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=list(TARGETS_S), default="bubblewrap")
    parser.add_argument("--predictions", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = build(folder, args.backend)
        make_input(environment, folder, args.predictions)
        once, twice = (measure(environment, folder, args.predictions, again) for again in (False, True))
    target = TARGETS_S[args.backend]
    lines = [
        f"| {args.backend}, {args.predictions} predictions | tests, s | all else, s |",
        "|---|---|---|",
        f"| one run | {once[0]:.2f} | {once[1]:.2f} |",
        f"| with the second opinion | {twice[0]:.2f} | {twice[1]:.2f} |",
        f"target for one run: under {target} s: {'met' if once[1] < target else 'MISSED'}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
