"""
Train with TRL what a rendered YAML says: the same rows, tokens and labels as with torchtune.

    .venv-trl/bin/python scripts/tracesmith/training/trl_trainer.py CONFIG [FOLDER [EPOCH]]

Rows come to TRL as tokens and labels, so that no template, mask or length of its own is applied. What its batches hold
is compared with them before the first step. It is run by TRL's Python, as a file.
"""

import math
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import yaml
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

from tracesmith.encoding import IGNORED, Encoder
from tracesmith.training import rows

WHOLE = "whole.json"
Row = tuple[tuple[int, ...], tuple[int, ...]]


class Keeper(TrainerCallback):  # type: ignore[misc]
    """Names checkpoints by their epoch, marks those that are whole, and writes the curves as DiskLogger does."""

    def __init__(self, folder: Path, keep_last: int) -> None:
        self._folder, self._keep_last = folder, keep_last
        self._seen, self._clock = 0.0, time.monotonic()
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self._log = folder / "logs" / f"log_{int(time.time())}.txt"

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:  # noqa: ARG002
        """Write the values of a step. Raises FloatingPointError when the loss is not a number."""
        if "loss" not in logs:
            return
        names = {"loss": "loss", "learning_rate": "lr", "grad_norm": "grad_norm"}
        values = {new: float(logs[old]) for old, new in names.items() if old in logs}
        seen, now = float(logs.get("num_tokens", 0)), time.monotonic()
        if seen > self._seen:
            values["tokens_per_second_per_gpu"] = (seen - self._seen) / (now - self._clock) / max(1, args.n_gpu)
        self._seen, self._clock = seen, now
        values["peak_rss_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        line = " ".join(f"{name}:{value}" for name, value in values.items())
        with self._log.open("a") as out:
            out.write(f"Step {state.global_step} | {line}\n")
        if not math.isfinite(values["loss"]):
            raise FloatingPointError(f"the loss of step {state.global_step} is {values['loss']}")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Rename the checkpoint that was saved, mark it, and remove those before the last few."""
        epoch = round(state.epoch) - 1
        saved = self._folder / f"checkpoint-{state.global_step}"
        for path in saved.rglob("*"):
            if path.is_file():
                path.chmod(0o644)
        (saved / WHOLE).write_text(f'{{"epoch": {epoch}}}')
        saved.rename(self._folder / f"epoch_{epoch}")
        for old in range(epoch - self._keep_last + 1):
            for path in sorted((self._folder / f"epoch_{old}").rglob("*"), reverse=True):
                path.unlink()
            if (self._folder / f"epoch_{old}").is_dir():
                (self._folder / f"epoch_{old}").rmdir()


def encoded(section: dict[str, Any]) -> Iterator[dict[str, list[int]]]:
    """Yield tokens and labels of each row. Raises ValueError for one that is too long: nothing is cut."""
    encoder = Encoder(Path(section["base_model"]) / "tokenizer.json", section["family"])
    for where, messages in rows.read(Path(section["rows"])):
        row = encoder.encode(messages)
        if len(row.tokens) > section["max_seq_len"]:
            raise ValueError(f"{where}: {len(row.tokens)} tokens, max_seq_len is {section['max_seq_len']}")
        yield {"input_ids": row.tokens, "labels": row.labels}


def check_batches(trainer: SFTTrainer, wanted: list[dict[str, list[int]]]) -> None:
    """Raise ValueError unless the trainer's batches hold exactly the rows' tokens and labels."""
    seen: Counter[Row] = Counter()
    for batch in trainer.get_train_dataloader():
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
            real = int(mask.sum())
            if any(label != IGNORED for label in labels[real:].tolist()):
                raise ValueError("a batch of TRL has labels behind the end of a row")
            seen[tuple(ids[:real].tolist()), tuple(labels[:real].tolist())] += 1
    if seen != Counter((tuple(row["input_ids"]), tuple(row["labels"])) for row in wanted):
        raise ValueError("the batches of TRL do not hold the tokens and labels of the rows")


def main() -> None:
    """Train what a rendered YAML says, in its folder or another, from the start or after an epoch."""
    config_path, *more = sys.argv[1:]
    config = yaml.safe_load(Path(config_path).read_text())
    section = config.pop("tracesmith")
    folder = Path(more[0] if more else config["output_dir"])
    ours: dict[str, Any] = {"max_length": None, "packing": False, "dataset_kwargs": {"skip_prepare_dataset": True}}
    ours |= {"save_strategy": "epoch", "save_total_limit": None, "logging_steps": 1, "logging_nan_inf_filter": False}
    wanted = list(encoded(section))
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(section["base_model"], dtype=config.pop("dtype", "auto")),
        args=SFTConfig(**{"report_to": "none", **config, **ours, "output_dir": str(folder)}),
        train_dataset=Dataset.from_list(wanted),
        processing_class=AutoTokenizer.from_pretrained(section["base_model"]),
        callbacks=[Keeper(folder, section["keep_last"])],
    )
    check_batches(trainer, wanted)
    trainer.train(resume_from_checkpoint=str(folder / f"epoch_{more[1]}") if more[1:] else None)


if __name__ == "__main__":
    main()
