"""
mocha (8 to 11): a reporter of ours, since its JSON loses where one title ends and the next begins.

All test files share one process: one that cannot be loaded, or that ends the process, leaves no report.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tracesmith.runners import line_report
from tracesmith.runners.base import Invocation, Reading, Runner

FLAGS = ["--no-parallel", "--timeout=60000", "--retries=0", "--no-color"]
MOST_FAILURES = 255


def invoke(command: Sequence[str], environment: Mapping[str, str], report: str) -> Invocation:
    """Return the command with our reporter."""
    return Invocation([*command, *FLAGS, f"--reporter={RUNNER.reporter_path(report)}"], dict(environment))


def read(data: bytes, exit_code: int) -> Reading | None:
    """Read a report; mocha ends with the number of failures, or with 1 under --posix-exit-codes."""
    reading = line_report.read(data, exit_code)
    if reading is None:
        return None
    failures = line_report.failures(data)
    return reading if exit_code in (min(failures, MOST_FAILURES), min(failures, 1)) else None


def shell_line(command: Sequence[str]) -> str:
    """Return a line that counts the tests."""
    return f"{' '.join(command)} --reporter=dot 2>&1 | grep -oE '^ +[0-9]+ (passing|failing|pending)'"


RUNNER = Runner(invoke, read, shell_line, range(MOST_FAILURES + 1), Path(__file__).with_name("mocha_reporter.cjs"))
