"""
Prompt files in SWE-smith's format: YAML with `system`, `demonstration` and `instance`, checked before any paid call.

Texts are templates: Jinja2 with SWE-smith's filter `shuffle`, or `{name}` as str.format reads it. A variable that does
not exist is refused with its file and key when the file is read; the order that `shuffle` gives is the same for a seed.
"""

import random
import string
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jinja2
import jinja2.meta
import jinja2.sandbox
import yaml

from tracesmith import files, schemas
from tracesmith.errors import InputError

ROLES = {"system": "system", "demonstration": "user", "instance": "user"}
"""The texts of a prompt file, in the order of the messages, and whose each is."""
SEED = "_seed"
"""Where a template's filter finds the seed."""
CANNOT_BE_FILLED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the operations that a text asks for may raise."""
Message = dict[str, str]


class Template(Protocol):
    """The text of one message, ready to be filled."""

    def fill(self, variables: Mapping[str, Any], seed: str) -> str:
        """Return the text with its variables filled in. Raises InputError where it cannot be filled."""


Syntax = Callable[[str, str, Collection[str]], Template]
"""Makes a template of where it stands, its text and the variables it may use."""


class Prompt:
    """A prompt file: its values, and the templates of its messages."""

    def __init__(self, path: Path, values: dict[str, Any], syntax: Syntax, variables: Collection[str]) -> None:
        self.values = values
        self._parameters: dict[str, Any] = values.get("parameters") or {}
        known = {*variables, *self._parameters}
        self._templates = [
            (role, syntax(f"{path}: key {key!r}", values[key], known))
            for key, role in ROLES.items()
            if (values.get(key) or "").strip()
        ]

    def messages(self, variables: Mapping[str, Any], seed: str) -> list[Message]:
        """Return the messages of one request; a text that is blank when it is filled makes none."""
        filled = [(role, one.fill({**self._parameters, **variables}, seed)) for role, one in self._templates]
        return [{"role": role, "content": files.without_halves(text)} for role, text in filled if text.strip()]


def read(path: Path, shape: Mapping[str, Any], syntax: Syntax, variables: Collection[str]) -> Prompt:
    """
    Return a prompt file whose values fit a JSON Schema and whose templates use known variables only.

    Raises InputError that names the file, the line and the key.
    """
    value = schemas.read_yaml(path)
    schemas.check(value, shape, str(path), _lines(files.read_text(path)))
    return Prompt(path, value, syntax, variables)


class JinjaTemplate:
    """A text in Jinja2, in which `LIST | shuffle` gives the list in an order that the seed draws."""

    def __init__(self, where: str, text: str, variables: Collection[str]) -> None:
        self._where = where
        self._environment = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined)  # files of strangers
        self._environment.filters["shuffle"] = _shuffled
        try:
            used = jinja2.meta.find_undeclared_variables(self._environment.parse(text))
            self._template = self._environment.from_string(text)
        except jinja2.TemplateSyntaxError as error:
            raise InputError(f"{where}: line {error.lineno} of the text is no Jinja2: {error.message}") from None
        _refuse_unknown(where, used, variables)

    def fill(self, variables: Mapping[str, Any], seed: str) -> str:
        """Return the filled text."""
        try:
            return self._template.render(variables, **{SEED: seed})
        except (jinja2.TemplateError, *CANNOT_BE_FILLED) as error:
            raise InputError(f"{self._where}: the text cannot be filled: {error}") from None


class FormatTemplate:
    """A text for str.format: `{name}` is a variable, `{{` and `}}` are braces."""

    def __init__(self, where: str, text: str, variables: Collection[str]) -> None:
        self._where, self._text = where, text
        try:
            used = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        except ValueError as error:
            raise InputError(f"{where}: braces that are no variable are written {{{{ and }}}}: {error}") from None
        _refuse_unknown(where, used, variables)

    def fill(self, variables: Mapping[str, Any], seed: str) -> str:  # noqa: ARG002 - nothing is shuffled
        """Return the filled text."""
        try:
            return self._text.format(**variables)
        except CANNOT_BE_FILLED as error:
            raise InputError(f"{self._where}: the text cannot be filled: {error}") from None


def _refuse_unknown(where: str, used: Collection[str], known: Collection[str]) -> None:
    unknown = sorted(set(used) - set(known))
    if unknown:
        raise InputError(f"{where}: no such variable {unknown[0]!r}; there are: {', '.join(sorted(known))}")


@jinja2.pass_context
def _shuffled(context: jinja2.runtime.Context, items: Sequence[Any]) -> list[Any]:
    shuffled = list(items)
    random.Random(context[SEED]).shuffle(shuffled)  # noqa: S311 - an order, no secret
    return shuffled


def _lines(text: str) -> dict[tuple[Any, ...], int]:
    """Return the line of each key of a YAML text, by its path."""
    found: dict[tuple[Any, ...], int] = {(): 1}
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), yaml.compose(text))]
    while waiting:
        path, node = waiting.pop()
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        items = enumerate(node.value) if isinstance(node, yaml.SequenceNode) else ()
        for key, child in [*((key.value, child) for key, child in pairs), *items]:
            found[*path, key] = child.start_mark.line + 1
            waiting.append(((*path, key), child))
        found |= {(*path, key.value): key.start_mark.line + 1 for key, _ in pairs}
    return found
