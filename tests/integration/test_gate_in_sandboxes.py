"""The gate with real runners: what hangs on zone, clock or order of files is flaky; what is no suite is rejected."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boxes
import pytest
import yaml
from boxes import MARKER

import tiny
import workflows
from tracesmith import files, prepared, references
from tracesmith.environments import gating
from tracesmith.environments.gating import GateSettings
from tracesmith.errors import InputError
from tracesmith.prepared import Environment, Gate

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

# How each runner says test and assertion.
HEADS = {
    "vitest": 'import { it } from "vitest"; import assert from "node:assert"; import fs from "node:fs";\n',
    "jest": 'const assert = require("node:assert"), fs = require("node:fs");\n',
    "mocha": 'const assert = require("node:assert"), fs = require("node:fs");\n',
    "ava": 'import test from "ava"; import assert from "node:assert"; import fs from "node:fs";\n'
    "const it = (title, body) => test.serial(title, (t) => { body(); t.pass(); });\n",
}
COMMANDS = {
    "jest": ["node_modules/.bin/jest", "--rootDir=suite"],
    "mocha": ["node_modules/.bin/mocha", "suite/*.spec.js"],
    "ava": ["node_modules/.bin/ava", "suite/*.spec.mjs"],
}
PACKAGE = {
    "name": "several",
    "private": True,
    "devDependencies": {"jest": "29.7.0", "mocha": "11.7.5", "ava": "6.4.1"},
    "ava": {"files": ["suite/*.spec.mjs"]},
}
ZONE = 'it("knows the zone", () => assert.equal(new Date(2024, 0, 1).getTimezoneOffset(), 0));\n'
CLOCK = """it("knows the time", () => {
  fs.writeFileSync("/tmp/now", "");
  assert.ok(Math.abs(fs.statSync("/tmp/now").mtimeMs - Date.now()) < 3600e3);
  assert.ok(Math.abs(fs.statSync("/tmp/now").mtimeMs - new Date()) < 3600e3);
});
"""
IN_ORDER = """let calls = 0;
it("comes first", () => assert.equal(++calls, 1));
it("comes second", () => assert.equal(++calls, 2));
"""
NAMES = "abcd"
FAR = GateSettings(passing=0.1)


def meets(name: str) -> str:
    """Return a suite that notes its name in a file that all share, with a test for each other file: it came before."""
    others = [other for other in NAMES if other != name]
    tests = [
        f'it("{name} after {other}", () => assert.ok(fs.readFileSync("/testbed/seen").includes("{other}")));\n'
        for other in others
    ]
    return f'it("notes", () => fs.appendFileSync("/testbed/seen", "{name}"));\n{"".join(tests)}'


SUITE = {"world": ZONE + CLOCK + IN_ORDER, **{name: meets(name) for name in NAMES}}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build an environment with jest, mocha and ava, and return its environment.json."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "package" / "suite").mkdir(parents=True)
    (folder / "package" / "package.json").write_text(json.dumps(PACKAGE))
    (folder / "package" / "suite" / "one.spec.js").write_text(HEADS["jest"] + IN_ORDER)
    test = {"runner": "jest", "command": COMMANDS["jest"], "globs": ["suite/*.spec.js"]}
    profile = {**tiny.PROFILE, "name": "SeveralProfile", "source": str(folder / "package"), "test": test}
    (folder / "several.yaml").write_text(yaml.safe_dump(profile))
    done = build(folder / "several.yaml", folder / "built" / "environment.json", "--reference-runs", "1")
    assert done.returncode == 0, done.stderr
    return folder / "built" / "environment.json"


@pytest.fixture
def marked() -> Iterator[dict[str, str]]:
    """Return variables by which a test's processes are found; at the end none may be left."""
    yield {boxes.MARK: MARKER}
    assert boxes.processes(MARKER) == []


Pass = Callable[..., Gate]


@pytest.fixture
def gate(request: pytest.FixtureRequest, tmp_path: Path, marked: dict[str, str]) -> Pass:
    """Return what puts a suite of some files through the gate, with a runner, in a copy of its environment."""

    def let_in(runner: str, suite: dict[str, str], settings: GateSettings = FAR, **changes: Any) -> Gate:
        path = Path(request.getfixturevalue("tiny_environment" if runner == "vitest" else "several"))
        folder = tmp_path / "copy"
        subprocess.run(["cp", "-al", path.parent, folder], check=True)
        shutil.rmtree(folder / "reference")
        environment = prepared.read(path)
        ending = {"vitest": "spec.ts", "ava": "spec.mjs"}.get(runner, "spec.js")
        place = "src" if runner == "vitest" else "suite"
        for tree in (folder / environment.source, folder / str(environment.tree)):
            shutil.rmtree(tree / place)
            (tree / place).mkdir()
            for name, text in suite.items():
                (tree / place / f"{name}.{ending}").write_text(HEADS[runner] + text)
        command = COMMANDS.get(runner, environment.test.command)
        test = prepared.TestSettings(runner, command, [f"{place}/*.{ending}"], environment=marked)
        environment = replace(environment, **{"source_hash": files.digest(suite), "test": test, **changes})
        return gating.run(folder, environment, settings)

    return let_in


