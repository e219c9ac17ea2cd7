"""
Write the trajectories of a run as SFT rows, one JSON object a line, sorted by instance id.

A row holds no time and no path of the run, so it is the same bytes on every machine. Each trajectory folder, and each
instance that the report or the engine lists, is a row or stands in the sidecar with the reason why not.
"""

import gc
import logging
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from tracesmith import files, prepared, progress, summaries
from tracesmith.errors import InputError
from tracesmith.sft import origins, rowfiles, rows, tokens, trajectories
from tracesmith.sft.origins import Origin
from tracesmith.sft.rows import FORMAT_VERSION, Run, Scrubber, Verdicts
from tracesmith.sft.styles import read_prompt
from tracesmith.sft.turns import UnusableTrajectoryError

logger = logging.getLogger(__name__)


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
    dataset: Path | None = None
    """The run's dataset: repositories, images and the groups of a split; without one the ids tell the repositories."""
    environment: Path | None = None
    """The environment.json of the repository: its test files, and the pristine tree, whose text is no secret."""
    tokenizer: Path | None = None
    """Folder of the training tokenizer; without one rows have no token counts."""
    template: str = tokens.AUTO
    """Chat format of the counts, one of tokens.NAMES."""
    scrub: bool = True
    """Whether secrets are replaced by placeholders."""


@dataclass
class Ledger:
    """What became of each trajectory."""

    funnel: summaries.Funnel = field(default_factory=summaries.Funnel)
    dropped: list[dict[str, str]] = field(default_factory=list)
    digests: dict[str, list[str | None]] = field(default_factory=dict)
    placeholders: Counter[str] = field(default_factory=Counter)
    """Secrets of each kind that were replaced."""

    def drop(self, instance_id: str, error: UnusableTrajectoryError) -> None:
        """List and count a trajectory that is no row."""
        logger.warning("%s dropped: %s", instance_id, error)
        self.funnel.drop(error.reason)
        self.dropped.append({"instance_id": instance_id, "reason": error.reason})


def convert_trajectories(root: Path, output: Path, settings: Settings) -> int:
    """Write the rows of a run's folder and their sidecar and return how many rows there are."""
    run, ledger = read_run(root, settings), Ledger()
    gc.freeze()  # what was imported stays: looking through it again and again takes longer than the rows do
    names = trajectories.list_folders(root)
    everything = {*names, *(run.verdicts.resolved if run.verdicts else ()), *trajectories.names_without_folder(root)}
    outcomes = progress.shown(
        _outcomes(run, sorted(everything), frozenset(names), ledger), len(everything), "trajectories"
    )
    found = (row for row in outcomes if row is not None)
    first = next(found, None)  # before the output's folder is made: a run without a row leaves nothing behind
    if first is None:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(ledger.funnel.dropped.items()))
        raise InputError(f"{root}: no trajectory of it can be a row of style {run.style}: {reasons}; see the warnings")
    with files.atomic_writer(output) as out:
        for row in chain([first], found):
            out.write(rowfiles.line_of(row))
    sidecar = {
        "made_by": _made_by(run, settings, ledger),
        "funnel": ledger.funnel.as_json(),
        "dropped": ledger.dropped,
        "placeholders": dict(sorted(ledger.placeholders.items())),
    }
    if settings.environment:  # not in the rows, which are the same for either backend
        sidecar["image_digest"] = prepared.read(settings.environment).installed
    files.write_json(summaries.meta_path(output), sidecar)
    logger.info("wrote %d rows of %d trajectories", ledger.funnel.kept, len(names))
    return ledger.funnel.kept


def read_run(root: Path, settings: Settings) -> Run:
    """Return a run's folder with what its rows share. Raises InputError for bad input."""
    tree = prepared.read(settings.environment) if settings.environment else None
    known: dict[str, Origin] = origins.read(settings.dataset) if settings.dataset else {}
    return Run(
        root=root,
        style=settings.style,
        run_id=settings.run_id or root.absolute().name,
        prompt=read_prompt(settings.prompt),
        verdicts=Verdicts.read(settings.report) if settings.report else None,
        origins=known if settings.dataset else None,
        test=tree.test if tree else None,
        scrubber=_scrubber(_pristine(settings, tree)) if settings.scrub else None,
        counter=tokens.Counter(settings.tokenizer, settings.template) if settings.tokenizer else None,
        hashes={name: files.digest_file(path) for name, path in _inputs(settings).items()},
    )


def _scrubber(pristine: Path | None) -> Scrubber:
    from tracesmith.sft import scrubbing  # noqa: PLC0415 - the detectors take a third of the time of starting

    return scrubbing.Scrubber(pristine)


def _pristine(settings: Settings, tree: prepared.Environment | None) -> Path | None:
    return settings.environment.parent / tree.source if settings.environment and tree else None


def _inputs(settings: Settings) -> dict[str, Path]:
    found = {
        "prompt": settings.prompt,
        "report": settings.report,
        "dataset": settings.dataset,
        "environment": settings.environment,
        "tokenizer": settings.tokenizer and tokens.file_of(settings.tokenizer),
    }
    return {name: path for name, path in found.items() if path}


def _made_by(run: Run, settings: Settings, ledger: Ledger) -> dict[str, Any]:
    about: dict[str, Any] = {"style": run.style, "run_id": run.run_id, "scrub": settings.scrub}
    if settings.tokenizer:
        about["template"] = settings.template
    made_by = summaries.made_by("convert_trajectories", FORMAT_VERSION, _inputs(settings), about)
    made_by["inputs"]["trajectories"] = files.digest(ledger.digests)
    return made_by


def _outcomes(
    run: Run, names: list[str], folders: frozenset[str], ledger: Ledger
) -> Generator[dict[str, Any] | None, None, None]:
    """Yield a row, or None for what is none, one trajectory in memory at a time, and enter each into the ledger."""
    for name in names:
        try:
            if name not in folders:
                raise UnusableTrajectoryError("no_trajectory", "it is listed, it has no folder")
            trajectory, hashes = trajectories.read_with_hashes(run.root, name)
            ledger.digests[name] = hashes.as_list()
            row = rows.make(run, name, trajectory, hashes)
        except UnusableTrajectoryError as error:
            ledger.drop(name, error)
            yield None
        else:
            ledger.funnel.keep()
            ledger.placeholders.update(row["tracesmith"].get("placeholders", {}))
            yield row
