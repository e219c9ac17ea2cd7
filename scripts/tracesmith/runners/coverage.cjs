// Preload for the instrumented run of vitest: each process, and each thread, writes a file of its own into a folder named like
// this one. `=file` names the test file that runs, a number is a body entered, `<path` a source read as text, `!` says that
// two test files share a process, so that the second may not show what it uses.
"use strict";

const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const { threadId } = require("node:worker_threads");

const SOURCE = /\.[cm]?tsx?$/;
const MAIN = /vitest(\.mjs)?$/.test(process.argv[1] ?? "") && threadId === 0;
const { openSync, writeSync } = fs;
let out;
let current;
let seen = new Set();

function say(line) {
  out ??= openSync(`${__filename}.hits/${process.pid}-${threadId}`, "a");
  writeSync(out, `${line}\n`);
}

function hit(what) {
  const file = globalThis.__vitest_worker__?.filepath ?? "";
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

Object.defineProperty(globalThis, "__tracesmith_hit", { value: hit });

function watch(library, name) {
  const original = library[name];
  library[name] = function (path, ...options) {
    const text = path instanceof URL ? decodeURIComponent(path.pathname) : String(path);
    if (SOURCE.test(text)) hit(`<${text}`);
    return original.call(this, path, ...options);
  };
}

// The main process reads every source, to compile it.
if (!MAIN) {
  for (const name of ["readFileSync", "readFile", "createReadStream", "open", "openSync"]) watch(fs, name);
  for (const name of ["readFile", "open"]) watch(fs.promises, name);
  syncBuiltinESMExports();
}
