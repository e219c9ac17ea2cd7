"""Other processes for tests: one that is dead, and Python code in one that lives."""

import os
import subprocess
import sys
from pathlib import Path

from tracesmith import owners

SCRIPTS = Path(owners.__file__).parents[1]


def dead_label() -> str:
    """Return the owner's label of a process of this host that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return f"{owners.label().split('.')[0]}.{ended.pid}.1"


def start(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start Python code that can import tracesmith; its output is read line by line."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
