"""
The ways in which a model makes bugs, with prompt files in SWE-smith's format, so that a user's own work unchanged.

`llm_modify` shows a function and asks for one with a bug; `llm_rewrite` takes its body out and asks for it again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import prompts
from tracesmith.bugs.asking import outlines
from tracesmith.bugs.asking.targets import Target
from tracesmith.prompts import FormatTemplate, JinjaTemplate, Prompt, Syntax

NAME = "(?!func_pm_|pr_[0-9]|combine_)(?!.*__)[A-Za-z0-9_-]{1,40}"
"""The strategy in the names of the bugs' files: none that begins as those of another method do."""
TEXT = {"type": "string"}
SHAPE = {
    "type": "object",
    "required": ["name", "system", "instance"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": f"^{NAME}(?![\\s\\S])"},
        "system": TEXT,
        "demonstration": TEXT,
        "instance": TEXT,
        "parameters": {"type": ["object", "null"]},
        "model": TEXT,
        "criteria": {"description": "SWE-smith's; not looked at."},
        "version": {"description": "SWE-smith's; not looked at."},
    },
}


@dataclass(frozen=True)
class Method:
    """One way to make bugs with a model."""

    syntax: Syntax
    variables: Mapping[str, Callable[[Target], Any]]
    """What the texts of a prompt file may use."""
    first_temperature: float
    """Of an entity's first sample; the others have 1, or they would be the same."""

    def read(self, path: Path) -> Prompt:
        """Return a prompt file of this method. Raises InputError that names the line and the key."""
        return prompts.read(path, SHAPE, self.syntax, self.variables)

    def messages(self, prompt: Prompt, target: Target, sample: int) -> list[prompts.Message]:
        """Return what the model is asked for a target."""
        values = {name: value(target) for name, value in self.variables.items()}
        return prompt.messages(values, f"{target.file.path}:{target.start}:{sample}")

    def temperature(self, sample: int) -> float:
        """Return the temperature of a sample, counted from 0."""
        return self.first_temperature if sample == 0 else 1.0


def _indent_size(target: Target) -> int:
    """Return how many columns a step of indentation has: SWE-smith knows spaces only."""
    return 1 if "\t" in target.indent else 4 if len(target.indent) % 4 == 0 else 2


def _path(target: Target) -> str:
    return target.file.path


METHODS = {
    "llm_modify": Method(
        JinjaTemplate,
        {
            "src_code": Target.shown,
            "file_path": _path,
            "file_outline": outlines.outline,
            "name": lambda target: target.entity.name,
            "signature": Target.head,
            "line_start": lambda target: target.first_line,
            "line_end": lambda target: target.last_line,
            "indent_level": lambda target: len(target.indent) // _indent_size(target),
            "indent_size": _indent_size,
            "node": Target.shown,
        },
        first_temperature=1.0,
    ),
    "llm_rewrite": Method(
        FormatTemplate,
        {
            "func_signature": Target.head,
            "func_to_write": Target.stub,
            "file_src_code": Target.file_with_stub,
            "file_path": _path,
        },
        first_temperature=0.0,
    ),
}
