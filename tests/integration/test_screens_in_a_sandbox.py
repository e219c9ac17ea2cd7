"""The screens of bugs, with the real TypeScript of a package: equal code and type errors are left out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tiny
from tracesmith.bugs import diffs, sources

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
SCRIPT = tiny.REPOSITORY / "scripts" / "screen_bugs.py"
FILE = "src/intervals.ts"
EDITS = {
    "kept": ("start <= last.end", "start < last.end"),
    "kept_at_the_end": ("point < interval.end;\n}\n", "point <= interval.end;\n}"),
    "comment": ("end - start;", "end - start; // so far"),
    "types_only": ("let total = 0;", "let total: number = 0;"),
    "wrong_in_the_file": ("return merged;", "return merged.length;"),
    "wrong_in_another_file": ("coverage(intervals: Interval[])", "coverage(intervals: Interval[], from: number)"),
}


IN_TEXT = {
    "kept": ('"-"', '"_"'),
    "comment": ('"-"', '"-" /* so far */'),
    "wrong": ('"-"', "0"),
}
"""Edits of another file."""
IN_TWO = {
    "two_kept": ("kept", "kept"),
    "two_kept_for_one": ("comment", "kept"),
    "two_equal": ("comment", "comment"),
    "two_wrong": ("kept", "wrong"),
}
"""Bugs of both files, by the edit in each."""


def patch(old: str, new: str, path: str = FILE) -> str:
    file = sources.parse(path, (tiny.SOURCE / path).read_bytes())
    assert file is not None
    start = file.data.index(old.encode())
    return diffs.patch(file, sources.Edit(start, start + len(old.encode()), new.encode()))


def write(folder: Path, patches: dict[str, str]) -> Path:
    rows = [{"instance_id": f"{tiny.REPO}.{name}", "patch": text, "repo": tiny.REPO} for name, text in patches.items()]
    (folder / "all.json").write_text(json.dumps(rows))
    return folder / "all.json"


def screened(folder: Path, environment: Path, *flags: str) -> tuple[list[str], dict[str, int]]:
    """Run the script and return the names of what is left, and how many were dropped for which reason."""
    command = [sys.executable, SCRIPT, folder / "all.json", "--environment", environment, *flags]
    done = subprocess.run([*command, "--output", folder / "left.json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    meta = json.loads((folder / "left.json.meta.json").read_text())
    left = [row["instance_id"].removeprefix(f"{tiny.REPO}.") for row in json.loads((folder / "left.json").read_text())]
    assert meta["funnel"]["out"] == len(left)
    return left, meta["funnel"]["dropped"]


def test_equal_code_and_type_errors_are_left_out_and_counted(tiny_environment: Path, tmp_path: Path) -> None:
    json_patch = '--- a/package.json\n+++ b/package.json\n@@ -2 +2 @@\n-  "name": "tiny",\n+  "name": "tin",\n'
    write(tmp_path, {**{name: patch(*edit) for name, edit in EDITS.items()}, "no_typescript": json_patch})
    left, dropped = screened(tmp_path, tiny_environment)
    assert left == ["kept", "kept_at_the_end", "no_typescript"]
    assert dropped == {"same_javascript": 2, "does_not_compile": 2}
    left, dropped = screened(tmp_path, tiny_environment, "--screens", "javascript")
    assert left == ["kept", "kept_at_the_end", "wrong_in_the_file", "wrong_in_another_file", "no_typescript"]
    assert dropped == {"same_javascript": 2}
    left, dropped = screened(tmp_path, tiny_environment, "--screens", "types")
    assert dropped == {"does_not_compile": 2}
    assert "comment" in left


def test_bugs_of_several_files_are_screened_as_a_whole(tiny_environment: Path, tmp_path: Path) -> None:
    both = {name: patch(*EDITS[one]) + patch(*IN_TEXT[other], "src/text.ts") for name, (one, other) in IN_TWO.items()}
    write(tmp_path, {**both, "kept": patch(*EDITS["kept"])})
    assert screened(tmp_path, tiny_environment) == (
        ["two_kept", "two_kept_for_one", "kept"],
        {"same_javascript": 1, "does_not_compile": 1},
    )


def test_no_candidate_left_is_an_error_that_writes_nothing(tiny_environment: Path, tmp_path: Path) -> None:
    write(tmp_path, {"comment": patch(*EDITS["comment"])})
    command = [sys.executable, SCRIPT, tmp_path / "all.json", "--environment", tiny_environment]
    done = subprocess.run([*command, "--output", tmp_path / "left.json"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no candidate passes the screens javascript types" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["all.json"]
