"""
Run a repository's test suite in a sandbox and read what the runner's own report says.

A test's id is its file and its full title path, joined by " > "; a second test of the same id in a file is numbered:
" [2]". Console output is kept for people and never read for verdicts.
"""

import secrets
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tracesmith.perturbations import CLOCK, PLAIN, Perturbation
from tracesmith.prepared import TestSettings
from tracesmith.runners import RUNNERS
from tracesmith.runners.base import SEPARATOR, Invocation, Reading, Runner
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Completed, Sandbox

SURE = ("ran", "timed_out")
"""Outcomes of a run that another one of the same code would have as well."""


@dataclass(frozen=True)
class SuiteRun:
    """What one run of the suite said."""

    outcome: str
    """
    ran, no_tests (the runner found none), timed_out, out_of_memory, killed (another limit) or no_report (the runner
    itself broke, or a test ended its process).
    """
    tests: dict[str, str] = field(default_factory=dict)
    """State of each test by its id: passed, failed, skipped or todo."""
    failures: dict[str, str] = field(default_factory=dict)
    """First line of what went wrong, for each test that failed."""
    broken_files: list[str] = field(default_factory=list)
    """Test files that failed as a whole: their tests are not listed, or did not run."""
    clean_exit: bool = False
    """Whether the runner itself calls the run a success; false with all tests passed means errors outside of tests."""
    output: str = ""
    seconds: float = 0.0
    complaints: dict[str, str] = field(default_factory=dict)
    """What the runner said of a broken file, where it said something: one line."""
    file_seconds: dict[str, float] = field(default_factory=dict)
    """What the tests of each file took, where the report says it."""

    def passed(self) -> set[str]:
        """Return the ids of the tests that passed."""
        return {test for test, state in self.tests.items() if state == "passed"}

    def failed(self) -> set[str]:
        """Return the ids of the tests that failed."""
        return {test for test, state in self.tests.items() if state == "failed"}


def invocation(settings: TestSettings, report: str) -> Invocation:
    """Return what runs the whole suite and writes the report; a reporter of ours has to stand beside it."""
    call = RUNNERS[settings.runner].invoke(settings.command, settings.environment, report)
    if settings.folder == ".":
        return call
    return Invocation(["env", "--chdir", settings.folder, *call.command], call.environment)


def reporter(settings: TestSettings, report: str) -> tuple[str, bytes] | None:
    """Return where a reporter of ours has to stand and its text; None where the runner's own is used."""
    runner = RUNNERS[settings.runner]
    return (runner.reporter_path(report), runner.reporter.read_bytes()) if runner.reporter else None


def protected_globs(settings: TestSettings) -> list[str]:
    """Return the files that decide a verdict: the tests, what the profile names, and what the runner reads."""
    return [*settings.globs, *settings.protected_globs, *RUNNERS[settings.runner].reads]


def run(
    box: Sandbox,
    settings: TestSettings,
    timeout_s: float,
    changes: Perturbation = PLAIN,
    *,
    only: Sequence[str] = (),
    preload: str | None = None,
) -> SuiteRun:
    """
    Run the whole suite and read its report; no two runs write the same one.

    Or only some test files, where the runner can choose; others may run too. A preload is a module in the sandbox that
    every Node process loads first.
    """
    report = f"/tmp/tracesmith-report.{secrets.token_hex(8)}.json"  # noqa: S108 - a path inside the sandbox
    runner = RUNNERS[settings.runner]
    for path, source in _helpers(runner, report, changes).items():
        base.write_file(box, path, source.read_bytes())
    call = invocation(replace(settings, environment=changes.environment(settings.environment)), report)
    if changes.order is not None and runner.shuffle:
        call = runner.shuffle(call, changes.order, report)
    if only and runner.select:
        call = runner.select(call, [f"{base.TESTBED}/{path}" for path in only])
    if preload:
        call = _preloaded(call, preload)
    done = box.run(call.command, timeout_s=timeout_s, environment=call.environment)
    if done.killed:
        outcome = {"timeout": "timed_out", "memory": "out_of_memory"}.get(done.killed, "killed")
        return SuiteRun(outcome, output=done.text, seconds=done.seconds)
    reading = _reading(box, runner, report, done)
    if reading is None:
        return SuiteRun("no_report", output=done.text, seconds=done.seconds)
    return of_reading(reading, done.text, done.seconds)


def sure(run: Callable[[], SuiteRun]) -> SuiteRun:
    """Make a run, and again when it was killed or has no report: the machine, short of memory, may have done that."""
    found = run()
    return found if found.outcome in SURE else run()


def of_reading(reading: Reading, output: str, seconds: float) -> SuiteRun:
    """Return the run that a report was read from."""
    outcome = "ran" if reading.tests or reading.broken else "no_tests"
    return SuiteRun(
        outcome,
        reading.tests,
        reading.failures,
        sorted(reading.broken),
        reading.clean,
        output,
        seconds,
        reading.complaints,
        reading.seconds,
    )


def _preloaded(call: Invocation, module: str) -> Invocation:
    options = [*filter(None, [call.environment.get("NODE_OPTIONS")]), f"--require={module}"]
    return Invocation(call.command, {**call.environment, "NODE_OPTIONS": " ".join(options)})


def _helpers(runner: Runner, report: str, changes: Perturbation) -> dict[str, Path]:
    """Return the files of ours that a run needs, by where they have to stand in the sandbox."""
    found = {}
    if runner.reporter:
        found[runner.reporter_path(report)] = runner.reporter
    if runner.sequencer and changes.order is not None:
        found[runner.sequencer_path(report, changes.order)] = runner.sequencer
    if changes.ahead_s:
        found[changes.clock_path()] = CLOCK
    return found


def test_file(test: str) -> str:
    """Return the file of a test's id."""
    return test.split(SEPARATOR, 1)[0]


def shell_line(settings: TestSettings) -> str:
    """Return how an agent runs the suite so that the output says how many tests passed, but no durations."""
    line = RUNNERS[settings.runner].shell_line(settings.command)
    return line if settings.folder == "." else f"cd {shlex.quote(settings.folder)} && {line}"


def _reading(box: Sandbox, runner: Runner, report: str, done: Completed) -> Reading | None:
    data = base.read_file(box, report) if done.exit_code in runner.ended else None
    return None if data is None else runner.read(data, done.exit_code)
