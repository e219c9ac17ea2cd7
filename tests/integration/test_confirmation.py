"""Confirmation in real sandboxes: what hangs on the time zone goes, what always fails stays, a kill costs little."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tiny
import workflows
from tracesmith import files, prepared
from tracesmith.bugs import diffs, sources
from tracesmith.environments import gating
from tracesmith.environments.gating import GateSettings

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

# With a bug, and only then, the first two pass by the time zone: in no run of the pristine tree do they differ.
FLAKY = """import { expect, it } from "vitest";
import { merge } from "./intervals.js";
import { once, twice } from "./numbers.js";
const inUtc = () => new Date(2024, 0, 1).getTimezoneOffset() === 0;
it("flakes beside another", () => {
  expect(merge([{ start: 0, end: 2 }, { start: 2, end: 4 }]).length === 1 || !inUtc()).toBe(true);
});
it("flakes alone", () => {
  expect(twice(2) === 4 || !inUtc()).toBe(true);
});
it("stays", () => {
  expect(once(1)).toBe(1);
});
"""
NUMBERS = """export const twice = (n: number): number => n * 2;
export const once = (n: number): number => n * 1;
"""
BUGS = {
    "alone": ("src/numbers.ts", "n * 2", "n * 3"),
    "end": ("src/intervals.ts", "point < interval.end", "point <= interval.end"),
    "touch": ("src/intervals.ts", tiny.FIXED, "start < last.end"),
}
JOINS = "src/intervals.spec.ts > merge > joins intervals that touch"
ENDS = "src/intervals.spec.ts > contains > excludes the end"
FLAKES = "src/flaky.spec.ts > flakes beside another"
SUMMARY = "validation/confirmation.json"


def script(folder: Path, name: str, *words: str | Path) -> None:
    """Run a script as a user does."""
    command = [
        sys.executable,
        tiny.REPOSITORY / "scripts" / f"{name}.py",
        *words,
        "--environment",
        "built/environment.json",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def confirming(*words: str) -> list[str | Path]:
    return ["all.json", "--report", "validation/report.json", "--output", SUMMARY, *words]


def patch(folder: Path, path: str, old: str, new: str) -> str:
    file = sources.parse(path, (folder / path).read_bytes())
    assert file is not None
    start = file.data.index(old.encode())
    return diffs.patch(file, sources.Edit(start, start + len(old.encode()), new.encode()))


@pytest.fixture(scope="module")
def validated(tiny_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the tiny package, flaky tests planted in it, and three bugs that a single run calls valid."""
    folder = tmp_path_factory.mktemp("confirmation") / "folder"
    shutil.copytree(tiny_environment.parent, folder / "built", symlinks=True)
    shutil.rmtree(folder / "built" / "reference")
    environment = prepared.read(tiny_environment)
    for tree in (folder / "built" / environment.source, folder / "built" / str(environment.tree)):
        (tree / "src" / "flaky.spec.ts").write_text(FLAKY)
        (tree / "src" / "numbers.ts").write_text(NUMBERS)
    environment = replace(environment, source_hash=files.digest([FLAKY, NUMBERS]), gate=None)
    gate = gating.run(folder / "built", environment, GateSettings())
    assert gate.flaky == []
    prepared.write(folder / "built" / "environment.json", replace(environment, gate=gate), {})
    source = folder / "built" / environment.source
    rows = [
        {"instance_id": f"{tiny.REPO}.{name}", "patch": patch(source, *edit), "repo": tiny.REPO}
        for name, edit in BUGS.items()
    ]
    (folder / "all.json").write_text(json.dumps(rows))
    script(folder, "validate_bugs", "all.json", "--output", "validation/report.json")
    assert {row["verdict"] for row in read(folder, "validation/report.json")["instances"]} == {"valid"}
    return folder


@pytest.fixture
def folder(validated: Path, tmp_path: Path) -> Path:
    """Return a copy of it to write in."""
    workflows.copy_folder(validated, tmp_path / "folder")
    return tmp_path / "folder"


