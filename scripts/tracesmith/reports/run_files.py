"""The files that a report of a run is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, records, summaries


@dataclass(frozen=True)
class RunFiles:
    """The files of a run; those that are None or empty belong to steps it did not make."""

    dataset: Path
    predictions: Path
    evaluation: Path
    rows: Path
    resolved: Path | None = None
    bugs: Sequence[Path] = ()
    """Summaries of the methods that made bugs, combined ones included."""
    screening: Sequence[Path] = ()
    """Sidecars of screen_bugs."""
    validation: Sequence[Path] = ()
    confirmation: Path | None = None
    environment: Path | None = None
    curves: Path | None = None
    """Of the training."""
    model_evaluation: Path | None = None
    ledger: Path | None = None
    """Of all calls of models in the folder; it grows, and is no input whose hash would say anything."""
    benchmarks: Path | None = None
    """The folder in which Snakemake says how long each step took."""
    repository: Path | None = None
    """The page of the repository, which tells what became of each candidate."""

    def named(self) -> dict[str, Path]:
        """Return the files that are given, by name."""
        one = {
            "environment": self.environment,
            **_numbered("bugs", self.bugs),
            **_numbered("screening", self.screening),
            **_numbered("validation", self.validation),
            "confirmation": self.confirmation,
            "dataset": self.dataset,
            "predictions": self.predictions,
            "evaluation": self.evaluation,
            "rows": self.rows,
            "resolved": self.resolved,
            "curves": self.curves,
            "model_evaluation": self.model_evaluation,
        }
        return {name: path for name, path in one.items() if path}

    def sidecars(self) -> dict[str, Path]:
        """Return the sidecars that are read, by name."""
        named = {name: self.named().get(name) for name in ("dataset", "predictions", "rows", "resolved")}
        found = {f"{name}_meta": summaries.meta_path(path) for name, path in named.items() if path}
        return {name: path for name, path in found.items() if path.is_file()}


def read_object(path: Path) -> dict[str, Any]:
    """Return the object that a file holds. Raises InputError for any other one."""
    return records.check_object(files.read_json(path), str(path))


def _numbered(name: str, paths: Sequence[Path]) -> dict[str, Path]:
    return {f"{name}_{number}" if number > 1 else name: path for number, path in enumerate(paths, start=1)}
