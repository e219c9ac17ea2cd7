"""What a candidate's run says beside the reference run, and the store entry it becomes."""

from dataclasses import dataclass
from typing import Any

from tracesmith import records
from tracesmith.suites import SuiteRun

KEPT = records.VALID
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


def _verdict(found: Comparison) -> str:
    if not found.fail_to_pass:
        return "no_fail_to_pass"
    return KEPT if found.pass_to_pass else "no_pass_to_pass"
