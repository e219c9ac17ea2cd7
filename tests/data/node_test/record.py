"""
Record what our reporter writes of the real node:test, as the data of tests/unit/test_runners.py.

    PYTHONPATH=scripts:tests python tests/data/node_test/record.py

Recorded with Node 24.19. Host paths become /testbed.
"""

from pathlib import Path

import recording

HEAD = 'import { after, before, describe, it, test } from "node:test";\nimport assert from "node:assert";\n'
GOOD = {"good.test.mjs": 'test("runs", () => {});\n'}
CASES: dict[str, dict[str, str]] = {
    "outcomes": {
        "sum.test.mjs": """
describe("sum", () => {
  it("adds", () => { console.log('{"kind": "end", "failures": 0}\\\\nok 1 - x'); });
  it("is wrong", () => assert.strictEqual(1 + 1, 3));
  it.skip("is skipped", () => {});
  it.todo("is to do");
  it("fails and is to do", { todo: "later" }, () => { throw new Error("not yet"); });
  it("is skipped while it runs", (context) => context.skip());
});
test("stands alone", () => {});
test("parent", async (context) => {
  await context.test("child", () => {});
  await context.test("child", () => { throw new Error("second"); });
});
"""
    },
    "all_pass": {"a.test.mjs": 'test("one", () => {});\n', "sub/b.test.mjs": 'test("two", () => {});\n'},
    "all_skipped": {"a.test.mjs": 'describe.skip("later", () => { test("one", () => {}); });\n'},
    "import_error": {"bad.test.mjs": 'import "./missing.mjs";\ntest("never runs", () => {});\n', **GOOD},
    "syntax_error": {"bad.test.mjs": 'test("never runs", () => {\n', **GOOD},
    "empty_file": {"empty.test.mjs": "\n", **GOOD},
    "before_all": {
        "hook.test.mjs": """
describe("with a broken hook", () => {
  before(() => { throw new Error("no database"); });
  test("one", () => {});
  describe("inside", () => { test("two", () => {}); });
});
test("beside it", () => {});
"""
    },
    "before_all_of_file": {
        "hook.test.mjs": 'before(() => { throw new Error("no database"); });\ntest("one", () => {});\n',
    },
    "after_all": {
        "hook.test.mjs": """
describe("with a broken end", () => {
  after(() => { throw new Error("cannot close"); });
  test("one", () => {});
});
"""
    },
    "after_all_of_file": {
        "hook.test.mjs": 'after(() => { throw new Error("cannot close"); });\ntest("one", () => {});\n',
    },
    "broken_suite": {
        "suite.test.mjs": 'describe("throws", () => { test("one", () => {}); throw new Error("boom"); });\n',
        **GOOD,
    },
    "helper": {
        "a.test.mjs": 'import { define } from "./helper.mjs";\ndefine();\n',
        "b.test.mjs": 'import { define } from "./helper.mjs";\ndefine();\n',
        "helper.mjs": 'export function define() { test("shared", () => {}); }\n',
    },
    "duplicates": {
        "twice.test.mjs": """
describe("group", () => {
  test("same", () => {});
  test("same", () => { throw new Error("second"); });
});
describe("group", () => { test("same", () => {}); });
describe("a > b", () => { test("c", () => {}); });
describe("a", () => { test("b > c", () => {}); });
"""
    },
    "unhandled_rejection": {
        "late.test.mjs": """
test("leaves a rejection", async () => {
  void Promise.reject(new Error("nobody waits"));
  await new Promise((done) => setTimeout(done, 20));
});
"""
    },
    "late_error": {
        "late.test.mjs": 'test("passes", () => { setTimeout(() => { throw new Error("late"); }, 20); });\n',
    },
    "exit_code": {
        "code.test.mjs": 'process.on("exit", () => { process.exitCode = 3; });\ntest("passes", () => {});\n',
        **GOOD,
    },
    "process_exit": {
        "exit.test.mjs": 'test("before", () => {});\ntest("leaves", () => { process.exit(0); });\n',
        **GOOD,
    },
    "process_killed": {
        "exit.test.mjs": 'test("dies", () => { process.kill(process.pid, "SIGKILL"); });\n',
        **GOOD,
    },
    "no_test_file": {"readme.md": ""},
}

if __name__ == "__main__":
    cases = {
        name: {path: HEAD + text if path.endswith(".mjs") else text for path, text in files.items()}
        for name, files in CASES.items()
    }
    recording.record_all(Path(__file__).parent, "node_test", ["node", "--test", "**/*.test.mjs"], cases, None)
