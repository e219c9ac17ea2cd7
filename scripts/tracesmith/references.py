"""
The reference run: the suite of the pristine tree, made once an environment, against which bugs and patches are judged.

It stands beside `environment.json`. A run of which nothing is left raises a doubt: is the code broken, or the
environment? `Health` settles that by running the pristine suite again, at most once a process.
"""

import threading
from dataclasses import asdict
from pathlib import Path

from tracesmith import files, stores, suites
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.prepared import Environment
from tracesmith.sandboxes.base import Backend
from tracesmith.suites import SuiteRun

CODE_VERSION = 1
NAME = "reference"
BY_THE_CODE = ("timed_out", "out_of_memory", "killed")


def make(folder: Path, environment: Environment, backend: Backend) -> SuiteRun:
    """Return the reference run of an environment, from the store or made now. Raises InputError for a bad suite."""
    store, fingerprint = stores.Store(folder), _fingerprint(environment)
    with store.claim(NAME):
        if not store.holds(NAME, fingerprint):
            with backend.open() as box:
                found = suites.run(box, environment.test, environment.timeout_s)
            _check(found, environment.repo)
            with store.replace(NAME, fingerprint) as entry:
                write(entry, found)
    return read(folder, environment)


def read(folder: Path, environment: Environment) -> SuiteRun:
    """Return the reference run that stands beside an environment. Raises InputError when there is none of it."""
    if not stores.Store(folder).holds(NAME, _fingerprint(environment)):
        raise InputError(f"{folder}: has no reference run of this environment; run build_environment again")
    entry = folder / NAME
    output = (entry / "test_output.txt").read_text(encoding="utf-8")
    return SuiteRun(**{**files.read_json(entry / "reference.json"), "output": output})


def write(entry: Path, found: SuiteRun) -> None:
    """Write a reference run into a folder: what the runner said, and its console output apart."""
    (entry / "test_output.txt").write_text(found.output, encoding="utf-8", errors="replace")
    (entry / "reference.json").write_bytes(files.json_bytes({**asdict(found), "output": ""}))


class Health:
    """Whether an environment is what it was at its reference run."""

    def __init__(self, environment: Environment, backend: Backend, reference: SuiteRun) -> None:
        self.environment = environment
        self.backend = backend
        self.reference = reference
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


def _fingerprint(environment: Environment) -> str:
    return stores.fingerprint(NAME, CODE_VERSION, environment=environment.identity())


def _check(found: SuiteRun, repo: str) -> None:
    last = found.output.strip()[-800:]
    if found.outcome != "ran":
        raise InputError(f"{repo}: the suite of the pristine tree did not run ({found.outcome}): {last}")
    if not found.passed():
        raise InputError(f"{repo}: no test of the pristine tree passes: {last}")
