"""
Record what the real jest reports for small suites, as the data of tests/unit/test_runners.py.

    PYTHONPATH=scripts:tests python tests/data/jest/record.py 29 FOLDER_WITH_NODE_MODULES

Recorded with jest 27.5.1 and 29.7.0 on Node 24. Host paths become /testbed, times become 0.
"""

import sys
from pathlib import Path

import recording

GOOD = {"good.test.js": 'test("runs", () => {});\n'}
CASES: dict[str, dict[str, str]] = {
    "outcomes": {
        "sum.test.js": """
describe("sum", () => {
  test("adds", () => { console.log('{"testResults": []}'); expect(1 + 1).toBe(2); });
  test("is wrong", () => expect(1 + 1).toBe(3));
  test.skip("is skipped", () => {});
  test.todo("is to do");
});
test("stands alone", () => {});
"""
    },
    "all_pass": {"a.test.js": 'test("one", () => {});\n', "sub/b.test.js": 'test("two", () => {});\n'},
    "all_skipped": {"a.test.js": 'describe.skip("later", () => { test("one", () => {}); });\n'},
    "import_error": {"bad.test.js": 'require("./missing");\ntest("never runs", () => {});\n', **GOOD},
    "syntax_error": {"bad.test.js": 'test("never runs", () => {\n', **GOOD},
    "empty_file": {"empty.test.js": "\n", **GOOD},
    "before_all": {
        "hook.test.js": """
describe("with a broken hook", () => {
  beforeAll(() => { throw new Error("no database"); });
  test("one", () => {});
  test("two", () => {});
});
test("beside it", () => {});
"""
    },
    "after_all": {"hook.test.js": 'afterAll(() => { throw new Error("cannot close"); });\ntest("one", () => {});\n'},
    "duplicates": {
        "twice.test.js": """
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
        "late.test.js": """
test("passes and leaves a rejection", async () => {
  void Promise.reject(new Error("nobody waits"));
  await new Promise((done) => setTimeout(done, 20));
});
"""
    },
    "process_exit": {"exit.test.js": 'test("leaves", () => { process.exit(0); });\n', **GOOD},
    "process_killed": {"exit.test.js": 'test("dies", () => { process.kill(process.pid, "SIGKILL"); });\n', **GOOD},
    "no_test_file": {"readme.md": ""},
    "broken_configuration": {"a.test.js": "", "jest.config.js": 'throw new Error("broken configuration");\n'},
}

if __name__ == "__main__":
    version, modules = sys.argv[1:]
    recording.record_all(Path(__file__).parent / version, "jest", ["node_modules/.bin/jest"], CASES, Path(modules))
