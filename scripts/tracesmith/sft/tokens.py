"""
Token counts with the training tokenizer: a folder's tokenizer.json and a chat template.

The template is the folder's own (`own`: chat_template.jinja, or the key of tokenizer_config.json) or a plain one.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.errors import InputError

CHATML, LLAMA3, OWN = "chatml", "llama3", "own"
CALLS = "{% for c in m.tool_calls or [] %}\n<tool_call>\n{{ c.function | tojson }}\n</tool_call>{% endfor %}"
TEMPLATES = {
    CHATML: "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}" + CALLS + "<|im_end|>\n{% endfor %}",
    LLAMA3: (
        "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content }}"
        + CALLS
        + "<|eot_id|>{% endfor %}"
    ),
}
NAMES = (OWN, *TEMPLATES)


class TemplateRefusalError(Exception):
    """A template says that messages are not for it."""


class Counter:
    """Counts the tokens of messages."""

    def __init__(self, folder: Path, template: str) -> None:
        from jinja2 import TemplateError  # noqa: PLC0415 - rows without counts need none of these
        from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        path = file_of(folder)
        try:
            self._tokenizer = Tokenizer.from_str(files.read_text(path))
        except InputError:
            raise
        except Exception as error:  # the library raises this bare class
            raise InputError(f"{path}: no tokenizer of the tokenizers library: {error}") from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.template = template
        self._refusals = (TemplateError, TemplateRefusalError)
        self.digest = files.digest_file(path)
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        environment.filters["tojson"] = _to_json
        source = _own_template(folder) if template == OWN else TEMPLATES.get(template)
        if source is None:
            raise InputError(f"unknown template {template!r}; known: {', '.join(NAMES)}")
        self._template = environment.from_string(source)

    def count(self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] | None = None) -> int:
        """Return the number of tokens of messages in the template."""
        try:
            text = self._template.render(messages=messages, tools=tools, add_generation_prompt=False)
        except self._refusals as error:
            raise InputError(f"template {self.template}: does not take these messages: {error}") from None
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


def file_of(folder: Path) -> Path:
    """Return the tokenizer.json of a folder."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the folder of the model that is trained")
    return path


def _own_template(folder: Path) -> str:
    if (folder / "chat_template.jinja").is_file():
        return files.read_text(folder / "chat_template.jinja")
    path = folder / "tokenizer_config.json"
    found = files.read_json(path) if path.is_file() else {}
    template = found.get("chat_template") if isinstance(found, dict) else None
    if not isinstance(template, str):
        raise InputError(f"{folder}: no chat_template.jinja, and no chat_template in tokenizer_config.json")
    return template


def _refuse(message: str) -> None:
    raise TemplateRefusalError(message)


def _to_json(value: Any, **choices: Any) -> str:
    return json.dumps(value, ensure_ascii=False, **choices)
