"""
From a training configuration of ours to the YAML that a trainer takes as it stands.

What stays is what a person chooses: recipe, optimizer, epochs. Filled in is what follows from the run: rows, base
model with the files that are found in it, tokenizer, sizes, output folder, devices, steps.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tracesmith import files, schemas, summaries
from tracesmith.errors import InputError
from tracesmith.training import base_models, rows
from tracesmith.training.base_models import BaseModel

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
COMPONENTS = "tracesmith.training.components"
BACKENDS = ("torchtune", "trl")
RECIPES = {
    "full_finetune_single_device": False,
    "lora_finetune_single_device": False,
    "full_finetune_distributed": True,
    "lora_finetune_distributed": True,
}
"""Of torchtune; true needs a GPU for each process."""
BUILDERS = {
    ("qwen2", False): "torchtune.models.qwen2.qwen2",
    ("qwen2", True): "torchtune.models.qwen2.lora_qwen2",
    ("llama", False): "torchtune.models.llama3_2._component_builders.llama3_2",
    ("llama", True): "torchtune.models.llama3_2._component_builders.lora_llama3_2",
}
DEFAULTS = {"recipe": "sft", "keep_last": 2}
"""Of the section `tracesmith`; TRL has one recipe."""
OURS = {"backend", "recipe", "max_seq_len", "keep_last", "packed"}
"""Keys of the section `tracesmith` of a configuration."""


@dataclass(frozen=True)
class Training:
    """What a run fills into a configuration."""

    rows: Path
    base_model: Path
    run_id: str
    gpus: int = 0
    """Processes of a distributed recipe, one a GPU; 0 trains on the CPU."""
    max_seq_len: int | None = None
    """Tokens of a row at most; None takes the configuration's."""
    family: str | None = None
    """Of chat formats; None finds it by the tokenizer."""
    backend: str | None = None
    """The trainer that is wanted; None takes the configuration's."""


def read_config(path: Path) -> dict[str, Any]:
    """Return a training configuration, with its section `tracesmith` checked and the defaults filled in."""
    config = schemas.read_yaml(path)
    if not isinstance(config, dict) or not isinstance(config.get("tracesmith"), dict):
        raise InputError(f"{path}: no training configuration: the section 'tracesmith' is missing; see configs/train")
    ours = config["tracesmith"]
    if unknown := sorted(set(ours) - OURS):
        raise InputError(f"{path}: unknown key tracesmith.{unknown[0]}; known: {', '.join(sorted(OURS))}")
    if ours.get("backend") not in BACKENDS:
        raise InputError(f"{path}: key tracesmith.backend: wanted is one of {', '.join(BACKENDS)}")
    if ours["backend"] == "torchtune" and ours.get("recipe") not in RECIPES:
        raise InputError(f"{path}: key tracesmith.recipe: wanted is one of {', '.join(RECIPES)}")
    config["tracesmith"] = {**DEFAULTS, **ours}
    check_positive(config["tracesmith"]["keep_last"], f"{path}: key tracesmith.keep_last")
    return config


def check_positive(value: Any, where: str) -> int:
    """Return a whole number above 0. Raises InputError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{where}: wanted is a whole number above 0, this is {value!r}")
    return value


def render(config_path: Path, training: Training, output: Path) -> None:
    """Write the trainer's YAML and its sidecar."""
    config = read_config(config_path)
    ours = config["tracesmith"]
    if training.backend and training.backend != ours["backend"]:
        raise InputError(f"{config_path}: a configuration for {ours['backend']}, the backend is {training.backend}")
    max_seq_len = check_positive(
        ours.get("max_seq_len") if training.max_seq_len is None else training.max_seq_len, "max_seq_len"
    )
    model = base_models.read(training.base_model, training.family)
    count = sum(1 for _ in rows.read(training.rows))
    longest = model.config.get("max_position_embeddings", max_seq_len)
    if max_seq_len > longest:
        raise InputError(f"max_seq_len: {max_seq_len} tokens, the model {training.base_model} takes {longest}")
    if ours["backend"] == "torchtune":
        made = _torchtune(config, training, model, max_seq_len, count)
    else:
        made = _trl(config, training)
    section = {
        "backend": ours["backend"],
        "recipe": ours["recipe"],
        "run_id": training.run_id,
        "rows": str(training.rows),
        "base_model": str(training.base_model),
        "family": model.encoder.family.name,
        "max_seq_len": max_seq_len,
        "keep_last": ours["keep_last"],
        "gpus": training.gpus,
    }
    head = f"# Made by render_training_config from {config_path}. By hand, where .venv-{_name(ours)} is:\n"
    head += f"#     {by_hand(section, output)}\n"
    body = yaml.safe_dump({"tracesmith": section, **made}, sort_keys=False, width=120)
    files.write_bytes(output, (head + body).encode())
    inputs = {"config": config_path, "rows": training.rows, "base_model": training.base_model / "config.json"}
    made_by = summaries.made_by("render_training_config", FORMAT_VERSION, inputs, {"max_seq_len": max_seq_len})
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "rows": count})
    logger.info("rendered %s for %d rows, %s", output, count, section["recipe"])


