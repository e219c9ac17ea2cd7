"""A tokenizer whose tokens are words and signs, made for tests."""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers

SPECIAL = ["<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]


def write_tokenizer(folder: Path, template: str | None = None) -> Path:
    """Write tokenizer.json (and a template of its own) into a folder and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(str(folder / "tokenizer.json"))
    if template is not None:
        config = json.dumps({"chat_template": template})
        (folder / "tokenizer_config.json").write_text(config, encoding="utf-8")
    return folder
