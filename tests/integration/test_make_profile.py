"""Profiles that nobody wrote: a real package of each runner is brought up, and what cannot be is reported."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tiny
from tracesmith import globs
from tracesmith.environments import profiles

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
NODE_TEST = """
import assert from "node:assert";
import { it } from "node:test";
import { coverage, merge } from "../src/intervals";

it("joins intervals that touch", () => {
  assert.deepEqual(merge([{ start: 2, end: 3 }, { start: 0, end: 2 }]), [{ start: 0, end: 3 }]);
});
it("covers", () => assert.equal(coverage([{ start: 0, end: 2 }, { start: 1, end: 5 }]), 5));
"""


def make_profile(source: str | Path, output: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a user does."""
    script = tiny.REPOSITORY / "scripts" / "make_profile.py"
    command = [sys.executable, script, source, "--backend", "bubblewrap", "--memory", "2g", "--output", output, *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def tiny_package(folder: Path, name: str, test: str) -> Path:
    """Write a package of one file with a suite, and nothing that says how it is run."""
    source = folder / name
    (source / "src").mkdir(parents=True)
    (source / "test").mkdir()
    shutil.copy(tiny.SOURCE / "src" / "intervals.ts", source / "src")
    (source / "test" / "intervals.test.ts").write_text(test)
    (source / "package.json").write_text(json.dumps({"name": name, "version": "1.0.0", "type": "module"}))
    return source


@pytest.mark.parametrize(
    ("source", "runner", "tests", "test_file"),
    [
        ("npm:css-what@8.0.0", "vitest", 936, "src/parse.spec.ts"),
        ("npm:tsconfig-paths@4.2.0", "jest", 74, "src/__tests__/try-path.test.ts"),
        ("npm:@wry/trie@0.5.0", "mocha", 13, "src/tests/main.ts"),
        ("tiny", "node_test", 2, "test/intervals.test.ts"),
    ],
)
def test_a_package_of_each_runner_comes_up_without_a_profile(
    source: str, runner: str, tests: int, test_file: str, tmp_path: Path
) -> None:
    place = tiny_package(tmp_path, "tiny", NODE_TEST) if source == "tiny" else source
    output = tmp_path / "made.yaml"
    done = make_profile(place, output)
    assert done.returncode == 0, done.stderr
    assert f"# Its proof: ran: {tests} tests passed, 0 failed" in output.read_text()
    profile = profiles.read(output)
    assert (profile.source, profile.test.runner) == (str(place), runner)
    assert "npx" not in str(profile.test.command)
    assert globs.matches(test_file, profile.test.globs)
    assert not globs.matches("package.json", profile.source_globs)


def test_a_suite_that_fails_is_rejected_with_its_tests_and_a_draft(tmp_path: Path) -> None:
    broken = NODE_TEST.replace("5)", "6)")
    source, output = tiny_package(tmp_path, "broken", broken), tmp_path / "made.yaml"
    done = make_profile(source, output, "--attempts", "1")
    assert done.returncode == 2
    assert "no profile was made: 50.0 % of its tests pass" in done.stderr
    assert "failing: test/intervals.test.ts > covers" in done.stderr
    assert "attempt 1 (as detected): ran: 1 tests passed, 1 failed" in done.stderr
    assert "AssertionError" in done.stderr
    assert not output.exists()
    draft = tmp_path / "made.draft.yaml"
    assert str(draft) in done.stderr
    assert profiles.read(draft).test.runner == "node_test"
    assert draft.read_text().startswith("# DRAFT")
