"""Suites: what vitest's own report says, read from recordings of the real vitest (tests/data/vitest/record.py)."""

import json
from pathlib import Path

import pytest

from local_box import ReplayBox
from tracesmith import perturbations, prepared, suites
from tracesmith.errors import InfrastructureError
from tracesmith.perturbations import PLAIN
from tracesmith.sandboxes.base import Completed
from tracesmith.suites import SuiteRun

RECORDINGS = Path(__file__).parent.parent / "data" / "vitest"
EXIT_CODES = json.loads((RECORDINGS / "exit_codes.json").read_text())
SETTINGS = prepared.TestSettings("vitest", ["node_modules/.bin/vitest", "run"], ["**/*.spec.ts"])


def replay(name: str) -> SuiteRun:
    """Return the reading of a recorded run."""
    path = RECORDINGS / f"{name}.json"
    report = path.read_bytes() if path.exists() else None
    return suites.run(ReplayBox(Completed(EXIT_CODES[name], b"console", None, 1.5), report), SETTINGS, 60)


def test_every_state_is_read() -> None:
    found = replay("outcomes")
    assert found.outcome == "ran"
    assert found.tests == {
        "sum.spec.ts > sum > adds": "passed",
        "sum.spec.ts > sum > is wrong": "failed",
        "sum.spec.ts > sum > is skipped": "skipped",
        "sum.spec.ts > sum > is to do": "todo",
        "sum.spec.ts > sum > is skipped while it runs": "skipped",
        "sum.spec.ts > stands alone": "passed",
    }
    assert found.passed() == {"sum.spec.ts > sum > adds", "sum.spec.ts > stands alone"}
    assert list(found.failures) == ["sum.spec.ts > sum > is wrong"]
    assert found.failures["sum.spec.ts > sum > is wrong"].startswith("AssertionError: expected 2 to be 3")
    assert (found.broken_files, found.clean_exit, found.output, found.seconds) == ([], False, "console", 1.5)


def test_a_run_in_which_all_passes_is_a_clean_exit() -> None:
    found = replay("all_pass")
    assert found.tests == {"a.spec.ts > one": "passed", "sub/b.spec.ts > two": "passed"}
    assert (found.failures, found.broken_files, found.clean_exit) == ({}, [], True)


def test_a_suite_that_only_skips_passes_nothing() -> None:
    assert replay("all_skipped").tests == {"a.spec.ts > later > one": "skipped"}
    assert replay("all_skipped").passed() == set()


@pytest.mark.parametrize(
    ("name", "broken"),
    [("import_error", "bad.spec.ts"), ("syntax_error", "bad.spec.ts"), ("empty_file", "empty.spec.ts")],
)
def test_a_file_that_cannot_be_loaded_is_broken_and_the_others_count(name: str, broken: str) -> None:
    found = replay(name)
    assert found.outcome == "ran"
    assert found.broken_files == [broken]
    assert found.tests == {"good.spec.ts > runs": "passed"}
    assert not found.clean_exit


def test_tests_behind_a_broken_hook_do_not_pass() -> None:
    found = replay("before_all")
    assert found.passed() == {"hook.spec.ts > beside it"}
    assert set(found.tests.values()) == {"passed", "skipped"}
    assert found.broken_files == ["hook.spec.ts"]
    assert replay("before_all_of_file").tests == {"hook.spec.ts > one": "skipped"}
    assert replay("before_all_of_file").broken_files == ["hook.spec.ts"]


def test_a_broken_end_of_a_file_is_seen_though_its_tests_passed() -> None:
    found = replay("after_all")
    assert found.passed() == {"hook.spec.ts > one"}
    assert (found.broken_files, found.clean_exit) == (["hook.spec.ts"], False)


def test_duplicate_titles_get_ids_of_their_own() -> None:
    assert replay("duplicates").tests == {
        "twice.spec.ts > group > same": "passed",
        "twice.spec.ts > group > same [2]": "failed",
        "twice.spec.ts > group > same [2] [2]": "passed",
        "twice.spec.ts > group > same [3]": "passed",
        "twice.spec.ts > group > same [4]": "passed",
    }


