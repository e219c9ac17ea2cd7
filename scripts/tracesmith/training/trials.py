"""
A trained model beside its base: how the agent asks each of them, and what came of it.

The agent's requests have a seed that is made of the model's files, so that nothing that another checkpoint answered is
taken for an answer of this one, at whatever server it stands.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tracesmith import files, records, schemas, summaries
from tracesmith.errors import InputError
from tracesmith.training import base_models

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
CHECKPOINTS = {"type": "object", "additionalProperties": {"type": "object"}}
MANIFEST = {
    "type": "object",
    "required": ["run_id", "checkpoint", "checkpoints"],
    "properties": {"run_id": {"type": "string"}, "checkpoint": {"type": "string"}, "checkpoints": CHECKPOINTS},
}
STEPS = {"type": "array", "items": {"type": "object", "properties": {"action": {"type": "string"}}}}
TRAJECTORY = {
    "type": "object",
    "required": ["trajectory", "info"],
    "properties": {"trajectory": STEPS, "info": {"type": "object", "required": ["exit_status"]}},
}


@dataclass(frozen=True)
class Trial:
    """What a run with one of the two models left."""

    predictions: Path
    report: Path


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a training. Raises InputError for another file."""
    value = files.read_json(path)
    schemas.check(value, MANIFEST, str(path))
    if value["checkpoint"] not in value["checkpoints"]:
        raise InputError(f"{path}: the key 'checkpoint' names {value['checkpoint']!r}, which is not in 'checkpoints'")
    return dict(value)


def folder_of(model: Path) -> Path:
    """Return the folder of a model that is named by it, by its config.json or by the manifest of its training."""
    if model.is_dir():
        return model
    if model.name == "config.json":
        return model.parent
    return model.parent / str(read_manifest(model)["checkpoint"])


def render_agent_config(config: Path, model: Path, output: Path) -> None:
    """Write an agent's configuration whose requests have a seed of these weights alone."""
    value = schemas.read_yaml(config)
    schemas.check(value, schemas.read_schema("agent"), str(config))
    weights = base_models.read(folder_of(model)).hashes()
    parameters = value.get("parameters", {})
    seed = int(files.digest({"weights": weights, "seed": parameters.get("seed")})[:7], 16)
    value["parameters"] = {**parameters, "seed": seed}
    value.pop("model", None)
    head = f"# Made by render_agent_config from {config}.\n"
    body = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
    files.write_bytes(output, (head + body).encode())


def compare(manifest: Path, dataset: Path, base: Trial, tuned: Trial, output: Path) -> None:
    """Write what both models did with the same instances. Raises InputError when they had not the same."""
    about = read_manifest(manifest)
    known = {instance["instance_id"] for instance in records.read_instances(dataset)}
    sides = {"base": _each(base, known, dataset), "tuned": _each(tuned, known, dataset)}
    if apart := sorted(set(sides["base"]) ^ set(sides["tuned"])):
        raise InputError(f"{tuned.predictions}: only one of the two models was tried on {apart[0]}")
    models = {side: _summary(each) for side, each in sides.items()}
    won = {side: {name for name, one in each.items() if one["resolved"]} for side, each in sides.items()}
    inputs = {"manifest": manifest, "dataset": dataset}
    inputs |= {"base": base.predictions, "base_report": base.report}
    inputs |= {"tuned": tuned.predictions, "tuned_report": tuned.report}
    report = {
        "made_by": summaries.made_by("evaluate_model", FORMAT_VERSION, inputs, {}),
        "run_id": about["run_id"],
        "checkpoint": about["checkpoint"],
        "instances": len(sides["base"]),
        "models": models,
        "gained": sorted(won["tuned"] - won["base"]),
        "lost": sorted(won["base"] - won["tuned"]),
        "each": [
            {"instance_id": name, **{side: each[name] for side, each in sides.items()}}
            for name in sorted(sides["base"])
        ],
    }
    files.write_json(output, report)
    for side, found in models.items():
        rates = (found["valid_actions"], found["answers"], found["resolved"], len(sides[side]))
        logger.info("%s: %d of %d answers had a valid action, %d of %d instances resolved", side, *rates)


def _each(trial: Trial, known: set[str], dataset: Path) -> dict[str, dict[str, Any]]:
    """Return what a model did with each instance."""
    predictions = records.read_predictions(trial.predictions)
    records.check_known(predictions, known, str(trial.predictions), str(dataset))
    report = records.read_run_report(trial.report)
    graded = {*report["ids_resolved"], *report["ids_unresolved"]}
    if missing := sorted(set(predictions) - graded):
        raise InputError(f"{trial.report}: the prediction of {missing[0]} has no grade: evaluate the predictions again")
    found = {}
    for name in sorted(predictions):
        path = trial.predictions.parent / name / f"{name}.traj"
        trajectory = files.read_json(path)
        schemas.check(trajectory, TRAJECTORY, str(path))
        steps, info = trajectory["trajectory"], trajectory["info"]
        stats = info.get("model_stats") or {}
        found[name] = {
            "resolved": name in report["ids_resolved"],
            "exit_status": info["exit_status"],
            "empty_patch": not predictions[name]["model_patch"],
            "answers": len(steps),
            "valid_actions": sum(bool(step.get("action")) for step in steps),
            "tokens_read": stats.get("tokens_sent", 0),
            "tokens_written": stats.get("tokens_received", 0),
            "cost_usd": stats.get("instance_cost", 0),
        }
    return found


def _summary(each: dict[str, dict[str, Any]]) -> dict[str, Any]:
    total = {key: sum(one[key] for one in each.values()) for key in ("answers", "valid_actions", "resolved")}
    more = {key: sum(one[key] for one in each.values()) for key in ("tokens_read", "tokens_written", "cost_usd")}
    return {
        **total,
        "valid_action_rate": round(total["valid_actions"] / total["answers"], 6) if total["answers"] else None,
        "resolve_rate": round(total["resolved"] / len(each), 6) if each else None,
        "empty_patches": sum(one["empty_patch"] for one in each.values()),
        "exit_statuses": dict(sorted(Counter(str(one["exit_status"]) for one in each.values()).items())),
        **{**more, "cost_usd": round(more["cost_usd"], 8)},
    }
