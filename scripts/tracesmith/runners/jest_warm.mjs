// Driver of one Node process for several candidates (see warm.mjs), each a run of jest (27 to 30) as from the command line. jest
// isolates test files by contexts and module registries, as in a clean run, where they share the process as well. What stays is
// Node, the compilers, and what is compiled on disk; jest itself and what transforms files are loaded anew, for what they remember
// of other files. A loop ends the process.
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import { keep, log, out, serve, unable, words } from "./warm.mjs";

const BEAT_MS = 100;
// Compilers are large and remember no files; the others change what Node itself has and may not do it twice.
const KEPT = /\/node_modules\/(typescript|@babel|@swc|esbuild|graceful-fs|source-map-support|signal-exit)\//;
const SHARED =
  "assert async_hooks buffer child_process crypto dns events fs fs/promises http http2 https module net os path perf_hooks " +
  "querystring readline stream string_decoder timers timers/promises tls url util vm worker_threads zlib";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const require = createRequire(join(process.cwd(), "x.js"));
const major = Number(require("jest/package.json").version.split(".")[0]);
if (major < 27 || major > 30) unable();

// As jest's own program does it.
process.env.NODE_ENV ??= "test";
process.setMaxListeners(0);
const flags = [`--testSequencer=${here("jest_order.cjs")}`, `--cacheDirectory=${out}.cache`, "--json", `--outputFile=${log}`];
const watchdog = new Worker(here("jest_watchdog.mjs"));
watchdog.unref();
setInterval(() => watchdog.postMessage("beat"), BEAT_MS).unref();

function forget() {
  for (const path of Object.keys(require.cache)) if (!KEPT.test(path) && !path.endsWith(".node")) delete require.cache[path];
}

async function answer({ number, together, alone, cpu_ms, timeout_ms }) {
  watchdog.postMessage({ end: join(out, `${number}.end`), cpu_ms, until: Date.now() + timeout_ms });
  await require("jest").run([...words, ...flags, "--runTestsByPath", ...together, ...alone]);
  watchdog.postMessage(null);
  keep(`${number}.${together.length ? "together" : "alone"}`);
  return false;
}

// The functions of Node's modules, which all contexts share, and of their classes.
function functions() {
  const found = [];
  const add = (thing) => {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(thing))) {
      if (typeof value === "function") found.push([thing, name, value]);
    }
  };
  for (const library of SHARED.split(" ").map((name) => require(`node:${name}`))) {
    const before = found.length;
    add(library);
    for (const [, , { prototype }] of found.slice(before)) if (prototype) add(prototype);
  }
  return found;
}

function resources() {
  const count = new Map();
  for (const name of process.getActiveResourcesInfo()) count.set(name, (count.get(name) ?? 0) + 1);
  return count;
}

let usual;

function isQuiet() {
  if (process.cwd() !== usual.folder) return false;
  if (usual.functions.some(([thing, name, value]) => Object.getOwnPropertyDescriptor(thing, name)?.value !== value)) return false;
  // The timer of whoever waits for this is not its own.
  return [...resources()].every(([name, count]) => name === "Immediate" || count <= (usual.resources.get(name) ?? 0));
}

const ready = () => (usual = { folder: process.cwd(), functions: functions(), resources: resources() });

await serve({ answer, invalidate: forget, ready, isQuiet });
