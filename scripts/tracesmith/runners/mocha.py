"""
mocha (8 to 11): a reporter of ours, since its JSON loses where one title ends and the next begins.

All test files share one process: one that cannot be loaded, or that ends the process, leaves no report, and neither
does a run that finds no test file. mocha 11 takes no notice of a rejection that nobody handles. For the same reason
no coverage tells the test files apart: a candidate runs the whole suite.

mocha has no order but the one in which it finds the files. A shuffled run loads them in it, and our reporter then puts
their suites into another, after the tests outside of all suites, as ever.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tracesmith.runners import line_report
from tracesmith.runners.base import Invocation, Reading, Runner

FLAGS = ["--no-parallel", "--timeout=60000", "--retries=0", "--no-color"]
READS = ["**/.mocharc.*"]
MOST_FAILURES = 255
# Node's code when an error came while mocha was handling one, such as a timer's after its test has passed.
ERROR_IN_HANDLER = 7


def invoke(command: Sequence[str], environment: Mapping[str, str], report: str) -> Invocation:
    """Return the command with our reporter."""
    return Invocation([*command, *FLAGS, f"--reporter={RUNNER.reporter_path(report)}"], dict(environment))


def read(data: bytes, exit_code: int) -> Reading | None:
    """Read a report; mocha ends with the number of failures, 1 under --posix-exit-codes, or Node's 7."""
    reading = line_report.read(data, exit_code)
    if reading is None:
        return None
    failures = line_report.failures(data)
    codes = {min(failures, MOST_FAILURES), 1, ERROR_IN_HANDLER} if failures else {0}
    return reading if exit_code in codes else None


def shell_line(command: Sequence[str]) -> str:
    """Return a line that counts the tests."""
    return f"{' '.join(command)} --reporter=dot 2>&1 | grep -oE '^ +[0-9]+ (passing|failing|pending)'"


def shuffle(call: Invocation, order: int, _report: str) -> Invocation:
    """Return the command with an order for our reporter."""
    return Invocation([*call.command, f"--reporter-option=order={order}"], call.environment)


REPORTER = Path(__file__).with_name("mocha_reporter.cjs")
RUNNER = Runner(invoke, read, shell_line, READS, range(MOST_FAILURES + 1), REPORTER, shuffle)
