// Reporter for node:test: yields the lines of line_report.py.
import { resolve } from "node:path";

const line = (record) => JSON.stringify(record) + "\n";
const is = (mark) => mark !== undefined && mark !== false;

// The error of a test is wrapped; its cause is what was thrown.
function message(error) {
  const cause = error?.cause ?? error;
  return cause?.message === undefined ? String(cause) : `${cause.name ?? "Error"}: ${cause.message}`;
}

function state(type, data) {
  if (is(data.todo)) return "todo";
  // Tests behind a broken hook are cancelled: they did not run.
  if (is(data.skip) || data.details.error?.failureType === "cancelledByParent") return "skipped";
  return type === "test:pass" ? "passed" : "failed";
}

export default async function* (events) {
  let titles = [];
  let tests = []; // of the test file that is reported now
  let failures = 0;
  // A test that a helper defines has the helper's file; the file that was run stands in the summary.
  const flush = (file) => {
    const lines = tests.map((test) => line({ ...test, file: file ?? test.file }));
    tests = [];
    return lines.join("");
  };
  for await (const { type, data } of events) {
    if (type === "test:start") {
      titles = [...titles.slice(0, data.nesting), data.name];
    } else if (type === "test:summary" && data.file !== undefined) {
      yield flush(data.file);
    } else if (type === "test:pass" || type === "test:fail") {
      const failed = type === "test:fail";
      const reason = data.details?.error?.failureType;
      if (data.nesting === 0 && data.file !== undefined && resolve(data.name) === data.file) {
        // A file that left its tests' results behind, or failed beside them.
        yield flush(undefined) + line({ kind: "broken", file: data.file });
        failures += failed;
      } else if (data.details?.type === "suite" && !is(data.skip)) {
        if (failed && reason !== "subtestsFailed") yield line({ kind: "broken", file: data.file });
        failures += failed;
      } else {
        // A skipped suite stands for its tests, which are not reported.
        const path = [...titles.slice(0, data.nesting), data.name];
        tests.push({ kind: "test", file: data.file, titles: path, state: state(type, data), message: failed ? message(data.details.error) : "" });
        failures += failed;
      }
    }
  }
  yield flush(undefined) + line({ kind: "end", failures });
}
