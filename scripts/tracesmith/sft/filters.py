"""Which rows a model learns from, each filter with its reason in the funnel and a switch."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import integrity
from tracesmith.errors import InputError
from tracesmith.sft import contamination, origins, similarity
from tracesmith.sft.behaviour import COMMANDS
from tracesmith.sft.origins import Origin

FLAGS = frozenset(
    {*COMMANDS, "hard_codes_expected_values", "reads_git_history", "fetches_network"}
    | {flag for flag, (kind, _) in integrity.FLAGS.items() if kind in (integrity.LEFT_OUT, integrity.VOIDS)}
)
"""Flags of a trajectory that is no example: it touched what it may not, or looked for the answer elsewhere."""


@dataclass(frozen=True)
class Filters:
    """What is filtered; nothing but unresolved rows unless it is asked for."""

    resolved: bool = True
    """Whether unresolved rows are left out."""
    benchmarks: Path | None = None
    """List of the repositories of public benchmarks."""
    flags: bool = False
    """Whether rows with one of FLAGS are left out."""
    instances: bool = False
    """Whether of instances that are nearly the same only the first stays; needs the dataset."""
    trajectories: float | None = None
    """Share of common actions from which a trajectory counts as one that is there already."""
    per_instance: int | None = None
    """Rows of one instance, at most."""
    mask_errors: bool = False
    """Whether turns that ended in an error of the tool are listed in `masked_turns`, for trainers to leave out."""


class Sieve:
    """Decides on rows one after the other, in the order of their instance ids."""

    def __init__(self, filters: Filters, known: Mapping[str, Origin] | None) -> None:
        if filters.instances and known is None:
            raise InputError("similar instances are told from the dataset: give --dataset as well")
        self.filters = filters
        self._known = known
        self._benchmarks = contamination.read(filters.benchmarks) if filters.benchmarks else None
        self._doubles = similarity.doubles(known.values()) if filters.instances and known is not None else {}
        self._trajectories = similarity.Trajectories(filters.trajectories) if filters.trajectories else None
        self._kept: Counter[str] = Counter()

    def reason_against(self, row: Mapping[str, Any]) -> str | None:
        """Return why a resolved row is left out, None where it stays; one that stays counts for those after it."""
        name, extras = row["instance_id"], row.get("tracesmith") or {}
        if self._benchmarks is not None and self._benchmarks.has(extras.get("repo") or origins.repo_of(name)):
            return "public_benchmark"
        flag = next((flag for flag in extras.get("flags", ()) if flag in FLAGS), None) if self.filters.flags else None
        if flag:
            return f"flag_{flag}"
        if name in self._doubles:
            return "similar_instance"
        if self.filters.per_instance is not None and self._kept[name] >= self.filters.per_instance:
            return "enough_of_instance"
        if self._trajectories is not None and self._trajectories.is_double(row):
            return "similar_trajectory"
        self._kept[name] += 1
        return None

    def changed(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row that stays as it is written."""
        errors = (row.get("tracesmith") or {}).get("error_turns")
        if not self.filters.mask_errors or not errors:
            return row
        return {**row, "tracesmith": {**row["tracesmith"], "masked_turns": errors}}
