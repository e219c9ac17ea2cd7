"""The curves of a training, from the lines that torchtune's DiskLogger writes."""

import math
import re
from pathlib import Path

from tracesmith.errors import InfrastructureError

LINE = re.compile(r"Step (\d+) \| (.*)\n")
"""A whole line: a killed process leaves half of one."""
Curves = list[dict[str, float]]


class NotANumberError(InfrastructureError):
    """A loss is no number: what was learnt is worth nothing."""


def read(folder: Path) -> Curves:
    """
    Return the values of each step, in order.

    Each process wrote a file of its own: a step that a killed one did again is taken from the last.
    """
    steps: dict[int, dict[str, float]] = {}
    for path in sorted(folder.glob("log_*.txt"), key=lambda path: (len(path.name), path.name)):
        for line in path.read_text().splitlines(keepends=True):
            if match := LINE.fullmatch(line):
                values = dict(part.rsplit(":", 1) for part in match[2].split())
                steps[int(match[1])] = {name: float(value) for name, value in values.items()}
    return [{"step": number, **steps[number]} for number in sorted(steps)]


def check(curves: Curves, where: str) -> None:
    """Raise NotANumberError for a loss that is none, and for a training without a step."""
    if not curves:
        raise NotANumberError(f"{where}: the trainer wrote no step")
    for values in curves:
        if not math.isfinite(values.get("loss", math.nan)):
            raise NotANumberError(f"{where}: the loss of step {values['step']:.0f} is {values.get('loss')}")
