#!/usr/bin/env python3
"""
Measure what share of planted flaky tests is caught by 2, 5 and 10 runs, beside what is to be expected.

    benchmarks/flakiness.py --tests 2000

It builds css-what's environment in a temporary folder and adds a file with as many tests of each kind: they fail with a
probability of 5, 10, 20 and 50 %, whatever the code. That file runs 21 times in fresh sandboxes: 10 times as the
pristine tree, once as the validation of a bug (that changes nothing: whatever the lists hold is wrong), and 10 times as
its confirmation; run after run under other conditions, as in the pipeline. The lists are made by the pipeline's own
functions.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from tracesmith import perturbations, prepared, references, suites  # noqa: E402
from tracesmith.perturbations import PLAIN, Perturbation  # noqa: E402
from tracesmith.prepared import Environment  # noqa: E402
from tracesmith.references import Reference  # noqa: E402
from tracesmith.sandboxes import base  # noqa: E402
from tracesmith.suites import SuiteRun  # noqa: E402
from tracesmith.validation import confirming, verdicts  # noqa: E402

PROBABILITIES = (0.05, 0.1, 0.2, 0.5)
RUNS = (2, 5, 10)
GATE = 3
FILE = "src/flaky.spec.ts"
TEXT = """import {{ expect, it }} from "vitest";
for (const p of {probabilities}) {{
  for (let number = 0; number < {tests}; number++) {{
    it(`${{p}} ${{number}}`, () => expect(Math.random() >= p).toBe(true));
  }}
}}
"""


@dataclass(frozen=True)
class Runs:
    """What was run."""

    pristine: list[SuiteRun]
    validation: SuiteRun
    confirmation: list[SuiteRun]


def build(folder: Path, backend: str) -> Path:
    """Build css-what's environment and return the path of environment.json."""
    path = folder / "environment.json"
    script, profile = ROOT / "scripts" / "build_environment.py", ROOT / "configs" / "repos" / "css-what.yaml"
    command = [sys.executable, script, profile, "--backend", backend, "--reference-runs", "1", "--output", path]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return path


def run(path: Path, environment: Environment, text: bytes, changes: Perturbation) -> SuiteRun:
    """Run the planted tests in a fresh sandbox."""
    with references.open_backend(path.parent, environment, changes).open() as box:
        base.write_file(box, f"{base.TESTBED}/{FILE}", text)
        found = suites.run(box, environment.test, 600, changes, only=[FILE])
    if found.outcome != "ran":
        sys.exit(f"a run ended with {found.outcome}:\n{found.output[-2000:]}")
    return found


def run_all(path: Path, tests: int) -> Runs:
    """Make all runs, those of the pristine tree and of the confirmation by turns."""
    environment = prepared.read(path)
    text = TEXT.format(probabilities=list(PROBABILITIES), tests=tests).encode()
    validation = run(path, environment, text, PLAIN)
    pristine, confirmation = [], []
    for number in range(1, max(RUNS) + 1):
        for made in (confirmation, pristine):
            made.append(run(path, environment, text, perturbations.of_run(number)))
    return Runs(pristine, validation, confirmation)


def of(tests: Iterable[str], p: float) -> int:
    """Return how many of some tests fail with a probability."""
    return sum(test.startswith(f"{FILE} > {p:g} ") for test in tests)


def cell(caught: int, of_all: int, expected: float) -> str:
    """Return a share beside the expected one; an end to the program where chance cannot explain the difference."""
    if not of_all:
        return f"none of 0 ({100 * expected:.1f})"
    share, error = caught / of_all, (expected * (1 - expected) / of_all) ** 0.5
    if abs(share - expected) > 4 * error + 1 / of_all:
        sys.exit(f"{caught} of {of_all} were caught, {expected:.3f} of them were expected")
    return f"{100 * share:.1f} ({100 * expected:.1f})"


def differing(runs: Runs, p: float, tests: int) -> list[str]:
    """Return the share of the tests of one kind that differ between the runs of one side."""
    return [
        cell(of(Reference(runs.pristine[:count]).flaky, p), tests, 1 - p**count - (1 - p) ** count) for count in RUNS
    ]


def leaving(runs: Runs, p: float, key: str) -> list[str]:
    """Return the share of the tests in a list of the validation that leave it, beside how many there are."""
    gate = Reference(runs.pristine[:GATE])
    seen = verdicts.compare(gate.stable, runs.validation).as_json()
    all_in_list = of(seen[key], p)
    found = [str(all_in_list)]
    for count in RUNS:
        report = confirming.judge(seen, runs.confirmation[:count], Reference(runs.pristine[: max(GATE, count)]))
        again = p if key == "FAIL_TO_PASS" else 1 - p
        stays = again**count * (1 - p) ** max(0, count - GATE)
        found.append(cell(all_in_list - of(report[key], p), all_in_list, 1 - stays))
    return found


def table(head: str, rows: Iterable[tuple[float, list[str]]]) -> list[str]:
    """Return the lines of a table with a row for each probability."""
    columns = head.count("|") + 1
    lines = [f"| fails, % | {head} |", "|---" * (columns + 1) + "|"]
    return [*lines, *(f"| {100 * p:g} | {' | '.join(cells)} |" for p, cells in rows), ""]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["bubblewrap", "docker"], default="bubblewrap")
    parser.add_argument("--tests", type=int, default=2000, help="of each kind")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        runs = run_all(build(Path(name), args.backend), args.tests)
    counts = " | ".join(f"{count} runs" for count in RUNS)
    lines = [f"Of {args.tests} tests each, those that are not the same in all runs of one tree, % (expected):", ""]
    lines += table(counts, ((p, differing(runs, p, args.tests)) for p in PROBABILITIES))
    for key in confirming.SEEN:
        lines += [f"Of those that validation put into {key}, those that leave it, % (expected):", ""]
        lines += table(f"in the list | {counts}", ((p, leaving(runs, p, key)) for p in PROBABILITIES))
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
