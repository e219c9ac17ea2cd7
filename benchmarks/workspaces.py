#!/usr/bin/env python3
"""
Measure what an instance's workspace costs on top of an open sandbox, with few and with many installed packages.

    benchmarks/workspaces.py --backend bubblewrap --rounds 20

It builds css-what's environment in a temporary folder, once as it is and once with as many more files in node_modules
as asked for. A round opens a sandbox, runs `true` in it, then makes a workspace: bug applied, test hidden, one orphan
commit. The cost of a workspace is the difference between the last two, so that the start of a container is in neither.
Other work on the machine makes all of it longer: see the least times beside the medians.
"""

import argparse
import difflib
import itertools
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from tracesmith import prepared, workspaces  # noqa: E402
from tracesmith.prepared import Environment  # noqa: E402
from tracesmith.sandboxes import base  # noqa: E402
from tracesmith.sandboxes.base import Backend  # noqa: E402
from tracesmith.sandboxes.docker import DockerBackend  # noqa: E402

TARGET_MS = 50
FOLDER_FILES = 100
FILL = """
mkdir -p node_modules/many && cd node_modules/many
for folder in $(seq "$1"); do mkdir "$folder"; for file in $(seq "$2"); do echo x >"$folder/$file.js"; done; done
"""


@dataclass(frozen=True)
class Round:
    """Milliseconds of one round."""

    opening: float
    command: float
    workspace: float


def build(folder: Path, backend: str) -> tuple[Path, Environment]:
    """Build css-what's environment; return the path of environment.json and what it says."""
    path = folder / "environment.json"
    script, profile = ROOT / "scripts" / "build_environment.py", ROOT / "configs" / "repos" / "css-what.yaml"
    command = [sys.executable, script, profile, "--backend", backend, "--reference-runs", "1", "--output", path]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return path, prepared.read(path)


@contextmanager
def filled(path: Path, environment: Environment, files: int) -> Iterator[Backend]:
    """Yield a backend whose node_modules has many more files: those of a copied tree, or of an image of its own."""
    arguments = ["sh", "-c", FILL, "sh", str(files // FOLDER_FILES), str(FOLDER_FILES)]
    if environment.backend == "bubblewrap":
        tree = path.parent / "filled"
        shutil.copytree(path.parent / str(environment.tree), tree, symlinks=True)
        subprocess.run(arguments, cwd=tree, check=True)
        yield prepared.open_backend(path, replace(environment, tree="filled"))
        return
    limits = replace(environment.limits, disk_bytes=2**33)
    with DockerBackend(str(environment.image), limits).open() as box:
        base.must(box, arguments, timeout_s=600)
        image = box.client.api.commit(box.name)["Id"]
    backend = DockerBackend(image, environment.limits)
    yield backend
    backend.client.api.remove_image(image, force=True)


def make_instance(source: Path) -> Any:
    """Return a bug in the first source file."""
    path = next(path for path in sorted(source.rglob("*.ts")) if ".spec." not in path.name)
    lines, name = path.read_text().splitlines(keepends=True), path.relative_to(source).as_posix()
    diff = difflib.unified_diff(lines, ["// a bug\n", *lines], f"a/{name}", f"b/{name}")
    return {"instance_id": "benchmark", "patch": "".join(diff)}


def measure(backend: Backend, instance: Any, hidden: list[str]) -> Round:
    """Make one sandbox and one workspace in it."""
    times = [time.perf_counter()]
    with backend.open() as box:
        base.must(box, ["true"])  # the first command may pay for what the engine does late
        times.append(time.perf_counter())
        base.must(box, ["true"])
        times.append(time.perf_counter())
        workspaces.make(box, instance, hidden)
        times.append(time.perf_counter())
    return Round(*(1e3 * (end - start) for start, end in itertools.pairwise(times)))


def cost(rounds: list[Round], measure: Callable[[Iterable[float]], float]) -> float:
    """Return what a workspace costs on top of a command."""
    return measure(one.workspace for one in rounds) - measure(one.command for one in rounds)


def row(name: str, rounds: list[Round]) -> str:
    """Return a line of the table."""
    keys = ("opening", "command", "workspace")
    values = [statistics.median(getattr(one, key) for one in rounds) for key in keys]
    values += [cost(rounds, statistics.median), cost(rounds, min)]
    return f"| {name} | {' | '.join(f'{value:.0f}' for value in values)} |"


def main() -> None:
    """Print the table and whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["docker", "bubblewrap"], default="bubblewrap")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--files", type=int, default=50_000, help="files more in node_modules")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, environment = build(Path(folder), args.backend)
        source = path.parent / environment.source
        instance, hidden = make_instance(source), workspaces.test_files(source, environment.test)[:1]
        with filled(path, environment, args.files) as more:
            backends = {"as it is": prepared.open_backend(path, environment), f"{args.files} files more": more}
            # In turns, so that the load of the machine is shared.
            found = [
                {name: measure(backend, instance, hidden) for name, backend in backends.items()}
                for _ in range(args.rounds)
            ]
    lines = [
        f"| {args.backend}: node_modules | open, ms | command, ms | workspace, ms | its cost, ms | of the least |",
        "|---|---|---|---|---|---|",
        *(row(name, [one[name] for one in found]) for name in backends),
    ]
    costs = [cost([one[name] for one in found], statistics.median) for name in backends]
    met = "met" if max(costs) < TARGET_MS else "MISSED"
    lines.append(
        f"medians of {args.rounds} rounds; target under {TARGET_MS} ms: {met}; ratio {costs[1] / costs[0]:.2f}"
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
