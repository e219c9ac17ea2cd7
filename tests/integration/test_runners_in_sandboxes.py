"""A real package of each runner, from its profile to valid bugs. vitest has its own tests, with the tiny package."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import tiny
from tracesmith import prepared
from tracesmith.environments import profiles

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
NODE_TEST = """
import assert from "node:assert";
import { describe, it } from "node:test";
import { contains, coverage, merge } from "./intervals.ts";

describe("merge", () => {
  it("joins intervals that touch", () => {
    assert.deepEqual(merge([{ start: 2, end: 3 }, { start: 0, end: 2 }]), [{ start: 0, end: 3 }]);
  });
  it("keeps intervals apart", () => {
    assert.equal(merge([{ start: 0, end: 1 }, { start: 2, end: 3 }]).length, 2);
  });
});
it("covers", () => assert.equal(coverage([{ start: 0, end: 2 }, { start: 1, end: 5 }]), 5));
it("contains its start", () => assert.ok(contains({ start: 0, end: 1 }, 0)));
it("does not contain its end", () => assert.ok(!contains({ start: 0, end: 1 }, 1)));
"""
AVA = """
import test from "ava";
import { contains, coverage, merge } from "./intervals.ts";

test("joins intervals that touch", (t) => {
  t.deepEqual(merge([{ start: 2, end: 3 }, { start: 0, end: 2 }]), [{ start: 0, end: 3 }]);
});
test("keeps intervals apart", (t) => t.is(merge([{ start: 0, end: 1 }, { start: 2, end: 3 }]).length, 2));
test("covers", (t) => t.is(coverage([{ start: 0, end: 2 }, { start: 1, end: 5 }]), 5));
test("contains its start", (t) => t.true(contains({ start: 0, end: 1 }, 0)));
test("does not contain its end", (t) => t.false(contains({ start: 0, end: 1 }, 1)));
"""
TESTS = {"minisearch": 165, "wry-trie": 13, "node_test": 5, "ava": 5}
TINY = {
    "node_test": (NODE_TEST, ["node", "--import", "tsx", "--test", "src/*.spec.ts"], {"tsx": "4.20.6"}),
    "ava": (AVA, ["node_modules/.bin/ava", "src/*.spec.ts"], {"ava": "6.4.1", "tsx": "4.20.6"}),
}


class Package(NamedTuple):
    """One package: how many tests it has, its profile, and what was found with bubblewrap."""

    tests: int
    profile: Path
    reference: dict[str, Any]
    report: dict[str, Any]


def tiny_profile(folder: Path, runner: str) -> Path:
    """Write a package of one file with a suite for a runner, and its profile."""
    suite, command, packages = TINY[runner]
    source = folder / f"tiny-{runner.replace('_', '-')}"
    (source / "src").mkdir(parents=True)
    shutil.copy(tiny.SOURCE / "src" / "intervals.ts", source / "src")
    (source / "src" / "intervals.spec.ts").write_text(suite)
    ava = {"extensions": {"ts": "module"}, "nodeArguments": ["--import=tsx"]}
    package = {"name": "tiny", "type": "module", "private": True, "devDependencies": packages, "ava": ava}
    (source / "package.json").write_text(json.dumps(package))
    test = {"runner": runner, "command": command, "globs": ["src/**/*.spec.ts"], "protected_globs": ["package.json"]}
    path = folder / f"{runner}.yaml"
    path.write_text(yaml.safe_dump({**tiny.PROFILE, "source": str(source), "test": test}))
    return path


def script(name: str, *arguments: str | Path) -> None:
    """Run a script as a user does."""
    command = [sys.executable, tiny.REPOSITORY / "scripts" / f"{name}.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def validated(profile_path: Path, folder: Path, backend: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Build the environment, make three bugs and validate them; return the reference run and the report."""
    environment_path, patches = folder / "built" / "environment.json", folder / "patches.json"
    script("build_environment", profile_path, "--backend", backend, "--output", environment_path)
    environment, globs = prepared.read(environment_path), ["--profile", profile_path]
    source = environment_path.parent / environment.source
    made = folder / "bugs" / "procedural.json"
    script("generate_bugs", source, "--repo", environment.repo, *globs, "--max-bugs", "3", "--output", made)
    script("collect_patches", made, "--repo", environment.repo, "--output", patches)
    report = folder / "validated" / "report.json"
    script("validate_bugs", patches, "--environment", environment_path, "--output", report)
    reference = json.loads((folder / "built" / "reference" / "1" / "reference.json").read_text())
    return reference, json.loads(report.read_text())


@pytest.fixture(scope="module", params=["minisearch", "wry-trie", "node_test", "ava"])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package of a runner, validated with bubblewrap."""
    folder = tmp_path_factory.mktemp("package")
    own = profiles.FOLDER / f"{request.param}.yaml"
    profile = own if own.exists() else tiny_profile(folder, request.param)
    return Package(TESTS[request.param], profile, *validated(profile, folder, "bubblewrap"))


def test_a_package_of_each_runner_gives_valid_bugs(package: Package) -> None:
    reference = package.reference
    assert (reference["outcome"], reference["broken_files"], reference["clean_exit"]) == ("ran", [], True)
    assert list(reference["tests"].values()) == ["passed"] * package.tests
    found = [instance for instance in package.report["instances"] if instance["verdict"] == "valid"]
    assert found
    assert all(one["fail_to_pass"] + one["pass_to_pass"] == package.tests for one in found)


@pytest.mark.docker
def test_both_sandboxes_give_the_same_verdicts(package: Package, tmp_path: Path) -> None:
    reference, report = validated(package.profile, tmp_path, "docker")
    assert reference["tests"] == package.reference["tests"]
    assert report["instances"] == package.report["instances"]
