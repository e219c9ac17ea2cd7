"""Chat templates of models' folders, compiled in the sandbox of Jinja that servers render them in."""

import json
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tracesmith.errors import InputError


def compiled(source: str, path: Path) -> jinja2.Template:
    """Return a template, whose rendering raises TemplateError. Raises InputError when it cannot be read."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals |= {"raise_exception": _raise, "strftime_now": lambda _: "26 Jul 2024"}
    environment.filters["tojson"] = _to_json
    try:
        return environment.from_string(source)
    except jinja2.TemplateError as error:
        raise InputError(f"{path}: the chat template cannot be read: {error}") from None


def _to_json(value: Any, **choices: Any) -> str:
    return json.dumps(value, ensure_ascii=False, **choices)


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)
