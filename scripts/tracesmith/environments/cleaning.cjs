// Take out of an installed tree (the working directory) what may hold a copy of the code that bugs are put into.
//
//     node cleaning.cjs SPEC.json      {"packages": [name], "folders": [path], "pristine": [path of a file]}
//
// Gone afterwards: installed copies of these packages (links to their folders stay), what their build wrote into the
// usual folders (dist, dist-cjs, lib, es2015 ...) in `folders`, source maps, caches of runners and build tools,
// sockets and pipes, and records of a package manager that differ from run to run. A file of the pristine tree always
// stays. Links are never followed.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const spec = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const packages = new Set(spec.packages);
const pristine = new Set(spec.pristine);
const pristineFolders = new Set();
for (const file of spec.pristine) {
  for (let folder = path.posix.dirname(file); !pristineFolders.has(folder); folder = path.posix.dirname(folder)) {
    pristineFolders.add(folder);
  }
}
const folders = new Set(spec.folders);
const OUTPUT = /^(?:build|cjs|dist|esm?\d*|lib|out|umd)(?:[-_.].*)?$/;
const CACHES = new Set([".cache", ".jest-cache", ".nx", ".nyc_output", ".parcel-cache", ".turbo", ".vite", ".vite-temp",
  ".vitest", ".vitest-temp", "coverage"]);
const CACHE_FILES = /\.map$|\.tsbuildinfo$|^\.eslintcache$|^\.stylelintcache$/;
const RECORDS = new Set(["node_modules/.modules.yaml", "node_modules/.pnpm-workspace-state.json",
  "node_modules/.pnpm-workspace-state-v1.json", ".yarn/install-state.gz", ".yarn/build-state.yml"]);

function remove(file) {
  fs.rmSync(file, { recursive: true, force: true });
}

function entries(folder) {
  return fs.readdirSync(folder, { withFileTypes: true });
}

function nameOf(folder) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8").replace(/^\uFEFF/, "")).name;
  } catch {
    return undefined; // no package, or one that nobody can load
  }
}

function cleanPackage(folder, installedAs) {
  if (pristineFolders.has(folder)) return;
  if (packages.has(installedAs) || packages.has(nameOf(folder))) return remove(folder);
  const nested = path.posix.join(folder, "node_modules");
  if (fs.existsSync(nested)) cleanModules(nested);
}

function cleanModules(modules) {
  for (const entry of entries(modules)) {
    const place = path.posix.join(modules, entry.name);
    if (!entry.isDirectory()) continue;
    if (CACHES.has(entry.name) && entry.name.startsWith(".")) {
      if (!pristineFolders.has(place)) remove(place);
    } else if (/^[@.]/.test(entry.name)) { // a scope, or a store such as pnpm's
      for (const inner of entries(place)) {
        const name = `${entry.name}/${inner.name}`;
        if (inner.isDirectory()) cleanPackage(path.posix.join(place, inner.name), name);
      }
    } else {
      cleanPackage(place, entry.name);
    }
  }
}

function isOutput(folder, name) {
  return folders.has(folder) && OUTPUT.test(name);
}

function clean(folder) {
  for (const entry of entries(folder)) {
    const place = path.posix.join(folder, entry.name);
    if (place === ".git") continue;
    if (!entry.isDirectory()) {
      const isSpecial = !entry.isFile() && !entry.isSymbolicLink(); // a socket or pipe that a build's daemon has left
      if ((isSpecial || CACHE_FILES.test(entry.name)) && !pristine.has(place)) remove(place);
    } else if ((CACHES.has(entry.name) || isOutput(folder, entry.name)) && !pristineFolders.has(place)) {
      remove(place);
    } else if (entry.name === "node_modules") {
      cleanModules(place);
    } else {
      clean(place);
    }
  }
}

clean(".");
for (const record of RECORDS) {
  if (!pristine.has(record)) remove(record);
}
