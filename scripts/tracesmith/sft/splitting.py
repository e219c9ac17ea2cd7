"""
Split rows into those for training and those for validation, by groups of bugs.

A group's side is decided by its name and the seed alone, so that rows that are added move no other group.
"""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from tracesmith import files, summaries
from tracesmith.errors import InputError
from tracesmith.sft import rowfiles

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Outputs:
    """Where the two sides go."""

    train: Path
    validation: Path


def split_rows(path: Path, outputs: Outputs, share: float, seed: int) -> tuple[int, int]:
    """Write both sides with their sidecars and return how many rows each has."""
    groups = {rowfiles.group_of(row) for row, _ in rowfiles.read(path)}
    held_out = choose(groups, share, seed, str(path))
    counts = {"train": 0, "validation": 0}
    with files.atomic_writer(outputs.train) as train, files.atomic_writer(outputs.validation) as validation:
        for row, line in rowfiles.read(path):
            side = "validation" if rowfiles.group_of(row) in held_out else "train"
            (validation if side == "validation" else train).write(line if line.endswith(b"\n") else line + b"\n")
            counts[side] += 1
    made_by = summaries.made_by("split_rows", FORMAT_VERSION, {"rows": path}, {"share": share, "seed": seed})
    about = {"rows": counts, "groups": {"train": len(groups) - len(held_out), "validation": len(held_out)}}
    for side, output in (("train", outputs.train), ("validation", outputs.validation)):
        files.write_json(summaries.meta_path(output), {"made_by": made_by, "side": side, **about})
    logger.info("%d rows for training, %d for validation", counts["train"], counts["validation"])
    return counts["train"], counts["validation"]


def choose(groups: set[str], share: float, seed: int, where: str) -> set[str]:
    """Return the groups of the validation side: those whose number is below the share, at least one and not all."""
    if len(groups) < 2:
        raise InputError(
            f"{where}: all rows are of one group of bugs, which cannot be split; add instances, "
            "or train on all rows with training.hold_out: false"
        )
    ranked = sorted(groups, key=lambda group: (_number(group, seed), group))
    below = [group for group in ranked if _number(group, seed) < share]
    return set(below[: len(ranked) - 1] or ranked[:1])


def _number(group: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}/{group}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) / 2**64
