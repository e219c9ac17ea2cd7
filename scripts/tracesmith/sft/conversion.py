"""
Write the trajectories of a run as SFT rows, one JSON object a line, sorted by instance id.

A row holds no time and no path, so it is the same bytes on every machine. Each trajectory folder, and each instance of
the report, is a row or stands in the sidecar with the reason why not.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from tracesmith import files, records, summaries
from tracesmith.errors import InputError
from tracesmith.sft import trajectories
from tracesmith.sft.styles import STYLES, Prompt, read_prompt
from tracesmith.sft.trajectories import UnusableTrajectoryError

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Settings:
    """What determines the rows besides the trajectories."""

    style: str
    """A key of STYLES."""
    prompt: Path
    """YAML with the system message of style xml and the tool schemas of style tool."""
    report: Path | None = None
    """Run-level report of the evaluation; without one `resolved` is null."""
    run_id: str | None = None
    """None for the name of the run's folder."""


@dataclass(frozen=True)
class Run:
    """A run's folder with what its rows share, read and checked."""

    root: Path
    folders: frozenset[str]
    style: str
    run_id: str
    prompt: Prompt
    verdicts: dict[str, bool] | None
    """Resolved or not, of each instance of the report."""


@dataclass
class Ledger:
    """What became of each trajectory."""

    funnel: summaries.Funnel = field(default_factory=summaries.Funnel)
    dropped: list[dict[str, str]] = field(default_factory=list)
    digests: dict[str, list[str | None]] = field(default_factory=dict)

    def drop(self, instance_id: str, error: UnusableTrajectoryError) -> None:
        """List and count a trajectory that is no row."""
        logger.warning("%s dropped: %s", instance_id, error)
        self.funnel.drop(error.reason)
        self.dropped.append({"instance_id": instance_id, "reason": error.reason})


def convert_trajectories(root: Path, output: Path, settings: Settings) -> int:
    """Write the rows of a run's folder and their sidecar and return how many rows there are."""
    run, ledger = _read_run(root, settings), Ledger()
    rows = _rows(run, ledger)
    first = next(rows, None)  # before the output's folder is made: a run without a row leaves nothing behind
    if first is None:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(ledger.funnel.dropped.items()))
        raise InputError(f"{root}: no trajectory of it can be a row of style {run.style}: {reasons}; see the warnings")
    with files.atomic_writer(output) as out:
        for row in chain([first], rows):
            out.write(files.json_line(row))
    sidecar = {
        "made_by": _made_by(run, settings, ledger),
        "funnel": ledger.funnel.as_json(),
        "dropped": ledger.dropped,
    }
    files.write_json(summaries.meta_path(output), sidecar)
    logger.info("wrote %d rows of %d trajectories", ledger.funnel.kept, len(run.folders))
    return ledger.funnel.kept


def _read_run(root: Path, settings: Settings) -> Run:
    return Run(
        root=root,
        folders=frozenset(trajectories.list_folders(root)),
        style=settings.style,
        run_id=settings.run_id or root.absolute().name,
        prompt=read_prompt(settings.prompt),
        verdicts=_verdicts(settings.report),
    )


def _made_by(run: Run, settings: Settings, ledger: Ledger) -> dict[str, Any]:
    inputs = {"prompt": settings.prompt} | ({"report": settings.report} if settings.report else {})
    about = {"style": run.style, "run_id": run.run_id}
    made_by = summaries.made_by("convert_trajectories", FORMAT_VERSION, inputs, about)
    made_by["inputs"]["trajectories"] = files.digest(ledger.digests)
    return made_by


def _verdicts(report: Path | None) -> dict[str, bool] | None:
    if report is None:
        return None
    found = records.read_run_report(report)
    return dict.fromkeys(found["ids_resolved"], True) | dict.fromkeys(found["ids_unresolved"], False)


def _rows(run: Run, ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Yield the rows, one trajectory in memory at a time, and enter each into the ledger."""
    for name in sorted(run.folders.union(run.verdicts or ())):
        try:
            if name not in run.folders:
                raise UnusableTrajectoryError("no_trajectory", "the report names it, it has no folder")
            ledger.digests[name] = trajectories.digest_folder(run.root, name)
            row = _row(run, name)
        except UnusableTrajectoryError as error:
            ledger.drop(name, error)
        else:
            ledger.funnel.keep()
            yield row


def _row(run: Run, name: str) -> dict[str, Any]:
    _check_name(name)
    trajectory = trajectories.read_trajectory(run.root, name)
    if run.verdicts is not None and name not in run.verdicts:
        raise UnusableTrajectoryError("not_in_report", "the report has no verdict on it")
    extras = {
        "format_version": FORMAT_VERSION,
        "run_id": run.run_id,
        "exit_status": trajectory.exit_status,
        "engine": trajectory.engine,
        "style": run.style,
    }
    if run.style == "tool":
        extras["tools"] = run.prompt.tools
    return {
        "messages": STYLES[run.style](trajectory.turns, run.prompt),
        "instance_id": name,
        "resolved": None if run.verdicts is None else run.verdicts[name],
        "model": trajectory.model,
        "traj_id": f"{name}.{files.short_hash(run.run_id + name)}",
        "patch": trajectory.patch,
        "tracesmith": extras,
    }


def _check_name(name: str) -> None:
    try:
        records.check_instance_id(name, "the folder's name")
    except InputError as error:
        raise UnusableTrajectoryError("bad_instance_id", str(error)) from None
