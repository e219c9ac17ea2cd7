"""
Token counts with the training tokenizer, a folder's tokenizer.json.

A row has as many tokens as a trainer sees: it is encoded as for training, in the chat format of the tokenizer's family
(`auto`, or the family's name). For a model of another family the folder's own chat template is rendered (`own`:
chat_template.jinja, or the key of tokenizer_config.json), in which names of control tokens are control tokens.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.families import FAMILIES

AUTO, OWN = "auto", "own"
NAMES = (AUTO, OWN, *FAMILIES)
Messages = Sequence[dict[str, Any]]
Tools = Sequence[dict[str, Any]] | None


class Counter:
    """Counts the tokens of messages."""

    def __init__(self, folder: Path, template: str) -> None:
        path = file_of(folder)
        if template not in NAMES:
            raise InputError(f"unknown template {template!r}; known: {', '.join(NAMES)}")
        from tracesmith.encoding import Encoder  # noqa: PLC0415 - rows without counts need no tokenizers

        self._encoder = None if template == OWN else Encoder(path, None if template == AUTO else template)
        self._own = _own(folder, path) if self._encoder is None else None
        self.template = self._encoder.family.name if self._encoder else OWN
        self.digest = files.digest_file(path)

    def count(self, messages: Messages, tools: Tools = None) -> int:
        """Return the number of tokens of messages; the calls of style tool are text of their turn."""
        if self._own:
            return self._own(messages, tools)
        assert self._encoder  # noqa: S101 - one of the two is there
        texts = [{"role": one["role"], "content": (one["content"] or "") + _calls(one)} for one in messages]
        return len(self._encoder.encode(texts).tokens)


def file_of(folder: Path) -> Path:
    """Return the tokenizer.json of a folder."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the folder of the model that is trained")
    return path


def _own(folder: Path, path: Path) -> Callable[[Messages, Tools], int]:
    """Return what counts by the folder's own template."""
    from jinja2 import TemplateError  # noqa: PLC0415 - rows without counts need none of these

    from tracesmith import chat_templates  # noqa: PLC0415
    from tracesmith.encoding import read_tokenizer  # noqa: PLC0415

    tokenizer = read_tokenizer(path)
    template = chat_templates.compiled(_own_template(folder), folder)

    def count(messages: Messages, tools: Tools) -> int:
        """Count the tokens of the rendered text."""
        try:
            text = template.render(messages=messages, tools=tools, add_generation_prompt=False)
        except TemplateError as error:
            raise InputError(f"template {OWN}: does not take these messages: {error}") from None
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count


def _calls(message: dict[str, Any]) -> str:
    calls = message.get("tool_calls") or []
    functions = (json.dumps(call["function"], ensure_ascii=False) for call in calls)
    return "".join(f"\n<tool_call>\n{function}\n</tool_call>" for function in functions)


def _own_template(folder: Path) -> str:
    if (folder / "chat_template.jinja").is_file():
        return files.read_text(folder / "chat_template.jinja")
    path = folder / "tokenizer_config.json"
    found = files.read_json(path) if path.is_file() else {}
    template = found.get("chat_template") if isinstance(found, dict) else None
    if not isinstance(template, str):
        raise InputError(f"{folder}: no chat_template.jinja, and no chat_template in tokenizer_config.json")
    return template
