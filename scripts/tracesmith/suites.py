"""
Run a repository's test suite in a sandbox and read what the runner's own report says.

A test's id is its file and its full title path, joined by " > "; a second test of the same id in a file is numbered:
" [2]". Console output is kept for people and never read for verdicts.
"""

import json
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import PurePosixPath
from typing import Any

from tracesmith.prepared import TestSettings
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Sandbox

SEPARATOR = " > "
# Test time limits far above what a test needs: a loaded machine must not make a slow test a failing one; what hangs is
# ended by the time limit of the whole run. One worker: workers beyond it are other sandboxes.
VITEST = [
    "--reporter=default",
    "--reporter=json",
    "--testTimeout=60000",
    "--hookTimeout=60000",
    "--retry=0",
    "--no-file-parallelism",
]
# With any other exit code the runner did not end by itself, and a report may be somebody else's.
ENDED = (0, 1)
VITEST_READS = [
    "**/vitest.config.*",
    "**/vitest.workspace.*",
    "**/vitest.projects.*",
    "**/vite.config.*",
    "**/__snapshots__/**",
]


@dataclass(frozen=True)
class SuiteRun:
    """What one run of the suite said."""

    outcome: str
    """ran, timed_out, out_of_memory, killed (another limit) or no_report (the runner itself broke)."""
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

    def passed(self) -> set[str]:
        """Return the ids of the tests that passed."""
        return {test for test, state in self.tests.items() if state == "passed"}


def command(settings: TestSettings, report_path: str) -> list[str]:
    """Return the command that runs the whole suite and writes the runner's own report."""
    return [*settings.command, *VITEST, f"--outputFile.json={report_path}"]


def protected_globs(settings: TestSettings) -> list[str]:
    """Return the files that decide a verdict: the tests, what the profile names, and what the runner reads."""
    return [*settings.globs, *settings.protected_globs, *VITEST_READS]


def run(box: Sandbox, settings: TestSettings, timeout_s: float) -> SuiteRun:
    """Run the whole suite and read its report; no two runs write the same one."""
    report_path = f"/tmp/tracesmith-report.{secrets.token_hex(8)}.json"  # noqa: S108 - a path inside the sandbox
    done = box.run(command(settings, report_path), timeout_s=timeout_s, environment=settings.environment)
    if done.killed:
        outcome = {"timeout": "timed_out", "memory": "out_of_memory"}.get(done.killed, "killed")
        return SuiteRun(outcome, output=done.text, seconds=done.seconds)
    report = _report(base.read_file(box, report_path)) if done.exit_code in ENDED else None
    if report is None or not _agrees(report, done.exit_code):
        return SuiteRun("no_report", output=done.text, seconds=done.seconds)
    return _read(report, done.exit_code == 0, done.text, done.seconds)


def test_file(test: str) -> str:
    """Return the file of a test's id."""
    return test.split(SEPARATOR, 1)[0]


def shell_line(settings: TestSettings) -> str:
    """Return how an agent runs the suite so that the output says how many tests passed, but no durations."""
    return f"{' '.join(settings.command)} 2>&1 | grep -E '^ *(Test Files|Tests|FAIL) '"


def _report(data: bytes | None) -> dict[str, Any] | None:
    try:
        value = json.loads(data or b"")
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("testResults"), list) else None


def _agrees(report: dict[str, Any], exit_code: int) -> bool:
    """Tell whether a report and the exit code of the runner that wrote it can be of one run."""
    states = [suite.get("status") for suite in report["testResults"]]
    return exit_code == 1 or (report.get("success") is True and "failed" not in states)


def _read(report: dict[str, Any], exit_ok: bool, output: str, seconds: float) -> SuiteRun:
    tests: dict[str, str] = {}
    failures: dict[str, str] = {}
    broken = set()
    for suite in report["testResults"]:
        path = _relative(str(suite.get("name")))
        results = suite.get("assertionResults") or []
        if _is_broken(suite, {result.get("status") for result in results}):
            broken.add(path)
        for test, result in _identified(path, results, tests):
            tests[test] = _state(str(result.get("status")))
            messages = result.get("failureMessages") or [""]
            if tests[test] == "failed":
                failures[test] = str(messages[0]).strip().partition("\n")[0]
    clean = exit_ok and report.get("success") is True
    return SuiteRun("ran", tests, failures, sorted(broken), clean, output, seconds)


def _is_broken(suite: dict[str, Any], states: set[Any]) -> bool:
    """Tell whether a file failed as a whole; `pending` are tests that a dying process left without a result."""
    return "pending" in states or (suite.get("status") == "failed" and "failed" not in states)


def _identified(
    path: str, results: Sequence[dict[str, Any]], taken: Collection[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each test's id and result; `taken` are the ids so far, of this file in another vitest project too."""
    for result in results:
        titles = [*(result.get("ancestorTitles") or []), result.get("title")]
        test = SEPARATOR.join([path, *(str(title) for title in titles if title)])
        numbered = (f"{test} [{number}]" for number in count(2))
        yield (next(name for name in numbered if name not in taken) if test in taken else test), result


def _state(status: str) -> str:
    return status if status in ("passed", "failed", "todo") else "skipped"


def _relative(path: str) -> str:
    found = PurePosixPath(path)
    return str(found.relative_to(base.TESTBED)) if found.is_relative_to(base.TESTBED) else path
