// Thread beside a warm jest, whose tests run in the process itself: it gets a message at the start of a job (its report and its
// limits), at each beat of the main thread's event loop, and at the end of a job. A main thread that uses its CPU time without a
// beat is in a loop that no time limit of a test could end either; one that is blocked by something else is left to a clean run.
import { writeFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";

const LOOK_MS = 50;
let job;
let used = 0;

const cpu = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;

parentPort.on("message", (message) => {
  if (message !== "beat") job = message;
  used = cpu();
});

setInterval(() => {
  if (!job) return;
  const looped = cpu() - used > job.cpu_ms;
  if (!looped && Date.now() < job.until) return;
  if (looped) writeFileSync(job.end, "looped");
  process.kill(process.pid, "SIGKILL");
}, LOOK_MS);
