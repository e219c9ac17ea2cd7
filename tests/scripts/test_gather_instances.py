"""The script gather_instances: several lists with a report each become one, and every instance says what it is from."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tracesmith import files, git

ROOT = Path(__file__).parents[2]
LINE = ROOT / "tests" / "data" / "line"
REPO = "npm__css-what.v8.0.0"
SINGLES = [f"{REPO}.func_pm_op_swap__b8mkmgf1", f"{REPO}.func_pm_remove_cond__pyn65ivp"]
ENVIRONMENT = f"logs/build_images/{REPO}/environment.json"
TREE = f"logs/build_images/{REPO}/source/tree"
PATCHES = [f"logs/bug_gen/{REPO}_{kind}_patches.json" for kind in ("all", "combined")]
CONFIRMATION = f"logs/run_validation/{REPO}/confirmation.json"
REPORTS = [f"logs/run_validation/{REPO}/{name}.json" for name in ("report", "combined_report")]
OUTPUT = "out/instances.json"
VERDICTS = ("confirmed", "not_confirmed")


def run(work: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / f"{script}.py", *words]
    return subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)


def gather(work: Path, patches: list[str], reports: list[str]) -> subprocess.CompletedProcess[str]:
    """Gather lists of which all that is valid is confirmed."""
    write_confirmation(work, patches, reports)
    flags = ["--confirmation", CONFIRMATION, "--environment", ENVIRONMENT, "--output", OUTPUT]
    return run(work, "gather_instances", *patches, "--report", *reports, *flags)


def write_report(work: Path, patches: str, report: str, ids: list[str]) -> None:
    """Write a report that calls candidates valid, and the store's entry of each."""
    made_by = {"inputs": {"patches": files.digest_file(work / patches)}}
    rows = [{"instance_id": name, "verdict": "valid"} for name in ids]
    files.write_json(work / report, {"made_by": made_by, "instances": rows})
    for name in ids:
        folder = (work / report).parent / name
        if not folder.exists():
            shutil.copytree(folder.with_name(SINGLES[0]), folder)


def write_confirmation(work: Path, patches: list[str], reports: list[str], dropped: Sequence[str] = ()) -> None:
    """Write a confirmation of the valid candidates, and the store's entry of each that is not dropped."""
    value = read(work, CONFIRMATION)
    files_of = {"environment": ENVIRONMENT, **numbered("patches", patches), **numbered("report", reports)}
    value["made_by"]["inputs"] = {name: files.digest_file(work / path) for name, path in files_of.items()}
    known = {row["instance_id"]: row for row in value["instances"]}
    names = [row["instance_id"] for report in reports for row in read(work, report)["instances"] if is_valid(row)]
    value["instances"] = [
        {**known.get(name, known[SINGLES[0]]), "instance_id": name, "verdict": VERDICTS[name in dropped]}
        for name in names
    ]
    files.write_json(work / CONFIRMATION, value)
    for name in names:
        folder = (work / CONFIRMATION).parent / "confirmation" / name
        if not folder.exists():
            shutil.copytree(folder.with_name(SINGLES[0]), folder)


def is_valid(row: dict[str, Any]) -> bool:
    return bool(row["verdict"] == "valid")


