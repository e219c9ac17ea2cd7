"""The suites whose console logs record.py records."""

VITEST_HEAD = 'import { test, describe, expect, beforeAll } from "vitest";\n'
OUTCOMES = """
describe("sum", () => {
  test("adds", () => {});
  test("is wrong", () => { throw new Error("no"); });
  describe("inside", () => {
    describe("further inside", () => {
      test("passes", () => {});
      test("fails", () => { throw new Error("first line\\n  second line\\n  ✓ not a test\\n● not \u203a a test"); });
    });
    test("passes after it", () => {});
  });
  test("comes last", () => {});
});
test("stands alone", () => {});
test("takes its time", () => new Promise((done) => setTimeout(done, 400)));
"""
TITLES = """
describe("añadir ✓ 数", () => {
  test("größer \u00d7 日本語 🎉", () => {});
  test("fails ✕ ünïcode", () => { throw new Error("no"); });
});
describe("a > b", () => { test("c > d", () => {}); });
test("1) looks like a failure", () => {});
test("✓ looks like a pass", () => {});
test("- looks like a skip", () => {});
test("skipped by its name", () => {});
test("has [brackets] and (3 tests)", () => {});
test("ends in a number 5", () => {});
test("quotes 'single' \\"double\\" `tick`", () => {});
test("with  two  spaces", () => {});
"""
NOT_RUN = """
describe("later", () => {
  TEST.skip("is skipped", () => {});
  TODO("is to do");
});
describe.skip("group", () => { TEST("is skipped too", () => {}); });
"""
EACH = """
describe.each([1, 2])("with %i", (n) => {
  test.each([["a", "b"], ["c", "d"]])("joins %s and %s", () => {});
});
"""
MOCHA_EACH = """
for (const n of [1, 2]) describe(`with ${n}`, () => {
  for (const pair of ["a and b", "c and d"]) it(`joins ${pair}`, () => {});
});
"""
PRINTED = """
describe("prints", () => {
  test("results of others", () => {
    console.log(" ✓ fake.spec.ts > fake 1ms\\n \u00d7 fake.spec.ts > other 2ms");
    console.log(" \u276f fake.spec.ts (2 tests | 1 failed) 3ms");
    console.log("PASS fake.test.js\\n  ✓ fake (2 ms)\\n  ✕ other (1 ms)\\n");
    console.error("  ● fake \u203a other\\n\\n    Error: no\\n");
  });
  test("and passes", () => {});
});
"""
HOOK = """
describe("with a broken hook", () => {
  HOOK(() => { throw new Error("no database"); });
  test("one", () => {});
  test("two", () => {});
});
test("beside it", () => {});
"""
MOCHA_PRINTED = """
describe("prints", () => {
  test("results of others", () => {
    console.log("✓ fake\\n1) fake\\n- fake\\n  7 passing (1s)\\n   ✓ between two levels");
  });
  test("and passes", () => {});
});
"""
DUPLICATES = """
describe("group", () => {
  test("same", () => {});
  test("same", () => { throw new Error("second"); });
});
describe("group", () => { test("same", () => {}); });
"""
VITEST_ODD = """
let runs = 0;
test("fails once", { retry: 3 }, () => { runs += 1; expect(runs).toBe(2); });
test("waits 5ms", () => {});
test("", () => {});
test("is skipped while it runs", ({ skip }) => skip("for a reason"));
describe("", () => { test("in no name", () => {}); });
test("leaves a rejection", async () => {
  void Promise.reject(new Error("nobody waits"));
  await new Promise((done) => setTimeout(done, 20));
});
"""
JEST_ODD = """
jest.retryTimes(1);
let runs = 0;
test("fails once", () => { runs += 1; if (runs < 2) throw new Error("no"); });
test("", () => {});
describe("", () => { test("in no name", () => {}); });
test("fails always", () => { throw new Error("two\\n\\n  ● fake \u203a test"); });
test("prints", () => { console.log("a\\n\\nPASS fake.test.js\\n  ✓ fake"); });
test("logs too late", () => { setTimeout(() => console.log("late"), 30); });
"""
AFTER_ALL = """
test("passes", () => {});
afterAll(() => { throw new Error("cannot close"); });
"""
MOCHA_ODD = """
before(() => console.log("before all"));
describe("first", () => {
  before(() => console.log("before the first\\n"));
  it("waits", (done) => { setTimeout(() => { console.log("in between"); done(); }, 50); });
  it("fails once", function () { this.retries(2); if (this.test._currentRetry < 1) throw new Error("no"); });
  it("", () => {});
  describe("with one inside", () => { it("passes", () => {}); });
  describe("", () => { it("in no name", () => {}); });
});
describe("second: ends in a colon:", () => {
  it("fails:", () => { require("assert").deepStrictEqual({ a: 1, b: [1, 2] }, { a: 2, b: [1, 3] }); });
  after(() => { throw new Error("cannot close"); });
  describe("inside", () => { beforeEach(() => { throw new Error("no database"); }); it("one", () => {}); });
});
it("fails outside", () => { throw new Error("two\\n\\n  2 passing (3ms)\\n  9) fake"); });
"""
PROJECTS = """
import { defineConfig } from "vitest/config";
const project = (name) => ({ test: { name, include: ["*.spec.ts"], env: { WORLD: name } } });
export default defineConfig({ test: { projects: [project("first"), project("second")] } });
"""
IN_PROJECTS = """
describe("world", () => {
  test("is the second", () => expect(process.env.WORLD).toBe("second"));
  test.skip("is skipped", () => {});
});
"""
BROKEN = 'import "./missing";\ntest("never runs", () => {});\n'
ONE = 'describe("small", () => { test("one", () => {}); test("two", () => {}); });\n'