def test_titles_that_contain_the_separator_are_told_apart() -> None:
    found = replay("separators")
    assert found.tests == {
        "paths.spec.ts > a > b > c": "passed",
        "paths.spec.ts > a > b > c [2]": "failed",
        "paths.spec.ts > a > b > c [3]": "passed",
        "paths.spec.ts": "passed",
        "paths.spec.ts > in no name": "passed",
        "paths.spec.ts > line\nbreak \u2028": "passed",
    }
    assert {suites.test_file(test) for test in found.tests} == {"paths.spec.ts"}
    assert found.failures == {"paths.spec.ts > a > b > c [2]": "Error: first line"}


def test_a_file_that_two_projects_run_fails_when_one_of_them_fails() -> None:
    found = replay("projects")
    assert sorted(found.tests) == ["a.spec.ts > one", "a.spec.ts > one [2]"]
    assert sorted(found.tests.values()) == ["failed", "passed"]


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDINGS.glob("*.json") if path.stem != "exit_codes"))
def test_no_test_of_a_report_is_lost_and_ids_are_stable(name: str) -> None:
    report = json.loads((RECORDINGS / f"{name}.json").read_text())
    found = replay(name)
    assert len(found.tests) == sum(len(suite["assertionResults"]) for suite in report["testResults"])
    assert list(found.tests) == list(replay(name).tests)
    assert len(found.passed()) == report["numPassedTests"]
    assert not any(test.startswith("/") for test in found.tests)


def test_an_error_outside_of_tests_is_no_clean_exit() -> None:
    found = replay("unhandled_rejection")
    assert set(found.tests.values()) == {"passed"}
    assert not found.clean_exit


def test_a_test_that_leaves_the_process_fails() -> None:
    found = replay("process_exit")
    assert found.tests["exit.spec.ts > leaves"] == "failed"
    assert found.tests["good.spec.ts > runs"] == "passed"
    assert not found.clean_exit


def test_tests_of_a_process_that_died_do_not_pass_and_their_file_is_broken() -> None:
    found = replay("process_killed")
    assert found.passed() == {"good.spec.ts > runs"}
    assert found.broken_files == ["exit.spec.ts"]
    assert not found.clean_exit


def test_a_test_that_passes_when_tried_again_or_fails_as_expected_passes() -> None:
    assert set(replay("retries").tests.values()) == {"passed"}
    assert replay("retries").failures == {}


def test_no_test_file_is_an_outcome_of_its_own_and_not_clean() -> None:
    found = replay("no_test_file")
    assert (found.outcome, found.tests, found.clean_exit) == ("no_tests", {}, False)


def test_a_runner_that_breaks_leaves_no_report_and_that_is_no_pass() -> None:
    found = replay("broken_configuration")
    assert (found.outcome, found.tests, found.output) == ("no_report", {}, "console")


@pytest.mark.parametrize("report", [b"", b"{", b"[]", b"null", b"{}", b'{"testResults": {}}', b"\xff"])
def test_a_report_that_is_none_is_no_pass(report: bytes) -> None:
    box = ReplayBox(Completed(0, b"all 9 tests passed", None, 1.0), report)
    assert suites.run(box, SETTINGS, 60).outcome == "no_report"


@pytest.mark.parametrize(
    ("killed", "outcome"),
    [
        ("timeout", "timed_out"),
        ("memory", "out_of_memory"),
        ("pids", "killed"),
        ("disk", "killed"),
        ("output", "killed"),
    ],
)
def test_a_run_that_a_limit_ended_has_no_results_whatever_it_reported(killed: str, outcome: str) -> None:
    box = ReplayBox(Completed(137, b"so far", killed, 9.0), (RECORDINGS / "all_pass.json").read_bytes())
    found = suites.run(box, SETTINGS, 60)
    assert (found.outcome, found.tests, found.clean_exit) == (outcome, {}, False)


