#!/usr/bin/env python3
"""
Convert the same trajectories with tracesmith and with SWE-smith 0.0.9, in a CPU second each.

    python -m venv /tmp/swesmith && /tmp/swesmith/bin/pip install swesmith==0.0.9 swebench==4.1.0
    benchmarks/conversion.py --swesmith-python /tmp/swesmith/bin/python --folder build/conversion --runs 3

Each folder holds runs of one of five sizes: two as SWE-agent 1.1 writes them, which repeats the conversation at each
step, of 58 and of 12 messages; and, to tell what the rest costs, three of 58 messages with the last conversation only,
with none, and with none and half as much text. Both sides run as processes of their own, one after the other, from warm
files; a run's number counts all CPU time of its process, imports too, and the rows are compared. SWE-smith's wheel
lacks the file with its system prompt, so one is put there. The passes that only tracesmith has are measured apart.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[1]
CONVERT = ROOT / "scripts" / "convert_trajectories.py"
T = TypeVar("T")


@dataclass(frozen=True)
class Size:
    """What trajectories are like."""

    query: str
    """Whose conversation stands under `query`: of every step, as SWE-agent writes it, of the last step, or none."""
    count: int
    messages: int = 58
    scale: float = 1.0
    """How long their texts are."""


EVERY, LAST, NONE = "of every step", "of the last step", "none"
SIZES = {
    "full": Size(EVERY, 200),
    "short": Size(EVERY, 2000, messages=12),
    "last": Size(LAST, 2000),
    "bare": Size(NONE, 2000),
    "small": Size(NONE, 2000, scale=0.44),
}
SWESMITH = """
import sys
from pathlib import Path
from swesmith.train.traj_mgr import collect_trajs
out, run, reports = map(Path, sys.argv[1:4])
collect_trajs.main(out, run, reports, "xml", 6)
"""


@dataclass(frozen=True)
class Measured:
    """What one run of one side took."""

    rows: int
    cpu_s: float
    wall_s: float
    rss_mb: float

    @property
    def rate(self) -> float:
        """Rows in a CPU second."""
        return self.rows / self.cpu_s


def text(seed: str, characters: int) -> str:
    """Return text that looks like a tool's output: lines of hexadecimal words, another one for each seed."""
    words = []
    for number in range(characters // 61 + 1):
        digest = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()
        words.append(f"  {digest[:24]}: {digest[24:56]};")
    return "\n".join(words)[:characters]


def history(name: str, size: Size) -> list[dict[str, Any]]:
    """Return the messages of a run that looks at files, edits one and submits."""

    def _text(seed: str, characters: int) -> str:
        return text(f"{name} {seed}", round(characters * size.scale))

    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You help.", "agent": "main", "message_type": "system_prompt"},
        {"role": "user", "content": _text("issue", 3000), "agent": "main", "message_type": "observation"},
    ]
    steps = (size.messages - 2) // 2
    for step in range(steps):
        arguments: dict[str, Any] = {"command": "str_replace", "path": f"/testbed/src/{step}.ts"}
        arguments |= {"old_str": _text(f"{step} old", 200), "new_str": _text(f"{step} new", 200)}
        tool = "submit" if step == steps - 1 else "str_replace_editor"
        call = {"name": tool, "arguments": json.dumps({} if tool == "submit" else arguments)}
        thought = f"Step {step}. {_text(f'{step} thought', 250)}"
        turn = {
            "role": "assistant",
            "content": thought,
            "thought": thought,
            "action": f"{tool} {step}",
            "agent": "main",
        }
        turn |= {"tool_calls": [{"type": "function", "id": f"call_{step}", "function": call}], "message_type": "action"}
        seen = {"role": "tool", "content": "OBSERVATION:\n" + _text(f"{step}", 3300), "agent": "main"}
        messages += [turn, seen | {"tool_call_ids": [f"call_{step}"], "message_type": "observation"}]
    return messages


def write_run(root: Path, size: Size, count: int) -> Path:
    """Write a run's folder and its evaluation, once; return the run's folder."""
    run, reports = root / "trajectories", root / "reports"
    for number in range(count):
        name = f"owner__repo.12345678.func_pm_x__{number:08d}"
        path, report = run / name / f"{name}.traj", reports / name / "report.json"
        if report.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        report.parent.mkdir(parents=True, exist_ok=True)
        messages = history(name, size)
        steps = [
            {"action": "x", "observation": messages[at + 1]["content"], "response": messages[at]["content"]}
            | {"query": messages[:at] if size.query == EVERY else []}
            for at in range(2, len(messages), 2)
        ]
        steps[-1]["query"] = messages[:2] if size.query == NONE else messages[:-2]
        config = json.dumps({"agent": {"model": {"name": "openai/model"}}})
        record = {"trajectory": steps, "history": messages, "info": {"exit_status": "submitted"}}
        path.write_text(json.dumps(record | {"replay_config": config, "environment": name}, indent=2))
        path.with_suffix(".patch").write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
        report.write_text(json.dumps({"resolved": number % 2 == 0}))
    names = sorted(path.name for path in reports.iterdir() if path.is_dir())
    ids = {"ids_resolved": names[::2], "ids_unresolved": names[1::2]}
    counts = {"resolved": len(names[::2]), "unresolved": len(names[1::2]), "total": len(names)}
    (root / "report.json").write_text(json.dumps(counts | ids))
    return run


