"""
Record what the real vitest reports for small suites, as the data of tests/unit/test_suites.py.

    PYTHONPATH=scripts:tests python tests/data/vitest/record.py FOLDER_WITH_NODE_MODULES

Recorded with vitest 4.1.12 on Node 24. Host paths become /testbed, times become 0.
"""

import sys
from pathlib import Path

import recording

HEAD = 'import { test, describe, expect, beforeAll, afterAll } from "vitest";\n'
GOOD = {"good.spec.ts": 'test("runs", () => {});\n'}
PROJECTS = """
import { defineConfig } from "vitest/config";
const project = (name) => ({ test: { name, include: ["*.spec.ts"], env: { WORLD: name } } });
export default defineConfig({ test: { projects: [project("first"), project("second")] } });
"""
CASES: dict[str, dict[str, str]] = {
    "outcomes": {
        "sum.spec.ts": """
describe("sum", () => {
  test("adds", () => expect(1 + 1).toBe(2));
  test("is wrong", () => expect(1 + 1).toBe(3));
  test.skip("is skipped", () => {});
  test.todo("is to do");
  test("is skipped while it runs", ({ skip }) => skip());
});
test("stands alone", () => {});
"""
    },
    "all_pass": {"a.spec.ts": 'test("one", () => {});\n', "sub/b.spec.ts": 'test("two", () => {});\n'},
    "all_skipped": {"a.spec.ts": 'describe.skip("later", () => { test("one", () => {}); });\n'},
    "import_error": {"bad.spec.ts": 'import "./missing";\ntest("never runs", () => {});\n', **GOOD},
    "syntax_error": {"bad.spec.ts": 'test("never runs", () => {\n', **GOOD},
    "empty_file": {"empty.spec.ts": "export {};\n", **GOOD},
    "before_all": {
        "hook.spec.ts": """
describe("with a broken hook", () => {
  beforeAll(() => { throw new Error("no database"); });
  test("one", () => {});
  test("two", () => {});
});
test("beside it", () => {});
"""
    },
    "before_all_of_file": {
        "hook.spec.ts": 'beforeAll(() => { throw new Error("no database"); });\ntest("one", () => {});\n'
    },
    "after_all": {
        "hook.spec.ts": 'afterAll(() => { throw new Error("cannot close"); });\ntest("one", () => {});\n',
    },
    "duplicates": {
        "twice.spec.ts": """
describe("group", () => {
  test("same", () => {});
  test("same", () => { throw new Error("second"); });
  test("same [2]", () => {});
  test("same", () => {});
});
describe("group", () => { test("same", () => {}); });
"""
    },
    "separators": {
        "paths.spec.ts": """
describe("a > b", () => { test("c", () => {}); });
describe("a", () => { describe("b", () => { test("c", () => { throw new Error("first line\\nsecond line"); }); }); });
describe("a", () => { test("b > c", () => {}); });
test("", () => {});
describe("", () => { test("in no name", () => {}); });
test("line\\nbreak \\u2028", () => {});
"""
    },
    "unhandled_rejection": {
        "late.spec.ts": """
test("passes and leaves a rejection", async () => {
  void Promise.reject(new Error("nobody waits"));
  await new Promise((done) => setTimeout(done, 20));
});
"""
    },
    "process_exit": {
        "exit.spec.ts": """
test("before", () => {});
test("leaves", () => { process.exit(0); });
test("after", () => {});
""",
        **GOOD,
    },
    "process_killed": {
        "exit.spec.ts": """
test("before", () => {});
test("dies", () => { process.kill(process.pid, "SIGKILL"); });
test("after", () => {});
""",
        **GOOD,
    },
    "projects": {
        "a.spec.ts": 'test("one", () => expect(process.env.WORLD).toBe("second"));\n',
        "vitest.config.mts": PROJECTS,
    },
    "retries": {
        "r.spec.ts": """
let runs = 0;
test("fails once", { retry: 3 }, () => { runs += 1; expect(runs).toBe(2); });
test.fails("is expected to fail", () => { throw new Error("as expected"); });
"""
    },
    "no_test_file": {"readme.md": ""},
    "broken_configuration": {"a.spec.ts": "", "vitest.config.mts": 'throw new Error("broken configuration");\n'},
}


def files_of(case: dict[str, str]) -> dict[str, str]:
    """Return the files of a case: its tests import what they use, and all are modules."""
    tests = {path: HEAD + text if path.endswith(".spec.ts") else text for path, text in case.items()}
    return {**tests, "package.json": '{"name": "case", "type": "module"}\n'}


if __name__ == "__main__":
    cases = {name: files_of(case) for name, case in CASES.items()}
    command = ["node_modules/.bin/vitest", "run"]
    recording.record_all(Path(__file__).parent, "vitest", command, cases, Path(sys.argv[1]) / "node_modules")
