"""
Try an instance's tests on decoys: each takes the place of a fix, and the tests should reject it.

Only the test files of the F2P tests run, the quickest first, and the rest if that accepts: an F2P test, or a P2P test
of the same file, does not pass. The decoys of many bugs share a warm runner. Wrong returns often make a caller loop for
ever: hence a limit of CPU seconds, which unlike wall time is the same on a busy machine. The true fix goes the same way
first; a file in which it does not pass is left out.
"""

import difflib
import math
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tracesmith import files, stores, suites
from tracesmith.prepared import TestSettings
from tracesmith.records import Candidate
from tracesmith.references import Health
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import TESTBED
from tracesmith.selection import choosing
from tracesmith.selection.choosing import Selection
from tracesmith.stores import Store
from tracesmith.suites import SuiteRun
from tracesmith.validation import decoys, warming
from tracesmith.validation.decoys import Decoy
from tracesmith.validation.running import Runner
from tracesmith.validation.warming import Warm

CODE_VERSION = 1
CPU_SLOWER = 4
SHORTEST_CPU_S = 4
LIMITED = ("sh", "-c", 'ulimit -t "$0" && exec "$@"')

Key = TypeVar("Key")
Changed = Mapping[str, bytes]


@dataclass(frozen=True)
class Plan:
    """The trials of one bug."""

    made: Sequence[Decoy]
    bugged: Changed
    """The files with the bug."""
    wanted: Mapping[str, set[str]]
    """The tests that a fix has to pass, by their file, the quickest first."""