def build(profile: Path, output: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    """Build an environment as a user does."""
    script = tiny.REPOSITORY / "scripts" / "build_environment.py"
    command = [sys.executable, script, profile, "--backend", "bubblewrap", "--output", output, *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("runner", HEADS)
def test_tests_that_hang_on_zone_clock_or_order_of_files_are_flaky_and_no_others(runner: str, gate: Pass) -> None:
    flaky = {test.rsplit(" > ", 1)[1] for test in gate(runner, SUITE).flaky}
    assert {"knows the zone", "knows the time"} <= flaky
    ordered = flaky - {"knows the zone", "knows the time"}
    assert ordered
    assert all(f"{late} after {early}" in ordered for early, _, late in map(str.split, ordered))


def test_nothing_is_flaky_in_a_suite_that_leaves_files_and_counts_its_own_calls(gate: Pass) -> None:
    leaves = 'it("leaves", () => fs.writeFileSync("left.txt", "x"));\n'
    assert gate("jest", {"a": IN_ORDER, "b": leaves}, GateSettings()).flaky == []


def refused(gate: Pass, *arguments: Any, **changes: Any) -> str:
    with pytest.raises(InputError) as raised:
        gate(*arguments, GateSettings(), **changes)
    return str(raised.value)


@pytest.mark.parametrize("runner", ["vitest", "jest"])
def test_a_suite_of_which_a_tenth_fails_is_rejected_with_what_fails(runner: str, gate: Pass, tmp_path: Path) -> None:
    tests = [f'it("works {number}", () => assert.ok({number} !== 7));\n' for number in range(10)]
    text = refused(gate, runner, {"ten": "".join(tests)})
    assert "90.0% of the tests pass" in text
    assert "ten.spec" in text
    assert "> works 7 (failed: " in text
    assert sorted(path.name for path in (tmp_path / "copy" / "reference").glob("[0-9]")) == ["1"]


@pytest.mark.parametrize("runner", ["vitest", "jest"])
def test_a_package_without_tests_is_rejected_with_what_was_looked_for(runner: str, gate: Pass) -> None:
    assert f"a package without tests: {runner} finds none, 0 files match test.globs ['s" in refused(gate, runner, {})


@pytest.mark.parametrize("runner", ["vitest", "mocha"])
def test_a_runner_that_never_ends_is_killed_and_rejected(runner: str, gate: Pass) -> None:
    text = refused(gate, runner, {"loop": 'it("loops", () => { for (;;); });\n'}, timeout_s=4)
    assert "the suite does not end within 4 s (sandbox.timeout_s)" in text


def test_a_suite_that_writes_outside_of_the_tree_is_held_and_told(gate: Pass) -> None:
    text = refused(gate, "jest", {"out": 'it("writes", () => fs.writeFileSync("/usr/tracesmith-was-here", "x"));\n'})
    assert "EROFS" in text
    assert "the sandbox lets tests write below /testbed and /tmp only" in text
    assert not Path("/usr/tracesmith-was-here").exists()


def copied(tiny_environment: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return a profile and the environment.json of a copy of the tiny package's environment."""
    shutil.copytree(tiny_environment.parent, tmp_path / "copy", symlinks=True)
    return tiny.write_profile(tmp_path), tmp_path / "copy" / "environment.json"


def test_a_killed_gate_makes_only_the_runs_that_are_missing(tiny_environment: Path, tmp_path: Path) -> None:
    profile, output = copied(tiny_environment, tmp_path)
    store = output.parent / references.NAME
    shutil.rmtree(store)
    command = [sys.executable, tiny.REPOSITORY / "scripts" / "build_environment.py", profile]
    command += ["--backend", "bubblewrap", "--memory", "2g", "--disk", "500m", "--output", output]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    workflows.wait_for((store / "2" / "entry.json").exists)
    workflows.kill_tree(process)
    assert not output.exists()
    before = workflows.finished_entries([store, output.parent])
    assert store / "3" / "entry.json" not in before
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    after = workflows.finished_entries([store, output.parent])
    assert {path: after[path] for path in before} == before
    assert after.keys() - before.keys() == {store / "3" / "entry.json"}
    assert prepared.read(output).gate == prepared.read(tiny_environment).gate


def test_after_a_rejection_there_is_no_environment_and_a_mended_profile_installs_nothing_again(
    tiny_environment: Path, tmp_path: Path
) -> None:
    profile, output = copied(tiny_environment, tmp_path)
    before = workflows.finished_entries([output.parent])
    test = {**tiny.PROFILE["test"], "command": ["node_modules/.bin/vitest", "run", "nowhere"]}
    profile.write_text(yaml.safe_dump({**tiny.PROFILE, "test": test}))
    flags = ["--memory", "2g", "--disk", "500m"]
    done = build(profile, output, *flags)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        f"error: {tiny.REPO}: reference run 1 (plain): a package without tests"
    )
    assert not output.exists()
    done = build(tiny.write_profile(tmp_path), output, *flags)
    assert done.returncode == 0, done.stderr
    assert workflows.finished_entries([output.parent]) == before
    assert "reference run 3: 16 of 16 tests pass" in done.stderr


def test_what_a_profile_needs_holds_unless_a_flag_says_otherwise(tiny_environment: Path, tmp_path: Path) -> None:
    profile, output = copied(tiny_environment, tmp_path)
    profile.write_text(yaml.safe_dump({**tiny.PROFILE, "sandbox": {"memory": "3g", "timeout_s": 77}}))
    flags: dict[tuple[str, ...], tuple[int, float]] = {
        (): (3 * 2**30, 77.0),
        ("--memory", "2g", "--timeout", "55"): (2 * 2**30, 55.0),
    }
    for given, expected in flags.items():
        done = build(profile, output, *given, "--disk", "500m", "--reference-runs", "1")
        assert done.returncode == 0, done.stderr
        found: Environment = prepared.read(output)
        assert (found.limits.memory_bytes, found.timeout_s) == expected
