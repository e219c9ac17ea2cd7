"""Real mini-swe-agent on the tiny package, in real sandboxes, with a scripted model behind a real HTTP server."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agent_models
import agent_runs
import llm_server
import tiny
import workflows
from llm_server import ModelServer
from tracesmith.agents import actions
from tracesmith.sft import conversion, convert_trajectories  # noqa: F401

pytest.importorskip("minisweagent", reason="missing: mini-swe-agent, of envs/pipeline.txt")
pytestmark = [pytest.mark.sandbox, pytest.mark.network]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.answer = agent_models.answer
        yield state


def test_every_agent_ends_with_the_status_of_its_end(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    made = agent_runs.make(tmp_path, tiny_environment, server, limits={"calls": 7, "wall_s": 600, "command_s": 2})
    names = ["solves", "gives_up", "touches_and_loops", "waits", "talks", "malformed", "other_tool", "many_calls", "learns"]
    done = made.run(*names)
    assert done.returncode == 0, done.stderr
    assert made.statuses() == {
        "solves": "submitted",
        "gives_up": "submitted",
        "touches_and_loops": "submitted (exit_calls)",
        "waits": "submitted",
        **dict.fromkeys(["talks", "malformed", "other_tool", "many_calls"], "exit_format"),
        "learns": "submitted",
    }
