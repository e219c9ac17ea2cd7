"""Runners: what the reports of real runners are read as, from the recordings of tests/data/<runner>/record.py."""

import json
import subprocess
from pathlib import Path

import pytest

from local_box import ReplayBox
from tracesmith import prepared, runs, suites
from tracesmith.errors import InputError
from tracesmith.runners import RUNNERS, base
from tracesmith.sandboxes.base import Completed
from tracesmith.suites import SuiteRun

DATA = Path(__file__).parent.parent / "data"
FOLDERS = {"jest27": "jest/27", "jest29": "jest/29", "mocha": "mocha", "node_test": "node_test", "ava": "ava"}
CODES = {name: json.loads((DATA / folder / "exit_codes.json").read_text()) for name, folder in FOLDERS.items()}
JESTS = ["jest27", "jest29"]


def settings(name: str) -> prepared.TestSettings:
    return prepared.TestSettings(name.rstrip("279"), ["node", "--test"], ["**/*.test.js"])


def recorded(name: str, case: str) -> bytes | None:
    path = DATA / FOLDERS[name] / f"{case}.json"
    return path.read_bytes() if path.exists() else None


def replay(name: str, case: str) -> SuiteRun:
    """Return the reading of a recorded run."""
    box = ReplayBox(Completed(CODES[name][case], b"console", None, 1.5), recorded(name, case))
    return suites.run(box, settings(name), 60)


def states(found: SuiteRun) -> dict[str, str]:
    """Return the states by id, without the folder and the ending of the file."""
    return {
        base.SEPARATOR.join([Path(test.split(" > ")[0]).name.split(".")[0], *test.split(" > ")[1:]]): state
        for test, state in found.tests.items()
    }


def test_every_runner_of_a_profile_has_recordings() -> None:
    enum = json.dumps(sorted(RUNNERS))
    assert enum == json.dumps(sorted({settings(name).runner for name in FOLDERS} | {"vitest"}))


@pytest.mark.parametrize("name", JESTS)
def test_jest_states(name: str) -> None:
    found = replay(name, "outcomes")
    assert found.tests == {
        "sum.test.js > sum > adds": "passed",
        "sum.test.js > sum > is wrong": "failed",
        "sum.test.js > sum > is skipped": "skipped",
        "sum.test.js > sum > is to do": "todo",
        "sum.test.js > stands alone": "passed",
    }
    message = "Error: expect(received).toBe(expected) // Object.is equality Expected: 3 Received: 2"
    assert found.failures == {"sum.test.js > sum > is wrong": message}
    assert (found.outcome, found.broken_files, found.clean_exit, found.output) == ("ran", [], False, "console")


def test_mocha_states() -> None:
    found = replay("mocha", "outcomes")
    assert found.tests == {
        "test/sum.js > stands alone": "passed",
        "test/sum.js > sum > adds": "passed",
        "test/sum.js > sum > is wrong": "failed",
        "test/sum.js > sum > is skipped": "skipped",
        "test/sum.js > sum > is to do": "skipped",
        "test/sum.js > sum > is skipped while it runs": "skipped",
    }
    message = "AssertionError: Expected values to be strictly equal: 2 !== 3"
    assert found.failures == {"test/sum.js > sum > is wrong": message}
    assert (found.outcome, found.broken_files, found.clean_exit) == ("ran", [], False)


def test_node_test_states() -> None:
    found = replay("node_test", "outcomes")
    assert found.tests == {
        "sum.test.mjs > sum > adds": "passed",
        "sum.test.mjs > sum > is wrong": "failed",
        "sum.test.mjs > sum > is skipped": "skipped",
        "sum.test.mjs > sum > is to do": "todo",
        "sum.test.mjs > sum > fails and is to do": "todo",
        "sum.test.mjs > sum > is skipped while it runs": "skipped",
        "sum.test.mjs > stands alone": "passed",
        "sum.test.mjs > parent > child": "passed",
        "sum.test.mjs > parent > child [2]": "failed",
        "sum.test.mjs > parent": "failed",
    }
    message = "AssertionError: Expected values to be strictly equal: 2 !== 3"
    assert found.failures["sum.test.mjs > sum > is wrong"] == message
    assert (found.outcome, found.broken_files, found.clean_exit) == ("ran", [], False)


