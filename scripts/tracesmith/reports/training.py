"""What a training and the trial of its model add to a report: curves, and two models side by side."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, schemas
from tracesmith.errors import InputError

SHOWN = {
    "loss": ("Loss", ""),
    "lr": ("Learning rate", ""),
    "tokens_per_second_per_gpu": ("Tokens a second", ""),
    "peak_memory_active": ("Memory of the GPU", "GiB"),
    "peak_rss_gb": ("Memory of the process", "GiB"),
}
"""Curves of a page, by their names in curves.json."""
POINTS = 400
"""Of a line at most: a page stays small after many steps."""
CURVES = {
    "type": "object",
    "required": ["steps"],
    "properties": {
        "steps": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["step", "loss"], "additionalProperties": {"type": "number"}},
        }
    },
}
SIDE = {
    "type": "object",
    "required": ["answers", "valid_actions", "resolved", "exit_statuses"],
    "properties": {
        **{key: {"type": "integer", "minimum": 0} for key in ("answers", "valid_actions", "resolved")},
        "exit_statuses": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}
TRIAL = {
    "type": "object",
    "required": ["checkpoint", "instances", "models"],
    "properties": {
        "checkpoint": {"type": "string"},
        "instances": {"type": "integer", "minimum": 0},
        "models": {"type": "object", "required": ["base", "tuned"], "properties": {"base": SIDE, "tuned": SIDE}},
    },
}


@dataclass(frozen=True)
class Chart:
    """One curve of a training, as points of a figure and in numbers."""

    key: str
    """As in SHOWN."""
    name: str
    unit: str
    first: float
    last: float
    lowest: float
    highest: float
    steps: int
    points: list[tuple[float, float]]
    """Steps and values, POINTS at most."""


def read_curves(path: Path) -> list[Chart]:
    """Return the charts of a curves.json. Raises InputError for another file."""
    value = files.read_json(path)
    schemas.check(value, CURVES, str(path))
    steps = value["steps"]
    found = []
    for key, (name, unit) in SHOWN.items():
        values = [(step["step"], step[key]) for step in steps if key in step]
        if not all(math.isfinite(number) for pair in values for number in pair):
            raise InputError(f"{path}: a value of {key!r} is no number")
        if values:
            found.append(_chart(key, name, unit, values))
    return found


def read_trial(path: Path) -> dict[str, Any]:
    """Return the report of evaluate_model. Raises InputError for another file."""
    value = files.read_json(path)
    schemas.check(value, TRIAL, str(path))
    return dict(value)


def _chart(key: str, name: str, unit: str, values: list[tuple[float, float]]) -> Chart:
    numbers = [number for _, number in values]
    points = [*values[: -1 : -(-len(values) // POINTS)], values[-1]]
    return Chart(key, name, unit, numbers[0], numbers[-1], min(numbers), max(numbers), len(values), points)