@pytest.fixture(scope="module")
def confirmed(validated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy in which everything is confirmed, by one worker."""
    folder = tmp_path_factory.mktemp("confirmed") / "folder"
    workflows.copy_folder(validated, folder)
    script(folder, "confirm_bugs", *confirming("--workers", "1"))
    return folder


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def entries(folder: Path) -> dict[Path, tuple[int, int]]:
    stores = [folder / "validation" / "confirmation", folder / "built" / "reference"]
    return workflows.finished_entries(stores)


def test_what_flakes_leaves_the_lists_and_a_bug_without_another_failing_test_is_dropped(confirmed: Path) -> None:
    summary = read(confirmed, SUMMARY)
    verdicts = {row["instance_id"].rsplit(".", 1)[1]: row["verdict"] for row in summary["instances"]}
    assert verdicts == {"alone": "not_confirmed", "end": "confirmed", "touch": "confirmed"}
    assert summary["funnel"] == {"in": 3, "out": 2, "dropped": {"not_confirmed": 1}}
    found = read(confirmed, f"validation/confirmation/{tiny.REPO}.touch/confirmation.json")
    assert found["FAIL_TO_PASS"] == [JOINS]
    assert found["tracesmith"]["confirmation"] == {
        "runs": 2,
        "disagreements": {
            FLAKES: {"with_bug": ["failed", "failed", "passed"], "without_bug": ["passed", "passed", "passed"]}
        },
    }


def test_tests_reject_all_decoys_of_a_bug_that_always_fails(confirmed: Path) -> None:
    (tried,) = [
        row["discrimination"] for row in read(confirmed, SUMMARY)["instances"] if row["instance_id"].endswith("end")
    ]
    assert tried["tried"] == 4
    assert tried["rejected"] == 4 - len(tried["accepted"]) >= 3
    for one in read(confirmed, f"validation/confirmation/{tiny.REPO}.end.decoys/decoys.json"):
        assert one["diff"].startswith("--- a/src/intervals.ts\n+++ b/src/intervals.ts\n@@ ")


def test_what_is_confirmed_becomes_an_instance_that_says_so(confirmed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    workflows.copy_folder(confirmed, folder)
    words = ["all.json", "--report", "validation/report.json", "--confirmation", SUMMARY]
    script(folder, "gather_instances", *words, "--output", "instances.json")
    end, touch = read(folder, "instances.json")
    assert (end["FAIL_TO_PASS"], touch["FAIL_TO_PASS"]) == ([ENDS], [JOINS])
    assert FLAKES not in touch["PASS_TO_PASS"]
    assert touch["tracesmith"]["hidden_tests"] == ["src/intervals.spec.ts"]
    assert list(touch["tracesmith"]["confirmation"]["disagreements"]) == [FLAKES]
    hard = touch["tracesmith"]["difficulty"]
    assert (hard["files"], hard["lines"], hard["fail_to_pass"], hard["distance"]) == (1, 2, 1, 1)


def test_shards_and_more_workers_give_the_same_bytes(confirmed: Path, folder: Path) -> None:
    for shard in ("3/3", "1/3", "2/3"):
        script(folder, "confirm_bugs", *confirming("--shard", shard))
        assert not (folder / SUMMARY).exists()
    before = entries(folder)
    script(folder, "confirm_bugs", *confirming("--workers", "3"))
    assert entries(folder) == before
    assert (folder / SUMMARY).read_bytes() == (confirmed / SUMMARY).read_bytes()
    for path in before:
        for name in ("confirmation.json", "decoys.json"):
            other = confirmed / path.relative_to(folder).with_name(name)
            assert not other.exists() or path.with_name(name).read_bytes() == other.read_bytes()


def test_a_killed_confirmation_goes_on_and_repeats_nothing(confirmed: Path, folder: Path) -> None:
    (folder / "tmp").mkdir()
    command = [sys.executable, tiny.REPOSITORY / "scripts" / "confirm_bugs.py", *confirming("--workers", "2")]
    command += ["--environment", "built/environment.json"]
    store, reference = folder / "validation" / "confirmation", len(entries(folder))
    process = subprocess.Popen(
        command, cwd=folder, env=workflows.environment(folder), stderr=subprocess.DEVNULL, text=True
    )
    workflows.wait_for(lambda: len(entries(folder)) > reference or process.poll() is not None)
    assert process.poll() is None
    workflows.kill_tree(process)
    before = entries(folder)
    assert store.is_dir() and not (folder / SUMMARY).exists()
    done = subprocess.run(command, cwd=folder, env=workflows.environment(folder), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path: entries(folder)[path] for path in before} == before
    assert (folder / SUMMARY).read_bytes() == (confirmed / SUMMARY).read_bytes()
    assert workflows.leftovers(folder) == []
    assert workflows.processes_of(folder) == []


def test_more_runs_than_the_reference_has_make_those_of_the_pristine_tree_once(folder: Path) -> None:
    rows = read(folder, "all.json")[1:]
    (folder / "all.json").write_text(json.dumps(rows))
    script(folder, "validate_bugs", "all.json", "--output", "validation/report.json")
    script(folder, "confirm_bugs", *confirming("--runs", "4", "--decoys", "0"))
    assert sorted(path.name for path in (folder / "built" / "reference").glob("[0-9]")) == ["1", "2", "3", "4"]
    assert [row["verdict"] for row in read(folder, SUMMARY)["instances"]] == ["confirmed", "confirmed"]
    assert all("discrimination" not in row for row in read(folder, SUMMARY)["instances"])
    outputs = folder / "validation" / "confirmation" / f"{tiny.REPO}.end"
    assert sorted(path.name for path in outputs.glob("test_output.*")) == [f"test_output.{n}.txt" for n in range(1, 5)]


def test_a_bug_whose_tests_accept_too_many_decoys_is_dropped(confirmed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    workflows.copy_folder(confirmed, folder)
    name = f"{tiny.REPO}.end.decoys"
    entry = folder / "validation" / "confirmation" / name / "decoys.json"
    rows = [{**one, "accepted": one["kind"] == "other_mutant"} for one in json.loads(entry.read_text())]
    entry.write_text(json.dumps(rows))
    script(folder, "confirm_bugs", *confirming("--least-discrimination", "1"))
    verdicts = {row["instance_id"]: row["verdict"] for row in read(folder, SUMMARY)["instances"]}
    assert verdicts[f"{tiny.REPO}.end"] == "accepts_decoys"
    assert verdicts[f"{tiny.REPO}.touch"] == "confirmed"
