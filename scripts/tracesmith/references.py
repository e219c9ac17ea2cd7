"""
The reference: some runs of the pristine suite, made once an environment, against which bugs and patches are judged.

They stand beside `environment.json`, an entry a run in the store `reference`. A test whose state is not the same in all
of them is flaky, and no verdict looks at it. A run of a bug or a patch of which nothing is left raises a doubt: is the
code broken, or the environment? `Health` settles that by running the pristine suite again, at most once a process.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tracesmith import files, perturbations, prepared, stores, suites
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.perturbations import Perturbation
from tracesmith.prepared import Environment
from tracesmith.sandboxes.base import Backend
from tracesmith.suites import SuiteRun

logger = logging.getLogger(__name__)

CODE_VERSION = 2
NAME = "reference"
ABSENT = "absent"
BY_THE_CODE = ("timed_out", "out_of_memory", "killed")


@dataclass(frozen=True)
class Reference:
    """The runs of the pristine suite, in the order of their numbers; the first is plain."""

    runs: Sequence[SuiteRun]

    @cached_property
    def flaky(self) -> dict[str, list[str]]:
        """The tests whose state is not the same in all runs, sorted, with their state in each."""
        every = sorted(set().union(*(run.tests for run in self.runs)))
        found = {test: [run.tests.get(test, ABSENT) for run in self.runs] for test in every}
        return {test: states for test, states in found.items() if len(set(states)) > 1}

    @cached_property
    def stable(self) -> SuiteRun:
        """
        What all runs agree on, as one run: the tests with one state, in the order and with the words of the first run.

        A file that broke in some run counts as broken, and a run that its runner called a failure makes all one.
        """
        tests = {test: state for test, state in self.runs[0].tests.items() if test not in self.flaky}
        failures = {test: line for test, line in self.runs[0].failures.items() if test in tests}
        broken = sorted(set().union(*(run.broken_files for run in self.runs)))
        clean = all(run.clean_exit for run in self.runs)
        return replace(self.runs[0], tests=tests, failures=failures, broken_files=broken, clean_exit=clean)

    def excuses(self, found: SuiteRun) -> bool:
        """
        Tell whether a runner may call a run a failure for what is wrong with the pristine tree, and not with a patch.

        So it may when it called a pristine run a failure without naming a test or a file, or when one is named now that
        is no better there.
        """
        if any(not run.clean_exit and not run.failed() and not run.broken_files for run in self.runs):
            return True
        broken = set(found.broken_files) & set(self.stable.broken_files)
        return not self.stable.clean_exit and bool(broken or found.failed() - self.stable.passed())

    def as_json(self) -> dict[str, Any]:
        """Return what a summary says of it: tests by state, the flaky ones with theirs in each run, and what broke."""
        states = list(self.stable.tests.values())
        counts = {state: states.count(state) for state in ("passed", "failed", "skipped", "todo")}
        broken = {"broken_files": self.stable.broken_files, "clean_exit": self.stable.clean_exit}
        return {"runs": len(self.runs), **counts, "flaky": self.flaky, **broken}


def make(folder: Path, environment: Environment, number: int, backend: Backend | None = None) -> SuiteRun:
    """
    Return one run of the pristine suite, from the store or made now; only one that came to its end is kept.

    A backend that others share has to have the CPUs of this run.
    """
    store, name, changes = stores.Store(folder / NAME), str(number), perturbations.of_run(number)
    fingerprint = _fingerprint(environment, changes)
    with store.claim(name):
        if store.holds(name, fingerprint):
            return _read(store.folder(name))
        found = _run(backend or open_backend(folder, environment, changes), environment, changes)
        if found.outcome == "ran":
            with store.replace(name, fingerprint) as entry:
                write(entry, found)
    return found


def read(folder: Path, environment: Environment) -> Reference:
    """Return the reference that stands beside an environment. Raises InputError when a run of it is missing."""
    store, runs = stores.Store(folder / NAME), []
    if not environment.gate:
        raise InputError(f"{folder}: the environment has no gate: it was not built to its end; run build_environment")
    for number in range(1, environment.gate.runs + 1):
        if not store.holds(str(number), _fingerprint(environment, perturbations.of_run(number))):
            raise InputError(
                f"{folder}: has no reference run {number} of this environment; run build_environment again"
            )
        runs.append(_read(store.folder(str(number))))
    return Reference(runs)


def check_time(reference: Reference, timeout_s: float, where: Path) -> None:
    """
    Raise InputError when the time limit of a run is below what the pristine suite took: all would pass it.

    Several runs at once are slower, hence a warning when it is below twice that.
    """
    took = reference.stable.seconds
    said = f"{where}: the pristine suite took {took:.1f} s, and each run gets {timeout_s:g} s (--timeout, in the "
    said += "configuration timeout_s of the step): raise it well above"
    if took >= timeout_s:
        raise InputError(said)
    if 2 * took > timeout_s:
        logger.warning("%s", said)


def write(entry: Path, found: SuiteRun) -> None:
    """Write a run into a folder: what the runner said, and its console output apart."""
    (entry / "test_output.txt").write_text(found.output, encoding="utf-8", errors="replace")
    (entry / "reference.json").write_bytes(files.json_bytes({**asdict(found), "output": ""}))


class Health:
    """Whether an environment is what it was at its reference runs."""

    def __init__(self, environment: Environment, backend: Backend, reference: Reference) -> None:
        self.environment = environment
        self.backend = backend
        self.reference = reference.stable
        self._lock = threading.Lock()
        self._is_well: bool | None = None

    def confirm(self, found: SuiteRun) -> None:
        """Raise InfrastructureError when a run that failed as a whole did so because the environment is broken."""
        if found.outcome in BY_THE_CODE or (found.passed() and self._loads_all(found)):
            return
        with self._lock:
            if self._is_well is None:
                self._is_well = self._look()
        if not self._is_well:
            raise InfrastructureError("the pristine suite does not run any more; run build_environment again")

    def _look(self) -> bool:
        with self.backend.open() as box:
            now = suites.run(box, self.environment.test, self.environment.timeout_s)
        return self._loads_all(now) and 2 * len(now.passed()) > len(self.reference.passed())

    def _loads_all(self, found: SuiteRun) -> bool:
        return found.outcome == "ran" and set(found.broken_files) <= set(self.reference.broken_files)


def open_backend(folder: Path, environment: Environment, changes: Perturbation) -> Backend:
    """Return a backend whose sandboxes have as many CPUs as a run gets."""
    limits = replace(environment.limits, cpus=environment.limits.cpus * changes.cpu_share)
    return prepared.open_backend(folder / "environment.json", replace(environment, limits=limits))


def _run(backend: Backend, environment: Environment, changes: Perturbation) -> SuiteRun:
    """Run the suite with something changed."""
    with backend.open() as box:
        return suites.run(box, environment.test, changes.timeout_s(environment.timeout_s), changes)


def _fingerprint(environment: Environment, changes: Perturbation) -> str:
    return stores.fingerprint(NAME, CODE_VERSION, environment=environment.identity(), changes=asdict(changes))


def _read(entry: Path) -> SuiteRun:
    output = files.read_packed(entry / "test_output.txt").decode("utf-8")
    return SuiteRun(**{**files.read_json(entry / "reference.json"), "output": output})