def filled(text: str, test: str, todo: str, hook: str) -> str:
    """Return a suite in the words of a runner."""
    text = text.replace("TEST", test).replace("TODO", todo).replace("HOOK", hook)
    return text if test == "test" else text.replace(" test(", " it(").replace("\ntest(", "\nit(")


def vitest() -> dict[str, dict[str, str]]:
    """Return the suites of vitest."""
    bodies = {"outcomes": OUTCOMES, "titles": TITLES, "notrun": NOT_RUN, "each": EACH, "printed": PRINTED}
    bodies |= {"sub/hook": HOOK, "twice": DUPLICATES, "bad": BROKEN}
    head = {"package.json": '{"name": "case", "type": "module"}\n'}
    write = {
        f"{path}.spec.ts": VITEST_HEAD + filled(text, "test", "test.todo", "beforeAll") for path, text in bodies.items()
    }
    one = {"one.spec.ts": VITEST_HEAD + ONE}
    return {
        "mixed": {**head, **write},
        "single": {**head, **one},
        "green": {**head, **one, "sub/two.spec.ts": VITEST_HEAD + ONE},
        "odd": {**head, "odd.spec.ts": VITEST_HEAD + VITEST_ODD},
        "projects": {**head, "a.spec.ts": VITEST_HEAD + IN_PROJECTS, "vitest.config.mts": PROJECTS},
    }


def jest() -> dict[str, dict[str, str]]:
    """Return the suites of jest."""
    bodies = {"outcomes": OUTCOMES, "titles": TITLES, "notrun": NOT_RUN, "each": EACH, "printed": PRINTED}
    bodies |= {
        "sub/hook": HOOK,
        "twice": DUPLICATES,
        "bad": BROKEN.replace("import ", "require(").replace('";', '");', 1),
    }
    head = {"package.json": '{"name": "case"}\n'}
    write = {f"{path}.test.js": filled(text, "test", "test.todo", "beforeAll") for path, text in bodies.items()}
    one = {"one.test.js": ONE}
    return {
        "mixed": {**head, **write},
        "single": {**head, **one},
        "green": {**head, **one, "sub/two.test.js": ONE},
        "odd": {**head, "odd.test.js": JEST_ODD, "close.test.js": AFTER_ALL},
    }


def mocha() -> dict[str, dict[str, str]]:
    """Return the suites of mocha, where a file that cannot be loaded ends the run."""
    bodies = {"outcomes": OUTCOMES, "titles": TITLES, "notrun": NOT_RUN, "each": MOCHA_EACH, "printed": MOCHA_PRINTED}
    bodies |= {"hook": HOOK, "twice": DUPLICATES}
    head = {"package.json": '{"name": "case"}\n'}
    write = {f"test/{path}.js": filled(text, "it", "it", "before") for path, text in bodies.items()}
    one = {"test/one.js": filled(ONE, "it", "it", "before")}
    return {
        "mixed": {**head, **write},
        "single": {**head, **one},
        "broken": {**head, **one, "test/bad.js": 'require("./missing");\n'},
        "odd": {**head, "test/odd.js": MOCHA_ODD},
    }


SUITES = {"vitest": vitest(), "jest": jest(), "mocha": mocha()}
