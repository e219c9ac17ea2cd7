"""Training through the real `tune run`, on a tiny Qwen2.5: it ends in a checkpoint, whatever interrupts it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import workflows
from training_models import talk, training_python, write_rows

pytestmark = pytest.mark.train
SCRIPTS = workflows.SCRIPTS
CONFIG = workflows.ROOT / "configs" / "train" / "tiny_cpu.yml"
LORA = {"lora_attn_modules": ["q_proj", "v_proj"], "apply_lora_to_mlp": True, "lora_rank": 4, "lora_alpha": 8}


def script(name: str, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPTS / name, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)


def finetune_command(folder: Path, backend: str = "training") -> list[str]:
    given = [folder / "torchtune.yaml", "--python", training_python(backend), "--output", folder / "out/manifest.json"]
    return [sys.executable, str(SCRIPTS / "finetune.py"), *map(str, given)]


def render(folder: Path, **changed: Any) -> None:
    """Write rows (five batches of two, so that one is left over), a model and a rendered configuration."""
    write_rows(folder / "rows.jsonl", *(talk(number) for number in range(10)))
    made = script("make_tiny_model.py", folder, "rows.jsonl", "--output", "model")
    assert made.returncode == 0, made.stderr
    config = yaml.safe_load(CONFIG.read_text()) | changed
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    given = ("--rows", "rows.jsonl", "--base-model", "model", "--run-id", "run", "--output", "torchtune.yaml")
    rendered = script("render_training_config.py", folder, "config.yml", *given)
    assert rendered.returncode == 0, rendered.stderr


def train(folder: Path, backend: str = "training") -> dict[str, Any]:
    done = subprocess.run(
        finetune_command(folder, backend), cwd=folder, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stderr
    (folder / "finetune.log").write_text(done.stderr)
    manifest: dict[str, Any] = json.loads((folder / "out/manifest.json").read_text())
    return manifest


def train_and_kill(folder: Path, after: str, backend: str = "training") -> None:
    """Start a training and kill it, with all that it started, when a file is there."""
    process = subprocess.Popen(finetune_command(folder, backend), cwd=folder, stderr=subprocess.DEVNULL, text=True)
    workflows.wait_for((folder / after).exists, timeout_s=600)
    workflows.kill_tree(process)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("trained")
    render(folder)
    return folder, train(folder)


def test_the_loss_falls_and_the_manifest_tells_all(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = trained
    steps = len(manifest["loss"]["each"])
    assert f"step {steps} of {steps}, loss" in (folder / "finetune.log").read_text()
    losses = manifest["loss"]["each"]
    assert len(losses) == manifest["steps"] == 6
    assert losses[-1] < losses[0] - 0.5
    assert manifest["masks"]["turns"] == 20
    assert manifest["loaded"]["generated"]
    curves = json.loads((folder / "out/curves.json").read_text())["steps"]
    assert {"step", "loss", "lr", "tokens_per_second_per_gpu", "peak_rss_gb"} <= set(curves[0])


def test_the_last_checkpoints_are_published_whole(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = trained
    assert sorted(path.name for path in (folder / "out").glob("epoch_*")) == ["epoch_1", "epoch_2"]
    assert manifest["checkpoint"] == "epoch_2"
    wanted = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    assert wanted <= set(manifest["checkpoints"]["epoch_2"])
    assert not list((folder / "out/.work").glob("epoch_*"))


def test_a_rendered_configuration_runs_by_hand(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = trained
    tune = training_python().with_name("tune")
    command = [tune, "run", "full_finetune_single_device", "--config", "torchtune.yaml", "epochs=1"]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "outputs/run/torchtune/epoch_0/whole.json").is_file()


@pytest.mark.parametrize("after", ["out/.work/epoch_0/whole.json", "out/.work/epoch_1"])
def test_a_killed_training_ends_in_the_same_bytes(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path, after: str
) -> None:
    source, manifest = trained
    for name in ("rows.jsonl", "model", "torchtune.yaml"):
        subprocess.run(["cp", "-a", source / name, tmp_path / name], check=True)
    train_and_kill(tmp_path, after)
    assert not (tmp_path / "out/manifest.json").exists()
    resumed = train(tmp_path)
    assert resumed["checkpoints"]["epoch_2"] == manifest["checkpoints"]["epoch_2"]
    assert resumed["loss"] == manifest["loss"]


def test_a_finished_training_trains_nothing_again(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = trained
    log = (folder / "out/.work/trainer.log").stat().st_size
    (folder / "out/manifest.json").unlink()
    again = train(folder)
    assert {**again, "made_by": None} == {**manifest, "made_by": None}
    assert (folder / "out/.work/trainer.log").stat().st_size == log


def test_tensorboard_has_the_values_of_the_curves(tmp_path: Path) -> None:
    logger = "torchtune.training.metric_logging.TensorBoardLogger"
    also = {"_component_": logger, "log_dir": "${output_dir}/tensorboard", "organize_logs": False}
    render(tmp_path, metric_logger=also, epochs=1)
    train(tmp_path)
    code = (
        "import json, sys; from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as E;"
        "from tensorboard.util.tensor_util import make_ndarray as read;"
        "found = E(sys.argv[1]); found.Reload();"
        "each = {tag: [float(read(one.tensor_proto)) for one in found.Tensors(tag)] for tag in ('loss', 'lr')};"
        "print(json.dumps(each))"
    )
    command = [training_python(), "-c", code, tmp_path / "out/.work/tensorboard"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    curves = json.loads((tmp_path / "out/curves.json").read_text())["steps"]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert len(curves) == 2
    for name, values in seen.items():
        assert values == pytest.approx([step[name] for step in curves])


def test_wandb_ends_at_the_values_of_the_curves(tmp_path: Path) -> None:
    logger = "torchtune.training.metric_logging.WandBLogger"
    render(tmp_path, metric_logger={"_component_": logger, "mode": "offline"}, epochs=1)
    train(tmp_path)
    assert list((tmp_path / "out/.work/wandb").glob("offline-run-*/run-*.wandb"))
    last = json.loads((tmp_path / "out/curves.json").read_text())["steps"][-1]
    summary = (tmp_path / "out/.work/trainer.log").read_text().rpartition("Run summary:")[2]
    seen = {name: float(value) for name, value in re.findall(r"wandb: +(\w+) ([\d.]+)", summary)}
    assert seen["global_step"] == 2
    for name in ("loss", "lr", "grad_norm"):
        assert seen[name] == pytest.approx(last[name], rel=1e-4)


def test_adapters_are_trained_and_begun_anew_after_a_kill(tmp_path: Path) -> None:
    section = {"backend": "torchtune", "recipe": "lora_finetune_single_device", "max_seq_len": 4096, "keep_last": 1}
    config = yaml.safe_load(CONFIG.read_text())
    render(tmp_path, tracesmith=section, model=LORA, optimizer={**config["optimizer"], "lr": 0.02})
    whole = train(tmp_path)
    assert "adapter_model.safetensors" in whole["checkpoints"]["epoch_2"]
    shutil.rmtree(tmp_path / "out")
    train_and_kill(tmp_path, "out/.work/epoch_1/whole.json")
    resumed = train(tmp_path)
    assert resumed["checkpoints"] == whole["checkpoints"]
    assert resumed["steps"] == 6
    assert list(whole["checkpoints"]) == ["epoch_2"]


@pytest.mark.trl
def test_trl_learns_the_same_and_ends_in_the_same_bytes(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    for name in ("rows.jsonl", "model"):
        subprocess.run(["cp", "-a", trained[0] / name, tmp_path / name], check=True)
    config = workflows.ROOT / "configs" / "train" / "trl_tiny_cpu.yml"
    given = ("--rows", "rows.jsonl", "--base-model", "model", "--run-id", "run", "--output", "torchtune.yaml")
    assert script("render_training_config.py", tmp_path, config, *given).returncode == 0
    whole = train(tmp_path, "trl")
    assert whole["masks"] == trained[1]["masks"]
    assert whole["loss"]["first"] == pytest.approx(trained[1]["loss"]["first"], abs=0.05)
    assert whole["loss"]["last"] < whole["loss"]["first"] - 0.5
    shutil.rmtree(tmp_path / "out")
    train_and_kill(tmp_path, "out/.work/epoch_1/whole.json", "trl")
    assert train(tmp_path, "trl")["checkpoints"]["epoch_2"] == whole["checkpoints"]["epoch_2"]


def test_a_loss_that_is_no_number_is_a_failure(tmp_path: Path) -> None:
    config = yaml.safe_load(CONFIG.read_text())
    render(tmp_path, optimizer={**config["optimizer"], "lr": 1.0e30}, clip_grad_norm=None, lr_scheduler=None)
    done = subprocess.run(finetune_command(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FloatingPointError" in done.stderr and "is nan" in done.stderr
    assert not (tmp_path / "out/manifest.json").exists()
    assert not list((tmp_path / "out").glob("epoch_*"))