def numbered(name: str, paths: list[str]) -> dict[str, str]:
    return {name if number == 1 else f"{name}_{number}": path for number, path in enumerate(paths, start=1)}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Make the finished run of tests/data/line with a list of combined bugs, as if they had been validated."""
    work = shutil.copytree(LINE, tmp_path / "work")
    git.make_mirror((work / ENVIRONMENT).with_name("mirror.git"), work / TREE)
    done = run(work, "combine_bugs", PATCHES[0], "--report", REPORTS[0], "--source", TREE, "--output", PATCHES[1])
    assert done.returncode == 0, done.stderr
    write_report(work, PATCHES[1], REPORTS[1], [row["instance_id"] for row in read(work, PATCHES[1])])
    return work


def read(work: Path, name: str) -> Any:
    return json.loads((work / name).read_text())


def test_combined_instances_join_the_single_ones_and_name_their_parts(work: Path) -> None:
    done = gather(work, PATCHES, REPORTS)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    rows = read(work, OUTPUT)
    ids = [row["instance_id"] for row in rows]
    assert ids == sorted(ids)
    assert set(SINGLES) < set(ids)
    (combined,) = [row for row in rows if row["instance_id"] not in SINGLES]
    assert combined["tracesmith"]["combined"] == SINGLES
    assert combined["tracesmith"]["strategy"] == "combine_file"
    assert [row for row in rows if row is not combined] == read(LINE, f"logs/task_insts/{REPO}.json")
    inputs = read(work, f"{OUTPUT}.meta.json")["made_by"]["inputs"]
    named = {"patches": PATCHES[0], "patches_2": PATCHES[1], "report": REPORTS[0], "report_2": REPORTS[1]}
    named |= {"environment": ENVIRONMENT, "confirmation": CONFIRMATION}
    assert inputs == {name: files.digest_file(work / path) for name, path in named.items()}
    mirror = (work / ENVIRONMENT).with_name("mirror.git")
    assert set(git.branches(mirror)) == {"main", *ids}
    shown = git.run(["--git-dir", mirror, "diff", "--stat", "main", f"{combined['instance_id']}~1"])
    assert "1 file changed, 1 insertion(+), 5 deletions(-)" in shown


def test_the_order_of_the_lists_makes_no_difference_to_the_instances(work: Path) -> None:
    assert gather(work, PATCHES, REPORTS).returncode == 0
    before = (work / OUTPUT).read_bytes()
    assert gather(work, PATCHES[::-1], REPORTS[::-1]).returncode == 0
    assert (work / OUTPUT).read_bytes() == before


def test_no_combined_bug_at_all_is_no_error(work: Path) -> None:
    (work / PATCHES[1]).write_text("[]\n")
    write_report(work, PATCHES[1], REPORTS[1], [])
    done = gather(work, PATCHES, REPORTS)
    assert done.returncode == 0, done.stderr
    assert read(work, OUTPUT) == read(LINE, f"logs/task_insts/{REPO}.json")


def test_nothing_valid_in_any_list_is_an_error_that_names_them(work: Path) -> None:
    for report in REPORTS:
        value = read(work, report)
        for row in value["instances"]:
            row["verdict"] = "timed_out"
        files.write_json(work / report, value)
    done = gather(work, PATCHES, REPORTS)
    assert done.returncode == 2
    assert f"{REPORTS[0]}, {REPORTS[1]}: none of the 3 candidates is valid" in done.stderr
    assert not (work / OUTPUT).exists()


def test_each_report_must_be_of_its_list(work: Path) -> None:
    done = gather(work, PATCHES, REPORTS[::-1])
    assert done.returncode == 2
    assert f"{REPORTS[1]}: was made from other patches than {PATCHES[0]}" in done.stderr


def test_a_list_without_a_report_is_refused(work: Path) -> None:
    done = gather(work, PATCHES, REPORTS[:1])
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "error: --report: 2 lists need a report each in the same order, not 1" in done.stderr


def test_an_id_in_two_lists_is_refused(work: Path) -> None:
    rows = read(work, PATCHES[1])
    files.write_json(work / PATCHES[1], [{**rows[0], "instance_id": SINGLES[1]}])
    write_report(work, PATCHES[1], REPORTS[1], SINGLES[1:])
    done = gather(work, PATCHES, REPORTS)
    assert done.returncode == 2
    assert f"{PATCHES[1]} {SINGLES[1]}: stands already in {PATCHES[0]}" in done.stderr
    done = gather(work, [PATCHES[0]] * 2, [REPORTS[0]] * 2)
    assert (done.returncode, "stands already" in done.stderr) == (2, True)


def gather_with(work: Path, **changed: Any) -> subprocess.CompletedProcess[str]:
    """Gather the first list with the confirmation as it stands there, or another one."""
    flags = {"report": REPORTS[0], "confirmation": CONFIRMATION, "environment": ENVIRONMENT, "output": OUTPUT} | changed
    return run(
        work, "gather_instances", PATCHES[0], *(word for key, one in flags.items() for word in (f"--{key}", one))
    )


def test_the_lists_are_those_of_the_confirmation_and_what_it_says_stands_in_the_row(work: Path) -> None:
    entry = f"logs/run_validation/{REPO}/confirmation/{SINGLES[0]}/confirmation.json"
    found = read(work, entry)
    left = {"with_bug": ["failed", "failed", "passed"], "without_bug": ["passed", "passed"]}
    gone, kept = found["FAIL_TO_PASS"][0], found["FAIL_TO_PASS"][1:]
    about = {"runs": 2, "disagreements": {gone: left}}
    files.write_json(
        work / entry, {**found, "FAIL_TO_PASS": kept, "tracesmith": {**found["tracesmith"], "confirmation": about}}
    )
    assert gather_with(work).returncode == 0
    first = read(work, OUTPUT)[0]
    assert first["FAIL_TO_PASS"] == kept
    assert first["tracesmith"]["confirmation"] == about
    assert first["tracesmith"]["discrimination"] == {"tried": 4, "rejected": 4, "accepted": []}
    assert (first["tracesmith"]["difficulty"]["fail_to_pass"], first["tracesmith"]["difficulty"]["lines"]) == (2, 2)


def test_the_screened_list_says_that_types_do_not_find_a_bug(work: Path) -> None:
    screen = {"made_by": {"stage": "screen_bugs", "settings": {"screens": ["javascript", "types"]}}}
    files.write_json(work / f"{PATCHES[0]}.meta.json", {**screen, "typescript": "5.9.3", "errors": 0})
    assert gather_with(work).returncode == 0
    assert {row["tracesmith"]["difficulty"]["found_by_types"] for row in read(work, OUTPUT)} == {False}
    files.write_json(work / f"{PATCHES[0]}.meta.json", {**screen, "typescript": "5.9.3", "errors": 7})
    assert gather_with(work).returncode == 0
    assert {row["tracesmith"]["difficulty"]["found_by_types"] for row in read(work, OUTPUT)} == {None}


def test_a_bug_that_is_not_confirmed_becomes_no_instance(work: Path) -> None:
    write_confirmation(work, PATCHES[:1], REPORTS[:1], SINGLES[:1])
    assert gather_with(work).returncode == 0
    assert [row["instance_id"] for row in read(work, OUTPUT)] == SINGLES[1:]
    assert set(git.branches((work / ENVIRONMENT).with_name("mirror.git"))) == {"main", SINGLES[1]}


def test_nothing_confirmed_is_an_error(work: Path) -> None:
    write_confirmation(work, PATCHES[:1], REPORTS[:1], SINGLES)
    done = gather_with(work)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{CONFIRMATION}: none of the 2 valid bugs is confirmed" in done.stderr


def test_a_confirmation_of_another_report_is_refused(work: Path) -> None:
    files.write_json(work / REPORTS[0], {**read(work, REPORTS[0]), "funnel": {}})
    done = gather_with(work)
    assert done.returncode == 2
    assert f"{CONFIRMATION}: was made from another file than {REPORTS[0]}; run confirm_bugs again" in done.stderr


def test_a_confirmation_that_misses_a_valid_bug_is_refused(work: Path) -> None:
    value = read(work, CONFIRMATION)
    value["instances"].pop()
    files.write_json(work / CONFIRMATION, value)
    done = gather_with(work)
    assert done.returncode == 2
    assert "is not both there and valid in the reports; run confirm_bugs again" in done.stderr


def pull(work: Path, reference: Any) -> subprocess.CompletedProcess[str]:
    """Gather the first list, of which one candidate has a reference to a pull request."""
    rows = read(work, PATCHES[0])
    rows[0]["instance_ref"] = reference
    files.write_json(work / PATCHES[0], rows)
    write_report(work, PATCHES[0], REPORTS[0], SINGLES)
    return gather(work, PATCHES[:1], REPORTS[:1])


def test_the_instance_of_a_pull_request_keeps_what_was_said_of_it(work: Path) -> None:
    said = "Count from one\n\nIt was zero."
    done = pull(work, {"pull_number": 7, "title": "Count from one", "problem_statement": said, "base_commit": None})
    assert done.returncode == 0, done.stderr
    assert read(work, OUTPUT)[1]["tracesmith"]["pull"] == {
        "number": 7,
        "title": "Count from one",
        "problem_statement": said,
    }
    assert "pull" not in read(work, OUTPUT)[0]["tracesmith"]


def test_a_reference_of_swesmith_has_its_first_line_as_the_title(work: Path) -> None:
    done = pull(work, {"pull_number": 7, "problem_statement": "Count from one\nIt was zero.", "repo": "a/b"})
    assert done.returncode == 0, done.stderr
    assert read(work, OUTPUT)[1]["tracesmith"]["pull"]["title"] == "Count from one"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (5, "an object is wanted, this is a number"),
        ({"problem_statement": "x"}, "key 'pull_number': a whole number is wanted, this is null or missing"),
        ({"pull_number": True, "problem_statement": "x"}, "key 'pull_number'"),
        ({"pull_number": 7}, "key 'problem_statement': a text is wanted"),
        ({"pull_number": 7, "problem_statement": "x", "title": 5}, "key 'title': a text is wanted"),
    ],
)
def test_a_broken_reference_is_refused(work: Path, reference: Any, said: str) -> None:
    done = pull(work, reference)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{PATCHES[0]} {SINGLES[1]}: key 'instance_ref': {said}" in done.stderr
