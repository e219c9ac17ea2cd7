"""
Record what our reporter writes of the real mocha, as the data of tests/unit/test_runners.py.

    PYTHONPATH=scripts:tests python tests/data/mocha/record.py FOLDER_WITH_NODE_MODULES

Recorded with mocha 11.8.0 on Node 24; 9.2.2 writes the same. Host paths become /testbed.
"""

import sys
from pathlib import Path

import recording

GOOD = {"test/good.js": 'it("runs", () => {});\n'}
CASES: dict[str, dict[str, str]] = {
    "outcomes": {
        "test/sum.js": """
const assert = require("node:assert");
describe("sum", () => {
  it("adds", () => { console.log('{"kind": "end", "failures": 0}'); });
  it("is wrong", () => assert.strictEqual(1 + 1, 3));
  it.skip("is skipped", () => {});
  it("is to do");
  it("is skipped while it runs", function () { this.skip(); });
});
it("stands alone", () => {});
"""
    },
    "all_pass": {"test/a.js": 'it("one", () => {});\n', "test/b.js": 'it("two", () => {});\n'},
    "all_skipped": {"test/a.js": 'describe.skip("later", () => { it("one", () => {}); });\n'},
    "import_error": {"test/bad.js": 'require("./missing");\nit("never runs", () => {});\n', **GOOD},
    "syntax_error": {"test/bad.js": 'it("never runs", () => {\n', **GOOD},
    "empty_file": {"test/empty.js": "\n", **GOOD},
    "before_all": {
        "test/hook.js": """
describe("with a broken hook", () => {
  before(() => { throw new Error("no database"); });
  it("one", () => {});
  describe("inside", () => { it("two", () => {}); });
});
it("beside it", () => {});
"""
    },
    "before_each": {
        "test/hook.js": """
describe("with a broken hook", () => {
  let calls = 0;
  beforeEach(() => { calls += 1; if (calls === 2) throw new Error("no database"); });
  it("one", () => {});
  it("two", () => {});
  it("three", () => {});
});
"""
    },
    "after_all": {
        "test/hook.js": 'after(() => { throw new Error("cannot close"); });\nit("one", () => {});\n',
        **GOOD,
    },
    "duplicates": {
        "test/twice.js": """
describe("group", () => {
  it("same", () => {});
  it("same", () => { throw new Error("second"); });
});
describe("group", () => { it("same", () => {}); });
describe("a > b", () => { it("c", () => {}); });
describe("a", () => { it("b > c", () => {}); });
"""
    },
    "unhandled_rejection": {
        "test/late.js": """
it("leaves a rejection", async () => {
  void Promise.reject(new Error("nobody waits"));
  await new Promise((done) => setTimeout(done, 20));
});
""",
        "test/more.js": 'it("comes later", () => {});\n',
    },
    "late_error": {
        "test/late.js": """
it("passes and throws later", () => { setTimeout(() => { throw new Error("late"); }, 20); });
it("waits", () => new Promise((done) => setTimeout(done, 60)));
"""
    },
    "process_exit": {"test/exit.js": 'it("leaves", () => { process.exit(0); });\n', **GOOD},
    "process_killed": {"test/exit.js": 'it("dies", () => { process.kill(process.pid, "SIGKILL"); });\n', **GOOD},
    "many_failures": {
        "test/a.js": 'for (let i = 0; i < 300; i++) it(`fails ${i}`, () => { throw new Error("no"); });\n'
    },
    "no_test_file": {"readme.md": ""},
    "broken_configuration": {"test/a.js": "", ".mocharc.json": "{"},
}

if __name__ == "__main__":
    here, command = Path(__file__).parent, ["node_modules/.bin/mocha"]
    recording.record_all(here, "mocha", command, CASES, Path(sys.argv[1]))
