#!/usr/bin/env python3
"""
Measure what an agent costs beyond its model and its commands: ours, and plain mini-swe-agent in the same run.

    benchmarks/agents.py --instances 6 --turns 10 --workers 8

It prepares the tiny package of the tests in a temporary folder, and serves a model on loopback that asks for `true` so
many times and then hands in. Both run the same agent over as many instances, each in a process of its own, in turns:
ours as scripts/run_agent.py in bubblewrap, with gateway, store, ledger and a trajectory saved after every step; plain
mini-swe-agent in as many threads over `LocalEnvironment`, in a copy of the tree an instance, which is no sandbox at
all. Where a Docker engine answers, `--docker IMAGE` adds its own `DockerEnvironment` with that image.
The overhead of an instance is the time between the first request of one and the first request of the next, with one
worker, less what the model was made to take: opening a sandbox, making the workspace, `true` at every turn, saving, the
patch. The start of the process is told apart. Memory is the most that the process and all it started hold (PSS) with
the workers, less that with one, for each further worker.
Other work on the machine makes all of it longer: see the least beside the medians.
"""

import argparse
import functools
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import agent_models  # noqa: E402
import llm_server  # noqa: E402
import tiny  # noqa: E402

PLAIN = """
import json, os, shutil, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from minisweagent.agents.default import DefaultAgent
from minisweagent.models.litellm_model import LitellmModel

folder, tree, url, config, instances, workers, image = sys.argv[1:]
told = json.loads(config)

def work(number):
    if image:
        from minisweagent.environments.docker import DockerEnvironment
        place = DockerEnvironment(image=image, cwd="/testbed", run_args=["--rm", "--init", "--network=none"])
    else:
        from minisweagent.environments.local import LocalEnvironment
        copy = Path(folder, str(number))
        shutil.copytree(tree, copy, symlinks=True)
        place = LocalEnvironment(cwd=str(copy))
    model = LitellmModel(
        model_name="openai/gpt-4o-mini", model_kwargs={"api_base": url, "temperature": 0.0},
        observation_template=told["observation"], format_error_template=told["format_error"],
    )
    agent = DefaultAgent(
        model, place, system_template=told["system"], instance_template="{{ task }}", cost_limit=0,
        output_path=Path(folder, f"{number}.traj.json"),
    )
    end = agent.run(f"Behaviour: steady. {number}")
    if image:
        place.cleanup()
    return end["exit_status"]

with ThreadPoolExecutor(int(workers)) as pool:
    assert set(pool.map(work, range(int(instances)))) == {"Submitted"}
"""


VARIABLES = {
    "OPENAI_API_KEY": "sk-none",
    "NO_PROXY": "127.0.0.1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "MSWEA_SILENT_STARTUP": "1",
    "MSWEA_COST_TRACKING": "ignore_errors",
}
"""What both find in their environment; the model is on loopback, and its key is none."""


@dataclass(frozen=True)
class Cost:
    """What one run of a process took."""

    start_s: float
    """Until the first request."""
    each_s: list[float]
    """Between the first requests of two instances; only with one worker is that the time of an instance."""
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Place:
    """Where everything stands."""

    folder: Path
    environment: Path
    url: str


def measure(command: list[str], begun_at: list[float]) -> Cost:
    """Run a command and return what it took; the server notes in `begun_at` when instances begin."""
    begun_at.clear()
    begun = time.monotonic()
    before = psutil.Process().cpu_times()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak = 0.0
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.append(process.stderr.read() if process.stderr else ""))
    reader.start()
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(1)
    reader.join()
    if process.returncode:
        sys.exit(f"error: {command[:3]} ended with {process.returncode}: {said[0][-2000:]}")
    after = psutil.Process().cpu_times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    each = [later - earlier for earlier, later in itertools.pairwise(begun_at)]
    cost = Cost(begun_at[0] - begun, each, cpu, peak)
    sys.stderr.write(f"{Path(command[1]).name}: {cost}\n")
    return cost


def memory(pid: int) -> float:
    """Return the megabytes of a process and its descendants, what they share counted once."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return float(sum(one.memory_full_info().pss for one in family)) / 2**20
    except psutil.Error:
        return 0.0


def ours(place: Place, instances: int, workers: int) -> list[str]:
    """Return the command of our run, in a new folder."""
    folder = Path(tempfile.mkdtemp(dir=place.folder))
    rows = [{**agent_models.instance("steady"), "instance_id": f"{tiny.REPO}.n{number}"} for number in range(instances)]
    for number, row in enumerate(rows):
        row["problem_statement"] = f"Behaviour: steady. {number}"
    dataset = folder / "dataset.json"
    dataset.write_text(json.dumps(rows))
    command = [sys.executable, ROOT / "scripts" / "run_agent.py", dataset, "--environment", place.environment]
    command += ["--engine", "mini", "--config", ROOT / "configs" / "agent" / "mini.yaml", "--workers", str(workers)]
    command += ["--model", "openai/gpt-4o-mini", "--api-base", place.url, "--answers", folder / "llm"]
    return [str(word) for word in [*command, "--output", folder / "run" / "preds.json"]]


def plain(place: Place, instances: int, workers: int, image: str = "") -> list[str]:
    """Return the command of plain mini-swe-agent, in a new folder."""
    folder = tempfile.mkdtemp(dir=place.folder)
    tree = place.environment.parent / json.loads(place.environment.read_text())["tree"]
    config = json.dumps(yaml.safe_load((ROOT / "configs" / "agent" / "mini.yaml").read_text()))
    told = [folder, str(tree), place.url, config, str(instances), str(workers), image]
    return [sys.executable, "-c", PLAIN, *told]


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
        f"{statistics.median(beyond):.2f} ({min(beyond):.2f}) | {cpu:.2f} | {start:.1f} | {single:.0f} | {worker:.1f}"
    )
    return f"| {name} | {numbers} |"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=6)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds of an answer of the model")
    parser.add_argument("--docker", default="", help="image for plain mini-swe-agent's own containers")
    args = parser.parse_args()
    begun_at: list[float] = []

    def answer(body: llm_server.Body) -> llm_server.Message:
        if not any(message["role"] == "assistant" for message in body["messages"]):
            begun_at.append(time.monotonic())
        return agent_models.answer(body)

    agent_models.BEHAVIOURS["steady"] = [*["true"] * (args.turns - 1), agent_models.SUBMIT]
    with tempfile.TemporaryDirectory() as name, llm_server.serve() as server:
        os.environ.update(VARIABLES, MSWEA_GLOBAL_CONFIG_DIR=f"{name}/mini")
        server.answer, server.delay_s = answer, args.delay
        place = Place(Path(name), tiny.build(Path(name)), f"{server.url}/v1")
        kinds: dict[str, Any] = {"tracesmith, bubblewrap": ours, "mini-swe-agent, no sandbox": plain}
        if args.docker:
            kinds["mini-swe-agent, docker"] = functools.partial(plain, image=args.docker)
        alone: dict[str, list[Cost]] = {kind: [] for kind in kinds}
        many: dict[str, list[Cost]] = {kind: [] for kind in kinds}
        for _ in range(args.rounds):
            for kind, make in kinds.items():
                alone[kind].append(measure(make(place, 1, 1), begun_at))
                alone[kind].append(measure(make(place, args.instances, 1), begun_at))
                many[kind].append(measure(make(place, args.workers, args.workers), begun_at))
    head = [
        "",
        "s an instance beyond the model (least)",
        "CPU s an instance",
        "s to start",
        "MB",
        "MB a further worker",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += [line(kind, alone[kind], many[kind], args) for kind in kinds]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