def test_ava_states() -> None:
    found = replay("ava", "outcomes")
    assert found.tests == {
        "good.test.mjs > runs": "passed",
        "sum.test.mjs > adds \u203a up": "passed",
        "sum.test.mjs > is wrong": "failed",
        "sum.test.mjs > throws": "failed",
        "sum.test.mjs > is skipped": "skipped",
        "sum.test.mjs > is expected to fail": "passed",
        "sum.test.mjs > is to do": "todo",
    }
    message = "AssertionError: Difference (- actual, + expected): - 2 + 3"
    assert found.failures["sum.test.mjs > is wrong"] == message
    assert (found.outcome, found.broken_files, found.clean_exit) == ("ran", [], False)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_run_in_which_all_passes_is_a_clean_exit(name: str) -> None:
    found = replay(name, "all_pass")
    assert len(found.passed()) == 2
    assert len({suites.test_file(test) for test in found.tests}) == 2
    assert (found.outcome, found.failures, found.broken_files, found.clean_exit) == ("ran", {}, [], True)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_suite_that_only_skips_passes_nothing_and_has_tests(name: str) -> None:
    found = replay(name, "all_skipped")
    assert (found.outcome, set(found.tests.values())) == ("ran", {"skipped"})


@pytest.mark.parametrize("case", ["import_error", "syntax_error", "empty_file"])
@pytest.mark.parametrize("name", [*JESTS, "node_test", "ava"])
def test_a_file_that_cannot_be_loaded_is_broken_and_the_others_count(name: str, case: str) -> None:
    found = replay(name, case)
    assert found.outcome == "ran"
    assert [Path(file).name.split(".")[0] for file in found.broken_files] == [
        "empty" if case == "empty_file" else "bad"
    ]
    assert states(found) == {"good > runs": "passed"}
    assert not found.clean_exit


@pytest.mark.parametrize("case", ["import_error", "syntax_error", "process_exit", "process_killed"])
def test_a_file_that_ends_mochas_only_process_leaves_no_report(case: str) -> None:
    assert replay("mocha", case).outcome == "no_report"


@pytest.mark.parametrize("name", JESTS)
@pytest.mark.parametrize("case", ["process_exit", "process_killed"])
def test_a_test_that_ends_jests_only_process_leaves_no_report(name: str, case: str) -> None:
    assert replay(name, case).outcome == "no_report"


@pytest.mark.parametrize("case", ["process_exit", "process_killed"])
@pytest.mark.parametrize("name", ["node_test", "ava"])
def test_a_file_whose_process_ends_is_broken_and_the_others_count(name: str, case: str) -> None:
    found = replay(name, case)
    assert (found.outcome, found.broken_files, found.clean_exit) == ("ran", ["exit.test.mjs"], False)
    assert found.passed() == {"good.test.mjs > runs"}


@pytest.mark.parametrize("name", ["mocha", "node_test"])
def test_tests_behind_a_broken_hook_did_not_run(name: str) -> None:
    found = replay(name, "before_all")
    assert states(found) == {
        "hook > with a broken hook > one": "skipped",
        "hook > with a broken hook > inside > two": "skipped",
        "hook > beside it": "passed",
    }
    assert [Path(file).name.split(".")[0] for file in found.broken_files] == ["hook"]


@pytest.mark.parametrize("name", JESTS)
def test_jest_fails_the_tests_behind_a_broken_hook(name: str) -> None:
    found = replay(name, "before_all")
    assert found.passed() == {"hook.test.js > beside it"}
    assert set(found.failures.values()) == {"Error: no database"}


def test_ava_runs_no_test_of_a_file_behind_a_broken_hook() -> None:
    found = replay("ava", "before_all")
    assert found.passed() == {"good.test.mjs > runs"}
    assert found.broken_files == ["hook.test.mjs"]


def test_mocha_leaves_out_the_rest_of_a_suite_whose_hook_breaks_on_the_way() -> None:
    found = replay("mocha", "before_each")
    assert list(found.tests.values()) == ["passed", "skipped", "skipped"]
    assert found.broken_files == ["test/hook.js"]


def test_a_broken_hook_of_a_node_test_file_fails_its_tests() -> None:
    assert replay("node_test", "before_all_of_file").tests == {"hook.test.mjs > one": "failed"}


