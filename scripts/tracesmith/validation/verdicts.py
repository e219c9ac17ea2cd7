"""What a candidate's run says beside the reference run, and the store entry it becomes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, patches
from tracesmith.records import Candidate
from tracesmith.suites import SuiteRun

KEPT = "valid"
FAILURES_KEPT = 3


@dataclass(frozen=True)
class Comparison:
    """Tests by their fate: first with the bug ("pre-gold"), then without it ("post-gold")."""

    fail_to_pass: list[str]
    pass_to_pass: list[str]
    fail_to_fail: list[str]
    pass_to_fail: list[str]

    def as_json(self) -> dict[str, list[str]]:
        """Return the four lists under SWE-smith's keys."""
        return {
            "FAIL_TO_PASS": self.fail_to_pass,
            "PASS_TO_PASS": self.pass_to_pass,
            "FAIL_TO_FAIL": self.fail_to_fail,
            "PASS_TO_FAIL": self.pass_to_fail,
        }


def compare(reference: SuiteRun, bugged: SuiteRun) -> Comparison:
    """
    Compare the tests of the reference run with a run of the bugged tree.

    Only passing counts: a test that passed in the reference and is now failed, skipped or absent (its file broke) is
    F2P. Tests that the reference skipped are in no list.
    """
    before, after = bugged.passed(), reference.passed()
    failed = {test for test, state in reference.tests.items() if state == "failed"}
    return Comparison(
        fail_to_pass=sorted(after - before),
        pass_to_pass=sorted(after & before),
        fail_to_fail=sorted(failed - before),
        pass_to_fail=sorted(failed & before),
    )


def judge(reference: SuiteRun, bugged: SuiteRun, timeout_s: float) -> dict[str, Any]:
    """Return the candidate's report.json: the four lists, or what kept the suite from ending."""
    if bugged.outcome == "timed_out":
        return {"timed_out": True, "timeout": timeout_s, "tracesmith": {"verdict": "timed_out"}}
    if bugged.outcome != "ran":
        return {**Comparison([], [], [], []).as_json(), "tracesmith": {"verdict": bugged.outcome}}
    found = compare(reference, bugged)
    failures = [bugged.failures[test] for test in found.fail_to_pass if test in bugged.failures]
    return {
        **found.as_json(),
        "tracesmith": {
            "verdict": _verdict(found),
            "failures": list(dict.fromkeys(failures))[:FAILURES_KEPT],
            "broken_files": bugged.broken_files,
        },
    }


def does_not_apply(why: str) -> dict[str, Any]:
    """Return the report of a candidate whose patch does not fit the pristine tree."""
    return {**Comparison([], [], [], []).as_json(), "tracesmith": {"verdict": "patch_does_not_apply", "why": why}}


def write_entry(folder: Path, candidate: Candidate, report: dict[str, Any], suite: SuiteRun | None, line: str) -> None:
    """Write the files of a validation entry (SWE-smith's names)."""
    (folder / "patch.diff").write_bytes(patches.to_bytes(candidate["patch"]))
    (folder / "eval.sh").write_text(f"#!/bin/bash\nset -uxo pipefail\ncd /testbed\n{line}\n")
    (folder / "report.json").write_bytes(files.json_bytes(report))
    (folder / "test_output.txt").write_text(suite.output if suite else "", encoding="utf-8", errors="replace")
    seconds = f"{suite.seconds:.1f} s" if suite else "not run"
    (folder / "run_instance.log").write_text(
        f"{candidate['instance_id']}: {report['tracesmith']['verdict']}, {seconds}\n"
    )


def _verdict(found: Comparison) -> str:
    if not found.fail_to_pass:
        return "no_fail_to_pass"
    return KEPT if found.pass_to_pass else "no_pass_to_pass"
