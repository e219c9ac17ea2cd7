"""
ava (4 to 6): a module of ours that listens to its events, since TAP loses the file's name.

The module comes in by NODE_OPTIONS, and does nothing in processes other than ava's own. It also shuffles the test files
of a run that asks for it, in the place of the repository's own `sortTestFiles`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tracesmith.runners import line_report
from tracesmith.runners.base import Invocation, Runner

# ava's limit is for the time without any result, 10 s if not set.
FLAGS = ["--concurrency=1", "--timeout=60s", "--no-color"]
READS = ["**/ava.config.*", "**/*.snap"]


def invoke(command: Sequence[str], environment: Mapping[str, str], report: str) -> Invocation:
    """Return the command with our module."""
    options = [*filter(None, [environment.get("NODE_OPTIONS")]), f"--import={RUNNER.reporter_path(report)}"]
    return Invocation([*command, *FLAGS], {**environment, "NODE_OPTIONS": " ".join(options)})


def shell_line(command: Sequence[str]) -> str:
    """Return a line that counts the tests."""
    return f"{' '.join(command)} --tap 2>&1 | grep -E '^# (tests|pass|skip|todo|fail) '"


def shuffle(call: Invocation, order: int, _report: str) -> Invocation:
    """Return the command with an order for our module, whose address ends the options."""
    options = f"{call.environment['NODE_OPTIONS']}?order={order}"
    return Invocation(call.command, {**call.environment, "NODE_OPTIONS": options})


REPORTER = Path(__file__).with_name("ava_reporter.mjs")
RUNNER = Runner(invoke, line_report.read, shell_line, READS, reporter=REPORTER, shuffle=shuffle)
