"""Combined bugs from end to end, in real sandboxes: two valid ones are one more, validated and gathered beside them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tiny
from tracesmith import git, prepared
from tracesmith.bugs import diffs, sources

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
FILE = "src/intervals.ts"
SINGLES = {
    "touch": ("start <= last.end", "start < last.end"),
    "end": ("point < interval.end", "point <= interval.end"),
    "unseen": ("Math.max(last.end, end)", "Math.max(end, last.end)"),
}
JOINS = "src/intervals.spec.ts > merge > joins intervals that touch"
ENDS = "src/intervals.spec.ts > contains > excludes the end"


def patch(old: str, new: str) -> str:
    file = sources.parse(FILE, (tiny.SOURCE / FILE).read_bytes())
    assert file is not None
    start = file.data.index(old.encode())
    return diffs.patch(file, sources.Edit(start, start + len(old.encode()), new.encode()))


def run(folder: Path, script: str, *words: str | Path) -> None:
    command = [sys.executable, tiny.REPOSITORY / "scripts" / f"{script}.py", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def validate(folder: Path, environment: Path, patches: str, report: str, *flags: str) -> dict[str, Any]:
    words = [patches, "--environment", environment, "--output", f"validation/{report}", *flags]
    run(folder, "validate_bugs", *words)
    return dict(json.loads((folder / "validation" / report).read_text()))


@pytest.fixture
def environment(tiny_environment: Path, tmp_path: Path) -> Path:
    """Return the tiny package's environment with a mirror of its own, for branches are written into it."""
    folder = tmp_path / "environment"
    folder.mkdir()
    value = json.loads(tiny_environment.read_text())
    shutil.copytree(tiny_environment.parent / value["mirror"], folder / "mirror.git")
    for key in ("source", "tree"):
        value[key] = str(tiny_environment.parent / value[key])
    shutil.copytree(tiny_environment.parent / "reference", folder / "reference")
    (folder / "environment.json").write_text(json.dumps({**value, "mirror": "mirror.git"}))
    return folder / "environment.json"


def test_two_valid_bugs_become_a_third_instance(environment: Path, tmp_path: Path) -> None:
    bugs = {f"{tiny.REPO}.{name}": patch(*edit) for name, edit in SINGLES.items()}
    rows = [{"instance_id": name, "patch": text, "repo": tiny.REPO} for name, text in bugs.items()]
    (tmp_path / "all.json").write_text(json.dumps(rows))
    first = validate(tmp_path, environment, "all.json", "report.json")
    assert [row["verdict"] for row in first["instances"]] == ["valid", "valid", "no_fail_to_pass"]
    before = {path: path.read_bytes() for path in (tmp_path / "validation").rglob("*.*") if path.is_file()}
    source = environment.parent / prepared.read(environment).source
    words = ["all.json", "--report", "validation/report.json", "--source", source, "--output", "combined.json"]
    run(tmp_path, "combine_bugs", *words)
    (combined,) = json.loads((tmp_path / "combined.json").read_text())
    second = validate(tmp_path, environment, "combined.json", "combined_report.json", "--allow-empty")
    assert second["funnel"] == {"in": 1, "out": 1, "dropped": {}}
    assert before == {path: path.read_bytes() for path in before}, "the first report and its store are as they were"
    words = ["all.json", "combined.json", "--report", "validation/report.json", "validation/combined_report.json"]
    words += ["--environment", environment]
    run(tmp_path, "confirm_bugs", *words, "--decoys", "0", "--output", "validation/confirmation.json")
    words += ["--confirmation", "validation/confirmation.json"]
    run(tmp_path, "gather_instances", *words, "--output", "instances.json")
    instances = {row["instance_id"]: row for row in json.loads((tmp_path / "instances.json").read_text())}
    singles = [f"{tiny.REPO}.end", f"{tiny.REPO}.touch"]
    assert sorted(instances) == sorted([*singles, combined["instance_id"]])
    assert instances[singles[0]]["FAIL_TO_PASS"] == [ENDS]
    whole = instances[combined["instance_id"]]
    assert whole["FAIL_TO_PASS"] == [ENDS, JOINS]
    assert whole["tracesmith"]["combined"] == singles
    assert whole["tracesmith"]["hidden_tests"] == ["src/intervals.spec.ts"]
    assert set(git.branches(environment.parent / "mirror.git")) == {"main", *instances}


def test_an_empty_list_is_validated_only_where_it_is_allowed(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "combined.json").write_text("[]")
    command = [sys.executable, tiny.REPOSITORY / "scripts" / "validate_bugs.py", "combined.json"]
    command += ["--environment", environment, "--output", "validation/combined_report.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "combined.json: there is no record in it" in done.stderr
    report = validate(tmp_path, environment, "combined.json", "combined_report.json", "--allow-empty")
    assert report["funnel"] == {"in": 0, "out": 0, "dropped": {}}
    assert report["instances"] == []
    assert report["reference"]["passed"] == 16
