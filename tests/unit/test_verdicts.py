"""Verdicts: only passing counts, and a run that did not end has no lists."""

import json
from pathlib import Path

import pytest

from tracesmith import prepared, runs
from tracesmith.suites import SuiteRun
from tracesmith.validation import verdicts


def ran(**states: str) -> SuiteRun:
    return SuiteRun(
        "ran", dict(states), {test: f"Error: {test}" for test, state in states.items() if state == "failed"}
    )


REFERENCE = ran(a="passed", b="passed", c="passed", d="failed", e="skipped", f="todo", g="failed")


@pytest.mark.parametrize("now", ["failed", "skipped", "todo", None])
def test_a_test_that_passed_and_does_not_now_is_f2p(now: str | None) -> None:
    bugged = {"b": "passed", **({} if now is None else {"a": now})}
    found = verdicts.compare(ran(a="passed", b="passed"), SuiteRun("ran", bugged))
    assert (found.fail_to_pass, found.pass_to_pass) == (["a"], ["b"])


def test_each_test_of_the_reference_is_in_one_list_at_most() -> None:
    found = verdicts.compare(REFERENCE, ran(a="failed", b="passed", d="failed", e="passed", f="passed", g="passed"))
    assert found.as_json() == {
        "FAIL_TO_PASS": ["a", "c"],
        "PASS_TO_PASS": ["b"],
        "FAIL_TO_FAIL": ["d"],
        "PASS_TO_FAIL": ["g"],
    }


def test_tests_that_the_reference_did_not_run_are_in_no_list() -> None:
    found = verdicts.compare(ran(e="skipped", f="todo"), ran(e="passed", f="failed", new="passed", newer="failed"))
    assert set(map(len, found.as_json().values())) == {0}


@pytest.mark.parametrize(
    ("bugged", "verdict"),
    [
        (ran(a="failed", b="passed", c="passed"), "valid"),
        (ran(a="passed", b="passed", c="passed"), "no_fail_to_pass"),
        (ran(a="failed", b="skipped"), "no_pass_to_pass"),
        (ran(), "no_pass_to_pass"),
        (SuiteRun("no_report"), "no_report"),
        (SuiteRun("out_of_memory"), "out_of_memory"),
        (SuiteRun("killed"), "killed"),
        (SuiteRun("timed_out"), "timed_out"),
    ],
)
def test_a_candidate_is_valid_only_with_an_f2p_and_a_p2p_of_a_run_that_ended(bugged: SuiteRun, verdict: str) -> None:
    assert verdicts.judge(REFERENCE, bugged, 300)["tracesmith"]["verdict"] == verdict


@pytest.mark.parametrize("outcome", ["no_report", "out_of_memory", "killed", "timed_out"])
def test_a_run_that_did_not_end_has_no_test_in_its_lists(outcome: str) -> None:
    report = verdicts.judge(REFERENCE, SuiteRun(outcome, {"a": "passed"}), 300)
    assert not any(report.get(key) for key in ("FAIL_TO_PASS", "PASS_TO_PASS", "FAIL_TO_FAIL", "PASS_TO_FAIL"))


def test_a_timeout_is_reported_as_swesmith_does() -> None:
    report = verdicts.judge(REFERENCE, SuiteRun("timed_out"), 90)
    assert {key: report[key] for key in report if key != "tracesmith"} == {"timed_out": True, "timeout": 90}


def test_three_different_failures_are_kept_and_broken_files_named() -> None:
    tests = dict.fromkeys("abcdef", "failed")
    failures = {"a": "same", "b": "same", "c": "two", "d": "three", "e": "four"}
    bugged = SuiteRun("ran", {**tests, "z": "passed"}, failures, ["x.spec.ts"])
    report = verdicts.judge(ran(**dict.fromkeys([*"abcdef", "z"], "passed")), bugged, 300)
    assert report["tracesmith"]["failures"] == ["same", "two", "three"]
    assert report["tracesmith"]["broken_files"] == ["x.spec.ts"]


@pytest.mark.parametrize("patch", ["plain\n", "no newline", "byte \udcff\n", "half \ud83d\n"])
@pytest.mark.parametrize("suite", [None, SuiteRun("ran", output="text \udcff \ud83d \u2028", seconds=1.25)])
def test_an_entry_has_swesmiths_files_whatever_is_in_the_patch(
    tmp_path: Path, patch: str, suite: SuiteRun | None
) -> None:
    runs.write(tmp_path, patch, verdicts.does_not_apply("why"), suite, "r__n.v1.x__1: patch_does_not_apply")
    runs.write_script(tmp_path, prepared.TestSettings("vitest", ["vitest", "run"], [], environment={"A": "b c"}))
    expected = ["eval.sh", "patch.diff", "report.json", "run_instance.log", "test_output.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == expected
    assert json.loads((tmp_path / "report.json").read_text())["tracesmith"]["verdict"] == "patch_does_not_apply"
    assert "cd /testbed\nexport A='b c'\nvitest run --reporter" in (tmp_path / "eval.sh").read_text()
    assert "r__n.v1.x__1: patch_does_not_apply" in (tmp_path / "run_instance.log").read_text()
