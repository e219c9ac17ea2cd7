#!/usr/bin/env python3
"""
Run real SWE-agent on a small package with a scripted model, from a dataset to evaluated and filtered rows.

    make sweagent SWE_AGENT=../SWE-agent

SWE-agent is a checkout, installed in its own .venv. The model is a server on loopback that plays agents which solve,
give up, loop, answer nonsense, cheat, run into a time limit, and meet a server that refuses for a while; one run is
killed in the middle and goes on. Each has to end as it should, and no call may be paid twice. Writes
docs/results/sweagent.md.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
for place in ("scripts", "tests"):
    sys.path.insert(0, str(ROOT / place))

import yaml  # noqa: E402

import agent_models  # noqa: E402
import llm_server  # noqa: E402
import tiny  # noqa: E402
from llm_server import Body, Message, ModelServer  # noqa: E402
from tracesmith import cli, files  # noqa: E402
from tracesmith.errors import InfrastructureError  # noqa: E402

CONFIG = ROOT / "configs" / "agent" / "swesmith_gen_glm_ts.yaml"
ROWS = ROOT / "configs" / "agent" / "xml_tools.yaml"
RESULT = ROOT / "docs" / "results" / "sweagent.md"
CALLS, COMMAND_S = 12, 8
LEFT_S = 120
EDITOR = "str_replace_editor"
FILE = "/testbed/src/intervals.ts"
SUBMIT: list[tuple[str, dict[str, Any]]] = [("submit", {}), ("submit", {})]
FIX = (EDITOR, {"command": "str_replace", "path": FILE, "old_str": "start < last.end", "new_str": tiny.FIXED})
SOLVE: list[tuple[str, dict[str, Any]]] = [
    ("bash", {"command": "cd src && grep -n last.end intervals.ts"}),
    (EDITOR, {"command": "view", "path": FILE, "view_range": [8, 20]}),
    (EDITOR, {"command": "create", "path": "/testbed/repro.mjs", "file_text": "console.log(1 <= 1)\n"}),
    FIX,
    ("bash", {"command": "pwd; cd /testbed && node repro.mjs && node_modules/.bin/vitest run | tail -n 5"}),
    ("bash", {"command": "rm repro.mjs"}),
]
CHEAT = (
    "rm src/intervals.spec.ts; echo '{}' > package.json; echo 'export default {}' > vitest.config.ts; git commit -qam x"
)
BEHAVIOURS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "solves": [*SOLVE, *SUBMIT],
    "solves_after_429s": [*SOLVE, *SUBMIT],
    "gives_up": SUBMIT,
    "loops": [("bash", {"command": "ls"})],
    "fixes_and_loops": [FIX, ("bash", {"command": "ls"})],
    "talks": [],
    "cheats": [("bash", {"command": CHEAT}), *SUBMIT],
    "waits": [("bash", {"command": "sleep 60"}), FIX, *SUBMIT],
    "is_refused": [FIX, ("bash", {"command": "ls"})],
    "runs_out": [("bash", {"command": "ls"})],
}
REFUSED = {"is_refused": ("policy", 1), "runs_out": ("context", 1)}
"""What the provider says to agents after so many answers."""
"""Calls of an agent, one each turn; the last one again and again."""
EXPECTED = {
    "solves": ("submitted", True),
    "solves_after_429s": ("submitted", True),
    "gives_up": ("submitted", False),
    "loops": ("exit_calls", False),
    "fixes_and_loops": ("submitted (exit_calls)", True),
    "talks": ("exit_format", False),
    "cheats": ("submitted", False),
    "waits": ("submitted", True),
    "is_refused": ("submitted (exit_refused)", True),
    "runs_out": ("exit_context", False),
}
"""Exit status, and whether the tests are satisfied."""


class SweAgentRunError(InfrastructureError):
    """The run is not what it has to be."""


@dataclass(frozen=True)
class Run:
    """Where a run's files are."""

    folder: Path
    checkout: Path
    environment: Path
    url: str

    @property
    def output(self) -> Path:
        """Return preds.json."""
        return self.folder / "trajectories" / "me" / "sweagent" / "preds.json"

    def script(self, name: str, *words: str | Path) -> list[str]:
        """Return the command of a script."""
        return [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *map(str, words)]

    def agent(self, dataset: Path) -> list[str]:
        """Return the command that runs the agent."""
        settings = yaml.safe_load(CONFIG.read_text())
        settings["agent"]["tools"]["execution_timeout"] = COMMAND_S
        settings["agent"]["model"]["per_instance_call_limit"] = CALLS
        config = self.folder / "agent.yaml"
        config.write_text(yaml.safe_dump(settings))
        flags: list[str | Path] = ["--environment", self.environment, "--engine", "sweagent", "--config", config]
        flags += ["--sweagent", self.checkout, "--workers", "2", "--memory", "2g", "--output", self.output]
        flags += ["--model", "openai/gpt-4o-mini", "--api-base", f"{self.url}/v1", "--answers", self.folder / "llm"]
        return self.script("run_agent", dataset, *flags)


