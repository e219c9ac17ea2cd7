"""Runs of scripts/run_agent.py on the tiny package, with a model of the test server."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import agent_models
import tiny
from llm_server import ModelServer

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "agent" / "mini.yaml"


@dataclass(frozen=True)
class AgentRun:
    """A run in a folder of a test's own."""

    folder: Path
    environment: Path
    server: ModelServer
    config: Path

    @property
    def output(self) -> Path:
        """Return preds.json."""
        return self.folder / "run" / "preds.json"

    def command(self, *names: str, engine: str = "mini", more: tuple[str, ...] = ()) -> list[str]:
        """Return the command over instances of these behaviours."""
        dataset = agent_models.write_dataset(self.folder / "dataset.json", *names)
        script = [sys.executable, str(ROOT / "scripts" / "run_agent.py"), str(dataset)]
        flags = ["--environment", self.environment, "--engine", engine, "--config", self.config, "--memory", "2g"]
        model = [
            "--model",
            "openai/gpt-4o-mini",
            "--api-base",
            f"{self.server.url}/v1",
            "--answers",
            self.folder / "llm",
        ]
        return [*script, *map(str, [*flags, *model, "--output", self.output]), "--workers", "2", *more]

    def run(self, *names: str, engine: str = "mini", more: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        command = self.command(*names, engine=engine, more=more)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    def trajectory(self, name: str) -> dict[str, Any]:
        """Return the `.traj` of an instance."""
        full = f"{tiny.REPO}.{name}"
        found: dict[str, Any] = json.loads((self.output.parent / full / f"{full}.traj").read_text())
        return found

    def statuses(self) -> dict[str, str]:
        """Return the exit status of each behaviour, as the run's file says it."""
        found = yaml.safe_load((self.output.parent / "run_batch_exit_statuses.yaml").read_text())
        by_status = found["instances_by_exit_status"].items()
        return {name.removeprefix(f"{tiny.REPO}."): status for status, names in by_status for name in names}

    def patches(self) -> dict[str, str]:
        """Return the patch of each behaviour."""
        found = json.loads(self.output.read_text())
        return {name.removeprefix(f"{tiny.REPO}."): row["model_patch"] for name, row in found.items()}

    def paid(self) -> Counter[str]:
        """Return how often each answer was paid."""
        lines = (self.folder / "llm" / "ledger.jsonl").read_text().splitlines()
        return Counter(
            entry["key"] for entry in map(json.loads, lines) if entry["outcome"] in ("paid", "lost", "killed")
        )


def make(folder: Path, environment: Path, server: ModelServer, **settings: Any) -> AgentRun:
    """Return a run whose configuration is mini.yaml with some settings changed."""
    config = folder / "agent.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(CONFIG.read_text()), **settings}))
    return AgentRun(folder, environment, server, config)