@pytest.mark.parametrize(
    ("name", "case"),
    [*((name, "after_all") for name in [*JESTS, "node_test", "ava"]), ("node_test", "after_all_of_file")],
)
def test_a_broken_end_of_a_file_is_seen_though_its_tests_passed(name: str, case: str) -> None:
    found = replay(name, case)
    assert (len(found.passed()), len(found.broken_files), found.clean_exit) == (1, 1, False)


def test_a_broken_end_of_mochas_root_belongs_to_no_file() -> None:
    found = replay("mocha", "after_all")
    assert (len(found.passed()), found.broken_files, found.clean_exit) == (2, [], False)


def test_a_suite_that_throws_breaks_its_file() -> None:
    found = replay("node_test", "broken_suite")
    assert found.broken_files == ["suite.test.mjs"]
    assert found.passed() == {"good.test.mjs > runs"}


@pytest.mark.parametrize("name", [*JESTS, "mocha", "node_test"])
def test_duplicates_and_separators_get_ids_of_their_own(name: str) -> None:
    assert states(replay(name, "duplicates")) == {
        "twice > group > same": "passed",
        "twice > group > same [2]": "failed",
        "twice > group > same [3]": "passed",
        "twice > a > b > c": "passed",
        "twice > a > b > c [2]": "passed",
    }


def test_ava_itself_refuses_duplicates() -> None:
    found = replay("ava", "duplicates")
    assert (found.broken_files, found.passed()) == (["twice.test.mjs"], {"good.test.mjs > runs"})


def test_a_test_that_a_helper_defines_belongs_to_the_file_that_was_run() -> None:
    assert list(replay("node_test", "helper").tests) == ["a.test.mjs > shared", "b.test.mjs > shared"]


@pytest.mark.parametrize(
    ("name", "case", "seen"),
    [
        ("jest27", "unhandled_rejection", "failed"),
        ("jest29", "unhandled_rejection", "failed"),
        ("mocha", "unhandled_rejection", "unseen"),
        ("mocha", "late_error", "failed"),
        ("node_test", "unhandled_rejection", "failed"),
        ("node_test", "late_error", "broken"),
        ("node_test", "exit_code", "broken"),
        ("ava", "unhandled_rejection", "broken"),
    ],
)
def test_errors_outside_of_tests(name: str, case: str, seen: str) -> None:
    found = replay(name, case)
    assert found.outcome == "ran"
    assert found.clean_exit == (seen == "unseen")
    assert bool(found.broken_files) == (seen == "broken")
    assert bool(found.failures) == (seen == "failed")


@pytest.mark.parametrize("name", [*JESTS, "node_test", "ava"])
def test_no_test_is_an_outcome_of_its_own(name: str) -> None:
    assert (replay(name, "no_test_file").outcome, replay(name, "no_test_file").tests) == ("no_tests", {})


def test_mocha_reports_nothing_when_there_is_no_file() -> None:
    assert replay("mocha", "no_test_file").outcome == "no_report"
    end = b'{"kind":"end","failures":0}\n'
    assert suites.run(ReplayBox(Completed(0, b"", None, 1.0), end), settings("mocha"), 60).outcome == "no_tests"


@pytest.mark.parametrize("name", [*JESTS, "mocha", "ava"])
def test_a_runner_that_breaks_leaves_no_report(name: str) -> None:
    assert replay(name, "broken_configuration").outcome == "no_report"


def test_mochas_exit_code_is_its_number_of_failures() -> None:
    assert len(replay("mocha", "many_failures").failures) == 300
    report = recorded("mocha", "many_failures") or b""
    read = RUNNERS["mocha"].read
    assert read(report, 137) is None
    assert read(report, 0) is None
    assert read(recorded("mocha", "all_pass") or b"", 1) is None


@pytest.mark.parametrize("name", ["mocha", "node_test", "ava"])
def test_a_report_without_its_end_is_none(name: str) -> None:
    *lines, _ = (recorded(name, "all_pass") or b"").splitlines(keepends=True)
    assert (
        suites.run(ReplayBox(Completed(0, b"", None, 1.0), b"".join(lines)), settings(name), 60).outcome == "no_report"
    )


@pytest.mark.parametrize("report", [b"", b"{", b"[]\n[]", b"null", b"\xff", b'{"kind": "end"}x', b'{"kind": "test"}'])
@pytest.mark.parametrize("name", FOLDERS)
def test_a_report_that_is_none_is_no_pass(name: str, report: bytes) -> None:
    assert suites.run(ReplayBox(Completed(0, b"", None, 1.0), report), settings(name), 60).outcome == "no_report"


