"""The engines by name, and how each is made for a run; a new one is a line here."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tracesmith.agents import mini, scripted, settings, sweagent, sweagent_work
from tracesmith.agents.engines import Engine
from tracesmith.agents.settings import AgentSettings
from tracesmith.errors import InputError
from tracesmith.llm.client import Client
from tracesmith.llm.gateway import Gateway
from tracesmith.llm.settings import Settings
from tracesmith.llm.tally import Tally

STAGE = "run_agent"
MakeSettings = Callable[[str, str | None], Settings]
"""Gives the client's settings for a stage, and for the model that a configuration wants."""


@dataclass(frozen=True)
class Wanted:
    """What an engine is made for."""

    name: str
    config: Path
    settings: AgentSettings
    run_id: str
    make_settings: MakeSettings
    home: Path | None = None
    """Checkout of SWE-agent."""


@dataclass(frozen=True)
class Made:
    """An engine that is ready, and what counts its money; None for one that asks no model."""

    engine: Engine
    tally: Tally | None = None


@contextmanager
def _scripted(wanted: Wanted) -> Iterator[Made]:
    engine = scripted.ScriptedEngine(wanted.name, wanted.settings.system)
    settings.check_tools(wanted.settings, engine.tools, wanted.name, wanted.config)
    yield Made(engine)


@contextmanager
def _mini(wanted: Wanted) -> Iterator[Made]:
    settings.check_tools(wanted.settings, mini.TOOLS, wanted.name, wanted.config)
    stage = f"{STAGE}/{wanted.run_id}"
    client = Client(wanted.make_settings(stage, wanted.settings.model))
    yield Made(mini.MiniEngine(wanted.settings, client, stage), client.tally)


@contextmanager
def _sweagent(wanted: Wanted) -> Iterator[Made]:
    if wanted.home is None:
        raise InputError(
            "the engine sweagent wants --sweagent, a checkout of SWE-agent (agent.home of the configuration)"
        )
    installed = sweagent.find(wanted.home)
    stage = f"{STAGE}/{wanted.run_id}"
    client = Client(wanted.make_settings(stage, wanted.settings.model))
    with (
        Gateway(client) as gateway,
        closing(sweagent.SweAgentEngine(installed, wanted.config, client, gateway, stage)) as engine,
    ):
        yield Made(engine, client.tally)


ENGINES: dict[str, Callable[[Wanted], AbstractContextManager[Made]]] = {
    "mini": _mini,
    "oracle": _scripted,
    "null": _scripted,
    "sweagent": _sweagent,
}


def read_settings(engine: str, config: Path) -> AgentSettings:
    """Return the configuration of an engine's file. Raises InputError naming the file and the key."""
    return sweagent.read_settings(config) if engine == sweagent_work.NAME else settings.read(config)


def make(wanted: Wanted) -> AbstractContextManager[Made]:
    """Return an engine for a block. Raises InputError, before any call, for what is wrong with its configuration."""
    return ENGINES[wanted.name](wanted)
