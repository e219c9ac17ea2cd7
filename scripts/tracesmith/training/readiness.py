"""What can be said of a training before its rows are there: environment, base model, device, disk; a line each."""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tracesmith.configuration import Configuration, Mix, Run, find_file
from tracesmith.errors import InputError
from tracesmith.training import base_models, checking, rendering
from tracesmith.training.base_models import BaseModel
from tracesmith.training.checking import GIB

Line = tuple[bool, str]
"""Whether it is as it has to be, and what was seen."""


def look(configuration: Configuration, run_ids: Iterable[str]) -> list[Line]:
    """Return what is found of the trainings of some runs, each line once."""
    found: list[Line] = []
    for run_id in run_ids:
        run = configuration.learner(run_id)
        found += _of_run(run_id, run, Path(configuration.trainer_python(run)))
    return list(dict.fromkeys(found))


def trained(configuration: Configuration, run_ids: Iterable[str] | None) -> list[str]:
    """Return those runs, of some or of all, that the configuration says how to train."""
    names = [*configuration.runs, *configuration.mixes] if run_ids is None else run_ids
    return [run_id for run_id in names if configuration.learner(run_id).is_trained]


@functools.cache
def _probe(python: Path, backend: str) -> dict[str, Any]:
    return checking.probe(python, backend)


def _of_run(run_id: str, run: Run | Mix, python: Path) -> Iterator[Line]:
    chosen = run.settings["training"]
    path = Path(find_file(chosen["config"]))
    try:
        config = rendering.read_config(path)
    except InputError as error:
        yield False, f"training of {run_id}: {error}"
        return
    config["tracesmith"]["gpus"] = chosen["gpus"]
    memory: list[int] | None = None
    try:
        found = _probe(python, chosen["backend"])
        memory = found["gpu_memory"]
        versions = ", ".join(f"{name} {found['versions'][name]}" for name in (chosen["backend"], "torch"))
        yield True, f"training: {python} has {versions}"
        checking.check_logger(path, config, found["optional"])
    except InputError as error:
        yield False, f"training: {error}"
    model = None
    if chosen["base_model"] != "tiny":
        try:
            model = base_models.read(Path(chosen["base_model"]))
            yield True, f"training of {run_id}: {model.folder} is whole: {_about(model)}"
        except InputError as error:
            yield False, f"training of {run_id}: base model: {error}"
            return
    if memory is not None:
        yield _devices(run_id, path, config, model, memory)
    if model:
        yield _disk(run_id, config, model)


def _about(model: BaseModel) -> str:
    return f"{model.parameters / 1e6:.0f} million weights, a tokenizer of the family {model.encoder.family.name}"


def _devices(run_id: str, path: Path, config: dict[str, Any], model: BaseModel | None, memory: list[int]) -> Line:
    try:
        checking.check_devices(path, config, model, memory)
    except InputError as error:
        return False, f"training of {run_id}: {error}"
    if config.get("device", "cpu" if config.get("use_cpu") else "cuda") == "cpu":
        return True, f"training of {run_id}: on the CPU"
    return True, f"training of {run_id}: {len(memory)} GPUs of {min(memory) / GIB:.0f} GiB"


def _disk(run_id: str, config: dict[str, Any], model: BaseModel) -> Line:
    folder = Path(f"outputs/{run_id}")
    try:
        checking.check_disk(config, model, folder)
    except InputError as error:
        return False, f"training of {run_id}: {error}"
    return True, f"training of {run_id}: its checkpoints fit on the disk of {folder}"
