"""Confirmation: what several runs make of the lists that one run gave."""

from typing import Any

import pytest

from tracesmith.references import Reference
from tracesmith.suites import SuiteRun
from tracesmith.validation import confirming

SEEN = {"FAIL_TO_PASS": ["a", "b"], "PASS_TO_PASS": ["c", "d"]}
GOOD = SuiteRun("ran", dict.fromkeys("abcd", "passed"))


def with_bug(**changed: str) -> SuiteRun:
    tests = {"a": "failed", "b": "failed", "c": "passed", "d": "passed", **changed}
    tests = {name: state for name, state in tests.items() if state != "absent"}
    failures = {name: f"{name} is wrong" for name, state in tests.items() if state == "failed"}
    return SuiteRun("ran", tests, failures)


def judged(runs: list[SuiteRun], pristine: list[SuiteRun] | None = None) -> dict[str, Any]:
    return confirming.judge(SEEN, runs, Reference(pristine or [GOOD, GOOD]))


def test_runs_that_agree_change_nothing() -> None:
    found = judged([with_bug(), with_bug()])
    about = {"runs": 2, "disagreements": {}}
    ours = {"verdict": "confirmed", "failures": ["a is wrong", "b is wrong"], "confirmation": about}
    assert found == {**SEEN, "tracesmith": ours}


def test_a_test_that_passes_once_with_the_bug_leaves_its_list_and_is_recorded() -> None:
    found = judged([with_bug(), with_bug(a="passed", d="failed")])
    assert (found["FAIL_TO_PASS"], found["PASS_TO_PASS"]) == (["b"], ["c"])
    assert found["tracesmith"]["failures"] == ["b is wrong"]
    assert found["tracesmith"]["confirmation"]["disagreements"] == {
        "a": {"with_bug": ["failed", "failed", "passed"], "without_bug": ["passed", "passed"]},
        "d": {"with_bug": ["passed", "passed", "failed"], "without_bug": ["passed", "passed"]},
    }


def test_a_test_that_is_failed_skipped_or_absent_by_turns_never_passes_with_the_bug() -> None:
    found = judged([with_bug(a="absent"), with_bug(a="skipped"), with_bug()])
    assert found["FAIL_TO_PASS"] == ["a", "b"]
    assert found["tracesmith"]["confirmation"] == {"runs": 3, "disagreements": {}}


def test_a_test_that_fails_once_without_the_bug_leaves_its_list() -> None:
    flaky = SuiteRun("ran", {**GOOD.tests, "b": "failed", "c": "failed"})
    found = judged([with_bug(), with_bug()], [GOOD, GOOD, flaky])
    assert (found["FAIL_TO_PASS"], found["PASS_TO_PASS"]) == (["a"], ["d"])
    assert found["tracesmith"]["confirmation"]["disagreements"]["b"]["without_bug"] == ["passed", "passed", "failed"]


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        ([with_bug(), with_bug(a="passed", b="passed")], "not_confirmed"),
        ([with_bug(), with_bug(c="failed", d="failed")], "no_pass_to_pass"),
        ([with_bug(), SuiteRun("timed_out")], "not_confirmed"),
        ([SuiteRun("no_report")], "not_confirmed"),
    ],
)
def test_what_is_left_decides(runs: list[SuiteRun], verdict: str) -> None:
    assert judged(runs)["tracesmith"]["verdict"] == verdict


def test_the_end_of_a_run_that_did_not_run_is_recorded() -> None:
    found = judged([with_bug(), SuiteRun("timed_out")])
    assert found == {
        "FAIL_TO_PASS": [],
        "PASS_TO_PASS": [],
        "tracesmith": {"verdict": "not_confirmed", "why": "timed_out"},
    }


@pytest.mark.parametrize(
    ("tried", "rejected", "least", "weak"),
    [(4, 1, None, False), (4, 1, 0.5, True), (4, 2, 0.5, False), (0, 0, 1.0, False), (4, 3, 1.0, True)],
)
def test_an_instance_is_weak_below_the_threshold_only(
    tried: int, rejected: int, least: float | None, weak: bool
) -> None:
    assert confirming.is_weak({"tried": tried, "rejected": rejected, "accepted": []}, least) is weak
    assert not confirming.is_weak(None, least)
