import { describe, expect, it } from "vitest";
import { shorten, slug, wrap } from "./text.js";

describe("wrap", () => {
  it("fills lines up to the width", () => {
    expect(wrap("one two three four", 9)).toEqual(["one two", "three", "four"]);
  });
  it("leaves a long word alone", () => {
    expect(wrap("a extraordinary b", 5)).toEqual(["a", "extraordinary", "b"]);
  });
  it("gives no line for no word", () => {
    expect(wrap("  ", 5)).toEqual([]);
  });
});

describe("slug", () => {
  it("joins lower-case words", () => {
    expect(slug("Hello, World 2!")).toBe("hello-world-2");
  });
  it("is empty without letters", () => {
    expect(slug("?!")).toBe("");
  });
});

describe("shorten", () => {
  it("keeps a short text", () => {
    expect(shorten("abc", 3)).toBe("abc");
  });
  it("marks what was cut", () => {
    expect(shorten("hello world", 7)).toBe("hello…");
  });
});