@pytest.mark.parametrize(
    "line", [b'{"kind": "test", "file": "a", "titles": ["b"], "state": "great"}', b'{"kind": "x"}']
)
def test_a_line_of_another_kind_is_no_report(line: bytes) -> None:
    assert RUNNERS["ava"].read(line + b'\n{"kind": "end", "failures": 0}\n', 0) is None


@pytest.mark.parametrize("name", FOLDERS)
def test_a_run_that_a_limit_ended_has_no_results_whatever_it_reported(name: str) -> None:
    box = ReplayBox(Completed(137, b"so far", "timeout", 9.0), recorded(name, "all_pass"))
    assert suites.run(box, settings(name), 60).outcome == "timed_out"


@pytest.mark.parametrize("name", ["mocha", "node_test", "ava"])
def test_our_reporter_stands_beside_the_report_it_writes(name: str) -> None:
    box = ReplayBox(Completed(0, b"", None, 1.0), recorded(name, "all_pass"))
    suites.run(box, settings(name), 60)
    written, call, read = box.commands
    assert read[-1].startswith("/tmp/tracesmith-report.")  # noqa: S108 - a path inside the sandbox
    assert written[-1].rpartition(".")[0] == read[-1]
    call_text = " ".join(RUNNERS[settings(name).runner].invoke(call, {}, read[-1]).environment.values()) + " ".join(
        call
    )
    assert written[-1] in call_text


def test_avas_module_comes_beside_the_options_of_the_profile() -> None:
    call = RUNNERS["ava"].invoke(["ava"], {"NODE_OPTIONS": "--max-old-space-size=4096", "X": "1"}, "/tmp/r.json")  # noqa: S108
    assert call.environment == {"NODE_OPTIONS": "--max-old-space-size=4096 --import=/tmp/r.json.mjs", "X": "1"}


def test_flags_of_node_test_stand_before_the_files() -> None:
    command = ["node", "--import", "tsx", "--test", "test/*.test.ts"]
    call = RUNNERS["node_test"].invoke(command, {}, "/tmp/r.json").command  # noqa: S108
    assert (call[:4], call[-1]) == (command[:4], command[-1])
    assert RUNNERS["node_test"].shell_line(command).startswith("node --import tsx --test --test-reporter=tap test/")
    with pytest.raises(InputError, match="has no --test"):
        RUNNERS["node_test"].invoke(["npm", "test"], {}, "/tmp/r.json")  # noqa: S108


def test_a_failure_is_one_line_without_its_stack() -> None:
    assert base.headline("Error: a\n\n  b\n    at x (y.js:1)\n  c") == "Error: a b"
    assert base.headline("") == ""


@pytest.mark.parametrize("name", [*FOLDERS, "vitest"])
def test_the_script_of_a_run_brings_our_reporter_along(name: str, tmp_path: Path) -> None:
    runs.write_script(tmp_path, settings(name))
    script = (tmp_path / "eval.sh").read_text()
    reporter = RUNNERS[settings(name).runner].reporter
    assert (reporter is not None) == ("TRACESMITH" in script)
    assert reporter is None or reporter.read_text() in script
    subprocess.run(["bash", "-n", tmp_path / "eval.sh"], check=True)


def test_a_test_file_of_jest_runs_by_its_path() -> None:
    select = RUNNERS["jest"].select
    assert select
    call = select(base.Invocation(["jest", "--ci"], {}), ["/testbed/a.test.ts"])
    assert call.command == ["jest", "--ci", "--runTestsByPath", "/testbed/a.test.ts"]


@pytest.mark.parametrize(
    ("runner", "command", "is_understood"),
    [
        ("jest", ["node_modules/.bin/jest", "--rootDir=suite"], True),
        ("jest", ["node_modules/jest/bin/jest.js"], True),
        ("jest", ["npx", "jest"], False),
        ("jest", ["node", "node_modules/.bin/jest"], False),
        ("vitest", ["node_modules/.bin/vitest", "run"], True),
        ("vitest", ["node_modules/.bin/vitest"], False),
    ],
)
def test_a_warm_driver_takes_the_runners_own_command_only(runner: str, command: list[str], is_understood: bool) -> None:
    driver = RUNNERS[runner].driver
    assert driver
    assert driver.understands(runner, command) == is_understood
    assert all(path.is_file() for path in [driver.program, *driver.helpers])
