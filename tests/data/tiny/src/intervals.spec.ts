import { describe, expect, it } from "vitest";
import { contains, coverage, merge } from "./intervals.js";

describe("merge", () => {
  it("keeps intervals that are apart", () => {
    expect(merge([{ start: 0, end: 1 }, { start: 2, end: 3 }])).toEqual([{ start: 0, end: 1 }, { start: 2, end: 3 }]);
  });
  it("joins intervals that overlap", () => {
    expect(merge([{ start: 0, end: 5 }, { start: 3, end: 8 }])).toEqual([{ start: 0, end: 8 }]);
  });
  it("joins intervals that touch", () => {
    expect(merge([{ start: 0, end: 2 }, { start: 2, end: 4 }])).toEqual([{ start: 0, end: 4 }]);
  });
  it("keeps the longer end", () => {
    expect(merge([{ start: 0, end: 9 }, { start: 1, end: 2 }])).toEqual([{ start: 0, end: 9 }]);
  });
  it("sorts", () => {
    expect(merge([{ start: 5, end: 6 }, { start: 1, end: 2 }])[0]).toEqual({ start: 1, end: 2 });
  });
});

describe("coverage", () => {
  it("counts an overlap once", () => {
    expect(coverage([{ start: 0, end: 4 }, { start: 2, end: 6 }])).toBe(6);
  });
  it("is nothing without intervals", () => {
    expect(coverage([])).toBe(0);
  });
});

describe("contains", () => {
  it("includes the start", () => {
    expect(contains({ start: 1, end: 3 }, 1)).toBe(true);
  });
  it("excludes the end", () => {
    expect(contains({ start: 1, end: 3 }, 3)).toBe(false);
  });
});
