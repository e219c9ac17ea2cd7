"""
Try an instance's tests on decoys: each takes the place of a fix, and the tests should reject it.

Only the test files of the F2P tests run, one after the other, the quickest first, until one rejects: an F2P test, or a
P2P test of the same file, does not pass. Wrong returns often make a caller loop for ever: hence a limit of CPU seconds
for each process, which unlike wall time is the same on a busy machine. The true fix goes the same way first; a file in
which it does not pass is left out.
"""

import difflib
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tracesmith import files, stores, suites
from tracesmith.prepared import TestSettings
from tracesmith.records import Candidate
from tracesmith.references import Health
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import TESTBED
from tracesmith.stores import Store
from tracesmith.suites import SuiteRun
from tracesmith.validation import decoys
from tracesmith.validation.running import Runner

CODE_VERSION = 1
CPU_SLOWER = 4
SHORTEST_CPU_S = 4
LIMITED = ("sh", "-c", 'ulimit -t "$0" && exec "$@"')


@dataclass(frozen=True)
class Trials:
    """What the decoys of all bugs share."""

    folder: Path
    """Where the environment stands."""
    runner: Runner
    health: Health
    store: Store
    most: int
    """Decoys of a bug; 0 for none."""
    _passing: dict[str, set[str]] = field(default_factory=dict)
    """Tests that pass with the true fix, by the file that ran."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, candidate: Candidate, report: dict[str, Any]) -> dict[str, Any] | None:
        """Return on how many decoys a confirmed bug's tests were tried and what they accept, stored or found now."""
        if not self.most:
            return None
        name, lists = f"{candidate['instance_id']}.decoys", [report["FAIL_TO_PASS"], report["PASS_TO_PASS"]]
        parts = {"environment": self.runner.environment.identity(), "most": self.most, "lists": lists}
        fingerprint = stores.fingerprint("decoys", CODE_VERSION, **parts, patch=candidate["patch"])
        with self.store.claim(name):
            if not self.store.holds(name, fingerprint):
                tried = self._try(candidate, *lists)
                with self.store.replace(name, fingerprint) as folder:
                    (folder / "decoys.json").write_bytes(files.json_bytes(tried))
            found = files.read_json(self.store.folder(name) / "decoys.json")
        accepted = [one["kind"] for one in found if one["accepted"]]
        return {"tried": len(found), "rejected": len(found) - len(accepted), "accepted": accepted}

    def _try(self, candidate: Candidate, failing: Sequence[str], passing: Sequence[str]) -> list[dict[str, Any]]:
        source = self.folder / self.runner.environment.source
        bug = candidate["patch"], candidate["instance_id"]
        made = decoys.make(*bug, source, failing, self.most)
        wanted = self._wanted(failing, passing) if made else {}
        bugged = {file.path: file.data for file in decoys.bugged_files(*bug, source)}
        tried = []
        for decoy in made if wanted else ():
            accepted = all(tests <= self._run(decoy.files, path).passed() for path, tests in wanted.items())
            tried.append({"kind": decoy.kind, "accepted": accepted, "diff": diff(bugged, decoy.files)})
        return tried

    def _wanted(self, failing: Sequence[str], passing: Sequence[str]) -> dict[str, set[str]]:
        """Return the tests that a fix has to pass, by their file, the quickest first."""
        stable = self.runner.reference.stable
        paths = {suites.test_file(test) for test in failing}
        found = {}
        for path in sorted(paths, key=lambda path: (usual_s(stable, path), path)):
            tests = {test for test in [*failing, *passing] if suites.test_file(test) == path}
            if tests <= self._passed_with_the_fix(path):
                found[path] = tests
        return found

    def _passed_with_the_fix(self, path: str) -> set[str]:
        with self._lock:
            if path not in self._passing:
                self._passing[path] = self._run({}, path).passed()
            return self._passing[path]

    def _run(self, changed: Mapping[str, bytes], path: str) -> SuiteRun:
        usual = usual_s(self.runner.reference.stable, path)
        test = limited(self.runner.environment.test, math.ceil(max(SHORTEST_CPU_S, CPU_SLOWER * usual)))
        with self.runner.backend.open() as box:
            for name, data in changed.items():
                base.write_file(box, f"{TESTBED}/{name}", data)
            found = suites.run(box, test, self.runner.timeout_s(None), only=[path])
        self.health.confirm(found)
        return found


def diff(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """Return what differs between some files, for people."""
    lines: list[str] = []
    for path, data in after.items():
        one, other = (text.decode("utf-8", "replace").splitlines(keepends=True) for text in (before[path], data))
        lines += difflib.unified_diff(one, other, f"a/{path}", f"b/{path}")
    return "".join(lines)


def usual_s(reference: SuiteRun, path: str) -> float:
    """Estimate what a test file takes of the reference's time: its own, and its part of the rest."""
    known = reference.file_seconds
    rest = max(0.0, reference.seconds - sum(known.values()))
    every = {suites.test_file(test) for test in reference.tests}
    return known.get(path, 0.0) + rest / max(1, len(every))


def limited(test: TestSettings, cpu_s: int) -> TestSettings:
    """Return the settings by which each process of the runner ends after some CPU seconds."""
    return replace(test, command=[*LIMITED, str(cpu_s), *test.command])
