"""The configuration of a workflow: checked against its schema, with the defaults filled in and names looked up."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tracesmith import schemas
from tracesmith.environments import profiles, sources
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InputError

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Repo:
    """One repository of the configuration."""

    settings: dict[str, Any]
    profile_path: Path

    @cached_property
    def profile(self) -> Profile:
        """The profile, read from its file."""
        return profiles.read(self.profile_path)

    @cached_property
    def name(self) -> str:
        """The repo_name, which names the files."""
        return sources.repo_name(self.profile.source)


@dataclass(frozen=True)
class Run:
    """One run of the configuration."""

    settings: dict[str, Any]
    repo: Repo


class Configuration:
    """What config.yaml says, by repo_name and run_id."""

    def __init__(self, config: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        schemas.check(config, schemas.read_schema("config"), "config")
        self.user: str = config["user"]
        self.github: str = config["organisation"].get("github") or environment.get("SWESMITH_ORG_GH") or "swesmith"
        self.dockerhub: str = (
            config["organisation"].get("dockerhub") or environment.get("SWESMITH_ORG_DH") or "swebench"
        )
        by_short_name = {name: _repo(name, entry, config) for name, entry in config["repos"].items()}
        self.repos = {repo.name: repo for repo in by_short_name.values()}
        if len(self.repos) < len(by_short_name):
            raise InputError(f"config: two of the repos {', '.join(by_short_name)} have the same source")
        self.runs = {run_id: _run(run_id, entry, config, by_short_name) for run_id, entry in config["runs"].items()}

    def repo(self, name: str) -> Repo:
        """Return a repository by its repo_name. Raises InputError that lists the known ones."""
        if name not in self.repos:
            raise InputError(f"unknown repo {name!r}; the configuration has: {', '.join(sorted(self.repos))}")
        return self.repos[name]

    def run(self, run_id: str) -> Run:
        """Return a run by its run_id. Raises InputError that lists the known ones."""
        if run_id not in self.runs:
            raise InputError(f"unknown run {run_id!r}; the configuration has: {', '.join(sorted(self.runs))}")
        return self.runs[run_id]


def find_file(name: str) -> str:
    """Return a file that the configuration names: in the working directory, else in tracesmith's own folder."""
    own = ROOT / name
    return name if Path(name).exists() or not own.exists() else os.path.relpath(own)


def use_own_python() -> None:
    """Make `python` in a rule the one that runs Snakemake, unless a conda environment comes before it."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def _repo(short_name: str, entry: dict[str, Any], config: Mapping[str, Any]) -> Repo:
    sections = ("bug_generation", "validation", "issues")
    settings: dict[str, Any] = {name: {**config["defaults"][name], **entry.get(name, {})} for name in sections}
    settings["sandbox"] = {**config["sandbox"], **entry.get("sandbox", {})}
    settings["dataset"] = entry.get("dataset")
    if entry["profile"].endswith((".yaml", ".yml")):
        return Repo(settings, Path(find_file(entry["profile"])))
    known = profiles.known()
    if entry["profile"] not in known:
        raise InputError(f"config: key repos.{short_name}.profile: no such profile; known: {', '.join(known)}")
    return Repo(settings, known[entry["profile"]])


def _run(run_id: str, entry: dict[str, Any], config: Mapping[str, Any], repos: Mapping[str, Repo]) -> Run:
    if entry["repo"] not in repos:
        raise InputError(f"config: key runs.{run_id}.repo: no such repo; known: {', '.join(sorted(repos))}")
    sections = ("agent", "evaluation", "sft")
    settings: dict[str, Any] = {name: {**config["defaults"][name], **entry.get(name, {})} for name in sections}
    settings["agent"]["engine"] = settings["agent"]["engine"] or "null"  # YAML reads a bare null as nothing
    settings |= {name: entry.get(name) for name in ("trajectories", "predictions")}
    return Run(settings, repos[entry["repo"]])
