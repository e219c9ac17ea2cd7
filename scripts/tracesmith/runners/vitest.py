"""vitest (1 to 4): its own JSON reporter, and its own way to shuffle the test files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tracesmith.runners import json_report
from tracesmith.runners.base import WARM, Driver, Invocation, Reading, Runner, first_line

# Test time limits far above what a test needs: a loaded machine must not make a slow test a failing one; what hangs is
# ended by the time limit of the whole run. One worker: workers beyond it are other sandboxes.
FLAGS = [
    "--reporter=default",
    "--reporter=json",
    "--testTimeout=60000",
    "--hookTimeout=60000",
    "--retry=0",
    "--no-file-parallelism",
]
READS = [
    "**/vitest.config.*",
    "**/vitest.workspace.*",
    "**/vitest.projects.*",
    "**/vite.config.*",
    "**/__snapshots__/**",
]


def invoke(command: Sequence[str], environment: Mapping[str, str], report: str) -> Invocation:
    """Return the command with its reporter."""
    return Invocation([*command, *FLAGS, f"--outputFile.json={report}"], dict(environment))


def read(data: bytes, exit_code: int) -> Reading | None:
    """Read a report; `pending` are tests that a dying process left without a result."""
    return json_report.read(data, exit_code, "pending", first_line)


def shell_line(command: Sequence[str]) -> str:
    """Return a line that counts the tests."""
    return f"{' '.join(command)} 2>&1 | grep -E '^ *(Test Files|Tests|FAIL) '"


def shuffle(call: Invocation, order: int, _report: str) -> Invocation:
    """Return the command with the test files in another order, and the tests in a file in theirs."""
    return Invocation([*call.command, "--sequence.shuffle.files", f"--sequence.seed={order}"], call.environment)


def select(call: Invocation, paths: Sequence[str]) -> Invocation:
    """Return the command with the test files to run; one whose path only begins like theirs runs too."""
    return Invocation([*call.command, *paths], call.environment)


HERE = Path(__file__)
DRIVER = Driver(HERE.with_name("vitest_warm.mjs"), [WARM, HERE.with_name("vitest_world.js")], ["run"], FLAGS[2:])
COVERAGE = HERE.with_name("coverage.cjs")
RUNNER = Runner(
    invoke,
    read,
    shell_line,
    READS,
    shuffle=shuffle,
    select=select,
    driver=DRIVER,
    coverage=COVERAGE,
)
