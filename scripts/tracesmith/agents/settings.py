"""The configuration of an agent: its texts, its model's parameters and its limits, from a file of configs/agent."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from tracesmith import schemas
from tracesmith.agents.engines import Limits
from tracesmith.errors import InputError
from tracesmith.records import Instance

OBSERVATION = """{% if output.exception_info %}<exception>{{ output.exception_info }}</exception>
{% endif %}<returncode>{{ output.returncode }}</returncode>
<output>
{{ output.output }}</output>"""
FORMAT_ERROR = "{{ error }}"


@dataclass(frozen=True)
class AgentSettings:
    """What a file of configs/agent says; see schemas/agent.schema.yaml."""

    system: str
    instance: str
    model: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    tools: tuple[str, ...] | None = None
    calls: str = "tools"
    cache_control: bool = False
    observation: str = OBSERVATION
    format_error: str = FORMAT_ERROR
    limits: Limits = field(default_factory=Limits)

    def identity(self) -> dict[str, Any]:
        """Return all that decides what an agent does."""
        return asdict(self)

    def task(self, instance: Instance) -> str:
        """Return what the agent is told of an instance. Raises InputError when the template cannot be filled."""
        template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - no HTML is made
        try:
            return template.from_string(self.instance).render(**instance)
        except jinja2.TemplateError as error:
            name = instance["instance_id"]
            raise InputError(f"{name}: the prompt's key 'instance' cannot be filled: {error}") from None


def read(path: Path) -> AgentSettings:
    """Return the configuration of a file. Raises InputError naming the file and the key."""
    value = schemas.read_yaml(path)
    schemas.check(value, schemas.read_schema("agent"), str(path))
    for key in ("instance", "observation", "format_error"):
        try:
            jinja2.Environment(autoescape=False).parse(value.get(key, ""))  # noqa: S701 - no HTML is made
        except jinja2.TemplateSyntaxError as error:
            raise InputError(f"{path}: key {key}: not a Jinja2 template: {error}") from None
    tools = tuple(value["tools"]) if "tools" in value else None
    return AgentSettings(**{**value, "tools": tools, "limits": Limits(**value.get("limits", {}))})


def check_tools(settings: AgentSettings, known: tuple[str, ...], engine: str, path: Path) -> None:
    """Raise InputError when a file describes other tools to the agent than its engine has."""
    wanted = known if settings.tools is None else settings.tools
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        have = ", ".join(known)
        raise InputError(f"{path}: key tools: {unknown[0]!r} is no tool of the engine {engine}; it has: {have}")
    missing = sorted(set(known) - set(wanted))
    if missing:
        raise InputError(f"{path}: key tools: the engine {engine} has {missing[0]!r} as well; describe it to the agent")
