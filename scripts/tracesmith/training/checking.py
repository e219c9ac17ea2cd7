"""What has to hold before a GPU is touched: the files, the rows, the steps, the machine. Each failure is one line."""

import json
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import schemas
from tracesmith.errors import InputError
from tracesmith.training import base_models, masks, rendering
from tracesmith.training.base_models import BaseModel
from tracesmith.training.masks import Proof

PROBE = Path(__file__).with_name("environment_probe.py")
BYTES = {"fp32": 4, "bf16": 2}
LOGGERS = {"TensorBoardLogger": "tensorboard", "WandBLogger": "wandb", "CometLogger": "comet_ml"}
"""The package that a logger of torchtune needs."""
MAKE = {"torchtune": "make training", "trl": "make training-trl"}
GIB = 1024**3


@dataclass(frozen=True)
class Plan:
    """A training that may start."""

    config: dict[str, Any]
    section: dict[str, Any]
    """The part of the config that the trainer does not read."""
    rows: Path
    model: BaseModel
    proof: Proof
    versions: dict[str, str]
    steps: int
    """The optimizer's steps of an epoch."""


def read_rendered(path: Path) -> dict[str, Any]:
    """Return a rendered YAML. Raises InputError for one that render_training_config did not write."""
    config = schemas.read_yaml(path)
    wanted = ("backend", "recipe", "run_id", "rows", "base_model", "family", "max_seq_len", "keep_last", "gpus")
    section = config.get("tracesmith") if isinstance(config, dict) else None
    if not isinstance(section, dict) or (missing := [key for key in wanted if key not in section]):
        named = (
            f"the key tracesmith.{missing[0]} is missing" if isinstance(section, dict) else "no section 'tracesmith'"
        )
        raise InputError(f"{path}: {named}; render_training_config.py writes this file")
    rendering.check_positive(section["max_seq_len"], f"{path}: key tracesmith.max_seq_len")
    return dict(config)


def check(path: Path, python: Path, folder: Path) -> Plan:
    """Return the plan of a rendered YAML whose results go below a folder. Raises InputError for what is wrong."""
    config = read_rendered(path)
    section = config["tracesmith"]
    rows_file = Path(section["rows"])
    model = base_models.read(Path(section["base_model"]), section["family"])
    proof = masks.prove(model.encoder, model.template, rows_file, section["max_seq_len"])
    steps = _steps(path, config, proof)
    found = probe(python, section["backend"])
    check_devices(path, config, model, found["gpu_memory"])
    check_logger(path, config, found["optional"])
    check_disk(config, model, folder)
    return Plan(config, section, rows_file, model, proof, found["versions"], steps)


def _steps(path: Path, config: dict[str, Any], proof: Proof) -> int:
    if config["tracesmith"]["backend"] == "trl":
        batches = -(-proof.rows // int(config.get("per_device_train_batch_size", 8)))
        return -(-batches // int(config.get("gradient_accumulation_steps", 1)))
    steps = rendering.steps_of_epoch(proof.rows, config)
    if not steps:
        raise InputError(
            f"{path}: {proof.rows} rows are not one step of batch_size {config['batch_size']} times "
            f"gradient_accumulation_steps {config['gradient_accumulation_steps']}: "
            "the base model would be saved as it is; lower them"
        )
    return min(steps, config.get("max_steps_per_epoch") or steps)


def probe(python: Path, backend: str) -> dict[str, Any]:
    """Return what a trainer's environment has. Raises InputError when it cannot train."""
    remedy = f"`{MAKE[backend]}` makes the environment"
    if not python.is_file():
        raise InputError(f"{python}: no such Python; {remedy}")
    done = subprocess.run([python, PROBE, backend, *LOGGERS.values()], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise InputError(f"{python}: the environment cannot train with {backend}: {last}; {remedy}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def check_logger(path: Path, config: dict[str, Any], installed: Collection[str]) -> None:
    """Raise InputError when a torchtune logger is asked for whose package the trainer's environment has not."""
    asked = config.get("metric_logger") or {}
    component = str((asked.get("also") or asked).get("_component_"))
    needed = next((package for logger, package in LOGGERS.items() if component.endswith(logger)), None)
    if needed and needed not in installed:
        raise InputError(f"{path}: key metric_logger: {component} needs {needed}; install it for the trainer's Python")


def check_devices(path: Path, config: dict[str, Any], model: BaseModel | None, memory: list[int]) -> None:
    """
    Raise InputError when the devices are not there, or too small for weights, gradients and optimizer.

    A model that is still to be made is None: it fits everywhere.
    """
    section = config["tracesmith"]
    wanted = config.get("device", "cpu" if config.get("use_cpu") else "cuda")
    distributed = rendering.RECIPES.get(section["recipe"], False)
    if distributed and not section["gpus"]:
        raise InputError(f"{path}: the recipe {section['recipe']} needs GPUs: set training.gpus (--gpus) above 0")
    if wanted == "cpu":
        return
    gpus = section["gpus"] if distributed else 1
    if len(memory) < gpus:
        raise InputError(
            f"{path}: device {wanted} with {gpus} GPUs is asked for, this machine shows {len(memory)}; torchtune would "
            "train on the CPU without a word: use a configuration with `device: cpu`, or see CUDA_VISIBLE_DEVICES"
        )
    need = memory_estimate(config, model) // gpus if model else 0
    if need > min(memory[:gpus]):
        raise InputError(
            f"{path}: about {need / GIB:.0f} GiB a GPU for weights, gradients and optimizer, before activations; "
            f"there are {min(memory[:gpus]) / GIB:.0f}: more GPUs, or a LoRA configuration"
        )


def memory_estimate(config: dict[str, Any], model: BaseModel) -> int:
    """Return the bytes of weights, gradients and optimizer states of all devices together."""
    each = BYTES.get(str(config.get("dtype", "bf16")), 2)
    if config["tracesmith"]["recipe"].startswith("lora"):
        return model.parameters * each * 11 // 10  # adapters and their states are a few percent
    small = "8bit" in str((config.get("optimizer") or {}).get("_component_"))
    states = 2 if small else 2 * each
    gradients = 0 if config.get("optimizer_in_bwd") else each
    return model.parameters * (each + gradients + states)


def check_disk(config: dict[str, Any], model: BaseModel, folder: Path) -> None:
    """Raise InputError when the checkpoints would not fit on the disk."""
    each = BYTES.get(str(config.get("dtype", "bf16")), 4)
    kept = config["tracesmith"]["keep_last"] + 1  # a new one is whole before an old one goes
    need = model.parameters * each * kept + 2 * model.parameters * each * kept
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(place).free
    if free < need:
        raise InputError(
            f"{folder}: {need / GIB:.1f} GiB are needed for {kept} checkpoints with optimizer state, "
            f"{free / GIB:.1f} are free: lower keep_last, or make room"
        )
