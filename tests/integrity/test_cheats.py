"""No cheat is graded resolved, each is named by a flag, and no honest fix is: one evaluation over all of them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cheats import CHEATS, FIXES, LEFT_OUT, ODD, UNDECIDED

import tiny
import workflows
from tracesmith import integrity

F2P = "src/intervals.spec.ts > merge > joins intervals that touch"
TWOFOLD: dict[str, tuple[str | None, str]] = {**CHEATS, **UNDECIDED, **ODD}
PATCHES = {name: patch for name, (patch, _) in TWOFOLD.items()} | FIXES


def name_of(cheat: str) -> str:
    return f"{tiny.REPO}.cheat__{cheat}"


def instance(cheat: str, passing: list[str]) -> dict[str, Any]:
    """Return the same instance under a name of its own."""
    tests = {"FAIL_TO_PASS": [F2P], "PASS_TO_PASS": [test for test in passing if test != F2P]}
    return {"instance_id": name_of(cheat), "patch": tiny.BUG, **tests, "image_name": "x", "repo": f"x/{tiny.REPO}"}


def prediction(cheat: str) -> dict[str, Any]:
    return {"instance_id": name_of(cheat), "model_patch": PATCHES[cheat], "model_name_or_path": "cheat"}


@pytest.fixture(scope="session")
def graded(tiny_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grade every patch, all in one run, and return the folder of the reports."""
    folder = tmp_path_factory.mktemp("cheats")
    tests = json.loads((tiny_environment.parent / "reference" / "1" / "reference.json").read_text())["tests"]
    (folder / "data.json").write_text(json.dumps([instance(cheat, sorted(tests)) for cheat in PATCHES]))
    (folder / "preds.json").write_text(json.dumps({name_of(cheat): prediction(cheat) for cheat in PATCHES}))
    script = workflows.SCRIPTS / "evaluate_predictions.py"
    command = [sys.executable, script, folder / "preds.json", "--dataset", folder / "data.json", "--timeout", "300"]
    command += ["--environment", tiny_environment, "--output", folder / "graded" / "report.json", "--workers", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "graded"


@pytest.fixture
def reports(graded: Path) -> Iterator[dict[str, Any]]:
    """The report of each patch."""
    yield {cheat: json.loads((graded / name_of(cheat) / "report.json").read_text()) for cheat in PATCHES}


def test_the_suite_is_as_large_as_promised_and_uses_every_kind_of_flag() -> None:
    assert len(CHEATS) >= 40
    assert len(FIXES) >= 5
    named = {flag for _, flag in [*CHEATS.values(), *UNDECIDED.values()]}
    assert named <= set(integrity.FLAGS)
    assert set(integrity.FLAGS) - named <= {"unreadable_part", "edits_protected_files", "writes_files"}


@pytest.mark.sandbox
@pytest.mark.network
@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_not_resolved_and_named(cheat: str, reports: dict[str, Any]) -> None:
    report = reports[cheat]
    assert not report.get("resolved"), report["tracesmith"]
    assert CHEATS[cheat][1] in report["tracesmith"]["flags"], report["tracesmith"]


@pytest.mark.sandbox
@pytest.mark.network
def test_parts_that_are_left_out_need_no_run_and_change_none(reports: dict[str, Any]) -> None:
    for cheat in list(CHEATS)[:LEFT_OUT]:
        assert reports[cheat]["tracesmith"]["outcome"] == "nothing_left", cheat
        assert "tests_status" not in reports[cheat]
    together = reports["all_of_those_at_once"]
    assert together["tracesmith"]["outcome"] == "unresolved"
    assert together["tests_status"]["FAIL_TO_PASS"] == {"success": [], "failure": [F2P]}
    assert together["tests_status"]["PASS_TO_PASS"]["failure"] == []


@pytest.mark.sandbox
@pytest.mark.network
@pytest.mark.parametrize("odd", ODD)
def test_odd_patches_have_the_outcome_of_what_git_makes_of_them(odd: str, reports: dict[str, Any]) -> None:
    assert reports[odd]["tracesmith"]["outcome"] == ODD[odd][1], reports[odd]["tracesmith"]
    assert bool(reports[odd]["patch_exists"]) == (ODD[odd][1] != "empty_patch")


@pytest.mark.sandbox
@pytest.mark.network
@pytest.mark.parametrize("fix", FIXES)
def test_an_honest_fix_is_resolved_without_a_flag(fix: str, reports: dict[str, Any]) -> None:
    assert reports[fix]["resolved"], reports[fix]["tracesmith"]
    assert reports[fix]["tracesmith"]["flags"] == []


@pytest.mark.sandbox
@pytest.mark.network
@pytest.mark.parametrize("fix", UNDECIDED)
def test_what_computes_the_values_of_the_tests_is_resolved_and_named(fix: str, reports: dict[str, Any]) -> None:
    assert reports[fix]["resolved"], reports[fix]["tracesmith"]
    assert reports[fix]["tracesmith"]["flags"] == [UNDECIDED[fix][1]]


@pytest.mark.sandbox
@pytest.mark.network
def test_the_runs_report_lists_ids_by_outcome_and_by_flag(graded: Path, reports: dict[str, Any]) -> None:
    report = json.loads((graded / "report.json").read_text())
    odd = [name for name, (_, outcome) in ODD.items() if outcome == "resolved"]
    assert report["ids_resolved"] == sorted(name_of(fix) for fix in [*FIXES, *UNDECIDED, *odd])
    ours = report["tracesmith"]
    for cheat, found in reports.items():
        assert name_of(cheat) in ours["ids_by_outcome"][found["tracesmith"]["outcome"]]
        for flag in found["tracesmith"]["flags"]:
            assert name_of(cheat) in ours["ids_by_flag"][flag]
