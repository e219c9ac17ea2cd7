"""Runs of candidates: what leaves a doubt, how two runs of one job become one, and which files need a process alone."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tracesmith.references import Reference
from tracesmith.selection.choosing import Selection
from tracesmith.selection.coverage import Coverage
from tracesmith.suites import SuiteRun
from tracesmith.validation import driving, warming
from tracesmith.validation.running import Runner

FILES = ["a.spec.ts", "b.spec.ts", "c.spec.ts"]
PRISTINE = SuiteRun("ran", {f"{path} > one": "passed" for path in FILES}, seconds=9.0)
CHOSEN = Selection(FILES[:2], FILES, loaders=[set(FILES[:2])])


def runner(reference: SuiteRun = PRISTINE) -> Any:
    """Make the runner of a suite; nothing here opens its sandboxes."""
    return Runner(SimpleNamespace(), SimpleNamespace(), Path(), Reference([reference]), Coverage(FILES), 60.0)  # type: ignore[arg-type]


def ran(*paths: str, broken: tuple[str, ...] = ()) -> SuiteRun:
    """Make a run in which some files have a passing test, and some broke as a whole."""
    return SuiteRun("ran", {f"{path} > one": "passed" for path in paths}, broken_files=list(broken))


@pytest.mark.parametrize(
    ("found", "only", "is_doubtful"),
    [
        (ran(*FILES[:2]), FILES[:2], False),
        (ran(FILES[0]), FILES[:2], True),
        (ran(FILES[0], broken=(FILES[1],)), FILES[:2], False),
        (ran(broken=tuple(FILES[:2])), FILES[:2], True),
        (ran(broken=tuple(FILES)), FILES, False),
        (SuiteRun("no_report"), FILES[:2], True),
        (SuiteRun("timed_out"), FILES[:2], False),
    ],
    ids=["all ran", "one is missing", "one broke", "all that load it broke", "all broke", "no report", "hung"],
)
def test_what_leaves_open_what_the_whole_suite_would_say(found: SuiteRun, only: list[str], is_doubtful: bool) -> None:
    assert runner().is_doubtful(found, only, CHOSEN) is is_doubtful


def test_what_a_file_said_in_its_own_process_counts() -> None:
    together = SuiteRun("ran", {"a > one": "failed", "b > one": "passed"}, {"a > one": "no"}, ["c"], output="x")
    alone = SuiteRun("ran", {"a > one": "passed", "c > one": "passed"}, output="y")
    found = driving._joined({"7.together": together, "7.alone": alone}, "7", "")
    assert found.tests == {"a > one": "passed", "b > one": "passed", "c > one": "passed"}
    assert (found.failures, found.broken_files, found.output) == ({}, [], "xy")
    assert driving._joined({"7.together": together}, "7", driving.LOOPED).outcome == "timed_out"
    assert driving._joined({}, "7", "").outcome == "no_report"


def test_a_job_names_the_files_where_they_stand_in_the_sandbox() -> None:
    job = driving.Job("3", ["a.spec.ts"], changes={"src/a.ts": b"\xff"}, cpu_s=2.5).as_json()
    assert json.loads(json.dumps(job)) == {
        "number": "3",
        "together": ["/testbed/a.spec.ts"],
        "alone": [],
        "changes": [["/testbed/src/a.ts", "/w=="]],
        "cpu_ms": 2500,
        "timeout_ms": 60000,
    }


@pytest.mark.parametrize(
    ("shared", "alone"),
    [
        (ran(*FILES), set()),
        (ran(*FILES[:2]), {"c.spec.ts"}),
        (ran(*FILES[:2], broken=("c.spec.ts",)), {"c.spec.ts"}),
        (SuiteRun("ran", {**PRISTINE.tests, "a.spec.ts > two": "passed"}), {"a.spec.ts"}),
        (SuiteRun("ran", {**PRISTINE.tests, "b.spec.ts > one": "failed"}), {"b.spec.ts"}),
        (None, set(FILES)),
    ],
    ids=["equal", "missing", "broken", "another test", "another state", "no run"],
)
def test_a_file_that_says_something_else_in_a_shared_process_runs_alone(
    shared: SuiteRun | None, alone: set[str]
) -> None:
    assert warming._unlike(runner(), FILES, shared) == alone


def test_groups_are_of_one_where_nothing_is_warm() -> None:
    listed = list(range(40))
    assert [len(group) for group in warming.groups(listed, warming.Warm(), 2, 40)] == [16, 16, 8]
    assert [len(group) for group in warming.groups(listed, warming.Warm(), 8, 40)] == [5] * 8
    assert {len(group) for group in warming.groups(listed, warming.Warm(doubt="no"), 2, 40)} == {1}
