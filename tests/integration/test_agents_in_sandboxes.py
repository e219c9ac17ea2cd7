"""mini-swe-agent in each of the sandboxes: its commands run there alone, without the network, and nothing stays."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boxes
import pytest

import agent_models
import agent_runs
import llm_server
import tiny
import workflows
from llm_server import ModelServer
from tracesmith import prepared, workspaces
from tracesmith.agents import registry, settings
from tracesmith.agents.engines import ENVIRONMENT_ERROR, Limits, Task, UnfinishedError
from tracesmith.agents.registry import Wanted
from tracesmith.errors import StoppedError
from tracesmith.llm.settings import Settings
from tracesmith.sandboxes.base import Backend

pytest.importorskip("minisweagent", reason="missing: mini-swe-agent, of envs/pipeline.txt")
pytestmark = pytest.mark.parametrize("kind", boxes.ENGINES)
Make = Callable[..., boxes.BubblewrapBackend | boxes.DockerBackend]
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "agent" / "mini.yaml"
SETTINGS = prepared.TestSettings(**tiny.PROFILE["test"])
COMMANDS = [
    "pwd; git log --format=%s",
    agent_models.REPAIR,
    "exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached",
    "echo $OPENAI_API_KEY $HOME",
    agent_models.SUBMIT,
]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        yield state


def task(backend: Backend, tree: Path) -> Task:
    """Return the task of repairing the tiny package."""
    instance: Any = agent_models.instance("solves")
    hidden = workspaces.hidden_tests(instance, workspaces.test_files(tree, SETTINGS))
    environment: Any = None
    return Task(instance, 0, "Repair it. Behaviour: solves.", hidden, environment, backend, Limits(command_s=20))


def wanted(server: ModelServer, folder: Path) -> Wanted:
    """Return what mini is made for."""
    client = Settings("openai/gpt-4o-mini", folder / "llm", f"{server.url}/v1")
    return Wanted("mini", CONFIG, settings.read(CONFIG), "test", lambda *_: client)


def test_an_agents_commands_see_the_workspace_and_nothing_else(
    make: Make, tree: Path, server: ModelServer, tmp_path: Path
) -> None:
    port = server.url.rpartition(":")[2]

    def answer(body: llm_server.Body) -> llm_server.Message:
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        command = COMMANDS[turn].replace("{port}", port).replace('"', '\\"')
        return agent_models.bash(f'{{"command": "{command}"}}', turn)

    server.answer = answer
    saved: list[int] = []
    with registry.make(wanted(server, tmp_path)) as made:
        outcome = made.engine.run(task(make(), tree), lambda trajectory: saved.append(len(trajectory["trajectory"])))
    seen = [step["observation"] for step in outcome.trajectory["trajectory"]]
    assert "/testbed\nInitial commit\n" in seen[0]
    assert "reached" not in seen[2]
    assert llm_server.KEY not in seen[3]
    assert outcome.exit_status == "submitted"
    assert tiny.FIXED in outcome.patch
    assert saved[-1] == len(COMMANDS)
    assert sorted(set(saved)) == [1, 2, 3, 4, 5]


def test_a_sandbox_that_is_stopped_is_no_verdict(make: Make, tree: Path, server: ModelServer, tmp_path: Path) -> None:
    backend = make()

    def answer(_: llm_server.Body) -> llm_server.Message:
        backend.stop()
        return agent_models.bash('{"command": "ls"}', 0)

    server.answer = answer
    with registry.make(wanted(server, tmp_path)) as made, pytest.raises((StoppedError, UnfinishedError)) as caught:
        made.engine.run(task(backend, tree), lambda _: None)
    assert isinstance(caught.value, StoppedError) or caught.value.exit_status == ENVIRONMENT_ERROR


@pytest.mark.network
def test_a_killed_run_leaves_no_sandbox_once_it_has_gone_on(
    kind: str, place: str, tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    environment = tiny_environment
    if kind == "docker":
        known = json.loads(tiny_environment.read_text()) | {"backend": "docker", "image": place, "tree": None}
        environment = tiny_environment.with_name("environment_of_docker.json")
        environment.write_text(json.dumps(known))
    server.answer, server.delay_s = agent_models.answer, 0.5
    made = agent_runs.make(tmp_path, environment, server, limits={"calls": 7, "command_s": 30})
    process = subprocess.Popen(made.command("solves", "gives_up"), stderr=subprocess.DEVNULL)
    workflows.wait_for(lambda: server.answered >= 4)
    workflows.kill_tree(process)
    under_way, server.delay_s = server.under_way, 0
    done = made.run("solves", "gives_up")
    assert done.returncode == 0, done.stderr
    assert made.statuses() == {"solves": "submitted", "gives_up": "submitted"}
    assert server.answered <= 7 + under_way
    assert max(made.paid().values()) <= 1 + under_way
    if kind == "docker":
        workflows.wait_for_no_dead_containers()
