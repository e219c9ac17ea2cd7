"""The script gather_instances: several lists with a report each become one, and every instance says what it is from."""

import json
import shutil
import subprocess
import sys
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
REPORTS = [f"logs/run_validation/{REPO}/{name}.json" for name in ("report", "combined_report")]
OUTPUT = "out/instances.json"


def run(work: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / f"{script}.py", *words]
    return subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)


def gather(work: Path, patches: list[str], reports: list[str]) -> subprocess.CompletedProcess[str]:
    flags = ["--environment", ENVIRONMENT, "--output", OUTPUT]
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
    named["environment"] = ENVIRONMENT
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
