"""What every summary says: how many came in, went out and were dropped with which reason, and what made the file."""

import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tracesmith
from tracesmith import files


class Funnel:
    """Counts of one step; what came in is what went out plus what was dropped."""

    def __init__(self) -> None:
        self.kept = 0
        self.dropped: Counter[str] = Counter()

    def keep(self) -> None:
        """Count one that goes on."""
        self.kept += 1

    def drop(self, reason: str) -> None:
        """Count one that does not, under a reason of a few words in snake_case."""
        self.dropped[reason] += 1

    def as_json(self) -> dict[str, Any]:
        """Return {"in": int, "out": int, "dropped": {reason: int}}."""
        dropped = dict(sorted(self.dropped.items()))
        return {"in": self.kept + sum(dropped.values()), "out": self.kept, "dropped": dropped}


def made_by(stage: str, format_version: int, inputs: Mapping[str, Path], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of what made a file: tool, version, commit, stage, format version, input hashes, settings."""
    return {
        "tool": "tracesmith",
        "version": tracesmith.__version__,
        "commit": _commit(),
        "stage": stage,
        "format_version": format_version,
        "inputs": {name: files.digest_file(path) for name, path in sorted(inputs.items())},
        "settings": dict(settings),
    }


def meta_path(path: Path) -> Path:
    """Return where the sidecar of a file in a foreign format stands."""
    return path.with_name(f"{path.name}.meta.json")


def _commit() -> str | None:
    """Return the commit of the checkout this code runs from; None when it is no checkout (a downloaded archive)."""
    root = Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(root), "rev-parse", "--show-toplevel", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    top, _, commit = found.stdout.strip().partition("\n")
    return commit if found.returncode == 0 and Path(top) == root else None
