"""Rendering and training over broken inputs: exit code 2, one line that names what is wrong, and nothing written."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import workflows
from tracesmith.errors import InputError
from tracesmith.training import base_models, checking, rendering
from training_models import talk, write_model, write_rows

CONFIGS = sorted((workflows.ROOT / "configs" / "train").glob("*.yml"))
TINY = workflows.ROOT / "configs" / "train" / "tiny_cpu.yml"


def run(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(workflows.SCRIPTS / name), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def render(folder: Path, *more: str, config: Path = TINY) -> subprocess.CompletedProcess[str]:
    given = ["--rows", "rows.jsonl", "--base-model", "model", "--run-id", "run", "--output", "out/torchtune.yaml"]
    return run(folder, "render_training_config.py", str(config), *given, *more)


def finetune(folder: Path) -> subprocess.CompletedProcess[str]:
    given = ["--python", "no/bin/python", "--output", "outputs/run/manifest.json"]
    return run(folder, "finetune.py", "out/torchtune.yaml", *given)


def check_refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if "INFO" not in line]
    assert len(errors) == 1 and errors[0].startswith("error: "), done.stderr
    for words in said:
        assert words in errors[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rows and a whole model."""
    write_rows(tmp_path / "rows.jsonl", *(talk(number) for number in range(4)))
    made = run(tmp_path, "make_tiny_model.py", "rows.jsonl", "--output", "model")
    assert made.returncode == 0, made.stderr
    return tmp_path


