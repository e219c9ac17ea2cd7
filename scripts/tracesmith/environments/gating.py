"""
The gate: a repository is let in when its pristine suite runs, several times, and nearly all of it loads and passes.

The first run that shows otherwise rejects the repository, with the reason and the first files or tests it is about.
Runs that came to their end are kept: a rejection that rests on them is repeated without running anything.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracesmith import perturbations, progress, references, suites, workspaces
from tracesmith.errors import InputError
from tracesmith.perturbations import Perturbation
from tracesmith.prepared import Environment, Gate
from tracesmith.references import Reference
from tracesmith.suites import SuiteRun

logger = logging.getLogger(__name__)

NAMED = 5
"""Tests and files that a rejection names."""
TAIL = 800
REFUSED = ("erofs", "read-only file system", "eacces", "permission denied")


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
    made = (references.make(folder, environment, number) for number in range(1, settings.runs + 1))
    for number, found in enumerate(progress.shown(made, settings.runs, "reference runs"), start=1):
        runs.append(found)
        judge(runs, files, environment, settings.passing, folder / references.NAME)
        words = (number, len(found.passed()), len(found.tests), found.seconds, perturbations.of_run(number))
        logger.info("reference run %d: %d of %d tests pass, %.1f s (%s)", *words)
    return _gate(Reference(runs), files)


def judge(runs: Sequence[SuiteRun], files: Sequence[str], environment: Environment, least: float, place: Path) -> None:
    """
    Raise InputError when the runs so far reject the repository: the last did not run, or too little loads or passes.

    `files` are the test files by the profile's globs, `least` is the share that has to load and to pass, `place` is
    where the runs are kept.
    """
    found, changes = runs[-1], perturbations.of_run(len(runs))
    remedy = f"; what ran is kept in {place}: remove that to run it again" if found.outcome == "ran" else ""
    why = _unended(found, environment, files, changes)
    if why:
        why += f"{_outside(found)}{remedy}; the run ended with: {found.output.strip()[-TAIL:] or 'no output'}"
    else:
        reference = Reference(runs)
        why = _unloaded(reference, files, least) or _unpassed(reference, least)
        why += f"{_outside(found)}{remedy}, or lower gate.passing" if why else ""
    if why:
        raise InputError(f"{environment.repo}: reference run {len(runs)} ({changes}): {why}")


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


def _unended(found: SuiteRun, environment: Environment, files: Sequence[str], changes: Perturbation) -> str:
    """Say why a suite did not come to its end, or has no test; nothing when it did and has."""
    if found.outcome == "ran" and found.passed():
        return ""
    runner, limit_s = environment.test.runner, changes.timeout_s(environment.timeout_s)
    match = f"{len(files)} files match test.globs {environment.test.globs}"
    reasons = {
        "ran": "no test passes",
        "no_tests": f"a package without tests: {runner} finds none, {match}",
        "no_report": f"{runner} ends without a report, {match}",
        "timed_out": f"the suite does not end within {limit_s:g} s (sandbox.timeout_s)",
        "out_of_memory": f"the suite needs more than {environment.limits.memory_bytes / 2**30:.3g} GB (sandbox.memory)",
        "killed": "the suite passes its limit of processes, disk or output (sandbox.pids, sandbox.disk)",
    }
    return reasons[found.outcome] + _list([_failure(found, name) for name in [*found.broken_files, *found.failures]])


def _unloaded(reference: Reference, files: Sequence[str], least: float) -> str:
    every, broken = _files(reference, files)
    share = (len(every) - len(broken)) / len(every)
    if share >= least:
        return ""
    named = [_failure(reference.runs[-1], name, "broken" if name in reference.stable.broken_files else "not run")
             for name in broken]  # fmt: skip
    return f"{share:.1%} of {len(every)} test files load in all runs so far, wanted are {least:.1%}{_list(named)}"


def _unpassed(reference: Reference, least: float) -> str:
    """Say that too few tests pass; the flaky ones count as not passing, in each run that has them."""
    passed, last = reference.stable.passed(), reference.runs[-1]
    share = min(len(passed) / len(run.passed() | run.failed()) for run in reference.runs)
    if share >= least:
        return ""
    states = {test: " then ".join(found) for test, found in reference.flaky.items()}
    named = [_failure(last, test, states.get(test, "failed")) for test in sorted(last.failed() | states.keys())]
    return f"{share:.1%} of the tests pass in all runs so far, wanted are {least:.1%}{_list(named)}"


def _files(reference: Reference, files: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return all test files, and those that were broken in some run or had no test in any."""
    ran = {suites.test_file(test) for run in reference.runs for test in run.tests}
    broken = set(reference.stable.broken_files)
    return sorted({*files, *ran, *broken}), sorted({*files, *broken} - (ran - broken))


def _failure(found: SuiteRun, name: str, state: str = "") -> str:
    line = found.complaints.get(name) or found.failures.get(name) or ""
    words = ": ".join(filter(None, [state, line[:200]]))
    return f"{name} ({words})" if words else name


def _list(names: Sequence[str]) -> str:
    more = f"; and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f": {'; '.join(names[:NAMED])}{more}" if names else ""


def _outside(found: SuiteRun) -> str:
    """Say what the sandbox allows when something in it was refused."""
    said = "\n".join([*found.failures.values(), found.output[-TAIL:]]).lower()
    refused = any(word in said for word in REFUSED)
    return "; the sandbox lets tests write below /testbed and /tmp only" if refused else ""
