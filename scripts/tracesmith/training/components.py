"""
What a rendered YAML names in the place of torchtune 0.6.1's own parts, and why.

chat_tokenizer   torchtune's drops a row's last label, cuts rows silently, and turns text into control tokens
rows_dataset     torchtune's trains the message before one without text, and takes stale data from a cache
checkpointer     torchtune's leaves half a checkpoint when it is killed, and saves weights that are not numbers
metrics          torchtune's DiskLogger, which ends a run whose loss is not a number

They run in the trainer's environment, which needs torch; the folder of this library has to be on its path.
"""

import json
import math
import os
import resource
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torchtune import training
from torchtune.training.metric_logging import DiskLogger

from tracesmith.encoding import Encoder
from tracesmith.training import rows

WHOLE = "whole.json"
"""Written last into an epoch's folder: what the epoch needs to be continued from is on disk."""
STATE = "recipe_state.pt"


class ChatTokenizer:
    """What torchtune asks of a tokenizer, for rows as for messages of its own."""

    def __init__(self, path: str, family: str, max_seq_len: int | None) -> None:
        self.encoder = Encoder(Path(path), family)
        self.max_seq_len = max_seq_len
        known = self.encoder.tokenizer.token_to_id
        pads = [known(name) for name in ("<|endoftext|>", "<|finetune_right_pad_id|>")]
        self.pad_id: int = next((pad for pad in pads if pad is not None), self.encoder.end[0])
        self.eos_id = self.encoder.end[0]

    def encode(self, text: str, **_: Any) -> list[int]:
        """Return the tokens of a text."""
        return self.encoder.text(text)

    def decode(self, token_ids: list[int], **_: Any) -> str:
        """Return the text of some tokens."""
        return self.encoder.decode(token_ids)

    def tokens_and_labels(self, messages: rows.Messages, where: str) -> dict[str, list[int]]:
        """Return what torchtune trains of a row. Raises ValueError for a row that is too long: nothing is cut."""
        encoded = self.encoder.encode(messages)
        if self.max_seq_len and len(encoded.tokens) > self.max_seq_len:
            raise ValueError(f"{where}: {len(encoded.tokens)} tokens, max_seq_len is {self.max_seq_len}")
        return {"tokens": encoded.tokens, "labels": encoded.labels}

    def tokenize_messages(self, messages: list[Any], **_: Any) -> tuple[list[int], list[bool]]:
        """Return tokens and mask (true is not learnt) of torchtune's messages."""
        plain = [{"role": message.role, "content": message.text_content} for message in messages]
        encoded = self.encoder.encode(plain)
        if self.max_seq_len and len(encoded.tokens) > self.max_seq_len:
            raise ValueError(f"a row has {len(encoded.tokens)} tokens, max_seq_len is {self.max_seq_len}")
        return encoded.tokens, [not learnt for learnt in encoded.learnt]

    def __call__(self, sample: dict[str, Any], inference: bool = False) -> dict[str, Any]:  # noqa: ARG002
        sample["tokens"], sample["mask"] = self.tokenize_messages(sample.pop("messages"))
        return sample


class RowsDataset:
    """Rows as tokens and labels, all in memory, in the order of the file."""

    def __init__(self, tokenizer: ChatTokenizer, data_files: str) -> None:
        self._rows = []
        for where, messages in rows.read(Path(data_files)):
            rows.check_roles(messages, where)
            self._rows.append(tokenizer.tokens_and_labels(messages, where))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        return {key: list(value) for key, value in self._rows[index].items()}