def by_hand(section: dict[str, Any], path: Path) -> str:
    """Return the command that trains without tracesmith."""
    if section["backend"] == "trl":
        return f".venv-trl/bin/python scripts/tracesmith/training/trl_trainer.py {path}"
    devices = f"--nproc_per_node {section['gpus']} " if RECIPES[section["recipe"]] else ""
    return f".venv-training/bin/tune run {devices}{section['recipe']} --config {path}"


def _name(ours: dict[str, Any]) -> str:
    return "trl" if ours["backend"] == "trl" else "training"


def steps_of_epoch(count: int, config: dict[str, Any]) -> int:
    """Return the optimizer's steps of one epoch: what does not fill one up is left out."""
    ours = config.get("tracesmith", {})
    processes = max(1, ours.get("gpus", 0)) if RECIPES.get(ours.get("recipe", ""), False) else 1
    batches = count // processes // check_positive(config.get("batch_size"), "key batch_size")
    accumulated = check_positive(config.get("gradient_accumulation_steps", 1), "key gradient_accumulation_steps")
    return batches // accumulated


def _torchtune(
    config: dict[str, Any], training: Training, model: BaseModel, max_seq_len: int, count: int
) -> dict[str, Any]:
    ours = config["tracesmith"]
    made = {key: value for key, value in config.items() if key != "tracesmith"}
    lora = ours["recipe"].startswith("lora")
    sizes = base_models.torchtune_sizes(model)
    builder = BUILDERS[model.config["model_type"], lora]
    made["output_dir"] = f"outputs/{training.run_id}/torchtune"
    made["model"] = {"_component_": builder, **sizes, **(config.get("model") or {})}
    made["tokenizer"] = {
        "_component_": f"{COMPONENTS}.chat_tokenizer",
        "path": str(model.encoder.path),
        "family": model.encoder.family.name,
        "max_seq_len": max_seq_len,
    }
    made["checkpointer"] = {
        "_component_": f"{COMPONENTS}.checkpointer",
        "checkpoint_dir": str(model.folder),
        "checkpoint_files": model.shards,
        "recipe_checkpoint": None,
        "output_dir": "${output_dir}",
        "model_type": base_models.TORCHTUNE_TYPES[model.config["model_type"]],
        "keep_last": ours["keep_last"],
    }
    made["resume_from_checkpoint"] = False
    packed = bool(ours.get("packed", False))
    made["dataset"] = {
        "_component_": f"{COMPONENTS}.rows_dataset",
        "data_files": str(training.rows),
        "packed": packed,
    }
    made["metric_logger"] = {"_component_": f"{COMPONENTS}.metrics", "log_dir": "${output_dir}/logs"}
    if also := config.get("metric_logger"):
        own = {"name": training.run_id, "log_dir": "${output_dir}"} if "WandB" in str(also.get("_component_")) else {}
        made["metric_logger"]["also"] = {**own, **also}
    if made.get("max_steps_per_epoch") is None and not packed:
        # Without a number, torchtune carries the rows left over into the next epoch's first step, unless it is resumed.
        steps = steps_of_epoch(count, {**made, "tracesmith": {**ours, "gpus": training.gpus}})
        made["max_steps_per_epoch"] = steps or None
    return made


def _trl(config: dict[str, Any], training: Training) -> dict[str, Any]:
    made = {key: value for key, value in config.items() if key != "tracesmith"}
    made["output_dir"] = f"outputs/{training.run_id}/trl"
    made["run_name"] = training.run_id
    return made
