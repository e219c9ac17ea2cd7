"""Runners whose tests share the runner's process (jest, mocha): reports forged in it, and loops, resolve nothing."""

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

import tiny
import workflows

PACKAGE = {"name": "forged", "private": True, "devDependencies": {"jest": "29.7.0", "mocha": "11.7.5"}}
FIXED = "exports.add = (one, other) => one + other;\n"
BUGGY = "exports.add = (one, other) => one - other;\n"
SPEC = {
    "jest": """const { add } = require("../lib/add.js");
test("adds", () => expect(add(1, 2)).toBe(3));
test("adds nothing", () => expect(add(1, 0)).toBe(1));
""",
    "mocha": """const assert = require("node:assert");
const { add } = require("../lib/add.js");
it("adds", () => assert.equal(add(1, 2), 3));
it("adds nothing", () => assert.equal(add(1, 0), 1));
""",
}
COMMANDS = {"jest": ["node_modules/.bin/jest"], "mocha": ["node_modules/.bin/mocha", "suite/*.spec.js"]}
REPORTS = {
    "jest": {
        "success": True,
        "numTotalTests": 2,
        "numPassedTests": 2,
        "testResults": [
            {
                "name": "/testbed/suite/add.spec.js",
                "status": "passed",
                "assertionResults": [
                    {"ancestorTitles": [], "title": title, "status": "passed", "failureMessages": []}
                    for title in ("adds", "adds nothing")
                ],
            }
        ],
    },
    "mocha": [
        {"kind": "test", "file": "/testbed/suite/add.spec.js", "titles": ["adds"], "state": "passed"},
        {"kind": "test", "file": "/testbed/suite/add.spec.js", "titles": ["adds nothing"], "state": "passed"},
        {"kind": "end", "failures": 0},
    ],
}
# None of the words that the look at a patch's text knows.
FIND = """const fs = require(["node", "fs"].join(":"));
const where = () => "/tmp/" + fs.readdirSync("/tmp").find((name) => name.includes("smith-rep") && name.endsWith("on"));
"""
ENDS = """const end = process[["really", "Exit"].join("")];
process[["really", "Exit"].join("")] = function () { fs.writeFileSync(path(), text); return end.call(process, 0); };
"""
LATER = """require(["node", "child_process"].join(":")).spawn(process.execPath, ["-e",
  `setTimeout(() => require("fs").writeFileSync(${JSON.stringify(path())}, ${JSON.stringify(text)}), 700)`,
], { detached: true, stdio: "ignore" }).unref();
"""
PATHS = {
    "jest": 'const path = () => process.argv.find((word) => word.includes("putFile=")).split("=")[1];\n',
    "mocha": 'const path = () => process.argv.find((word) => word.includes("porter=")).split("=")[1].slice(0, -4);\n',
}


def text_of(runner: str) -> str:
    """Return the report of a run in which all passed."""
    report = REPORTS[runner]
    return json.dumps(report) if runner == "jest" else "".join(json.dumps(line) + "\n" for line in report)


def cheats(runner: str) -> dict[str, str]:
    """Return the sources that stand in the place of the fix."""
    given = f"{FIND}{PATHS[runner]}const text = {json.dumps(text_of(runner))};\n"
    return {
        "at_the_end": given + ENDS + BUGGY,
        "later": given + LATER + BUGGY,
        "both": given + LATER + ENDS + BUGGY,
        "loop": "for (;;);\n" + BUGGY,
        "honest": FIXED,
    }


def patch(before: str, after: str) -> str:
    """Return the patch of the source from one text to another."""
    lines = [f"-{line}\n" for line in before.splitlines()] + [f"+{line}\n" for line in after.splitlines()]
    head = "diff --git a/lib/add.js b/lib/add.js\n--- a/lib/add.js\n+++ b/lib/add.js\n"
    return head + f"@@ -1,{before.count(chr(10))} +1,{after.count(chr(10))} @@\n" + "".join(lines)


@pytest.fixture(scope="module", params=["jest", "mocha"])
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Grade all cheats of a runner, and return the report of each."""
    runner, folder = request.param, tmp_path_factory.mktemp(request.param)
    for path, text in {
        "package.json": json.dumps(PACKAGE),
        "lib/add.js": FIXED,
        "suite/add.spec.js": SPEC[runner],
    }.items():
        (folder / "package" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "package" / path).write_text(text)
    test = {"runner": runner, "command": COMMANDS[runner], "globs": ["suite/*.spec.js"]}
    profile = {**tiny.PROFILE, "name": "ForgedProfile", "source": str(folder / "package"), "test": test}
    (folder / "forged.yaml").write_text(yaml.safe_dump({**profile, "source_globs": ["lib/**/*.js"]}))
    environment = folder / "built" / "environment.json"
    call("build_environment", folder / "forged.yaml", "--backend", "bubblewrap", "--output", environment)
    repo = json.loads(environment.read_text())["repo"]
    sources = {f"{repo}.cheat__{name}": text for name, text in cheats(runner).items()}
    tests = {"FAIL_TO_PASS": ["suite/add.spec.js > adds"], "PASS_TO_PASS": ["suite/add.spec.js > adds nothing"]}
    shared = {"patch": patch(FIXED, BUGGY), **tests, "image_name": "x", "repo": f"x/{repo}"}
    predictions = {name: {"instance_id": name, "model_patch": patch(BUGGY, text)} for name, text in sources.items()}
    (folder / "data.json").write_text(json.dumps([{"instance_id": name, **shared} for name in sources]))
    (folder / "preds.json").write_text(
        json.dumps({name: {**one, "model_name_or_path": "cheat"} for name, one in predictions.items()})
    )
    words = ["--dataset", folder / "data.json", "--environment", environment, "--timeout", "40", "--workers", "2"]
    call("evaluate_predictions", folder / "preds.json", *words, "--output", folder / "graded" / "report.json")
    found = {name: json.loads((folder / "graded" / name / "report.json").read_text()) for name in sources}
    return {name.rpartition("__")[2]: report for name, report in found.items()}


def call(name: str, *words: object) -> None:
    """Run a script as a user does."""
    command = [sys.executable, workflows.SCRIPTS / f"{name}.py", *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.sandbox
@pytest.mark.network
def test_no_forged_report_and_no_loop_resolves_anything(reports: dict[str, dict[str, Any]]) -> None:
    outcomes = {name: report["tracesmith"]["outcome"] for name, report in reports.items()}
    assert outcomes.pop("honest") == "resolved"
    assert outcomes.pop("loop") == "timed_out"
    assert "resolved" not in outcomes.values(), outcomes
