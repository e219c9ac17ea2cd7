"""
Run a trainer to its end, whatever ends it before, and publish what it made.

All happens in <folder>/.work, which belongs to one configuration, rows and base model: others start anew.
Whole epochs there are gone on from. The manifest is written last, after the checkpoints were loaded, looked at and
renamed.
"""

import contextlib
import fcntl
import json
import logging
import math
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracesmith import files, progress, stores, summaries
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.training import checking, curves, rows
from tracesmith.training.checking import Plan
from tracesmith.training.curves import Curves

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
CODE_VERSION = 1
LIBRARY = Path(__file__).resolve().parents[2]
WHOLE, ENTRY, LOG = "whole.json", "entry.json", "trainer.log"
STATES = {
    "torchtune": ("recipe_state.pt",),
    "trl": ("trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"),
}
"""Files of an epoch from which training goes on, and which are not published."""
PROBE = Path(__file__).with_name("checkpoint_probe.py")


class TrainerError(InfrastructureError):
    """The trainer ended with an error, or made what cannot be used."""


def finetune(config: Path, python: Path, output: Path) -> None:
    """Train as a rendered YAML says and write the manifest, beside the checkpoints."""
    folder = output.parent
    # Not resolved: a venv's python is a link, and is the venv only under its own name.
    python = Path(os.path.abspath(python))  # noqa: PTH100
    plan = checking.check(config, python, folder)
    logger.info(
        "%d rows, %d tokens, %d of them learnt, longest row %d; %d steps an epoch",
        *(plan.proof.rows, plan.proof.tokens, plan.proof.learnt, plan.proof.longest, plan.steps),
    )
    work = folder / ".work"
    work.mkdir(parents=True, exist_ok=True)
    with _alone(folder / ".lock") as lock:
        fingerprint = _fingerprint(plan)
        _start_over(work, folder, fingerprint)
        last = _epochs(plan) - 1
        if not _whole(work, folder, last):
            _train(config, plan, python, work, lock)
        found = curves.read(work / "logs")
        curves.check(found, str(work / "logs"))
        if not _whole(work, folder, last):
            raise TrainerError(f"{work}: the trainer ended without epoch {last}; see {work / LOG}")
        _publish(plan, python, folder, found, output, last)


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """
    Hold a lock that the trainer inherits, and yield it.

    When this process is killed and the trainer is not, the next one waits for it, and then has its epochs.
    """
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.warning("%s is held by another process that trains here: waiting for it", path)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


def _fingerprint(plan: Plan) -> str:
    settings = {key: value for key, value in plan.config.items() if key != "output_dir"}
    parts = {"rows": files.digest_file(plan.rows), "model": plan.model.hashes(), "config": settings}
    return stores.fingerprint("finetune", CODE_VERSION, versions=plan.versions, **parts)


def _start_over(work: Path, folder: Path, fingerprint: str) -> None:
    """Empty what another configuration, other rows or another model left; keep what is ours."""
    entry = work / ENTRY
    if entry.is_file() and files.read_json(entry).get("fingerprint") == fingerprint:
        return
    for path in [*folder.glob("epoch_*"), folder / "manifest.json", folder / "curves.json", *work.iterdir()]:
        stores.remove_tree(path)
    files.write_json(entry, {"fingerprint": fingerprint})


def _whole(work: Path, folder: Path, epoch: int) -> Path | None:
    """Return the folder of an epoch that is whole, in work or published; None for none."""
    places = (work / f"epoch_{epoch}", folder / f"epoch_{epoch}")
    return next((place for place in places if (place / WHOLE).is_file()), None)


def _train(config: Path, plan: Plan, python: Path, work: Path, lock: int) -> None:
    """Run the trainer, from the last whole epoch that has its state."""
    backend = plan.section["backend"]
    done = [int(path.parent.name.removeprefix("epoch_")) for path in work.glob(f"epoch_*/{STATES[backend][0]}")]
    whole = sorted(epoch for epoch in done if (work / f"epoch_{epoch}" / WHOLE).is_file())
    # Resumed, the LoRA recipes of torchtune 0.6.1 begin the learning rate's schedule anew: they start over instead.
    resumed = whole[-1] if whole and not plan.section["recipe"].startswith("lora") else None
    for path in work.glob("epoch_*"):
        if resumed is None or int(path.name.removeprefix("epoch_")) > resumed:
            stores.remove_tree(path)
    if resumed is not None:
        logger.info("going on after epoch %d", resumed)
    command = _torchtune if backend == "torchtune" else _trl
    _run(command(config, plan, python, work, resumed), work, lock, plan.steps * _epochs(plan))


def _epochs(plan: Plan) -> int:
    return int(plan.config["epochs"] if "epochs" in plan.config else plan.config["num_train_epochs"])