class Metrics:
    """The lines of DiskLogger, with the memory of this process, and another logger beside it if one is named."""

    def __init__(self, log_dir: str, also: Mapping[str, Any] | None = None) -> None:
        self._loggers: list[Any] = [DiskLogger(log_dir)]
        if also:
            from omegaconf import OmegaConf  # noqa: PLC0415
            from torchtune import config  # noqa: PLC0415

            self._loggers.append(config.instantiate(OmegaConf.create(dict(also))))

    def log(self, name: str, data: Any, step: int) -> None:
        """Log one value."""
        self.log_dict({name: data}, step)

    def log_dict(self, payload: Mapping[str, Any], step: int) -> None:
        """Log the values of a step. Raises FloatingPointError when the loss is not a number."""
        values = {key: float(value) for key, value in payload.items()}
        values["peak_rss_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        for logger in self._loggers:
            logger.log_dict(values, step)
        if not math.isfinite(values.get("loss", 0.0)):
            raise FloatingPointError(f"the loss of step {step} is {values['loss']}")

    def log_config(self, config: Any) -> None:
        """Log the configuration."""
        for logger in self._loggers:
            logger.log_config(config)

    def close(self) -> None:
        """Close all."""
        for logger in self._loggers:
            logger.close()


class Checkpointer:
    """torchtune's checkpointer; an epoch counts once WHOLE stands in its folder, beside the state to go on from."""

    def __init__(self, inner: Any, output_dir: Path, keep_last: int) -> None:
        self._inner, self._folder, self._keep_last = inner, output_dir, keep_last

    def load_checkpoint(self) -> Any:
        """Return the weights, and the state where training goes on."""
        return self._inner.load_checkpoint()

    def save_checkpoint(
        self, state_dict: dict[str, Any], epoch: int, intermediate_checkpoint: bool = False, adapter_only: bool = False
    ) -> None:
        """Write an epoch, its state and then its mark, and remove the epochs before the last few."""
        for name, weight in state_dict.get(training.MODEL_KEY, {}).items():
            if not bool(torch.isfinite(weight).all()):
                raise FloatingPointError(f"after epoch {epoch} the weight {name} holds what is not a number")
        folder = self._folder / f"epoch_{epoch}"
        shutil.rmtree(folder, ignore_errors=True)
        self._inner.save_checkpoint(
            state_dict, epoch, intermediate_checkpoint=intermediate_checkpoint, adapter_only=adapter_only
        )
        state = self._folder / "recipe_state" / STATE
        if intermediate_checkpoint:
            state.replace(folder / STATE)
        for path in folder.rglob("*"):
            if path.is_file():
                path.chmod(0o644)  # safetensors 0.8 writes 0600: nobody else could serve the weights
                _to_disk(path)
        (folder / ".mark").write_text(json.dumps({"epoch": epoch}))
        (folder / ".mark").replace(folder / WHOLE)
        _to_disk(folder)
        for old in range(epoch - self._keep_last + 1):
            shutil.rmtree(self._folder / f"epoch_{old}", ignore_errors=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def chat_tokenizer(path: str, family: str, max_seq_len: int | None = None) -> ChatTokenizer:
    """Return the tokenizer of a tokenizer.json, for a family of chat formats."""
    return ChatTokenizer(path, family, max_seq_len)


def rows_dataset(tokenizer: ChatTokenizer, data_files: str, packed: bool = False) -> Any:
    """Return the rows of a file, or packs of them of max_seq_len tokens each."""
    dataset = RowsDataset(tokenizer, data_files)
    if not packed:
        return dataset
    from torchtune.datasets import PackedDataset  # noqa: PLC0415

    return PackedDataset(dataset, max_seq_len=tokenizer.max_seq_len)


def metrics(log_dir: str, also: Mapping[str, Any] | None = None) -> Metrics:
    """Return the logger of a run; `also` is a torchtune logger, as {_component_: ..., ...}."""
    return Metrics(log_dir, also)


def checkpointer(output_dir: str, keep_last: int = 2, **settings: Any) -> Checkpointer:
    """Return torchtune's FullModelHFCheckpointer, made safe against a kill."""
    inner = training.FullModelHFCheckpointer(output_dir=output_dir, **settings)
    return Checkpointer(inner, Path(output_dir), keep_last)
