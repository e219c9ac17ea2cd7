"""Validation in real sandboxes: selected test files in one warm runner say what clean runs of the whole suite say."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

import tiny
from tracesmith import files, prepared, records
from tracesmith.pool import Share
from tracesmith.validation import validating

pytestmark = pytest.mark.sandbox

LINE = "     const last = merged[merged.length - 1];\n"


def with_line(line: str) -> str:
    """Return the bug with one more line."""
    return tiny.BUG.replace("+11,3", "+11,4").replace(LINE, f"{LINE}+    {line}\n")


BROKEN = tiny.BUG.replace("start < last.end)", "start < last.end) break nowhere; if (1)")
OTHER = tiny.BUG.replace("start < last.end)", "start > last.end)")
TEXT = """--- a/src/text.ts
+++ b/src/text.ts
@@ -25,3 +25,3 @@
 export function shorten(text: string, limit: number): string {
-  if (text.length <= limit) {
+  if (text.length < limit) {
     return text;
"""
PATCHES = {
    "bug": tiny.BUG,
    "taken": with_line("delete (globalThis as any).Set;") + TEXT,
    "left": with_line('(process as any).getBuiltinModule("fs").writeFileSync("left.txt", "");'),
    "broken": BROKEN,
    "loop": with_line("while (merged.length > 0) void 0;"),
    "spied": with_line('(process as any).getBuiltinModule("querystring").escape = String;'),
    "other": OTHER,
    "last": OTHER.replace(">", "!=="),
}
JEST = {
    "name": "tiny",
    "private": True,
    "jest": {"preset": "ts-jest", "testEnvironment": "node"},
    "devDependencies": {
        "@types/jest": "29.5.14",
        "@types/node": "24.10.1",
        "jest": "29.7.0",
        "ts-jest": "29.4.5",
        "typescript": "5.9.3",
    },
}
READER = """import { readFileSync } from "node:fs";
it("reads a source", () => expect(readFileSync("src/intervals.ts", "utf8")).toContain("merge"));
"""


@pytest.fixture(scope="module")
def jest_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the tiny package with jest in the place of vitest, and a test that reads a source."""
    folder = tmp_path_factory.mktemp("jest")
    shutil.copytree(tiny.SOURCE, folder / "tiny")
    (folder / "tiny" / "vitest.config.mts").unlink()
    for path in (folder / "tiny" / "src").glob("*.spec.ts"):
        path.write_text(path.read_text().partition("\n")[2].replace('.js"', '"'))
    (folder / "tiny" / "src" / "reader.spec.ts").write_text(READER)
    (folder / "tiny" / "package.json").write_text(json.dumps(JEST))
    options = {
        "target": "es2022",
        "module": "commonjs",
        "strict": True,
        "isolatedModules": True,
        "types": ["jest", "node"],
    }
    (folder / "tiny" / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
    test = {**tiny.PROFILE["test"], "runner": "jest", "command": ["node_modules/.bin/jest"]}
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**tiny.PROFILE, "source": str(folder / "tiny"), "test": test}))
    return tiny.build_profile(folder / "tiny.yaml", folder / "built" / "environment.json")


def validate(environment: Path, folder: Path, selection: str) -> dict[str, Any]:
    """Return the reports of the candidates by their last names."""
    repo = prepared.read(environment).repo
    rows = [
        {"instance_id": f"{repo}.{name}", "patch": patch, "repo": repo, "strategy": "x"}
        for name, patch in PATCHES.items()
    ]
    folder.mkdir()
    (folder / "patches.json").write_text(json.dumps(rows))
    settings = validating.ValidationSettings(60, selection=selection)
    validating.validate(folder / "patches.json", environment, settings, folder / "report.json", Share(1))
    return {name: files.read_json(folder / f"{repo}.{name}" / "report.json") for name in PATCHES}


@pytest.fixture(scope="module")
def docker_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package's environment for Docker."""
    return tiny.build(tmp_path_factory.mktemp("docker"), "docker")


@pytest.mark.parametrize("runner", ["tiny", "jest", pytest.param("docker", marks=pytest.mark.docker)])
def test_selected_files_in_a_warm_runner_say_what_the_whole_suite_says(
    runner: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    environment = request.getfixturevalue(f"{runner}_environment")
    fast = validate(environment, tmp_path / "fast", "coverage")
    whole = validate(environment, tmp_path / "whole", "none")
    for name in PATCHES:
        assert [fast[name].get(key) for key in records.TEST_LISTS] == [
            whole[name].get(key) for key in records.TEST_LISTS
        ], name
        assert fast[name]["tracesmith"]["verdict"] == whole[name]["tracesmith"]["verdict"], name
    clean = {name for name, report in fast.items() if report["tracesmith"]["run"]["way"] == "clean"}
    # With vitest, what a candidate does to Node's modules ends with its process. On a busy machine a loop is a hang.
    assert clean - {"loop"} == ({"left", "spied"} if runner == "jest" else {"left"})
    readers = ["src/reader.spec.ts"] if runner == "jest" else []
    assert fast["bug"]["tracesmith"]["run"]["files"] == ["src/intervals.spec.ts", *readers]
    assert whole["bug"]["tracesmith"]["run"] == {"selection": "none", "way": "clean", "why": "selection is off"}
