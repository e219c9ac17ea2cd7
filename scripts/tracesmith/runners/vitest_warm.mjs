// Driver of one vitest (2 to 4) for several candidates (see warm.mjs): the server, its compiled modules and its caches stay. The
// test files of `together` share one process, whose modules are fresh for each and whose globals `vitest_world.js` puts back;
// those of `alone`, and what a shared process left out, get a process each.
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { helpers, keep, log, processes, serve, unable, words } from "./warm.mjs";

const LOOK_MS = 100;
const SETUP = fileURLToPath(new URL("vitest_world.js", import.meta.url));

const require = createRequire(join(process.cwd(), "x.js"));
const major = Number(require("vitest/package.json").version.split(".")[0]);
if (major < 2 || major > 4) unable();
const { createVitest, parseCLI } = await import(pathToFileURL(require.resolve("vitest/node")));
const { options } = parseCLI(["vitest", ...words]);
const reporting = { watch: false, run: true, reporters: ["default", "json"], outputFile: { json: log } };
const vitest = await createVitest("test", { ...options, ...reporting });

function isAble({ config }) {
  const isolate = major === 4 ? config.isolate : (config.poolOptions?.forks?.isolate ?? true);
  return isolate && config.pool === "forks" && !config.typecheck?.enabled && !config.browser?.enabled;
}
if (!vitest.projects.every(isAble)) unable();

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
    config.setupFiles = together ? [SETUP, ...files] : files;
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

// Runs test files; says whether one was in a loop, and which ones a process that ended early has no results of. It may have told
// that one is broken as a whole: vitest itself breaks on the file behind a test that took `Set` away and failed, and then ends.
async function run(paths, together, limit) {
  const specifications = paths.flatMap((path) => every.filter(({ moduleId }) => moduleId === path));
  vitest.state.errorsSet.clear();
  vitest.state.filesMap.clear(); // else the report names what earlier candidates left
  share(together);
  const looks = watch(limit);
  await (vitest.runTestSpecifications ?? vitest.runFiles).call(vitest, specifications, false);
  clearInterval(looks);
  const told = new Map(ended().map((file) => [file.filepath, file.tasks.length > 0]));
  const early = vitest.state.errorsSet.size > 0 || paths.some((path) => !told.has(path));
  return { looped: looks.looped, missing: early ? paths.filter((path) => !told.get(path)) : [] };
}

// Says whether a test file was in a loop; else the job has its reports. What a shared process left out runs again.
async function answer({ number, together, alone, cpu_ms: limit }) {
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

await serve({ answer, invalidate: (paths) => [...paths].forEach(invalidate) });