def change_json(path: Path, **changed: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def shard(folder: Path) -> None:
    """Split the weights' name in an index that also names a file that is not there."""
    index = {
        "weight_map": {"model.norm.weight": "model.safetensors", "lm_head.weight": "model-00002-of-00002.safetensors"}
    }
    (folder / "model/model.safetensors.index.json").write_text(json.dumps(index))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


MODELS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "shard missing": (shard, "model-00002-of-00002.safetensors: this file of weights is missing"),
    "weights cut": (lambda at: cut(at / "model/model.safetensors"), "bytes,"),
    "weights missing": (
        lambda at: (at / "model/model.safetensors").unlink(),
        "model.safetensors: this file of weights",
    ),
    "no config": (lambda at: (at / "model/config.json").unlink(), "config.json: no such file"),
    "config of nothing": (lambda at: (at / "model/config.json").write_text("{}"), "the key 'model_type' is missing"),
    "no tokenizer": (lambda at: (at / "model/tokenizer.json").unlink(), "tokenizer.json: no such file"),
    "tokenizer of nothing": (
        lambda at: (at / "model/tokenizer.json").write_text("{}"),
        "no tokenizer that can be read",
    ),
    "tokenizer too large": (lambda at: change_json(at / "model/config.json", vocab_size=100), "is another model's"),
    "no template": (lambda at: change_json(at / "model/tokenizer_config.json", chat_template=None), "no chat template"),
    "broken template": (
        lambda at: change_json(at / "model/tokenizer_config.json", chat_template="{% if"),
        "cannot be read",
    ),
    "qwen3": (lambda at: change_json(at / "model/config.json", model_type="qwen3"), "the backend trl can any"),
    "scaled rope": (lambda at: change_json(at / "model/config.json", rope_scaling={"type": "yarn"}), "rope_scaling"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_broken_model_is_refused_when_the_configuration_is_rendered(folder: Path, kind: str) -> None:
    change, said = MODELS[kind]
    change(folder)
    check_refused(render(folder), said)
    assert not (folder / "out").exists()


ROWS: dict[str, tuple[Any, str]] = {
    "no messages": ({"text": "x"}, "line 2: a row needs the key 'messages'"),
    "empty messages": ({"messages": []}, "line 2: a row needs the key 'messages'"),
    "no content": (
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": None}]},
        "message 1",
    ),
    "parts": ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, "has to be text"),
    "unknown role": ({"messages": [{"role": "banana", "content": "a"}]}, "a message needs a role"),
    "half a pair": ({"messages": [{"role": "user", "content": "\ud800"}]}, "surrogate"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_broken_row_is_refused_by_its_line(folder: Path, kind: str) -> None:
    row, said = ROWS[kind]
    (folder / "rows.jsonl").write_text(f"{json.dumps({'messages': talk()})}\n{json.dumps(row)}\n")
    check_refused(render(folder), "rows.jsonl line 2", said)
    check_refused(run(folder, "make_tiny_model.py", "rows.jsonl", "--output", "out/tiny"), "rows.jsonl line 2", said)
    assert not (folder / "out").exists()


ORDERS: dict[str, tuple[list[str], str]] = {
    "ends with user": (["user", "assistant", "user"], "the last message is not the assistant's"),
    "two users": (["user", "user", "assistant"], "message 1: the role is 'user' where 'assistant' has to stand"),
    "assistant first": (["assistant", "user", "assistant"], "message 0: the role is 'assistant'"),
    "tool": (["user", "assistant", "tool", "assistant"], "message 2: the role is 'tool'"),
    "system later": (["user", "system", "assistant"], "message 1: the role is 'system'"),
    "no assistant": (["system"], "the last message is not the assistant's"),
}


@pytest.mark.parametrize("kind", ORDERS)
def test_roles_out_of_order_are_refused_before_the_trainer_is_asked(folder: Path, kind: str) -> None:
    roles, said = ORDERS[kind]
    assert render(folder).returncode == 0
    write_rows(folder / "rows.jsonl", talk(), [{"role": role, "content": "text"} for role in roles])
    check_refused(finetune(folder), "rows.jsonl line 2", said)
    assert not (folder / "outputs").exists()


def test_empty_rows_are_refused(folder: Path) -> None:
    (folder / "rows.jsonl").write_text("\n")
    check_refused(render(folder), "rows.jsonl: the file is empty")
    check_refused(run(folder, "make_tiny_model.py", "rows.jsonl", "--output", "out/tiny"), "the file is empty")
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--max-seq-len", "0"), "max_seq_len: wanted is a whole number above 0, this is 0"),
        (("--max-seq-len", "999999"), "max_seq_len: 999999 tokens, the model model takes 32768"),
        (("--family", "alpaca"), "unknown family 'alpaca' of chat templates; known: chatml, llama3, qwen2.5, qwen3"),
        (("--family", "llama3"), "the tokenizer is none of the family llama3"),
        (("--base-model", "nowhere"), "nowhere: no such folder"),
        (("--backend", "trl"), "a configuration for torchtune, the backend is trl"),
    ],
)
def test_wrong_wishes_are_refused(folder: Path, more: tuple[str, ...], said: str) -> None:
    check_refused(render(folder, *more), said)
    assert not (folder / "out").exists()


def test_too_few_rows_for_a_step_are_refused(folder: Path) -> None:
    write_rows(folder / "rows.jsonl", talk())
    assert render(folder).returncode == 0
    check_refused(finetune(folder), "1 rows are not one step of batch_size 2 times gradient_accumulation_steps 2")


def test_a_row_that_is_too_long_is_refused(folder: Path) -> None:
    assert render(folder, "--max-seq-len", "20").returncode == 0
    check_refused(finetune(folder), "rows.jsonl line 1", "max_seq_len is 20; nothing is cut")


def test_a_missing_environment_names_its_make_target(folder: Path) -> None:
    assert render(folder).returncode == 0
    check_refused(finetune(folder), "no such Python", "`make training`")
    assert not (folder / "outputs").exists()


def test_a_yaml_of_somebody_else_is_refused(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out/torchtune.yaml").write_text("output_dir: x\n")
    check_refused(finetune(folder), "no section 'tracesmith'; render_training_config.py writes this file")


def set_key(folder: Path, key: str, value: Any) -> None:
    path = folder / "out/torchtune.yaml"
    config = yaml.safe_load(path.read_text())
    config["tracesmith"][key] = value
    path.write_text(yaml.safe_dump(config))


AFTER_RENDERING: dict[str, tuple[Callable[[Path], Any], str]] = {
    "rows emptied": (lambda at: (at / "rows.jsonl").write_text(""), "rows.jsonl: the file is empty"),
    "rows gone": (lambda at: (at / "rows.jsonl").unlink(), "rows.jsonl: no such file"),
    "shard missing": (shard, "model-00002-of-00002.safetensors: this file of weights is missing"),
    "length 0": (lambda at: set_key(at, "max_seq_len", 0), "wanted is a whole number above 0, this is 0"),
    "length of words": (lambda at: set_key(at, "max_seq_len", "many"), "above 0, this is 'many'"),
    "family of nobody": (lambda at: set_key(at, "family", "alpaca"), "unknown family 'alpaca'"),
    "tokenizer of another family": (lambda at: set_key(at, "family", "qwen3"), "is none of the family qwen3"),
    "another template": (
        lambda at: change_json(at / "model/tokenizer_config.json", chat_template="{{ messages[0].content }}"),
        "the chat template is not that of qwen2.5",
    ),
    "not YAML": (lambda at: (at / "out/torchtune.yaml").write_text("{"), "out/torchtune.yaml"),
}


@pytest.mark.parametrize("kind", AFTER_RENDERING)
def test_what_broke_after_rendering_is_refused_before_the_trainer_is_asked(folder: Path, kind: str) -> None:
    assert render(folder).returncode == 0
    change, said = AFTER_RENDERING[kind]
    change(folder)
    check_refused(finetune(folder), said)
    assert not (folder / "outputs").exists()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_renders(folder: Path, config: Path) -> None:
    done = render(folder, "--gpus", "8", "--max-seq-len", "4096", config=config)
    assert done.returncode == 0, done.stderr
    made = yaml.safe_load((folder / "out/torchtune.yaml").read_text())
    assert made["tracesmith"]["rows"] == "rows.jsonl"
    if made["tracesmith"]["backend"] == "torchtune":
        assert made["checkpointer"]["checkpoint_files"] == ["model.safetensors"]
        assert made["model"]["num_layers"] == 2


def rendered(folder: Path, config: str) -> tuple[dict[str, Any], base_models.BaseModel]:
    path = workflows.ROOT / "configs" / "train" / config
    assert render(folder, "--gpus", "8", "--max-seq-len", "4096", config=path).returncode == 0
    return checking.read_rendered(folder / "out/torchtune.yaml"), base_models.read(folder / "model")


def test_gpus_that_are_not_there_or_too_small_are_refused(folder: Path) -> None:
    config, model = rendered(folder, "full_ft_qwen_7b_local.yml")
    checking.check_devices(Path("x.yaml"), config, model, [80 * checking.GIB] * 8)
    for memory, said in (
        ([], "this machine shows 0"),
        ([1] * 4, "this machine shows 4"),
        ([1] * 8, "before activations"),
    ):
        with pytest.raises(InputError, match=said):
            checking.check_devices(Path("x.yaml"), config, model, memory)
    config["tracesmith"]["gpus"] = 0
    with pytest.raises(InputError, match="needs GPUs"):
        checking.check_devices(Path("x.yaml"), config, model, [])


def test_a_logger_that_is_not_installed_is_refused() -> None:
    wandb = {"_component_": "torchtune.training.metric_logging.WandBLogger"}
    for config in ({"metric_logger": wandb}, {"metric_logger": {"_component_": "ours", "also": wandb}}):
        checking.check_logger(TINY, config, ["wandb"])
        with pytest.raises(InputError, match=r"WandBLogger needs wandb"):
            checking.check_logger(TINY, config, ["tensorboard"])
    checking.check_logger(TINY, {}, [])


def test_a_full_disk_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, model = rendered(folder, "tiny_cpu.yml")
    checking.check_disk(config, model, folder)
    config["tracesmith"]["keep_last"] = 10**9
    with pytest.raises(InputError, match="lower keep_last"):
        checking.check_disk(config, model, folder)


def test_the_steps_of_an_epoch_are_what_the_rows_fill(folder: Path) -> None:
    config, _ = rendered(folder, "full_ft_qwen_7b_local.yml")
    assert rendering.steps_of_epoch(100, config) == 3
    assert rendering.steps_of_epoch(31, config) == 0


def test_a_model_is_not_made_over_another(folder: Path) -> None:
    check_refused(run(folder, "make_tiny_model.py", "rows.jsonl", "--output", "model"), "model: it exists already")


def test_a_model_of_another_family_is_no_trouble_for_the_checks(tmp_path: Path) -> None:
    model = base_models.read(write_model(tmp_path / "model", "llama3"))
    assert model.parameters == 918656
