import assert from "node:assert/strict";
import { test } from "node:test";
import { hull, length, overlap } from "./intervals.ts";

test("length counts from start to end", () => {
  assert.equal(length({ start: 2, end: 7 }), 5);
});

test("length is never below zero", () => {
  assert.equal(length({ start: 7, end: 2 }), 0);
});

test("overlap needs a common point", () => {
  assert.equal(overlap({ start: 0, end: 2 }, { start: 1, end: 3 }), true);
  assert.equal(overlap({ start: 0, end: 2 }, { start: 2, end: 3 }), false);
});

test("hull holds both", () => {
  assert.deepEqual(hull({ start: 0, end: 2 }, { start: 5, end: 6 }), { start: 0, end: 6 });
});
