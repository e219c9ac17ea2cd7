"""Tiny models of each family for tests, and rows to train them on."""

import json
import os
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.training import tiny_models

CHATML = tiny_models.TEMPLATE
QWEN25 = (
    "{%- if messages[0]['role'] == 'system' %}\n"
    "    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n"
    "{%- else %}\n    {{- '<|im_start|>system\\nYou are Qwen.<|im_end|>\\n' }}\n{%- endif %}\n"
    "{%- for message in messages %}\n    {%- if not (message.role == 'system' and loop.first) %}\n"
    "        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n    {%- endif %}\n"
    "{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
)
QWEN3 = (
    "{%- set ns = namespace(last=0) %}\n{%- for message in messages %}\n    {%- if message.role == 'user' %}\n"
    "        {%- set ns.last = loop.index0 %}\n    {%- endif %}\n{%- endfor %}\n{%- for message in messages %}\n"
    "    {%- if message.role == 'assistant' and loop.index0 > ns.last %}\n"
    "        {{- '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n'"
    " + message.content.strip('\\n') + '<|im_end|>\\n' }}\n"
    "    {%- else %}\n        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\n"
    "    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n"
    "    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
)
LLAMA3 = (
    "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA_TOKENS = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen2.5": {"special": tiny_models.QWEN_TOKENS, "template": QWEN25, "eos": "<|im_end|>", "pad": "<|endoftext|>"},
    "qwen3": {
        "special": (*tiny_models.QWEN_TOKENS, "<think>", "</think>"),
        "template": QWEN3,
        "eos": "<|im_end|>",
        "pad": "<|endoftext|>",
    },
    "llama3": {
        "special": LLAMA_TOKENS,
        "template": LLAMA3,
        "eos": "<|eot_id|>",
        "pad": "<|end_of_text|>",
        "bos": "<|begin_of_text|>",
    },
    "chatml": {"special": ("<|im_start|>", "<|im_end|>"), "template": CHATML, "eos": "<|im_end|>", "pad": "<|im_end|>"},
}
TEXTS = [
    "const total = parse(input);\n",
    "Let me look at the file.\n<function=bash>\nls src\n</function>",
    "TypeError: x",
]


def training_python(name: str = "training") -> Path:
    """Return the Python of a trainer's environment."""
    own = Path(__file__).resolve().parents[1] / f".venv-{name}/bin/python"
    return Path(os.environ.get(f"TRACESMITH_{name.upper()}_PYTHON", own))


def talk(number: int = 0, turns: int = 2, extra: str = "") -> list[dict[str, str]]:
    """Return a conversation that starts with a system message and ends with the agent."""
    messages = [{"role": "system", "content": "You fix bugs."}]
    for turn in range(turns):
        messages.append({"role": "user", "content": f"OBSERVATION {number}.{turn}: {extra}\n"})
        messages.append(
            {"role": "assistant", "content": f"\n  I look {number}.\n<function=bash>\nls {turn}\n</function>"}
        )
    return messages


def write_rows(path: Path, *conversations: Any) -> Path:
    """Write a row for each conversation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"messages": messages}) + "\n" for messages in conversations))
    return path


def write_model(folder: Path, family: str = "qwen2.5", size: int = 600) -> Path:
    """Write a model's folder with the tokenizer and the template of a family; its weights are a Qwen's."""
    made = dict(FAMILIES[family])
    folder.mkdir(parents=True)
    tokenizer = tiny_models.qwen_tokenizer(TEXTS, made.pop("special"), size)
    tiny_models.write_tokenizer(folder, tokenizer, made.pop("template"), **made)
    tiny_models.write_weights(folder, 24)
    config = {
        "model_type": "qwen2",
        "vocab_size": tiny_models.VOCABULARY,
        "hidden_size": 128,
        "num_hidden_layers": tiny_models.LAYERS,
    }
    files.write_json(folder / "config.json", config)
    return folder
