"""The doctor's lines about a training: one for the environment, the base model, the device and the disk."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import workflows
from tracesmith import configuration
from tracesmith.training import readiness
from training_models import training_python, write_model

GPUS = "configs/train/full_ft_qwen_7b_local.yml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a base model."""
    monkeypatch.chdir(tmp_path)
    workflows.make_folder(tmp_path)
    write_model(tmp_path / "model")
    return tmp_path


def look(folder: Path, python: Path, **training: Any) -> list[readiness.Line]:
    config = workflows.read_config(folder)
    config["environments"] = {"training": {"python": str(python)}}
    config["runs"] = {"mine": {"repo": "tiny", "training": training}, "other": {"repo": "tiny"}}
    workflows.write_config(folder, config)
    read = configuration.read([folder / "config.yaml"], {})
    assert readiness.trained(read, None) == ["mine"]
    return readiness.look(read, ["mine"])


def test_an_environment_that_is_not_there_is_told_with_its_remedy(folder: Path) -> None:
    found = look(folder, folder / "no/python", base_model="model")
    assert [is_there for is_there, _ in found] == [False, True, True]
    assert found[0][1].endswith("no such Python; `make training` makes the environment")
    assert found[1][1] == "training of mine: model is whole: 1 million weights, a tokenizer of the family qwen2.5"
    assert found[2][1] == "training of mine: its checkpoints fit on the disk of outputs/mine"


def test_a_base_model_with_a_file_missing_and_a_configuration_that_is_none_are_told(folder: Path) -> None:
    (folder / "model/model.safetensors").unlink()
    (is_there, said) = look(folder, folder / "no/python", base_model="model")[1]
    assert not is_there and "model.safetensors: this file of weights is missing" in said
    (folder / "train.yml").write_text(yaml.safe_dump({"device": "cpu"}))
    ((is_there, said),) = look(folder, folder / "no/python", config="train.yml")
    assert not is_there and "the section 'tracesmith' is missing" in said


@pytest.mark.train
def test_a_training_on_the_cpu_can_begin_and_one_on_gpus_cannot_without_them(folder: Path) -> None:
    found = look(folder, training_python(), base_model="model")
    assert all(is_there for is_there, _ in found)
    assert "has torchtune 0.6.1, torch 2." in found[0][1]
    assert found[2][1] == "training of mine: on the CPU"
    found = look(folder, training_python(), config=GPUS, gpus=8)
    assert [is_there for is_there, _ in found] == [True, False]
    assert "device cuda with 8 GPUs is asked for, this machine shows" in found[1][1]
