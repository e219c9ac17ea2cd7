// Driver of one vitest (2 to 4) for several candidates, read from stdin: the server, its compiled modules and its caches stay.
// Arguments: the folder for the reports, and the runner's own. The test files of `together` share one process, whose modules are
// fresh for each and whose globals `vitest_world.js` puts back; those of `alone`, and what a shared process left out, get a process
// each. It ends early, with what it has, at anything that a candidate may have left behind: the candidate has no report then.
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = "/testbed";
const SETTLE_MS = 2000;
const LOOK_MS = 100;
const TICK_MS = 10;
const MOST_BYTES = 1.5 * 2 ** 30;
const UNABLE = 3;
const HUNG = 4;
const LEFT_SOMETHING = 5;
const TOO_LARGE = 6;
const [out, ...words] = process.argv.slice(2);
const jobs = JSON.parse(readFileSync(0, "utf8"));
const log = join(out, "now.json");

const require = createRequire(join(process.cwd(), "x.js"));
const major = Number(require("vitest/package.json").version.split(".")[0]);
if (major < 2 || major > 4) process.exit(UNABLE);
const { createVitest, parseCLI } = await import(pathToFileURL(require.resolve("vitest/node")));
const { options } = parseCLI(["vitest", ...words]);
const reporting = { watch: false, run: true, reporters: ["default", "json"], outputFile: { json: log } };
const vitest = await createVitest("test", { ...options, ...reporting });

function isAble({ config }) {
  const isolate = major === 4 ? config.isolate : (config.poolOptions?.forks?.isolate ?? true);
  return isolate && config.pool === "forks" && !config.typecheck?.enabled && !config.browser?.enabled;
}
if (!vitest.projects.every(isAble)) process.exit(UNABLE);

const own = new Map(vitest.projects.map(({ config }) => [config, { files: config.setupFiles, order: config.sequence.setupFiles }]));
if (major === 4) {
  for (const project of vitest.projects) {
    const plain = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(project), "serializedConfig").get;
    // `isolate` decides in the server how many test files a process gets, and in the process whether each has fresh modules.
    Object.defineProperty(project, "serializedConfig", { get: () => ({ ...plain.call(project), isolate: true }) });
  }
}

function share(together) {
  for (const { config } of vitest.projects) {
    if (major === 4) config.isolate = !together;
    else config.poolOptions = { ...config.poolOptions, forks: { ...config.poolOptions?.forks, singleFork: together } };
    const { files, order } = own.get(config);
    config.setupFiles = together ? [`${out}.world.js`, ...files] : files;
    config.sequence.setupFiles = together ? "list" : order;
  }
}

if (major < 4) {
  // One process at a time as with `--no-file-parallelism`, but none that waits for the next run.
  vitest.config.fileParallelism = true;
  vitest.config.poolOptions = { ...vitest.config.poolOptions, forks: { ...vitest.config.poolOptions?.forks, minForks: 0, maxForks: 1 } };
}
// The order of a job, and not the one that earlier candidates' times suggest.
vitest.config.sequence.sequencer = class {
  sort = (specifications) => specifications;
  shard = (specifications) => specifications;
};
await (vitest.standalone ? vitest.standalone() : vitest.init()); // for the reporters
const every = await (vitest.globTestSpecifications ?? vitest.globTestSpecs).call(vitest);

function invalidate(path) {
  if (vitest.invalidateFile) vitest.invalidateFile(path);
  else vitest.updateLastChanged(path);
  for (const { vitenode } of vitest.projects) {
    if (!vitenode) continue;
    for (const cache of [vitenode.fetchCache, ...Object.values(vitenode.fetchCaches)]) cache.delete(path);
  }
}

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
function processes() {
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

async function settled() {
  for (const end = Date.now() + SETTLE_MS; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    if ([...processes().keys()].every((pid) => helpers.has(pid))) return true;
    if (Date.now() > end) return false;
  }
}

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

const ended = () => [...vitest.state.filesMap.values()].flat().filter(({ result }) => result && result.state !== "run");

// Ends a process of which one test file takes more CPU time than it may: it is in a loop. Says whether it had to.
function watch(limit) {
  const seen = new Map();
  let count = 0;
  const looks = setInterval(() => {
    if (ended().length !== count) seen.clear();
    count = ended().length;
    for (const [pid, used] of processes()) {
      if (helpers.has(pid)) continue;
      if (!seen.has(pid)) seen.set(pid, used);
      if (used - seen.get(pid) <= limit) continue;
      looks.looped = true;
      process.kill(Number(pid), "SIGKILL");
    }
  }, LOOK_MS);
  return looks;
}

// Runs test files; says whether one was in a loop, and which ones have no result.
async function run(paths, together, limit) {
  const specifications = paths.flatMap((path) => every.filter(({ moduleId }) => moduleId === path));
  vitest.state.errorsSet.clear();
  vitest.state.filesMap.clear(); // else the report names what earlier candidates left
  share(together);
  const looks = watch(limit);
  await (vitest.runTestSpecifications ?? vitest.runFiles).call(vitest, specifications, false);
  clearInterval(looks);
  const told = new Set(ended().map(({ filepath }) => filepath));
  return { looped: looks.looped, missing: paths.filter((path) => !told.has(path)) };
}

// Says whether a test file was in a loop; else the job has its reports. What a shared process left out runs again.
async function answer({ number, together, alone, cpu_ms: limit }) {
  said = [];
  let rest = alone;
  if (together.length) {
    const { looped, missing } = await run(together, true, limit);
    if (looped) return true;
    keep(`${number}.together`);
    rest = [...alone, ...missing];
  }
  if (rest.length) {
    const { looped } = await run(rest, false, limit);
    if (looped) return true;
    keep(`${number}.alone`);
  }
  return false;
}

let helpers = new Set(processes().keys());
const [canary, ...candidates] = jobs;
mkdirSync(out, { recursive: true });
await answer(canary);
// What stays is the compiler's service, which the server started.
await new Promise((resolve) => setTimeout(resolve, 500));
helpers = new Set(processes().keys());
for (const job of candidates) {
  const paths = new Set(job.changes.map(([path]) => path));
  const before = new Map([...paths].map((path) => [path, readFileSync(path)]));
  const pristine = world(paths);
  const hung = setTimeout(() => process.exit(HUNG), job.timeout_ms);
  for (const [path, text] of job.changes) writeFileSync(path, Buffer.from(text, "base64"));
  for (const path of paths) invalidate(path);
  const looped = await answer(job);
  clearTimeout(hung);
  const touched = job.changes.some(([path, text]) => !readFileSync(path).equals(Buffer.from(text, "base64")));
  for (const [path, bytes] of before) writeFileSync(path, bytes);
  for (const path of paths) invalidate(path);
  if (touched || !(await settled()) || world(paths) !== pristine) process.exit(LEFT_SOMETHING);
  if (looped) {
    await answer({ ...canary, number: `${job.number}.after` });
    if (!(await settled())) process.exit(LEFT_SOMETHING);
  }
  writeFileSync(join(out, `${job.number}.end`), looped ? "looped" : "");
  if (process.memoryUsage().rss > MOST_BYTES) process.exit(TOO_LARGE);
}
await answer({ ...canary, number: "last" });
process.exit(0);
