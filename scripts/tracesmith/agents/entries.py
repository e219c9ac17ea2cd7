"""The trajectory folder of a run: finished instances, those that are under way, and how often one was done again."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tracesmith import files, patches, stores
from tracesmith.agents.engines import SUBMITTED, Outcome, Trajectory
from tracesmith.errors import InputError
from tracesmith.records import Instance, Prediction
from tracesmith.stores import Store

logger = logging.getLogger(__name__)
BEGUN = "begun.json"
"""In the folder of a task that is under way, with its fingerprint; the `.traj` beside it grows with every step."""
REDONE = ".redone.json"


class Entries:
    """The instances' folders of one run, in SWE-agent's layout."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self._redone = root / REDONE

    def check(self, instances: Sequence[Instance], dataset: Path) -> None:
        """Raise InputError when the folder holds trajectories of another dataset, or that were made elsewhere."""
        stores.check_members(self.store.root, {one["instance_id"] for one in instances}, dataset, "trajectory")
        for path in sorted(self.store.root.glob("[!.]*/*.traj*")):
            if not any((path.parent / ours).exists() for ours in (stores.ENTRY, BEGUN)):
                raise InputError(
                    f"{path}: was not made here, and would be made anew; give the folder it came from as "
                    "runs.<run_id>.trajectories, and move it out of the way"
                )

    def rounds(self) -> dict[str, int]:
        """Return how often instances have been redone; those that never were are missing."""
        found: dict[str, int] = files.read_json(self._redone) if self._redone.exists() else {}
        return found

    def redo(self, names: Iterable[str]) -> None:
        """Forget finished instances, so that they are done once more, with new answers of the model."""
        rounds = self.rounds()
        chosen = [name for name in names if (self.store.folder(name) / stores.ENTRY).exists()]
        for name in chosen:
            rounds[name] = rounds.get(name, 0) + 1
        if chosen:
            files.write_json(self._redone, rounds)
            logger.info("%d instances are done again: %s", len(chosen), ", ".join(chosen))
        for name in chosen:
            stores.remove_tree(self.store.folder(name))

    def failed(self, instances: Sequence[Instance]) -> list[str]:
        """Return the finished instances that were not submitted by their agent, or without a change."""
        names = [instance["instance_id"] for instance in instances]
        done = [name for name in names if (self.store.folder(name) / stores.ENTRY).exists()]
        return [name for name in done if self.status(name) != SUBMITTED or not self.prediction(name)["model_patch"]]

    def begin(self, name: str, fingerprint: str) -> Trajectory | None:
        """Make an instance's folder ready and return what a killed run had saved of the same task."""
        folder = self.store.folder(name)
        begun, saved = folder / BEGUN, folder / f"{name}.traj"
        if begun.exists() and files.read_json(begun) == {"fingerprint": fingerprint}:
            return _so_far(saved)
        stores.remove_tree(folder)
        files.write_json(begun, {"fingerprint": fingerprint})
        return None

    def save(self, name: str, trajectory: Trajectory) -> None:
        """Write the trajectory so far of an instance that is under way, without waiting for the disk at each step."""
        files.write_bytes(self.store.folder(name) / f"{name}.traj", files.json_bytes(trajectory), durable=False)

    def finish(self, name: str, fingerprint: str, outcome: Outcome) -> None:
        """Put a finished instance in the place of what was under way."""
        prediction = Prediction(
            instance_id=name, model_patch=outcome.patch, model_name_or_path=self.store.root.absolute().name
        )
        with self.store.replace(name, fingerprint) as folder:
            (folder / f"{name}.traj").write_bytes(files.json_bytes(outcome.trajectory))
            (folder / f"{name}.pred").write_bytes(files.json_bytes(prediction))
            if outcome.patch:
                (folder / f"{name}.patch").write_bytes(patches.to_bytes(outcome.patch))

    def prediction(self, name: str) -> Prediction:
        """Return the prediction of a finished instance."""
        found: Prediction = files.read_json(self.store.folder(name) / f"{name}.pred")
        return found

    def info(self, name: str) -> dict[str, Any]:
        """Return `info` of a finished instance's trajectory."""
        return dict(_trajectory(self.store.folder(name) / f"{name}.traj")["info"])

    def status(self, name: str) -> str:
        """Return the exit status of a finished instance."""
        return str(self.info(name)["exit_status"])


def _so_far(path: Path) -> Trajectory | None:
    """Return a trajectory under way; None when there is none, or when the machine went down as it was written."""
    if not path.exists():
        return None
    try:
        return _trajectory(path)
    except InputError as error:
        logger.warning("%s; the instance begins again", error)
        return None


def _trajectory(path: Path) -> Trajectory:
    found: Trajectory = files.read_json(path)
    return found
