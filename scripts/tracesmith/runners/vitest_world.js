// Setup file of a warm vitest whose test files share a process: before each, it puts back what earlier ones changed outside of
// modules, which are fresh anyway: the globals, the properties of built-in objects and their prototypes, the environment, the
// current folder. A test file that wants more than Node gives breaks here, and gets a process of its own.
const KEY = Symbol.for("tracesmith.world");
const RUNNERS = /vitest|jest|expect|chai|tracesmith/i;

const ours = (key) => RUNNERS.test(typeof key === "symbol" ? (key.description ?? "") : key);
const isThing = (value) => value !== null && (typeof value === "object" || typeof value === "function");

function things() {
  const found = new Set([globalThis]);
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(globalThis))) {
    if (ours(key) || !isThing(value)) continue;
    found.add(value);
    const prototype = Object.getOwnPropertyDescriptor(value, "prototype")?.value;
    if (isThing(prototype)) found.add(prototype);
  }
  return found;
}

function picture() {
  const objects = [...things()].map((thing) => [thing, Object.getOwnPropertyDescriptors(thing)]);
  return { objects, environment: { ...process.env }, folder: process.cwd() };
}

const same = (one, other) => one && ["value", "get", "set", "writable", "enumerable"].every((key) => Object.is(one[key], other[key]));

function restore({ objects, environment, folder }) {
  for (const [thing, before] of objects) {
    for (const key of Reflect.ownKeys(thing)) {
      if (!Object.hasOwn(before, key) && !ours(key)) Reflect.deleteProperty(thing, key);
    }
    for (const key of Reflect.ownKeys(before)) {
      const now = Object.getOwnPropertyDescriptor(thing, key);
      if (!ours(key) && !same(now, before[key])) Reflect.defineProperty(thing, key, before[key]);
    }
  }
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(environment, name)) delete process.env[name];
  for (const [name, value] of Object.entries(environment)) if (process.env[name] !== value) process.env[name] = value;
  if (process.cwd() !== folder) process.chdir(folder);
}

if (globalThis.__vitest_worker__.environment.name !== "node") throw new Error("this test file gets a process of its own");
if (globalThis[KEY]) restore(globalThis[KEY]);
else Object.defineProperty(globalThis, KEY, { value: picture() });
