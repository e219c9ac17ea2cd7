"""A model's folder as the Hugging Face hub has it: whether it is whole, and its sizes in a trainer's words."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.encoding import Encoder
from tracesmith.errors import InputError
from tracesmith.training.masks import Template

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
TORCHTUNE_TYPES = {"qwen2": "QWEN2", "llama": "LLAMA3_2"}
"""Names of config.json that torchtune 0.6.1 can train here, with its own; qwen3 is not among them."""


@dataclass(frozen=True)
class BaseModel:
    """A folder that was looked through and is whole."""

    folder: Path
    config: dict[str, Any]
    shards: list[str]
    encoder: Encoder
    template: Template

    @property
    def parameters(self) -> int:
        """Return how many weights there are, by the headers of the files."""
        return sum(
            math.prod(entry["shape"])
            for shard in self.shards
            for name, entry in _header(self.folder / shard).items()
            if name != "__metadata__"
        )

    @property
    def size(self) -> int:
        """Return the bytes of the weights."""
        return sum((self.folder / shard).stat().st_size for shard in self.shards)

    def hashes(self) -> dict[str, str]:
        """Return the sha256 of the files that determine a training."""
        names = ["config.json", "tokenizer.json", "tokenizer_config.json", *self.shards]
        return {name: files.digest_file(self.folder / name) for name in names}


def read(folder: Path, family: str | None = None) -> BaseModel:
    """Return what a model's folder holds. Raises InputError for the first part that is missing or broken."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; the base model is a folder as the Hugging Face hub has it")
    config = _object(folder / "config.json")
    for key in ("model_type", "vocab_size", "hidden_size", "num_hidden_layers"):
        if key not in config:
            raise InputError(f"{folder / 'config.json'}: the key {key!r} is missing: no configuration of a model")
    shards = _shards(folder)
    encoder = Encoder(folder / "tokenizer.json", family)
    if encoder.size > config["vocab_size"]:
        raise InputError(
            f"{encoder.path}: {encoder.size} tokens, the model of config.json has {config['vocab_size']}: "
            "the tokenizer is another model's"
        )
    return BaseModel(folder, config, shards, encoder, _template(folder, encoder))


def _object(path: Path) -> dict[str, Any]:
    value = files.read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: an object is wanted")
    return value


def _shards(folder: Path) -> list[str]:
    index = folder / INDEX
    if index.is_file():
        weight_map = _object(index).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map:
            raise InputError(f"{index}: the key 'weight_map' names no files")
        names = sorted(set(map(str, weight_map.values())))
    else:
        weight_map, names = {}, [SINGLE]
    for name in names:
        if not (folder / name).is_file():
            remedy = f"{INDEX} names it: download it again" if weight_map else f"nor is there {INDEX}"
            raise InputError(f"{folder / name}: this file of weights is missing; {remedy}")
    held = {weight: name for name in names for weight in _header(folder / name)}
    for weight, name in weight_map.items():
        if held.get(weight) != name:
            raise InputError(f"{folder / name}: the weight {weight}, which {INDEX} names, is not in it")
    return names


def _header(path: Path) -> dict[str, Any]:
    """Return the header of a safetensors file: 8 bytes of length, then JSON; the file has to be as long as it says."""
    with path.open("rb") as data:
        length = int.from_bytes(data.read(8), "little")
        raw = data.read(length) if 0 < length < path.stat().st_size else b""
    try:
        header = files.parse_json(raw.decode("utf-8"), str(path))
        end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    except (InputError, UnicodeDecodeError, AttributeError, KeyError, TypeError, ValueError):
        raise InputError(f"{path}: no file of safetensors, or a part of one: download it again") from None
    if path.stat().st_size != 8 + length + end:
        raise InputError(f"{path}: {path.stat().st_size} bytes, {8 + length + end} are wanted: download it again")
    return dict(header)


def _template(folder: Path, encoder: Encoder) -> Template:
    path = folder / "tokenizer_config.json"
    settings = _object(path)
    source, own = settings.get("chat_template"), folder / "chat_template.jinja"
    if own.is_file():
        source, path = files.read_text(own), own
    if not isinstance(source, str) or not source:
        raise InputError(f"{path}: no chat template (key 'chat_template', or the file chat_template.jinja)")
    tokens = {key: settings.get(key) for key in ("bos_token", "eos_token", "pad_token")}
    plain = {key: value.get("content") if isinstance(value, dict) else value for key, value in tokens.items()}
    if encoder.family.opening and not plain["bos_token"]:
        plain["bos_token"] = encoder.family.opening
    return Template(source, path, {key: value or "" for key, value in plain.items()})


def torchtune_sizes(model: BaseModel) -> dict[str, Any]:
    """Return a model's sizes as torchtune's builders name them."""
    config = model.config
    _refuse_foreign(model)
    rope = config.get("rope_parameters") or {}
    sizes = {
        "vocab_size": config["vocab_size"],
        "num_layers": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "num_kv_heads": config.get("num_key_value_heads", config["num_attention_heads"]),
        "embed_dim": config["hidden_size"],
        "intermediate_dim": config["intermediate_size"],
        "max_seq_len": config["max_position_embeddings"],
        "norm_eps": float(config["rms_norm_eps"]),
        "rope_base": config.get("rope_theta") or rope.get("rope_theta") or 10_000.0,
        "tie_word_embeddings": bool(config.get("tie_word_embeddings", False)),
    }
    if config["model_type"] == "llama":
        sizes |= {"rope_base": int(sizes["rope_base"]), "scale_factor": 1}
    return sizes


def _refuse_foreign(model: BaseModel) -> None:
    """Raise InputError for a model that torchtune would train as something else, or not at all."""
    config, path = model.config, model.folder / "config.json"
    if config["model_type"] not in TORCHTUNE_TYPES:
        raise InputError(
            f"{path}: torchtune 0.6.1 cannot train the model_type {config['model_type']!r}; "
            f"it can {', '.join(TORCHTUNE_TYPES)}; the backend trl can any"
        )
    scaling = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if scaling.get("rope_type", scaling.get("type", "default")) != "default":
        raise InputError(f"{path}: torchtune 0.6.1 does not know this rope_scaling; use the backend trl")
