// Reporter for mocha: the `spec` reporter on the console, and the lines of line_report.py in a file named like this one.
"use strict";

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const { reporters } = require(require.resolve("mocha", { paths: [process.cwd()] }));

const REPORT = __filename.slice(0, -".cjs".length);
const write = (record) => fs.appendFileSync(REPORT, JSON.stringify(record) + "\n");
const message = (error) => (error && error.message !== undefined ? `${error.name}: ${error.message}` : String(error));
const hash = (text) => createHash("sha256").update(text).digest("hex");

// Puts the files into an order that a number decides; what is in one file stays in its own.
function shuffle(root, order) {
  const rank = ({ file }) => hash(`${order} ${file}`);
  const byFile = (one, other) => (rank(one) < rank(other) ? -1 : Number(rank(one) > rank(other)));
  root.tests.sort(byFile);
  root.suites.sort(byFile);
}

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const results = new Map();
    const broken = [];
    const root = runner.suite;
    const { order } = options.reporterOptions ?? options.reporterOption ?? {};
    if (order) shuffle(root, order);
    runner.on("pass", (test) => results.set(test, { state: "passed" }));
    // For mocha a test to do is a skipped one: both lose their function.
    runner.on("pending", (test) => results.set(test, { state: "skipped" }));
    runner.on("fail", (test, error) => {
      if (test.type === "test") {
        results.set(test, { state: "failed", message: message(error) });
      } else {
        const file = test.file || (test.parent && test.parent.file) || null;
        broken.push({ kind: "broken", file, message: message(error) });
      }
    });
    runner.once("end", () => {
      // A broken hook keeps tests from running: they are in the tree only.
      root.eachTest((test) => results.has(test) || results.set(test, { state: "skipped" }));
      for (const [test, result] of results) {
        write({ kind: "test", file: test.file || "", titles: test.titlePath(), ...result });
      }
      broken.forEach(write);
      write({ kind: "end", failures: runner.failures });
    });
  }
};