def _torchtune(config: Path, plan: Plan, python: Path, work: Path, resumed: int | None) -> list[str]:
    devices = ["--nproc_per_node", str(plan.section["gpus"])] if "distributed" in plan.section["recipe"] else []
    command = [str(python.with_name("tune")), "run", *devices, plan.section["recipe"], "--config", str(config)]
    command.append(f"output_dir={work}")
    if resumed is None:
        return command
    folder = work / f"epoch_{resumed}"
    command += ["resume_from_checkpoint=True", f"checkpointer.recipe_checkpoint={folder.name}/recipe_state.pt"]
    names = sorted(path.name for path in folder.glob("model*.safetensors"))
    command.append(f"checkpointer.checkpoint_files=[{','.join(f'{folder.name}/{name}' for name in names)}]")
    return command


def _trl(config: Path, _plan: Plan, python: Path, work: Path, resumed: int | None) -> list[str]:
    command = [str(python), str(Path(__file__).with_name("trl_trainer.py")), str(config), str(work)]
    return command if resumed is None else [*command, str(resumed)]


def _environment(work: Path) -> dict[str, str]:
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}
    # One thread: two that wait for each other on busy cores took five times as long.
    own = {"PYTHONPATH": str(LIBRARY), "HF_DATASETS_CACHE": str(work / "datasets")}
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    return {**os.environ, **quiet, **own, **threads}


def _run(command: Sequence[str], work: Path, lock: int, steps: int) -> None:
    """Run the trainer in a session of its own; whatever ends the wait kills all of it."""
    logger.info("running %s", " ".join(command))
    with (
        (work / LOG).open("ab") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(work),
            start_new_session=True,
            pass_fds=[lock],
        ) as process,
    ):
        pace = _Pace(steps)
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(progress.LINE_EVERY_S)
                pace.say(curves.read(work / "logs"))
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        lines = [line.strip() for line in (work / LOG).read_text(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines[-60:] if "Error" in line.split(":")[0]]
        said = (errors or lines or ["no output"])[-1][:400]
        raise TrainerError(f"the trainer ended with code {process.returncode}: {said}; all it said is in {work / LOG}")


class _Pace:
    """Says how far the trainer is, and how long the rest takes at the pace since it was first looked at."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._first: tuple[float, float] | None = None

    def say(self, steps: Curves) -> None:
        """Log the last step."""
        if not steps:
            return
        step, now = steps[-1]["step"], time.monotonic()
        self._first = self._first or (step, now)
        done, seconds = step - self._first[0], now - self._first[1]
        left = f"; {progress.duration(seconds / done * (self._total - step))} left" if done > 0 else ""
        logger.info("step %d of %d, loss %.4g%s", step, self._total, steps[-1].get("loss", math.nan), left)


def _publish(plan: Plan, python: Path, folder: Path, found: Curves, output: Path, last: int) -> None:
    work = folder / ".work"
    place = _whole(work, folder, last)
    if place is None:
        raise TrainerError(f"{work}: epoch {last} is gone")
    seen = _look(plan, python, place, work)
    for path in sorted(work.glob("epoch_*")):
        if (path / WHOLE).is_file():
            for name in STATES[plan.section["backend"]]:
                (path / name).unlink(missing_ok=True)
            stores.remove_tree(folder / path.name)
            path.rename(folder / path.name)
    files.write_json(folder / "curves.json", {"format_version": FORMAT_VERSION, "steps": found})
    files.write_json(output, _manifest(plan, folder, found, seen, last))
    logger.info("loss %.4f at step 1, %.4f at step %d", found[0]["loss"], found[-1]["loss"], found[-1]["step"])


def _look(plan: Plan, python: Path, checkpoint: Path, work: Path) -> dict[str, Any]:
    """Return what the checkpoint is when transformers load it."""
    _, messages = next(rows.read(plan.rows))
    first = next(place for place, message in enumerate(messages) if message["role"] == "assistant")
    (work / "prompt.txt").write_text(plan.model.encoder.family.prompt(messages[:first]))
    command = [str(python), str(PROBE), str(checkpoint), str(plan.model.folder), str(work / "prompt.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(work))
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise TrainerError(f"{checkpoint}: the checkpoint cannot be used: {last}")
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def _manifest(plan: Plan, folder: Path, found: Curves, seen: dict[str, Any], last: int) -> dict[str, Any]:
    published = sorted(folder.glob("epoch_*"), key=lambda path: int(path.name.removeprefix("epoch_")))
    if not published:
        raise InputError(f"{folder}: no epoch was published")
    checkpoints = {
        path.name: {name: files.digest_file(path / name) for name in files.list_files(path)} for path in published
    }
    settings = {key: value for key, value in plan.config.items() if key != "output_dir"}
    made_by = summaries.made_by("finetune", FORMAT_VERSION, {"rows": plan.rows}, settings)
    return {
        "made_by": made_by,
        "run_id": plan.section["run_id"],
        "backend": plan.section["backend"],
        "checkpoint": f"epoch_{last}",
        "checkpoints": checkpoints,
        "base_model": plan.model.hashes(),
        "versions": plan.versions,
        "family": plan.section["family"],
        "masks": plan.proof.as_json(),
        "steps": int(found[-1]["step"]),
        "loss": {"first": found[0]["loss"], "last": found[-1]["loss"], "each": [values["loss"] for values in found]},
        "loaded": seen,
    }