def check(holds: bool, wanted: str) -> None:
    """Raise SweAgentRunError unless what is wanted holds."""
    if not holds:
        raise SweAgentRunError(wanted)


def must(command: list[str]) -> None:
    """Run a script that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{Path(command[1]).name} ended with {done.returncode}: {done.stderr[-2000:]}")


def answer(body: Body) -> Message:
    """Return the next turn of the agent that the task asks for."""
    task = next(text for message in body["messages"] if "Behaviour: " in (text := _text(message)))
    name = task.partition("Behaviour: ")[2].partition(".")[0]
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    calls = BEHAVIOURS[name]
    if not calls:
        return {"content": "I would rather talk."}
    tool, arguments = calls[min(turn, len(calls) - 1)]
    function = {"name": tool, "arguments": json.dumps(arguments)}
    call = {"id": f"call_{turn}", "type": "function", "function": function}
    return {"content": f"Turn {turn}.", "tool_calls": [call]}


def refuse(body: Body) -> str:
    """Return what the provider says instead of an answer."""
    fault, before = REFUSED.get(agent_models.behaviour(body), ("ok", 0))
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    return fault if turn >= before else "ok"


def _text(message: Message) -> str:
    content = message["content"] or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def of_swe_agent(run: Run) -> list[str]:
    """Return the processes that have imported SWE-agent."""
    pattern = f"^{run.checkout / '.venv'}/bin/python -P .*sweagent_threads"
    return subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False).stdout.split()


def kill_in_the_middle(run: Run, dataset: Path) -> int:
    """Begin the run, kill it once two instances are finished, and return how many are."""
    process = subprocess.Popen(
        run.agent(dataset), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 600
    while len(list(run.output.parent.glob("[!.]*/entry.json"))) < 2:
        check(process.poll() is None and time.monotonic() < until, "the run that was to be killed ended before")
        time.sleep(0.1)
    check(len(of_swe_agent(run)) == 1, "SWE-agent's process is not found")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return len(list(run.output.parent.glob("[!.]*/entry.json")))


def wait_for_the_orphans(run: Run) -> int:
    """Return how many processes of SWE-agent a killed run has left, once they have ended."""
    until, most = time.monotonic() + LEFT_S, 0
    while True:
        found = of_swe_agent(run)
        most = max(most, len(found))
        if not found:
            return most
        check(time.monotonic() < until, f"processes of the killed run are still there: {found}")
        time.sleep(0.5)


def grade(run: Run, dataset: Path) -> dict[str, bool]:
    """Evaluate, convert and filter, and return which behaviours are resolved."""
    report = run.folder / "evaluation" / "report.json"
    rows = run.folder / "rows.xml.jsonl"
    given: list[str | Path] = ["--dataset", dataset, "--environment", run.environment, "--output", report]
    must(run.script("evaluate_predictions", run.output, *given))
    style: list[str | Path] = ["--style", "xml", "--report", report, "--prompt", ROWS, "--output", rows]
    must(run.script("convert_trajectories", run.output.parent, *style))
    resolved = rows.with_name("rows.resolved_only.xml.jsonl")
    must(run.script("filter_resolved", rows, "--report", report, "--output", resolved))
    kept = [json.loads(line)["instance_id"] for line in resolved.read_text().splitlines()]
    found = files.read_json(report)
    check(sorted(kept) == found["ids_resolved"], "the rows that are kept are not those that are resolved")
    return {name: f"{tiny.REPO}.{name}" in found["ids_resolved"] for name in BEHAVIOURS}


def paid_twice(folder: Path) -> int:
    """Return how many answers were paid more than once."""
    lines = map(json.loads, (folder / "llm" / "ledger.jsonl").read_text().splitlines())
    return sum(count > 1 for count in Counter(line["key"] for line in lines if line["outcome"] == "paid").values())


def measure(run: Run, server: ModelServer) -> str:
    """Do it all and return the page of results."""
    dataset = agent_models.write_dataset(run.folder / "dataset.json", *BEHAVIOURS)
    server.faults = ["429"] * 3
    killed_after = kill_in_the_middle(run, dataset)
    left = wait_for_the_orphans(run)
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    must(run.agent(dataset))
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    resolved = grade(run, dataset)
    lines = []
    for name in BEHAVIOURS:
        full = f"{tiny.REPO}.{name}"
        info = files.read_json(run.output.parent / full / f"{full}.traj")["info"]
        status, flags = info["exit_status"], ", ".join(info.get("tracesmith", {}).get("flags", []))
        check((status, resolved[name]) == EXPECTED[name], f"{name}: {status}, resolved {resolved[name]}")
        lines.append(f"| {name} | {status} | {info['model_stats']['api_calls']} | {resolved[name]} | {flags} |")
    check(paid_twice(run.folder) == 0, "an answer was paid twice")
    version = files.read_json(run.output.parent / full / f"{full}.traj")["info"]["engine_version"]
    done = len(BEHAVIOURS) - killed_after
    head = [
        "# Real SWE-agent on a small package",
        "",
        "Made by `make sweagent SWE_AGENT=<checkout>`: a scripted model plays the agents, everything else is real.",
        "",
        "| agent | exit status | calls | resolved | integrity flags |",
        "|---|---|---|---|---|",
    ]
    tail = [
        "",
        f"SWE-agent {version} in bubblewrap, two workers. Killed by SIGKILL after {killed_after} of {len(BEHAVIOURS)} "
        f"instances; what it left of SWE-agent ({left}) ended by itself within {LEFT_S} s. The same command finished "
        f"the other {done} in {seconds:.0f} s, {cpu / done:.1f} CPU seconds an instance. No answer was paid twice.",
    ]
    return "\n".join([*head, *lines, *tail]) + "\n"


def main() -> None:
    """Run it and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="checkout of SWE-agent with a .venv")
    parser.add_argument("--environment", type=Path, help="environment.json of tests/data/tiny; default: build it")
    parser.add_argument("--output", type=Path, default=RESULT)
    args = parser.parse_args()
    cli.start_logging()
    os.environ.update(OPENAI_API_KEY=llm_server.KEY, NO_PROXY="127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="tracesmith-sweagent-") as name, llm_server.serve() as server:
        server.answer, server.fault_of = answer, refuse
        folder = Path(name)
        (folder / "environment").mkdir()
        environment = args.environment or tiny.build(folder / "environment")
        run = Run(folder, args.checkout.absolute(), environment.absolute(), server.url)
        page = measure(run, server)
    files.write_bytes(args.output, page.encode())
    cli.say(page)


if __name__ == "__main__":
    cli.run(main)
