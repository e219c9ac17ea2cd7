// Listener for ava: writes the lines of line_report.py into a file named like this one. Every Node process of a run loads it.
import { createHash } from "node:crypto";
import { appendFileSync, realpathSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

const CLI = /\/ava\/(entrypoints\/)?cli\.m?js$/;
const REPORT = fileURLToPath(import.meta.url).slice(0, -".mjs".length);
const ORDER = new URL(import.meta.url).searchParams.get("order");
const BROKEN = new Set(["hook-failed", "internal-error", "missing-ava-import", "process-exit", "timeout",
  "uncaught-exception", "unhandled-rejection", "worker-failed", "shared-worker-error"]);

function program() {
  try {
    return realpathSync(process.argv[1] ?? "");
  } catch {
    return "";
  }
}

function message(error) {
  const values = error?.formattedDetails ?? error?.values ?? [];
  const shown = values.map(({ label, formatted }) => `${label} ${formatted}`).join("\n").replace(/\u001B\[[\d;]*m/g, "");
  return `${error?.name ?? "Error"}: ${error?.message ?? error?.summary ?? error?.formattedError ?? ""}\n${shown}`;
}

const rank = (file) => createHash("sha256").update(`${ORDER} ${file}`).digest("hex");
const shuffled = (one, other) => (rank(one) < rank(other) ? -1 : 1);

async function listen(cli) {
  const library = new URL(cli.includes("/entrypoints/") ? "../lib/" : "lib/", pathToFileURL(cli));
  const { default: RunStatus } = await import(new URL("run-status.js", library));
  const { default: Api } = await import(new URL("api.js", library));
  const write = (record) => appendFileSync(REPORT, JSON.stringify(record) + "\n");
  const results = new Map(); // by file, then by title: ava allows a title once in a file
  const broken = new Map(); // what was said of a file
  const note = (event, result) => {
    if (!results.has(event.testFile)) results.set(event.testFile, new Map());
    results.get(event.testFile).set(event.title, result);
  };
  const emit = RunStatus.prototype.emitStateChange;
  RunStatus.prototype.emitStateChange = function (event) {
    if (event.type === "selected-test") note(event, { state: event.todo ? "todo" : "skipped", left: !event.skip && !event.todo });
    if (event.type === "test-passed") note(event, { state: "passed" });
    if (event.type === "test-failed") note(event, { state: "failed", message: message(event.err) });
    if (BROKEN.has(event.type)) broken.set(event.testFile ?? null, event.err ? message(event.err) : undefined);
    if (event.type === "worker-finished" && !results.has(event.testFile) && !broken.has(event.testFile)) broken.set(event.testFile);
    return emit.call(this, event);
  };
  const run = Api.prototype.run;
  Api.prototype.run = async function (...options) {
    if (ORDER) this.options.sortTestFiles = shuffled;
    const status = await run.apply(this, options);
    for (const [file, tests] of results) {
      for (const [title, { left, ...result }] of tests) {
        // A test that has begun, or should have, and has no result.
        if (left && !broken.has(file)) broken.set(file);
        write({ kind: "test", file, titles: [title], ...result });
      }
    }
    for (const [file, said] of broken) write({ kind: "broken", file, message: said });
    write({ kind: "end", failures: status.stats.failedTests });
    return status;
  };
}

const path = program();
if (isMainThread && CLI.test(path)) await listen(path);
