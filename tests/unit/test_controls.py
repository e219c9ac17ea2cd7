"""Controls: false assertions in the words of the test file, none where nothing is known of its words."""

import pytest

from tracesmith.evaluation import controls
from tracesmith.suites import SuiteRun

VITEST = """import { describe, expect, it } from "vitest";
describe("a", () => {
  it("b", () => expect(f()).toEqual(1));
});
"""
CHAI = 'describe("a", () => { it("b", () => { expect(f()).to.deep.equal([1]); }); });\n'
NODE = 'import assert from "node:assert/strict";\ntest("b", () => assert.deepEqual(f(), 1));\n'
MOCHA = 'const check = require("assert");\nit("b", () => check.ok(f()));\n'
AVA = 'import test from "ava";\ntest("b", (t) => t.is(f(), 1));\n'


@pytest.mark.parametrize(
    ("text", "runner", "line"),
    [
        (VITEST, "vitest", 'it("n0", () => { expect({ a: 1 }).toEqual({ a: 2 }); });'),
        (VITEST, "jest", 'it("n0", () => { expect({ a: 1 }).toEqual({ a: 2 }); });'),
        (CHAI, "mocha", 'it("n0", () => { expect({ a: 1 }).to.deep.equal({ a: 2 }); });'),
        (NODE, "node_test", 'test("n0", () => { assert.deepEqual({ a: 1 }, { a: 2 }); });'),
        (MOCHA, "mocha", 'it("n0", () => { check.ok(false); });'),
        (AVA, "ava", 'test("n0", (t) => { t.is(1, 2); });'),
    ],
)
def test_a_file_ends_with_false_assertions_of_its_own_kinds(text: str, runner: str, line: str) -> None:
    found = controls.make("src/a.spec.ts", text, runner, "n")
    assert found
    assert found.text.decode() == f"{text}\n{line}\n"
    assert found.tests == ["src/a.spec.ts > n0"]


def test_each_kind_of_assertion_has_a_control() -> None:
    text = VITEST + "expect(a).toBe(b); expect(a).not.toThrow(); expect(a).toBeOfNoKnownKind();"
    found = controls.make("a.spec.ts", text, "vitest", "n")
    assert found
    assert len(found.tests) == 3


@pytest.mark.parametrize("text", ["", "run(cases);\n", 'it("b", () => check(1));\n', "expect(1).toBe(1);\n"])
def test_a_file_of_other_words_has_none(text: str) -> None:
    assert controls.make("a.spec.ts", text, "vitest", "n") is None


@pytest.mark.parametrize(("state", "holds"), [("failed", True), ("passed", False), ("skipped", False), (None, False)])
def test_a_control_holds_where_it_failed(state: str | None, holds: bool) -> None:
    control = controls.Control(b"", ["a > n0", "a > n1"])
    tests = {"a > n0": "failed", **({"a > n1": state} if state else {})}
    assert controls.hold(control, SuiteRun("ran", tests)) is holds
