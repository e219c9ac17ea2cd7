// What the drivers of warm runners share: jobs from stdin, and what a candidate may have left behind. Arguments of a driver: the
// folder for the reports, and the runner's own. It ends early, with what it has, at anything left: the candidate has no report then.
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = "/testbed";
const SETTLE_MS = 2000;
const TICK_MS = 10;
const MOST_BYTES = 1.5 * 2 ** 30;
const UNABLE = 3;
const HUNG = 4;
const LEFT_SOMETHING = 5;
const TOO_LARGE = 6;

export const [out, ...words] = process.argv.slice(2);
export const log = join(out, "now.json");
const jobs = JSON.parse(readFileSync(0, "utf8"));
export let helpers = new Set();

export function end(code) {
  process.removeAllListeners("exit"); // one of jest's changes the code
  process.exit(code);
}

export const unable = () => end(UNABLE);

function listing(folder = ROOT, found = []) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name === ".git") continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) listing(path, found);
    else if (!entry.isFile()) found.push(path);
    else found.push(`${path} ${statSync(path).size} ${statSync(path).mtimeMs}`);
    if (entry.isDirectory()) found.push(path);
  }
  return found;
}

const world = (changed) => JSON.stringify([listing().filter((line) => !changed.has(line.split(" ")[0])), readdirSync("/tmp").sort()]);

// What /proc says of the processes that are no zombies, by their numbers.
export function processes() {
  const found = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const said = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
      if (!"ZX".includes(said[0])) found.set(pid, TICK_MS * (Number(said[11]) + Number(said[12])));
    } catch {
      continue; // it has ended
    }
  }
  return found;
}

async function settled(isQuiet) {
  for (const end = Date.now() + SETTLE_MS; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    if ([...processes().keys()].every((pid) => helpers.has(pid)) && isQuiet()) return true;
    if (Date.now() > end) return false;
  }
}

let said = [];

function listen() {
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk, encoding, done) => {
      said.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
      (typeof encoding === "function" ? encoding : done)?.();
      return true;
    };
  }
}

export function keep(name) {
  writeFileSync(join(out, `${name}.txt`), Buffer.concat(said));
  renameSync(log, join(out, `${name}.json`));
}

// Runs the jobs, the canary's first. `answer` says of a job whether a test file was in a loop, else the job has its reports;
// `invalidate` gets paths that are not as they were; `ready` is called after the first canary; `isQuiet` says whether nothing
// goes on in this process.
export async function serve({ answer, invalidate, ready = () => {}, isQuiet = () => true }) {
  const start = (job) => {
    said = [];
    return answer(job);
  };
  listen();
  helpers = new Set(processes().keys());
  const [canary, ...candidates] = jobs;
  mkdirSync(out, { recursive: true });
  await start(canary);
  // What stays is the compiler's service, which the runner started.
  await new Promise((resolve) => setTimeout(resolve, 500));
  helpers = new Set(processes().keys());
  ready();
  for (const job of candidates) {
    const paths = new Set(job.changes.map(([path]) => path));
    const before = new Map([...paths].map((path) => [path, readFileSync(path)]));
    const pristine = world(paths);
    const hung = setTimeout(() => end(HUNG), job.timeout_ms);
    for (const [path, text] of job.changes) writeFileSync(path, Buffer.from(text, "base64"));
    invalidate(paths);
    const looped = await start(job);
    clearTimeout(hung);
    const touched = job.changes.some(([path, text]) => !readFileSync(path).equals(Buffer.from(text, "base64")));
    for (const [path, bytes] of before) writeFileSync(path, bytes);
    invalidate(paths);
    if (touched || !(await settled(isQuiet)) || world(paths) !== pristine) end(LEFT_SOMETHING);
    if (looped) {
      await start({ ...canary, number: `${job.number}.after` });
      if (!(await settled(isQuiet))) end(LEFT_SOMETHING);
    }
    writeFileSync(join(out, `${job.number}.end`), looped ? "looped" : "");
    if (process.memoryUsage().rss > MOST_BYTES) end(TOO_LARGE);
  }
  await start({ ...canary, number: "last" });
  end(0);
}
