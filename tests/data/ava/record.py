"""
Record what our module writes of the real ava, as the data of tests/unit/test_runners.py.

    PYTHONPATH=scripts:tests python tests/data/ava/record.py FOLDER_WITH_NODE_MODULES

Recorded with ava 6.4.1 on Node 24; 4.3.3 runs too. Host paths become /testbed.
"""

import sys
from pathlib import Path

import recording

HEAD = 'import test from "ava";\n'
GOOD = {"good.test.mjs": 'test("runs", (t) => t.pass());\n'}
CASES: dict[str, dict[str, str]] = {
    "outcomes": {
        "sum.test.mjs": """
test("adds \u203a up", (t) => { console.log('{"kind": "end", "failures": 0}'); t.is(1 + 1, 2); });
test("is wrong", (t) => t.is(1 + 1, 3));
test("throws", () => { throw new TypeError("not so"); });
test.skip("is skipped", (t) => t.pass());
test.todo("is to do");
test.failing("is expected to fail", (t) => t.fail());
""",
        **GOOD,
    },
    "all_pass": {"a.test.mjs": 'test("one", (t) => t.pass());\n', "sub/a.test.mjs": 'test("one", (t) => t.pass());\n'},
    "all_skipped": {"a.test.mjs": 'test.skip("one", (t) => t.pass());\n'},
    "import_error": {"bad.test.mjs": 'import "./missing.mjs";\ntest("never runs", (t) => t.pass());\n', **GOOD},
    "syntax_error": {"bad.test.mjs": 'test("never runs", () => {\n', **GOOD},
    "empty_file": {"empty.test.mjs": "\n", **GOOD},
    "before_all": {
        "hook.test.mjs": """
test.before(() => { throw new Error("no database"); });
test("one", (t) => t.pass());
test.skip("two", (t) => t.pass());
""",
        **GOOD,
    },
    "after_all": {
        "hook.test.mjs": 'test.after(() => { throw new Error("cannot close"); });\ntest("one", (t) => t.pass());\n',
    },
    "duplicates": {"twice.test.mjs": 'test("same", (t) => t.pass());\ntest("same", (t) => t.fail());\n', **GOOD},
    "unhandled_rejection": {
        "late.test.mjs": """
test("passes and leaves a rejection", async (t) => {
  void Promise.reject(new Error("nobody waits"));
  await new Promise((done) => setTimeout(done, 20));
  t.pass();
});
"""
    },
    "process_exit": {
        "exit.test.mjs": 'test("before", (t) => t.pass());\ntest.serial("leaves", () => { process.exit(0); });\n',
        **GOOD,
    },
    "process_killed": {
        "exit.test.mjs": 'test("dies", () => { process.kill(process.pid, "SIGKILL"); });\n',
        "ava.config.mjs": "export default { workerThreads: false };\n",
        **GOOD,
    },
    "no_test_file": {"readme.md": ""},
    "broken_configuration": {"a.test.mjs": "", "ava.config.mjs": 'throw new Error("broken configuration");\n'},
}

if __name__ == "__main__":
    cases = {
        name: {path: HEAD + text if path.endswith(".test.mjs") else text for path, text in files.items()}
        for name, files in CASES.items()
    }
    here, command = Path(__file__).parent, ["node_modules/.bin/ava"]
    recording.record_all(here, "ava", command, cases, Path(sys.argv[1]))
