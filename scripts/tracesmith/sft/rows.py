"""One SFT row: SWE-smith's six keys, and ours under `tracesmith`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tracesmith import files, records
from tracesmith.errors import InputError
from tracesmith.prepared import TestSettings
from tracesmith.sft import behaviour, origins
from tracesmith.sft.origins import Origin
from tracesmith.sft.styles import STYLES, Prompt
from tracesmith.sft.trajectories import Hashes
from tracesmith.sft.turns import Trajectory, UnusableTrajectoryError

FORMAT_VERSION = 2


class Scrubber(Protocol):
    """What replaces secrets."""

    def clean(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row without secrets, or raise UnusableTrajectoryError."""


class Counter(Protocol):
    """What counts tokens."""

    template: str
    digest: str

    def count(self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] | None = None) -> int:
        """Return the number of tokens of messages."""


@dataclass(frozen=True)
class Verdicts:
    """What an evaluation says about the instances of a run."""

    resolved: dict[str, bool]
    flags: dict[str, list[str]]
    """Of the patch of each instance that has some."""

    @classmethod
    def read(cls, path: Path) -> "Verdicts":
        """Return the verdicts of a run-level report."""
        found = records.read_run_report(path)
        resolved = dict.fromkeys(found["ids_resolved"], True) | dict.fromkeys(found["ids_unresolved"], False)
        flags: dict[str, list[str]] = {}
        for flag, names in found.get("tracesmith", {}).get("ids_by_flag", {}).items():
            for name in names:
                flags.setdefault(name, []).append(flag)
        return cls(resolved, flags)


@dataclass(frozen=True)
class Run:
    """A run's folder with what its rows share, read and checked."""

    root: Path
    style: str
    run_id: str
    prompt: Prompt
    verdicts: Verdicts | None
    origins: Mapping[str, Origin] | None
    test: TestSettings | None
    scrubber: Scrubber | None
    counter: Counter | None
    hashes: Mapping[str, str]
    """Of the files that all rows are made from."""


def make(run: Run, name: str, trajectory: Trajectory, hashes: Hashes) -> dict[str, Any]:
    """Return the row of a trajectory, or raise UnusableTrajectoryError."""
    _check(run, name)
    row: dict[str, Any] = {
        "messages": STYLES[run.style](trajectory.turns, run.prompt),
        "instance_id": name,
        "resolved": None if run.verdicts is None else run.verdicts.resolved[name],
        "model": trajectory.model,
        "traj_id": f"{name}.{files.short_hash(run.run_id + name)}",
        "patch": trajectory.patch,
        "tracesmith": _extras(run, name, trajectory, hashes),
    }
    if run.scrubber is not None:
        row = run.scrubber.clean(row)
    if run.counter is not None:
        tools = row["tracesmith"].get("tools")
        row["tracesmith"]["tokens"] = {run.counter.template: run.counter.count(row["messages"], tools)}
    return row


def _check(run: Run, name: str) -> None:
    try:
        records.check_instance_id(name, "the folder's name")
    except InputError as error:
        raise UnusableTrajectoryError("bad_instance_id", str(error)) from None
    if run.verdicts is not None and name not in run.verdicts.resolved:
        raise UnusableTrajectoryError("not_in_report", "the report has no verdict on it")
    if run.origins is not None and name not in run.origins:
        raise UnusableTrajectoryError("not_in_dataset", "the dataset has no such instance")


def _extras(run: Run, name: str, trajectory: Trajectory, hashes: Hashes) -> dict[str, Any]:
    origin = run.origins[name] if run.origins is not None else None
    found: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "run_id": run.run_id,
        "repo": origin.instance.repo.rsplit("/", 1)[-1] if origin else origins.repo_of(name),
        "exit_status": trajectory.exit_status,
        "engine": trajectory.engine,
        "cost": trajectory.cost,
        "style": run.style,
        "system": trajectory.turns[0].text,
        "flags": behaviour.flags(trajectory, run.test, run.verdicts.flags.get(name, []) if run.verdicts else []),
        "error_turns": behaviour.error_turns(trajectory),
        "not_in_row": {kind: count for kind, count in sorted(trajectory.counts.items()) if count},
        "split_group": origin.group if origin else name,
        "provenance": _provenance(run, origin, hashes),
    }
    if run.style == "tool":
        found["tools"] = _tools(run, trajectory)
    return found


def _provenance(run: Run, origin: Origin | None, hashes: Hashes) -> dict[str, str | None]:
    return {
        "trajectory": hashes.trajectory,
        "patch": hashes.patch,
        "report": run.hashes.get("report"),
        "dataset": run.hashes.get("dataset"),
        "image": origin.instance.image_name if origin else None,
        "source": origin.source if origin else None,
        "prompt": run.hashes["prompt"],
        "tokenizer": run.hashes.get("tokenizer"),
    }


def _tools(run: Run, trajectory: Trajectory) -> list[dict[str, Any]]:
    """Return the tools that the agent had: mini has a shell only."""
    if trajectory.engine != "mini":
        return run.prompt.tools
    return [tool for tool in run.prompt.tools if tool["function"]["name"] == "bash"]
