"""
Take over the trajectories of a run that was made elsewhere, by SWE-agent or mini-swe-agent.

What comes out has the layout of a run of ours: a folder an instance with `.traj`, `.pred` and `.patch`, and preds.json.
An instance without a prediction is left out and counted: whatever ended it was no end of its agent.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tracesmith import files, patches, records, stores, summaries
from tracesmith.agents import mini_files
from tracesmith.errors import InputError
from tracesmith.records import Prediction

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
ENDINGS = (".traj", ".traj.json")
LEFT_OUT = ("exit_error", "exit_environment_error")
"""Exit statuses that are no end of an agent, unless it has a patch."""


def run(source: Path, output: Path, predictions_path: Path | None = None) -> None:
    """
    Fill the folder of `output` from a folder of trajectories and write preds.json.

    Predictions are those of the file, else of the folder's preds.json and, for what is not in it, of its `.pred` files.
    Raises InputError for a folder without trajectories, or an instance that has two.
    """
    _check_place(source, output)
    found = _find(source)
    given = _predictions(source, predictions_path, found)
    names = {}
    funnel = summaries.Funnel()
    dropped: dict[str, list[str]] = defaultdict(list)
    by_status: dict[str, list[str]] = defaultdict(list)
    _remove_old(output.parent)
    for name, path in found.items():
        trajectory = read(path, name)
        status = str(trajectory["info"].get("exit_status"))
        prediction = given.get(name) or _of_trajectory(trajectory, name, output.parent.name)
        if prediction is None:
            dropped["no_prediction"].append(name)
            funnel.drop("no_prediction")
            continue
        _write(output.parent / name, trajectory, prediction)
        names[name] = prediction
        by_status[status].append(name)
        funnel.keep()
    if not names:
        raise InputError(f"{source}: none of its {len(found)} trajectories has a prediction")
    counts = {status: len(ids) for status, ids in sorted(by_status.items())}
    statuses = yaml.safe_dump({"instances_by_exit_status": dict(sorted(by_status.items()))})
    files.write_bytes(output.parent / "run_batch_exit_statuses.yaml", statuses.encode())
    made_by = summaries.made_by("import_trajectories", FORMAT_VERSION, {}, {"trajectories": _digest(found)})
    meta = {"made_by": made_by, "funnel": funnel.as_json(), "exit_statuses": counts, "left_out": dict(dropped)}
    files.write_json(summaries.meta_path(output), meta)
    files.write_json(output, names)
    logger.info("took over %d of %d trajectories of %s", len(names), len(found), source)


def read(path: Path, name: str) -> dict[str, Any]:
    """Return one trajectory in SWE-agent's format. Raises InputError when it is none."""
    record = files.read_json(path)
    if path.name.endswith(".traj.json"):
        return mini_files.convert(record, name, str(path))
    if not isinstance(record, dict) or not isinstance(record.get("info"), dict):
        raise InputError(f"{path}: no trajectory of SWE-agent: the key 'info' is missing or no object")
    if not isinstance(record.get("history"), list):
        raise InputError(f"{path}: no trajectory of SWE-agent: the key 'history' is missing or no list")
    return record


def _check_place(source: Path, output: Path) -> None:
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give the output folder of SWE-agent or mini-swe-agent")
    if output.parent.resolve().is_relative_to(source.resolve()) or source.resolve().is_relative_to(
        output.parent.resolve()
    ):
        raise InputError(f"{source}: trajectories would be read from where they are written; name the run otherwise")
    entry = next(output.parent.glob(f"[!.]*/{stores.ENTRY}"), None)
    if entry:
        raise InputError(f"{output.parent}: an agent of ours has worked here; name the run otherwise")


def _find(source: Path) -> dict[str, Path]:
    """Return the trajectory of each instance, sorted, however deep its folder stands."""
    found: dict[str, Path] = {}
    for name, path in sorted(_named(source)):
        if name in found:
            raise InputError(f"{path}: there is another trajectory of {name}, {found[name]}")
        found[records.check_instance_id(name, str(path))] = path
    if not found:
        raise InputError(f"{source}: no .traj or .traj.json file in it; is it the output folder of an agent?")
    return found


def _named(source: Path) -> Iterator[tuple[str, Path]]:
    for ending in ENDINGS:
        for path in source.rglob(f"*{ending}"):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(source).parts):
                yield path.name.removesuffix(ending), path


def _predictions(source: Path, given: Path | None, found: dict[str, Path]) -> dict[str, Prediction]:
    """Return the predictions that somebody wrote, by instance."""
    path = given or source / "preds.json"
    merged = records.read_predictions(path) if given or path.exists() else {}
    if given:
        return merged
    for name, trajectory in found.items():
        own = trajectory.with_name(f"{name}.pred")
        if own.exists():
            prediction = records.check_prediction(files.read_json(own), str(own))
            if prediction["instance_id"] != name:
                raise InputError(f"{own}: holds the prediction of {prediction['instance_id']}")
            merged.setdefault(name, prediction)
    return merged


def _of_trajectory(trajectory: dict[str, Any], name: str, run_id: str) -> Prediction | None:
    """Return what an agent submitted by its trajectory; None when it came to no end."""
    info = trajectory["info"]
    patch = info.get("submission") or ""
    if not isinstance(patch, str):
        raise InputError(f"{name}: key info.submission is no text")
    if not patch and (info.get("exit_status") is None or info["exit_status"] in LEFT_OUT):
        return None
    return Prediction(instance_id=name, model_patch=patch, model_name_or_path=run_id)


def _write(folder: Path, trajectory: dict[str, Any], prediction: Prediction) -> None:
    name, patch = folder.name, prediction["model_patch"]
    files.write_json(folder / f"{name}.traj", trajectory)
    files.write_json(folder / f"{name}.pred", prediction)
    if patch:
        files.write_bytes(folder / f"{name}.patch", patches.to_bytes(patch))


def _remove_old(folder: Path) -> None:
    """Remove what an earlier import has written."""
    for path in folder.glob("[!.]*"):
        if path.is_dir() and (path / f"{path.name}.traj").exists():
            stores.remove_tree(path)


def _digest(found: dict[str, Path]) -> str:
    return files.digest({name: files.digest_file(path) for name, path in found.items()})
