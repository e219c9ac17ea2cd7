"""The engine `sweagent` in each of the sandboxes, with a program that stands in for SWE-agent."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boxes
import pytest

import agent_models
import llm_server
import tiny
from agent_models import REPAIR
from llm_server import Body, ModelServer
from tracesmith import prepared, workspaces
from tracesmith.agents import engines, sweagent
from tracesmith.agents.engines import Outcome, Task, UnfinishedError
from tracesmith.errors import StoppedError
from tracesmith.llm.client import Client
from tracesmith.llm.gateway import Gateway
from tracesmith.llm.settings import Settings
from tracesmith.sandboxes.base import Backend

pytestmark = pytest.mark.parametrize("kind", boxes.ENGINES)
Make = Callable[..., boxes.BubblewrapBackend | boxes.DockerBackend]
ROOT = Path(__file__).resolve().parents[2]
STAND_IN = ROOT / "tests" / "data" / "sweagent_stand_in"
CONFIG = ROOT / "configs" / "agent" / "swesmith_gen_glm_ts.yaml"
SETTINGS = prepared.TestSettings(**tiny.PROFILE["test"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        yield state


def run(backend: Backend, tree: Path, server: ModelServer, folder: Path, **limits: Any) -> Outcome:
    """Let the stand-in repair the tiny package."""
    instance: Any = agent_models.instance("solves")
    hidden = workspaces.hidden_tests(instance, workspaces.test_files(tree, SETTINGS))
    environment: Any = None
    task = Task(instance, 0, "Repair it.", hidden, environment, backend, engines.Limits(**limits))
    client = Client(Settings("openai/gpt-4o-mini", folder / "llm", f"{server.url}/v1"))
    with Gateway(client) as gateway:
        installed = sweagent.find(STAND_IN, Path(sys.executable))
        return sweagent.SweAgentEngine(installed, CONFIG, client, gateway, "run_agent/x").run(task, lambda _: None)


def plays(*turns: str) -> Callable[[Body], llm_server.Message]:
    """Return a model that says these words, the last ones again and again."""
    return lambda body: {"content": turns[min(sum(m["role"] == "assistant" for m in body["messages"]), len(turns) - 1)]}


def test_its_shell_lives_in_the_sandbox_and_keeps_its_state(
    make: Make, tree: Path, server: ModelServer, tmp_path: Path
) -> None:
    port = server.url.rpartition(":")[2]
    reach = f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached"
    server.answer = plays(
        "cd src && export x=kept", "pwd; echo $x $OPENAI_API_KEY", reach, agent_models.REPAIR, "submitted"
    )
    outcome = run(make(), tree, server, tmp_path)
    seen = [step["observation"] for step in outcome.trajectory["trajectory"]]
    assert seen[1].split() == ["/testbed/src", "kept"]
    assert "reached" not in seen[2]
    assert "src/src" in seen[3] or "No such file" in seen[3], "the command was run in src"
    assert (outcome.exit_status, outcome.patch) == ("submitted", "")


def test_its_patch_is_what_it_changed_however_it_ended(
    make: Make, tree: Path, server: ModelServer, tmp_path: Path
) -> None:
    server.answer = plays(REPAIR, "rm -rf .git", "ls")
    outcome = run(make(), tree, server, tmp_path, calls=4)
    assert outcome.exit_status == "submitted (exit_calls)"
    assert tiny.FIXED in outcome.patch


def test_a_sandbox_that_is_stopped_is_no_verdict(make: Make, tree: Path, server: ModelServer, tmp_path: Path) -> None:
    backend = make()

    def answer(_: Body) -> llm_server.Message:
        backend.stop()
        return {"content": "ls"}

    server.answer = answer
    with pytest.raises((StoppedError, UnfinishedError)):
        run(backend, tree, server, tmp_path)
