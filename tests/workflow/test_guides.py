"""
The commands of the guides that work on a repository's files, as they stand, on the tiny package and a model server.

Those of the guides to repositories, proxies and clusters are run by tests/integration. What the commands of all guides
name is looked up by tests/workflow/test_guides_hold.py.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

import agent_models
import bug_answers
import guides
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
TINY = {"REPO": tiny.REPO, "/RUN": "/tiny-oracle", "configs/repos/css-what.yaml": "tiny.yaml"}
"""Names of the guides, and what stands in a test's folder."""
TINY_FOR_ZOD = {
    "profile: ZodProfile": "profile: tiny.yaml\n    sandbox: {backend: bubblewrap}",
    "npm__zod.v4.6.7": tiny.REPO,
    "max_bugs: 60": "max_bugs: 12",
    "max_instances: 20": "max_instances: 5",
    "--cores 8": "--cores 2",
    ". .venv/bin/activate\n": "",
}
CLONE = (
    ".venv",
    "Makefile",
    "Snakefile",
    "config.yaml",
    "configs",
    "envs",
    "profiles",
    "report",
    "rules",
    "schemas",
    "scripts",
)
TINY_FOR_CSS_WHAT = {
    "npm__css-what.v8.0.0": tiny.REPO,
    "CssWhatProfile": "tiny.yaml\n    sandbox: {backend: bubblewrap}",
    "css-what": "tiny",
    "--cores 4": "--cores 2",
}
PROMPTS = {
    "my_bugs.yml": "bug_gen/ts_modify.yml",
    "my_issues.yaml": "issue_gen/ig_v2.yaml",
    "my_agent.yaml": "agent/mini_claude.yaml",
}
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


def run(folder: Path, guide: str, after: str = "", others: Mapping[str, str] = TINY) -> None:
    """Run the commands of a guide that come after some words, block after block, with other names in them."""
    text = (workflows.ROOT / "docs" / guide).read_text().partition(after or "\n")[2]
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", text)
    assert blocks
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in blocks:
        command = replaced(block, others)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env={**workflows.environment(folder), "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def make_a_clone(folder: Path) -> None:
    """Let a test's folder have what a clone has, its own configuration aside."""
    (folder / "config.yaml").unlink()
    for name in CLONE:
        (folder / name).symlink_to(Path(sys.prefix) if name == ".venv" else workflows.ROOT / name)


def blocks_of(guide: str) -> list[str]:
    """Return the configurations that a guide shows."""
    return [one.text for one in guides.blocks() if one.guide.name == guide and one.language == "yaml"]


def replaced(text: str, others: Mapping[str, str]) -> str:
    for name, other in others.items():
        text = text.replace(name, other)
    return text


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


def test_the_commands_of_the_guides_to_what_is_ones_own_work_as_they_stand(line: Path, server: ModelServer) -> None:
    repos = {"repos": workflows.read_config(line)["repos"]}
    make_a_clone(line)
    (line / "theirs").mkdir()
    (line / "theirs" / "preds.json").symlink_to(line / "trajectories" / "local" / "tiny-oracle" / "preds.json")
    *_, block = blocks_of("own_agent.md")
    told = yaml.safe_load(replaced(block, TINY_FOR_CSS_WHAT))
    (line / "mine.yaml").write_text(yaml.safe_dump({**repos, **told}))
    run(line, "own_agent.md", others=TINY_FOR_CSS_WHAT)
    report = json.loads((line / "logs/run_evaluation/theirs/report.json").read_text())
    assert report["resolved"] == report["total"] == 5

    (line / "prompts").mkdir()
    for mine, ours in PROMPTS.items():
        (line / "prompts" / mine).symlink_to(workflows.ROOT / "configs" / ours)
    [block] = blocks_of("prompts.md")
    (line / "mine.yaml").write_text(replaced(block, TINY_FOR_CSS_WHAT))
    run(line, "prompts.md", others=TINY_FOR_CSS_WHAT)
    assert len(json.loads((line / f"logs/bug_gen/{tiny.REPO}/llm_modify.json").read_text())["candidates"]) == 3

    server.answer = agent_models.undoing(line / f"logs/agent_datasets/{tiny.REPO}_final.json")
    run(line, "resuming.md", others={"REPO": tiny.REPO, "/RUN/": "/by-hand/"})
    assert len(json.loads((line / "trajectories/local/by-hand/preds.json").read_text())) == 5


def test_the_tutorial_goes_from_a_repository_to_rows_with_a_model(line: Path, server: ModelServer) -> None:
    """As it stands, with the tiny package in the place of zod."""
    make_a_clone(line)
    [block] = blocks_of("tutorial.md")
    (line / "zod.yaml").write_text(replaced(block, TINY_FOR_ZOD))
    undo = agent_models.undoing(line / f"logs/agent_datasets/{tiny.REPO}_final.json")

    def answer(body: Body) -> Message:
        if "tools" in body:
            return undo(body)
        number = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()[:8]
        return {"content": ISSUE.replace("the update", f"build {number}")}

    server.answer = answer
    run(line, "tutorial.md", "## zod: what to set", TINY_FOR_ZOD)
    instances = json.loads((line / f"logs/agent_datasets/{tiny.REPO}_final.json").read_text())
    for run_id in ("zod-oracle", "zod-claude"):
        rows = (line / f"trajectories_sft/{run_id}.xml.jsonl").read_text().splitlines()
        assert len(rows) == len(instances) > 3
    resolved = json.loads((line / "logs/run_evaluation/zod-claude/report.json").read_text())["ids_resolved"]
    (indented,) = re.findall(r"(?m)^    (scripts/verify_row.py .*)$", (workflows.ROOT / "docs/tutorial.md").read_text())
    check = indented.replace("INSTANCE_ID", resolved[0]).split()
    done = subprocess.run([sys.executable, *check], cwd=line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
