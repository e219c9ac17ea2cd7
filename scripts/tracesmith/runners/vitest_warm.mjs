// Driver of one vitest (4) for several candidates: reads them from stdin, and runs each one's test files in fresh processes while
// the server, its compiled modules and its caches stay. Arguments: the folder for the reports, and the runner's own.
// It ends early, with what it has, at anything that a candidate may have left behind: the candidate has no report then.
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = "/testbed";
const SETTLE_MS = 2000;
const MOST_BYTES = 1.5 * 2 ** 30;
const [out, ...words] = process.argv.slice(2);
const jobs = JSON.parse(readFileSync(0, "utf8"));
const log = join(out, "now.json");

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

const world = (own) => JSON.stringify([listing().filter((line) => !own.has(line.split(" ")[0])), readdirSync("/tmp").sort()]);

function processes() {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${name}/status`, "utf8"));
    } catch {
      return false;
    }
  });
}

async function settled(known) {
  for (const end = Date.now() + SETTLE_MS; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (processes().every((pid) => known.has(pid))) return true;
    if (Date.now() > end) return false;
  }
}

const require = createRequire(join(process.cwd(), "x.js"));
const { createVitest, parseCLI, version } = await import(pathToFileURL(require.resolve("vitest/node")));
if (Number(version.split(".")[0]) !== 4) process.exit(3);
const { options } = parseCLI(["vitest", ...words]);
const vitest = await createVitest("test", { ...options, watch: false, run: true, reporters: ["default", "json"], outputFile: { json: log } });
if (vitest.projects.some(({ config }) => !config.isolate || config.pool !== "forks" || config.typecheck.enabled)) process.exit(3);
await vitest.standalone(); // for the reporters
const every = await vitest.globTestSpecifications();

let said = [];
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk, encoding, done) => {
    said.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    (typeof encoding === "function" ? encoding : done)?.();
    return true;
  };
}

function keep(name) {
  writeFileSync(join(out, `${name}.txt`), Buffer.concat(said));
  renameSync(log, join(out, `${name}.json`));
}

async function run(only) {
  const wanted = new Set(only);
  const specifications = every.filter(({ moduleId }) => wanted.has(moduleId));
  vitest.state.errorsSet.clear();
  vitest.state.filesMap.clear(); // else the report names what earlier candidates left
  said = [];
  await vitest.runTestSpecifications(specifications, false);
  return vitest.state.getUnhandledErrors().length === 0;
}

const [canary, ...candidates] = jobs;
mkdirSync(out, { recursive: true });
await run(canary.only);
keep("first");
// What stays is the compiler's service, which the server started.
await new Promise((resolve) => setTimeout(resolve, 500));
const helpers = new Set(processes());
for (const { number, changes, only, timeout_ms: limit } of candidates) {
  const paths = new Set(changes.map(([path]) => path));
  const before = new Map([...paths].map((path) => [path, readFileSync(path)]));
  const pristine = world(paths);
  const hung = setTimeout(() => process.exit(4), limit);
  for (const [path, text] of changes) writeFileSync(path, Buffer.from(text, "base64"));
  for (const path of paths) vitest.invalidateFile(path);
  const quiet = await run(only);
  clearTimeout(hung);
  const touched = changes.some(([path, text]) => !readFileSync(path).equals(Buffer.from(text, "base64")));
  for (const [path, bytes] of before) writeFileSync(path, bytes);
  for (const path of paths) vitest.invalidateFile(path);
  if (!quiet || touched || !(await settled(helpers)) || world(paths) !== pristine) process.exit(5);
  keep(number);
  if (process.memoryUsage().rss > MOST_BYTES) process.exit(6);
}
await run(canary.only);
keep("last");
process.exit(0);
