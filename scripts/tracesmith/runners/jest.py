"""
jest (24.7 to 30): its own JSON report, and a sequencer of ours where the test files are shuffled.

All test files share one process: a test that ends it (`process.exit`) leaves no report. `jest.retryTimes` in a test
file cannot be turned off from outside.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tracesmith.runners import json_report
from tracesmith.runners.base import WARM, Driver, Invocation, Reading, Runner, headline

# `--passWithNoTests` because jest writes no report of a run without a test file; such a run has an outcome of its own.
FLAGS = [
    "--ci",
    "--json",
    "--runInBand",
    "--testTimeout=60000",
    "--passWithNoTests",
    "--coverage=false",
    "--watchman=false",
]
READS = ["**/jest.config.*", "**/jest.setup.*", "**/babel.config.*", "**/.babelrc*", "**/.swcrc", "**/__snapshots__/**"]


def invoke(command: Sequence[str], environment: Mapping[str, str], report: str) -> Invocation:
    """Return the command with its report."""
    return Invocation([*command, *FLAGS, f"--outputFile={report}"], dict(environment))


def read(data: bytes, exit_code: int) -> Reading | None:
    """Read a report; `pending` is jest's word for skipped."""
    return json_report.read(data, exit_code, None, headline)


def shell_line(command: Sequence[str]) -> str:
    """Return a line that counts the tests; after the file of a slow suite stands its time."""
    return f"{' '.join(command)} 2>&1 | grep -oE '^((Test Suites|Tests):.*|FAIL [^ ]+)'"


def shuffle(call: Invocation, order: int, report: str) -> Invocation:
    """Return the command with our sequencer, in the place of the repository's own if it has one."""
    return Invocation([*call.command, f"--testSequencer={RUNNER.sequencer_path(report, order)}"], call.environment)


def select(call: Invocation, paths: Sequence[str]) -> Invocation:
    """Return the command with the test files to run."""
    return Invocation([*call.command, "--runTestsByPath", *paths], call.environment)


HERE = Path(__file__)
DRIVER = Driver(
    HERE.with_name("jest_warm.mjs"),
    [WARM, HERE.with_name("jest_watchdog.mjs"), HERE.with_name("jest_order.cjs")],
    [],
    [*(flag for flag in FLAGS if flag != "--json"), "--forceExit=false"],
    is_one_process=True,
)
RUNNER = Runner(
    invoke,
    read,
    shell_line,
    READS,
    shuffle=shuffle,
    select=select,
    driver=DRIVER,
    coverage=HERE.with_name("coverage.cjs"),
    coverage_by_file=True,
    sequencer=HERE.with_name("jest_sequencer.cjs"),
)