def measure(command: list[str | Path], output: Path) -> Measured:
    """Run a command and return what it took and how many rows it wrote."""
    output.unlink(missing_ok=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # pip has compiled SWE-smith's modules, any run but the first ours
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=given)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status or not output.is_file():
        said = process.stderr.read() if process.stderr else ""
        sys.exit(f"error: {command[0]} wrote no rows: {said[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    with output.open("rb") as lines:
        rows = sum(1 for _ in lines)
    return Measured(rows, cpu or used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def ours(root: Path, run: Path, *flags: str) -> tuple[list[str | Path], Path]:
    """Return our command and its output."""
    output = root / "ours.xml.jsonl"
    command: list[str | Path] = [sys.executable, CONVERT, run, "--style", "xml", "--output", output]
    return [*command, "--report", root / "report.json", *flags], output


def theirs(root: Path, run: Path, python: Path) -> tuple[list[str | Path], Path]:
    """Return SWE-smith's command and its output."""
    return [python, "-c", SWESMITH, root, run, root / "reports"], root / "reports.xml.jsonl"


def apart(work: Callable[..., T], *arguments: Any) -> T:
    """Do something in another process: the peak memory of what is measured begins with that of this one."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other:
        return other.submit(work, *arguments).result()


def add_prompt(python: Path) -> None:
    """Put our system message where SWE-smith looks for its own, where its wheel has none."""
    code = "import importlib.util as u; print(u.find_spec('swesmith').submodule_search_locations[0])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip()).parent / "agent" / "swesmith_infer.yaml"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text('agent: {templates: {system_template: "You help."}}\n')


def differing(root: Path) -> int:
    """Return in how many rows a message of SWE-smith's, but the system message, is another one of ours."""
    found = [{row["instance_id"]: row["messages"] for row in _rows(path)} for path in _outputs(root)]
    mine, other = found
    return sum(mine[name][1 : len(messages)] != messages[1:] for name, messages in other.items())


def _outputs(root: Path) -> list[Path]:
    return [root / "ours.xml.jsonl", root / "reports.xml.jsonl"]


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    with path.open() as lines:
        yield from map(json.loads, lines)


def line(name: str, found: list[Measured]) -> str:
    """Return one row of the table: the best wall time, the median of the rest."""
    rate = statistics.median(one.rate for one in found)
    rss = max(one.rss_mb for one in found)
    return f"| {name} | {found[0].rows} | {min(one.wall_s for one in found):.1f} | {rate:.0f} | {rss:.0f} |"


def main() -> None:
    """Make the inputs, run both sides, and print a table of each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swesmith-python", type=Path, required=True, help="Python with swesmith 0.0.9")
    parser.add_argument("--folder", type=Path, required=True, help="where the inputs stand; made when missing")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--count", type=int, help="trajectories of each size, instead of 200 large or 2,000 others")
    args = parser.parse_args()
    add_prompt(args.swesmith_python)
    for size in args.sizes:
        root = args.folder / size
        run = apart(write_run, root, SIZES[size], args.count or SIZES[size].count)
        bytes_ = statistics.mean(path.stat().st_size for path in run.glob("*/*.traj"))
        kinds = {
            "SWE-smith": theirs(root, run, args.swesmith_python),
            "tracesmith": ours(root, run, "--keep-secrets"),
            "tracesmith, secrets replaced": ours(root, run),
        }
        found: dict[str, list[Measured]] = {kind: [] for kind in kinds}
        for _ in range(args.runs):
            for kind, (command, output) in kinds.items():
                found[kind].append(measure(command, output))
        say(f"\n{size}: {bytes_ / 1e3:.0f} KB a trajectory, query: {SIZES[size].query}\n")
        say("| | rows | wall s | rows a CPU s | peak RSS MB |\n|---|---|---|---|---|")
        for kind, measured in found.items():
            say(line(kind, measured))
        rates = [statistics.median(one.rate for one in found[kind]) for kind in ("tracesmith", "SWE-smith")]
        say(f"\nratio {rates[0] / rates[1]:.1f}; rows with another message: {apart(differing, root)}")


def say(words: str) -> None:
    """Print a line of the result."""
    print(words, flush=True)  # noqa: T201 - the result that was asked for


if __name__ == "__main__":
    main()
