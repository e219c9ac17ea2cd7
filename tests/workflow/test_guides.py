"""
The commands of the guides that work on a repository's files, as they stand, on the tiny package and a model server.

Those of the guides to repositories, proxies and clusters are run by tests/integration. What the commands of all guides
name is looked up by tests/workflow/test_guides_hold.py.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bug_answers
import llm_server
import tiny
import workflows
from llm_server import Body, Message, ModelServer

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
ISSUE = """Values come out wrong since the update

I call the functions as the documentation says, and what I get back is not what I expected: results are wrong where they
used to be right before.
"""
LOG = workflows.ROOT / "tests" / "data" / "logs" / "vitest" / "4.1.12" / "mixed.verbose.log"
PULL = {"number": 1, "title": "Join intervals that touch", "body": None, "diff": tiny.REPAIR}


def answer(body: Body) -> Message:
    return bug_answers.with_a_mistake(body) if bug_answers.is_about_bugs(body) else {"content": ISSUE}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A server in the place of Anthropic's."""
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.answer = answer
        monkeypatch.setenv("ANTHROPIC_API_BASE", state.url)
        yield state


def run(folder: Path, guide: str) -> None:
    """Run the commands of a guide, block after block; the repository and its profile are those of the folder."""
    text = (workflows.ROOT / "docs" / guide).read_text()
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", text)
    assert blocks
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in blocks:
        command = block.replace("REPO", tiny.REPO).replace("/RUN", "/tiny-oracle")
        command = command.replace("configs/repos/css-what.yaml", "tiny.yaml")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env={**workflows.environment(folder), "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_the_commands_of_the_guides_work_as_they_stand(line: Path, server: ModelServer) -> None:
    for name in ("configs", "scripts"):
        (line / name).symlink_to(workflows.ROOT / name)
    (line / "pulls.jsonl").write_text(json.dumps(PULL) + "\n")
    run(line, "validation.md")
    run(line, "bugs.md")
    for method in ("llm_modify", "llm_rewrite", "pr"):
        assert json.loads((line / f"logs/bug_gen/{tiny.REPO}/{method}.json").read_text())["candidates"]
    assert (line / f"logs/run_validation/{tiny.REPO}/combined_report.json").exists()
    run(line, "issues.md")
    rows = json.loads((line / f"logs/issue_gen/{tiny.REPO}__llm.json").read_text())["issues"]
    assert {row["problem_statement"] for row in rows} == {ISSUE.strip()}
    assert {path for path, _ in server.calls} == {"/v1/messages"}


def test_the_commands_of_the_guides_to_workspaces_logs_and_rows_work_as_they_stand(line: Path) -> None:
    (line / "scripts").symlink_to(workflows.ROOT / "scripts")
    (line / "test_output.txt").symlink_to(LOG)
    run(line, "workspaces.md")
    assert json.loads((line / f"logs/workspaces/{tiny.REPO}.json").read_text())["instances"]
    run(line, "logs.md")
    assert "failed" in json.loads((line / "states.json").read_text()).values()
    run(line, "sft.md")
    assert (line / "filtered.jsonl").read_text()
