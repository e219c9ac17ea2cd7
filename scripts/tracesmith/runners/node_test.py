"""
node:test (Node 20 and later): a reporter of ours, since JUnit loses the file and the nesting of a test.

Each test file has a process of its own; one that dies, or ends without having run a test, is broken. The files run in
the order of their names, which nothing can change: node sorts them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tracesmith.errors import InputError
from tracesmith.runners import line_report
from tracesmith.runners.base import Invocation, Runner

SWITCH = "--test"
FLAGS = [
    "--test-concurrency=1",
    "--test-timeout=60000",
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
]
READS = ["**/node.config.json", "**/*.snapshot"]


def invoke(command: Sequence[str], environment: Mapping[str, str], report: str) -> Invocation:
    """Return the command with our reporter."""
    reporter = [f"--test-reporter={RUNNER.reporter_path(report)}", f"--test-reporter-destination={report}"]
    return Invocation(_with(command, [*FLAGS, *reporter]), dict(environment))


def shell_line(command: Sequence[str]) -> str:
    """Return a line that counts the tests."""
    words = " ".join(_with(command, ["--test-reporter=tap"]))
    return f"{words} 2>&1 | grep -E '^# (tests|pass|fail|cancelled|skipped|todo) '"


def _with(command: Sequence[str], flags: list[str]) -> list[str]:
    """Put flags behind `--test`: what follows the first file belongs to the tests."""
    if SWITCH not in command:
        raise InputError(f"the test command {' '.join(command)!r} of the runner node_test has no {SWITCH}")
    place = list(command).index(SWITCH) + 1
    return [*command[:place], *flags, *command[place:]]


RUNNER = Runner(
    invoke, line_report.read, shell_line, READS, reporter=Path(__file__).with_name("node_test_reporter.mjs")
)
