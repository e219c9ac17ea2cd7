// Preload for the instrumented run of a suite: each process, and each thread, writes a file of its own into a folder named like
// this one. `=file` names the test file that runs, a number is a body entered, `<path` a source read as text, `>` that a program
// is started, which may read anything, `!` that two test files share a process, so that the second may not show what it uses.
// vitest says itself which test file a process runs; jest runs one test file at a time, which TRACESMITH_TEST_FILE names.
"use strict";

const programs = require("node:child_process");
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const { threadId } = require("node:worker_threads");

const SOURCE = /\.[cm]?tsx?$/;
const ONLY = process.env.TRACESMITH_TEST_FILE;
const MAIN = /vitest(\.mjs)?$/.test(process.argv[1] ?? "") && threadId === 0;
// What jest loads a source with is in the process of the tests; of jest-runtime that is what reads by itself.
const LOADERS = /\/node_modules\/(@jest\/transform|jest-haste-map|jest-message-util|jest-resolve|jest-config)\//;
const RUNTIME = /\/node_modules\/jest-runtime\//;
const { openSync, writeSync } = fs;
let out;
let current;
let seen = new Set();

function say(line) {
  out ??= openSync(`${__filename}.hits/${process.pid}-${threadId}`, "a");
  writeSync(out, `${line}\n`);
}

function hit(what) {
  const file = ONLY ?? globalThis.__vitest_worker__?.filepath ?? "";
  if (file !== current) {
    if (current) say("!");
    current = file;
    seen = new Set();
    say(`=${file}`);
  }
  if (!seen.has(what)) {
    seen.add(what);
    say(what);
  }
}

// Not of globalThis: jest's contexts have a global object of their own, but copy what `process` has.
Object.defineProperty(process, "__tracesmith_hit", { value: hit });

function callers() {
  const { prepareStackTrace, stackTraceLimit } = Error;
  Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFileName() ?? "");
  Error.stackTraceLimit = Infinity;
  const found = new Error("callers").stack;
  Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  return found.filter((path) => path !== __filename && !path.startsWith("node:") && !path.includes("/node_modules/graceful-fs/"));
}

// Whether jest reads, to compile or to show a line: nobody outside of packages asked since.
function isLoading() {
  const paths = callers();
  const asking = paths.findIndex((path) => !path.includes("/node_modules/"));
  const packages = asking < 0 ? paths : paths.slice(0, asking);
  return RUNTIME.test(packages[0]) || packages.some((path) => LOADERS.test(path));
}

function watch(library, name) {
  const original = library[name];
  library[name] = function (path, ...options) {
    const text = path instanceof URL ? decodeURIComponent(path.pathname) : String(path);
    if (SOURCE.test(text) && !(ONLY && isLoading())) hit(`<${text}`);
    return original.call(this, path, ...options);
  };
}

function watchStarts(library, name) {
  const original = library[name];
  library[name] = function (...options) {
    if (!(ONLY && isLoading())) hit(">");
    return original.apply(this, options);
  };
}

// The main process of vitest reads every source, to compile it.
if (!MAIN) {
  watchStarts(programs.ChildProcess.prototype, "spawn");
  for (const name of ["spawnSync", "execSync", "execFileSync"]) watchStarts(programs, name);
  for (const name of ["readFileSync", "readFile", "createReadStream", "open", "openSync"]) watch(fs, name);
  for (const name of ["readFile", "open"]) watch(fs.promises, name);
  syncBuiltinESMExports();
}
