"""
The gate: a repository is let in when its pristine suite runs, several times, and nearly all of it loads and passes.

The first run that shows otherwise rejects the repository, with the reason and the first files or tests it is about.
Runs that came to their end are kept: a rejection that rests on them is repeated without running anything.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracesmith import perturbations, references, suites, workspaces
from tracesmith.errors import InputError
from tracesmith.prepared import Environment, Gate
from tracesmith.references import Reference
from tracesmith.suites import SuiteRun

logger = logging.getLogger(__name__)

NAMED = 5
"""Tests and files that a rejection names."""
TAIL = 800
OUTSIDE = ("EROFS", "read-only file system", "EACCES", "permission denied")


@dataclass(frozen=True)
class GateSettings:
    """What the gate asks for."""

    runs: int = 3
    passing: float = 0.95
    """Least share of test files that load, and of tests that pass."""


def run(folder: Path, environment: Environment, settings: GateSettings) -> Gate:
    """
    Make the reference runs that are missing and return what they say together.

    Raises InputError for a suite that does not run, or of which too little loads or passes.
    """
    files = workspaces.test_files(folder / environment.source, environment.test)
    runs: list[SuiteRun] = []
    for number in range(1, settings.runs + 1):
        found = references.make(folder, environment, number)
        where = f"{environment.repo}: reference run {number} ({perturbations.of_run(number)})"
        _check_end(found, environment, files, where)
        runs.append(found)
        reference = Reference(runs)
        again = f"; what was run is in {folder / references.NAME / str(number)}, remove it to try again"
        _check_files(reference, files, settings.passing, f"{where}: {{}}{again}")
        _check_tests(reference, settings.passing, f"{where}: {{}}{again}")
        logger.info("%s: %d of %d tests pass, %.1f s", where, len(found.passed()), len(found.tests), found.seconds)
    return _gate(reference, files)


def _gate(reference: Reference, files: Sequence[str]) -> Gate:
    every, broken = _files(reference, files)
    states = list(reference.stable.tests.values())
    return Gate(
        runs=len(reference.runs),
        files=len(every),
        broken_files=len(broken),
        tests=len(states) + len(reference.flaky),
        passed=states.count("passed"),
        failed=states.count("failed"),
        skipped=states.count("skipped"),
        todo=states.count("todo"),
        flaky=list(reference.flaky),
    )


def _check_end(found: SuiteRun, environment: Environment, files: Sequence[str], where: str) -> None:
    """Raise InputError for a suite that did not come to its end or has no test."""
    if found.outcome == "ran" and found.passed():
        return
    limits, runner = environment.limits, environment.test.runner
    reasons = {
        "ran": "no test passes",
        "no_tests": f"{runner} finds no test; {len(files)} files match test.globs {environment.test.globs}",
        "no_report": f"{runner} ends without a report; {len(files)} files match test.globs {environment.test.globs}",
        "timed_out": f"the suite does not end within {environment.timeout_s:g} s (sandbox.timeout_s)",
        "out_of_memory": f"the suite needs more than {limits.memory_bytes / 2**30:.3g} GB (sandbox.memory)",
        "killed": "the suite passes its limit of processes, disk or output (sandbox.pids, sandbox.disk)",
    }
    named = _list([*_failures(found, found.broken_files), *_failures(found, sorted(found.failed()))])
    raise InputError(f"{where}: {reasons[found.outcome]}{named}{_outside(found)}; it ended with: {_tail(found)}")


def _check_files(reference: Reference, files: Sequence[str], least: float, message: str) -> None:
    every, broken = _files(reference, files)
    share = 1 - len(broken) / len(every)
    if share < least:
        words = f"{len(every) - len(broken)} of {len(every)} test files load ({share:.1%}, wanted are {least:.1%})"
        last = reference.runs[-1]
        raise InputError(message.format(words + _list(_failures(last, broken, "was not run")) + _outside(last)))


def _check_tests(reference: Reference, least: float, message: str) -> None:
    """Raise InputError when too few tests pass; the flaky ones count as not passing, in each run that has them."""
    passed, last = reference.stable.passed(), reference.runs[-1]
    share = min(len(passed) / len(run.passed() | run.failed()) for run in reference.runs)
    if share < least:
        failed = sorted(last.failed() | reference.flaky.keys())
        words = f"{share:.1%} of the tests pass in all runs so far (wanted are {least:.1%})"
        states = {test: f"flaky: {', '.join(states)}" for test, states in reference.flaky.items()}
        named = [_failure(last, test, states.get(test, "failed")) for test in failed]
        raise InputError(message.format(words + _list(named) + _outside(last)))


def _files(reference: Reference, files: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return all test files, and those that were broken in some run or had no test in any."""
    ran = {suites.test_file(test) for run in reference.runs for test in run.tests}
    broken = set(reference.stable.broken_files)
    return sorted({*files, *ran, *broken}), sorted({*files, *broken} - (ran - broken))


def _failures(found: SuiteRun, names: Iterable[str], default: str = "broken") -> list[str]:
    return [_failure(found, name, "broken" if name in found.broken_files else default) for name in names]


def _failure(found: SuiteRun, name: str, state: str) -> str:
    line = found.failures.get(name)
    return f"{name} ({state}{f': {line[:200]}' if line else ''})"


def _list(names: Sequence[str]) -> str:
    more = f"; and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f": {'; '.join(names[:NAMED])}{more}" if names else ""


def _outside(found: SuiteRun) -> str:
    """Say what the sandbox allows when something in it was refused."""
    said = "\n".join([*found.failures.values(), found.output[-TAIL:]]).lower()
    refused = any(word.lower() in said for word in OUTSIDE)
    return "; tests may write below /testbed and /tmp only" if refused else ""


def _tail(found: SuiteRun) -> str:
    return found.output.strip()[-TAIL:] or "no output"
