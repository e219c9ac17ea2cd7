"""
The package of tests/data/pair: one source, one test file, tests by node:test and nothing to install.

Its whole line, the environment included, takes seconds, so that hundreds of runs can be disturbed.
"""

from pathlib import Path
from typing import Any

import yaml

import workflows
from tracesmith.environments import sources
from workflows import Line

SOURCE = Path(__file__).resolve().parent / "data" / "pair"
REPO = sources.repo_name(str(SOURCE))
ORACLE = Line(REPO, "pair-oracle")
MINI = Line(REPO, "pair-mini")
PROFILE = {
    "name": "PairProfile",
    "source": str(SOURCE),
    "node": "24",
    "install": [["true"]],
    "test": {
        "runner": "node_test",
        "command": ["node", "--test", "src/*.spec.ts"],
        "globs": ["src/**/*.spec.ts"],
        "protected_globs": ["package.json"],
    },
    "source_globs": ["src/**/*.ts"],
}


def make_folder(folder: Path, backend: str = "bubblewrap") -> None:
    """Write profile, prompts and configuration of the shortest whole line into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pair.yaml").write_text(yaml.safe_dump(PROFILE, sort_keys=False))
    workflows.copy_prompts(folder)
    repo = {
        "profile": "pair.yaml",
        "sandbox": {"backend": backend, "memory": "512m", "pids": 100, "disk": "200m"},
        "gate": {"runs": 2},
        "bug_generation": {"max_bugs": 8, "screens": []},
        "validation": {"max_instances": 2, "decoys": 1, "confirm_runs": 1, "workers": 2},
    }
    rows = {"prompt": "rows.yaml", "filters": {"instances": False}}
    run = {"repo": "pair", "agent": {"config": "agent.yaml"}, "sft": rows}
    runs = {ORACLE.run: run}
    workflows.write_config(folder, {"repos": {"pair": repo}, "runs": runs, "preflight": {"free_disk": "1m"}})


def ask_a_model(folder: Path, api_base: str) -> None:
    """Have mini-swe-agent, with a model that a server plays, do what the oracle does."""
    config: dict[str, Any] = workflows.read_config(folder)
    config["llm"] = {"model": "openai/gpt-4o-mini", "api_base": api_base}
    config["runs"] = {MINI.run: {"repo": "pair", "agent": {"engine": "mini"}, "sft": {"filters": {"instances": False}}}}
    workflows.write_config(folder, config)