def test_a_report_that_cannot_be_fetched_is_no_verdict() -> None:
    class Dying(ReplayBox):
        def run(self, argv, **_):  # type: ignore[no-untyped-def]
            self.commands.append(argv)
            return Completed(0, b"", None if len(self.commands) == 1 else "timeout", 1.0)

    with pytest.raises(InfrastructureError, match="timeout"):
        suites.run(Dying(Completed(0, b"", None, 1.0), None), SETTINGS, 60)


def test_the_command_is_the_runner_with_a_report_and_no_retry() -> None:
    box = ReplayBox(Completed(0, b"", None, 1.0), None)
    suites.run(box, SETTINGS, 60)
    assert box.commands[0][:2] == SETTINGS.command
    assert {"--reporter=json", "--retry=0"} <= set(box.commands[0])


CHANGED = perturbations.of_run(3)
SHUFFLED = {
    "vitest": ["--sequence.shuffle.files", "--sequence.seed=3"],
    "jest": ["--testSequencer="],
    "mocha": ["--reporter-option=order=3"],
    "ava": [],
    "node_test": [],
}


@pytest.mark.parametrize("runner", SHUFFLED)
def test_a_perturbed_run_has_another_order_zone_and_clock_and_a_plain_one_has_not(runner: str) -> None:
    settings = prepared.TestSettings(runner, ["node", "--test"], ["**/*.spec.ts"])
    boxes = {changes: ReplayBox(Completed(0, b"", None, 1.0), None) for changes in (PLAIN, CHANGED)}
    for changes, box in boxes.items():
        suites.run(box, settings, 60, changes)
    lines = {changes: [" ".join(command) for command in box.commands] for changes, box in boxes.items()}
    assert sum(CHANGED.clock_path() in line for line in lines[CHANGED]) == 1
    assert sum(".3.cjs" in line for line in lines[CHANGED]) == (2 if runner == "jest" else 0)
    for flag in SHUFFLED[runner]:
        assert any(flag in line for line in lines[CHANGED])
        assert not any(flag in line for line in lines[PLAIN])
    environment = boxes[CHANGED].environments[-1]
    assert environment["TZ"] == CHANGED.time_zone
    assert f"--require={CHANGED.clock_path()}" in environment["NODE_OPTIONS"]
    assert environment["NODE_OPTIONS"].endswith("?order=3") == (runner == "ava")
    assert "TZ" not in boxes[PLAIN].environments[-1]


def test_a_broken_file_has_the_words_of_its_runner() -> None:
    assert replay("import_error").complaints["bad.spec.ts"].startswith("Cannot find module './missing'")
    assert replay("empty_file").complaints == {"empty.spec.ts": "No test suite found in file /testbed/empty.spec.ts"}
    assert replay("all_pass").complaints == {}


def test_no_two_runs_write_the_same_report() -> None:
    box = ReplayBox(Completed(0, b"", None, 1.0), None)
    for _ in range(2):
        suites.run(box, SETTINGS, 60)
    reports = {part for command in box.commands for part in command if part.startswith("--outputFile.json=/tmp/")}
    assert len(reports) == 2


@pytest.mark.parametrize("exit_code", [137, 143, 2])
def test_a_report_of_a_runner_that_did_not_end_by_itself_is_not_read(exit_code: int) -> None:
    report = (RECORDINGS / "all_pass.json").read_bytes()
    assert suites.run(ReplayBox(Completed(exit_code, b"", None, 1.0), report), SETTINGS, 60).outcome == "no_report"


@pytest.mark.parametrize(
    ("ends", "kept"),
    [(["no_report", "ran"], "ran"), (["killed", "killed"], "killed"), (["timed_out"], "timed_out"), (["ran"], "ran")],
)
def test_a_run_that_somebody_may_have_killed_is_made_again(ends: list[str], kept: str) -> None:
    left = iter(ends)
    assert suites.sure(lambda: SuiteRun(next(left))).outcome == kept
    assert list(left) == []