@dataclass(frozen=True)
class Trials:
    """What the decoys of all bugs share."""

    runner: Runner
    warm: Warm
    health: Health
    store: Store
    most: int
    """Decoys of a bug; 0 for none."""
    _passing: dict[str, set[str]] = field(default_factory=dict)
    """Tests that pass with the true fix, by the file that ran."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of_all(self, bugs: Sequence[tuple[Candidate, dict[str, Any]]]) -> list[dict[str, Any] | None]:
        """Return on how many decoys the tests of each confirmed bug were tried and what they accept, stored or new."""
        if not self.most:
            return [None] * len(bugs)
        new = [bug for bug in bugs if not self.store.holds(*self._key(*bug))]
        tried = self._try({bug[0]["instance_id"]: self._plan(*bug) for bug in new})
        return [self._stored(self._key(*bug), tried.get(bug[0]["instance_id"], [])) for bug in bugs]

    def _key(self, candidate: Candidate, report: dict[str, Any]) -> tuple[str, str]:
        lists = [report["FAIL_TO_PASS"], report["PASS_TO_PASS"]]
        parts = {"environment": self.runner.environment.identity(), "most": self.most, "lists": lists}
        fingerprint = stores.fingerprint("decoys", CODE_VERSION, **parts, patch=candidate["patch"])
        return f"{candidate['instance_id']}.decoys", fingerprint

    def _stored(self, key: tuple[str, str], tried: list[dict[str, Any]]) -> dict[str, Any]:
        with self.store.claim(key[0]):
            if not self.store.holds(*key):
                with self.store.replace(*key) as folder:
                    (folder / "decoys.json").write_bytes(files.json_bytes(tried))
            found = files.read_json(self.store.folder(key[0]) / "decoys.json")
        accepted = [one["kind"] for one in found if one["accepted"]]
        return {"tried": len(found), "rejected": len(found) - len(accepted), "accepted": accepted}

    def _plan(self, candidate: Candidate, report: dict[str, Any]) -> Plan:
        bug = candidate["patch"], candidate["instance_id"]
        failing, passing = report["FAIL_TO_PASS"], report["PASS_TO_PASS"]
        made = decoys.make(*bug, self.runner.source, failing, self.most)
        stable = self.runner.reference.stable
        paths = {suites.test_file(test) for test in failing} if made else set()
        ordered = sorted(paths, key=lambda path: (usual_s(stable, [path]), path))
        wanted = {path: {test for test in [*failing, *passing] if suites.test_file(test) == path} for path in ordered}
        return Plan(made, {file.path: file.data for file in decoys.bugged_files(*bug, self.runner.source)}, wanted)

    def _try(self, plans: Mapping[str, Plan]) -> dict[str, list[dict[str, Any]]]:
        good = self._that_pass_with_the_fix({path for plan in plans.values() for path in plan.wanted})
        usable = {
            name: replace(plan, wanted={path: tests for path, tests in plan.wanted.items() if tests <= good[path]})
            for name, plan in plans.items()
        }
        accepted = self._accepted({name: plan for name, plan in usable.items() if plan.wanted})
        return {
            name: [
                {"kind": one.kind, "accepted": (name, number) in accepted, "diff": diff(plan.bugged, one.files)}
                for number, one in enumerate(plan.made if plan.wanted else ())
            ]
            for name, plan in usable.items()
        }

    def _that_pass_with_the_fix(self, paths: Collection[str]) -> Mapping[str, set[str]]:
        with self._lock:
            unknown = sorted(set(paths) - self._passing.keys())
            self._passing.update(self._passed({path: ({}, [path]) for path in unknown}))
            return dict(self._passing)

    def _accepted(self, plans: Mapping[str, Plan]) -> set[tuple[str, int]]:
        """Return the decoys that the tests accept, by their bug and their number."""
        left = {(name, number): plan for name, plan in plans.items() for number in range(len(plan.made))}
        for part in (slice(1), slice(1, None)):
            asked = {key: [*plan.wanted][part] for key, plan in left.items()}
            passed = self._passed({key: (left[key].made[key[1]].files, paths) for key, paths in asked.items() if paths})
            left = {
                key: plan
                for key, plan in left.items()
                if not asked[key] or set().union(*(plan.wanted[path] for path in asked[key])) <= passed[key]
            }
        return set(left)

    def _passed(self, asked: Mapping[Key, tuple[Changed, Sequence[str]]]) -> dict[Key, set[str]]:
        """Return the tests that pass in some test files, on the pristine tree with some files changed."""
        selections = {
            str(number): Selection(list(paths), None, changed=dict(changed))
            for number, (changed, paths) in enumerate(asked.values())
        }
        warm = warming.run(self.runner, self.warm, selections)
        found = {}
        for number, (key, (changed, paths)) in enumerate(asked.items()):
            run = warm[str(number)].suite if str(number) in warm else self._clean(changed, paths)
            found[key] = {test for test in run.passed() if suites.test_file(test) in paths}
        return found

    def _clean(self, changed: Changed, paths: Sequence[str]) -> SuiteRun:
        usual = usual_s(self.runner.reference.stable, paths)
        test = limited(self.runner.environment.test, math.ceil(max(SHORTEST_CPU_S, CPU_SLOWER * usual)))

        def _once() -> SuiteRun:
            with self.runner.backend.open() as box:
                for name, data in changed.items():
                    base.write_file(box, f"{TESTBED}/{name}", data)
                return suites.run(box, test, self.runner.timeout_s(None), only=paths)

        found = suites.sure(_once)
        self.health.confirm(found)
        return found


def diff(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """Return what differs between some files, for people."""
    lines: list[str] = []
    for path, data in after.items():
        one, other = (text.decode("utf-8", "replace").splitlines(keepends=True) for text in (before[path], data))
        lines += difflib.unified_diff(one, other, f"a/{path}", f"b/{path}")
    return "".join(lines)


def usual_s(reference: SuiteRun, paths: Sequence[str]) -> float:
    """Estimate what test files take of the reference's time."""
    count = len({suites.test_file(test) for test in reference.tests})
    return choosing.seconds(reference.file_seconds, count, reference.seconds, paths)


def limited(test: TestSettings, cpu_s: int) -> TestSettings:
    """Return the settings by which each process of the runner ends after some CPU seconds."""
    return replace(test, command=[*LIMITED, str(cpu_s), *test.command])
