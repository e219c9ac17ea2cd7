"""The gate on runs of a suite: what is flaky, what rejects a repository, and what a rejection says."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tracesmith import perturbations, prepared, references
from tracesmith.environments import gating
from tracesmith.errors import InputError
from tracesmith.perturbations import PLAIN
from tracesmith.references import Reference
from tracesmith.sandboxes.base import Limits
from tracesmith.suites import SuiteRun
from tracesmith.validation import verdicts

LINE = Path(__file__).parents[1] / "data" / "line" / "logs" / "build_images" / "npm__css-what.v8.0.0"
VALUE = json.loads((LINE / "environment.json").read_text())
TEST = prepared.TestSettings(**VALUE["test"])
ENVIRONMENT = prepared.Environment(
    **{key: value for key, value in VALUE.items() if key not in ("made_by", "limits", "test", "gate")},
    limits=Limits(**VALUE["limits"]),
    test=TEST,
)


def ran(*, broken: tuple[str, ...] = (), clean: bool = True, **states: str) -> SuiteRun:
    """Return a run; the test `a_x` is the test x of the file a.spec.ts."""
    tests = {name.replace("_", ".spec.ts > "): state for name, state in states.items()}
    failures = {test: f"Error: {test}" for test, state in tests.items() if state == "failed"}
    return SuiteRun("ran", tests, failures, list(broken), clean and not failures and not broken)


def many(passed: int, failed: int = 0, **more: str) -> SuiteRun:
    """Return a run with many tests in one file."""
    states = {f"a_p{number:02}": "passed" for number in range(passed)}
    return ran(**states, **{f"a_f{number:02}": "failed" for number in range(failed)}, **more)


def judge(*runs: SuiteRun, files: tuple[str, ...] = (), least: float = 0.95) -> None:
    gating.judge(runs, files, ENVIRONMENT, least, Path("PLACE"))


def rejection(*runs: SuiteRun, files: tuple[str, ...] = ()) -> str:
    """Return what the last run is rejected with; those before it are let in."""
    for number in range(1, len(runs)):
        judge(*runs[:number], files=files)
    with pytest.raises(InputError) as raised:
        judge(*runs, files=files)
    text = str(raised.value)
    assert text.startswith(f"npm__css-what.v8.0.0: reference run {len(runs)} (")
    return text


@pytest.mark.parametrize("other", ["failed", "skipped", "todo", None])
def test_a_test_with_two_states_is_flaky_and_in_no_list_of_a_verdict(other: str | None) -> None:
    second = ran(a_one="passed", a_two="passed", **({} if other is None else {"a_three": other}))
    reference = Reference([ran(a_one="passed", a_two="passed", a_three="passed"), second, second])
    assert reference.flaky == {"a.spec.ts > three": ["passed", *[other or "absent"] * 2]}
    found = verdicts.compare(reference.stable, ran(a_one="failed", a_two="passed", a_three="failed"))
    assert found.fail_to_pass == ["a.spec.ts > one"]
    assert found.pass_to_pass == ["a.spec.ts > two"]
    assert (found.fail_to_fail, found.pass_to_fail) == ([], [])


def test_a_test_that_only_a_later_run_has_is_flaky() -> None:
    reference = Reference([ran(a_one="passed"), ran(a_one="passed", a_17="passed"), ran(a_one="passed", a_42="passed")])
    assert list(reference.flaky) == ["a.spec.ts > 17", "a.spec.ts > 42"]
    assert list(reference.stable.tests) == ["a.spec.ts > one"]


def test_a_file_that_broke_once_counts_as_broken_and_its_tests_are_flaky() -> None:
    reference = Reference([ran(a_one="passed", b_two="passed"), ran(broken=("b.spec.ts",), a_one="passed")])
    assert reference.stable.broken_files == ["b.spec.ts"]
    assert list(reference.flaky) == ["b.spec.ts > two"]
    assert not reference.stable.clean_exit


def test_the_time_of_the_plain_run_is_the_references() -> None:
    runs = [replace(ran(a_one="passed"), seconds=seconds, output=f"{seconds}") for seconds in (2.0, 9.0)]
    assert (Reference(runs).stable.seconds, Reference(runs).stable.output) == (2.0, "2.0")


def test_a_time_limit_near_that_of_the_pristine_suite_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference = Reference([replace(ran(a_one="passed"), seconds=100.0)])
    references.check_time(reference, 200, tmp_path)
    assert not caplog.messages
    references.check_time(reference, 199, tmp_path)
    assert "took 100.0 s, and each run gets 199 s" in caplog.messages[0]
    with pytest.raises(InputError, match="raise it well above"):
        references.check_time(reference, 100, tmp_path)


CLEAN = ran(a_one="passed", a_two="passed")
UNHANDLED = ran(a_one="passed", a_two="passed", clean=False)
FLAKED = ran(a_one="passed", a_two="failed")
BROKEN = ran(a_one="passed", a_two="passed", broken=("b.spec.ts",))


@pytest.mark.parametrize(
    ("runs", "found", "excused"),
    [
        ([CLEAN, CLEAN, CLEAN], UNHANDLED, False),
        ([CLEAN, CLEAN, CLEAN], FLAKED, False),
        ([CLEAN, CLEAN, CLEAN], BROKEN, False),
        ([CLEAN, UNHANDLED, CLEAN], UNHANDLED, True),
        ([CLEAN, FLAKED, CLEAN], FLAKED, True),
        ([CLEAN, FLAKED, CLEAN], UNHANDLED, False),
        ([FLAKED, FLAKED, FLAKED], FLAKED, True),
        ([FLAKED, FLAKED, FLAKED], ran(a_one="failed", a_two="passed"), False),
        ([CLEAN, CLEAN, BROKEN], BROKEN, True),
        ([CLEAN, CLEAN, BROKEN], UNHANDLED, False),
    ],
)
def test_a_run_may_be_called_a_failure_for_what_a_pristine_one_was(
    runs: list[SuiteRun], found: SuiteRun, excused: bool
) -> None:
    assert Reference(runs).excuses(found) is excused


def test_a_suite_that_passes_is_let_in() -> None:
    judge(many(20), many(20), files=("a.spec.ts",))
    judge(many(19, failed=1))
    judge(many(3, failed=2), least=0.6)


def test_too_many_failing_tests_are_named_with_their_words() -> None:
    text = rejection(many(54, failed=6))
    assert "90.0% of the tests pass in all runs so far, wanted are 95.0%" in text
    assert "a.spec.ts > f00 (failed: Error: a.spec.ts > f00); a.spec.ts > f01" in text
    assert "f04 (failed: Error: a.spec.ts > f04); and 1 more; what ran is kept in PLACE" in text
    assert "f05" not in text


def test_flaky_tests_count_as_not_passing() -> None:
    text = rejection(many(18, b_x="passed", b_y="passed"), many(18, b_x="failed", b_y="skipped"))
    assert "90.0% of the tests pass" in text
    assert "b.spec.ts > x (passed then failed: Error: b.spec.ts > x); b.spec.ts > y (passed then skipped)" in text


def test_a_test_with_a_name_of_its_own_in_each_run_counts_once() -> None:
    runs = [many(19, **{f"a_at{number}": "passed"}) for number in range(5)]
    judge(*runs)


def test_skipped_tests_and_those_to_do_neither_pass_nor_fail() -> None:
    judge(many(2, a_s="skipped", a_t="todo"))


def test_files_that_do_not_load_or_run_are_named() -> None:
    broken = ran(broken=("b.spec.ts",), a_one="passed", b_two="passed")
    text = rejection(replace(broken, complaints={"b.spec.ts": "Cannot find module './x'"}), files=("c.spec.ts",))
    assert "33.3% of 3 test files load in all runs so far, wanted are 95.0%" in text
    assert ": b.spec.ts (broken: Cannot find module './x'); c.spec.ts (not run);" in text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("timed_out", "the suite does not end within 1800 s (sandbox.timeout_s)"),
        ("out_of_memory", "the suite needs more than 10 GB (sandbox.memory)"),
        ("killed", "its limit of processes, disk or output"),
        ("no_report", "vitest ends without a report, 0 files match test.globs ['src/**/*.spec.ts']"),
        ("no_tests", "a package without tests: vitest finds none, 0 files match test.globs"),
        ("ran", "no test passes"),
    ],
)
def test_a_suite_that_does_not_run_is_rejected_with_its_end(outcome: str, words: str) -> None:
    text = rejection(SuiteRun(outcome, output="start\n" * 900 + "the end"))
    assert words in text
    assert text.endswith("start\nthe end")
    assert len(text) < 1200
    slower = words.replace("1800", "3600")  # half the CPUs, twice the time
    assert slower in rejection(many(20), SuiteRun(outcome))


def test_what_a_run_changed_is_in_its_rejection() -> None:
    assert "run 2 (TZ=Asia/Kathmandu, clock 11 d 7 h ahead, 0.5 of the CPUs, other file order)" in rejection(
        many(20), SuiteRun("no_report")
    )
    assert "run 1 (plain)" in rejection(SuiteRun("no_report"))


@pytest.mark.parametrize("line", ["Error: EROFS: read-only file system, open '/usr/x'", "EACCES: permission denied"])
def test_tests_that_write_outside_of_the_tree_are_told_where_they_may(line: str) -> None:
    found = replace(many(5), tests={"a": "passed", "b": "failed"}, failures={"b": line})
    assert "the sandbox lets tests write below /testbed and /tmp only" in rejection(found)
    assert "lets tests write" not in rejection(many(1, failed=1))


def test_the_first_run_is_plain_and_the_others_follow_from_their_number() -> None:
    found = [perturbations.of_run(number) for number in range(1, 12)]
    assert found[0] == PLAIN
    assert found == [perturbations.of_run(number) for number in range(1, 12)]
    assert len({change.ahead_s for change in found}) == len({change.order for change in found}) == 11
    assert {change.cpu_share for change in found[1:]} == {0.5}
    assert all(one.time_zone != other.time_zone for one, other in itertools.pairwise(found))


def test_a_profiles_own_time_zone_and_node_options_stay() -> None:
    change = perturbations.of_run(2)
    clock = f"--require={change.clock_path()}"
    assert change.environment({}) == {"TZ": "Asia/Kathmandu", "NODE_OPTIONS": clock}
    own = {"TZ": "Europe/Rome", "NODE_OPTIONS": "--max-old-space-size=4096"}
    assert change.environment(own) == {"TZ": "Europe/Rome", "NODE_OPTIONS": f"--max-old-space-size=4096 {clock}"}
    assert PLAIN.environment({"A": "b"}) == {"A": "b"}
