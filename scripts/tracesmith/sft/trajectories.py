"""
Find and read the trajectories of a run's folder, as SWE-agent and mini-swe-agent write it.

What comes out begins with the system message, ends with the agent's last turn, and no assistant turn in it was
written by anyone but the agent.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace

from tracesmith import files, schemas
from tracesmith.errors import InputError
from tracesmith.sft import mini, sweagent
from tracesmith.sft.turns import Call, Trajectory, Turn, UnusableTrajectoryError

__all__ = ["Call", "Trajectory", "Turn", "UnusableTrajectoryError"]
Reader = Callable[[memoryview, str], Trajectory]
"""Returns the trajectory in the part of a file that is read; the text names it in an error."""
READERS: dict[str, tuple[Callable[[str], memoryview], Reader]] = {
    "traj": (sweagent.part, sweagent.read),
    "traj.json": (mini.part, mini.read),
}
"""How the files of each engine end, which part of them is read, and its reader."""


class Hashes(msgspec.Struct, frozen=True):
    """The sha256 of what a row is made from, None for a file that is missing."""

    trajectory: str
    """Of the part that is read: hashing what is skipped would take longer than the row."""
    patch: str | None
    prediction: str | None

    def as_list(self) -> list[str | None]:
        """Return them as what the sidecar's hash of all trajectories is made of."""
        return [self.trajectory, self.patch, self.prediction]


def list_folders(root: Path) -> list[str]:
    """Return the names of the run's folders, sorted, hidden ones left out; at least one holds a trajectory."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the run's folder, which holds <instance_id>/<instance_id>.traj")
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    if any(os.path.isfile(_file(root, name, ending)) for name in names for ending in READERS):  # noqa: PTH113
        return names
    raise InputError(f"{root}: no trajectory in it; it must hold <instance_id>/<instance_id>.traj, or .traj.json")


def prompt_name(root: Path) -> str:
    """Return the name of the prompt file for a run's folder: mini-swe-agent has a shell and no other tool."""
    for name in list_folders(root):
        with contextlib.suppress(UnusableTrajectoryError):
            return "xml_bash.yaml" if read_trajectory(root, name).engine == "mini" else "xml_tools.yaml"
    return "xml_tools.yaml"


def names_without_folder(root: Path) -> set[str]:
    """Return the instances that the engine lists and of which it left no folder: those that never started."""
    listed: set[str] = set()
    if (root / "preds.json").is_file():
        listed.update(_predicted(root / "preds.json"))
    for path in [*root.glob("run_batch_exit_statuses.yaml"), *root.glob("exit_statuses_*.yaml")]:
        listed.update(_names_by_status(path))
    return {name for name in listed if not (root / name).is_dir()}


def _predicted(path: Path) -> list[str]:
    """Return the keys of preds.json; its patches, which may take gigabytes, stay bytes."""
    try:
        return list(msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw]))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: an object {{instance_id: prediction}} is wanted: {error}") from None


def _names_by_status(path: Path) -> set[str]:
    try:
        found = schemas.load_written(path)
        return {str(name) for names in found["instances_by_exit_status"].values() for name in names or ()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: no exit statuses as an engine writes them; remove the file to go on") from None


def read_trajectory(root: Path, name: str) -> Trajectory:
    """Return a trajectory, or raise UnusableTrajectoryError."""
    return read_with_hashes(root, name)[0]


def read_with_hashes(root: Path, name: str) -> tuple[Trajectory, Hashes]:
    """Return a trajectory with the hashes of its files, each read once, or raise UnusableTrajectoryError."""
    read, path, data = _part(root, name)
    patch, prediction = _optional_bytes(root, name, "patch"), _optional_bytes(root, name, "pred")
    hashes = Hashes(_sha256(data), *(None if one is None else _sha256(one) for one in (patch, prediction)))
    found = read(data, path)
    if patch is not None:
        found = replace(found, patch=_patch(patch, root, name))
    if found.model is None and prediction is not None:
        found = replace(found, model=_model_of_prediction(prediction, _file(root, name, "pred")))
    return found, hashes


def _file(root: Path, name: str, ending: str) -> str:
    """Return the path of a file as a text: making three Paths a row is seen in the time of a conversion."""
    return f"{root}/{name}/{name}.{ending}"


def _part(root: Path, name: str) -> tuple[Reader, str, memoryview]:
    """Return the reader of a trajectory, its file, and the part of it that is read."""
    for ending, (part, read) in READERS.items():
        path = _file(root, name, ending)
        with contextlib.suppress(FileNotFoundError):
            return read, path, part(path)
    raise UnusableTrajectoryError("missing_traj", f"{_file(root, name, 'traj')}: no such file")


def _optional_bytes(root: Path, name: str, ending: str) -> bytes | None:
    try:
        with open(_file(root, name, ending), "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()
    except FileNotFoundError:
        return None


def _sha256(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def _model_of_prediction(data: bytes, path: str) -> str | None:
    try:
        prediction: Any = files.parse_json(data.decode("utf-8"), path)
    except (InputError, UnicodeDecodeError) as error:
        raise UnusableTrajectoryError("malformed_prediction", str(error)) from None
    model = prediction.get("model_name_or_path") if isinstance(prediction, dict) else None
    return files.without_halves(model) if isinstance(model, str) else None


def _patch(data: bytes, root: Path, name: str) -> str:
    """Return the text of a patch with the line ends it has."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        path = _file(root, name, "patch")
        raise UnusableTrajectoryError("malformed_patch", f"{path}: not UTF-8 text (byte {error.start})") from None
