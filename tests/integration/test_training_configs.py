"""Configurations for GPUs, rendered for real models' sizes: torchtune takes them, short of the GPU itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import workflows
from training_models import talk, training_python, write_model, write_rows

pytestmark = pytest.mark.train
QWEN = {
    "model_type": "qwen2",
    "vocab_size": 152064,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "tie_word_embeddings": False,
}
SIZES = {
    "7b": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28}
    | {"num_key_value_heads": 4},
    "32b": {"hidden_size": 5120, "intermediate_size": 27648, "num_hidden_layers": 64, "num_attention_heads": 40}
    | {"num_key_value_heads": 8},
}
"""Of Qwen2.5-Coder-7B-Instruct and -32B-Instruct, as their config.json says them."""
WEIGHTS = {"7b": 7_615_616_512, "32b": 32_763_876_352}
"""As the hub counts them."""
CONFIGS = {path.stem: path for path in (workflows.ROOT / "configs/train").glob("*.yml") if "_qwen_" in path.name}


def size_of(name: str) -> str:
    return next(size for size in ("32b", "7b") if f"_{size}_" in name)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What torchtune makes of each configuration, all in one process."""
    folder = tmp_path_factory.mktemp("configs")
    write_rows(folder / "rows.jsonl", *(talk(number) for number in range(64)))
    for size, numbers in SIZES.items():
        write_model(folder / size)
        (folder / size / "config.json").write_text(json.dumps(QWEN | numbers))
    for name, path in CONFIGS.items():
        gpus = 1 if "single" in name else 8
        given = ("--rows", "rows.jsonl", "--base-model", size_of(name), "--gpus", gpus, "--run-id", "run")
        command = [sys.executable, workflows.SCRIPTS / "render_training_config.py", path, *map(str, given)]
        subprocess.run([*command, "--output", f"{name}.yaml"], cwd=folder, check=True, capture_output=True)
    probe = Path(__file__).parents[1] / "training_probe.py"
    probing = [training_python(), probe, *(f"{name}.yaml" for name in CONFIGS)]
    environment = {"PYTHONPATH": str(workflows.SCRIPTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(probing, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(CONFIGS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", CONFIGS)
def test_torchtune_takes_a_configuration_for_gpus(found: dict[str, dict[str, Any]], name: str) -> None:
    about = found[name]
    adapters = about["trained"] if name.startswith("lora") else 0
    assert about["weights"] - adapters == WEIGHTS[size_of(name)]
    assert about["trained"] == about["weights"] or 0 < adapters < about["weights"] / 50
    assert about["missing"] == []
    assert about["loss"] == "CEWithChunkedOutputLoss"
