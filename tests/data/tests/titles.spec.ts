import { describe, expect, it, test } from "vitest";
import { parse } from "../src/parse.js";
const fs = require("node:fs");

const cases = [["a", 1], ["b", 2]];

function check(name: string): void {
  it(name, () => expect(parse(name)).toBe("made by check"));
}

describe("Parse", () => {
  it("reads a tag", () => {
    expect(parse("a")).toBe("a tag");
  });

  it(" a ", () => expect(parse(" a ")).toBe("with spaces"));
  it("a", () => expect(parse("a")).toBe("without spaces"));
  it("a > b", () => expect(parse("a > b")).toBe("a child"));
  it("tab\tand \u00e9 \u{1F600} \"quoted\"", () => expect(1).toBe("escapes"));

  it("twice", () => expect(1).toBe("the first"));
  it("twice", () => expect(1).toBe("the second"));

  describe("nested", function () {
    it.only("works", async () => expect(1).toBe("nested"));
    it.skip.each([1, 2])("each %i of %s", (n) => expect(n).toBe("printf"));
    it.each`
      left | right
      ${1} | ${2}
    `("adds $left to $right.length", ({ left }) => expect(left).toBe("table"));
    it.concurrent(`template without parts`, () => expect(1).toBe("template"));
    for (const [name, size] of cases) {
      it(`measures ${name} twice`, () => expect(size).toBe("loop"));
    }
  });

  for (const name of ["p", "q"]) {
    it(name, () => expect(name).toBe("any title"));
  }

  cases.forEach(([name]) => {
    test("size of " + name + ` is ${1 + 1} cm`, () => expect(name).toBe("an expression"));
  });
});

describe.each([["x"], ["y"]])("suite of %s", (letter) => {
  test("upper case", () => expect(letter).toBe("in a suite of each"));
  test("100%% sure of %s".toLowerCase(), () => {});
  check("helped");
});

describe.skipIf(process.platform === "win32")("not on Windows", () => {
  it.runIf(true)("runs", { timeout: 5 }, () => expect(1).toBe("options"));
  it.fails("named after a function", named, 1000);
});

context("of mocha", function () {
  specify("specified", function () {
    if (/x/.test("specified")) this.timeout(1);
  });
});

test("on the top", async (t) => {
  await t.test("and below", (t) => {
    expect(1).toBe("node:test");
  });
});
