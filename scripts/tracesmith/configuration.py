"""The configuration of a workflow: checked against its schema, with the defaults filled in and names looked up."""

import copy
import functools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import models, schemas
from tracesmith.environments import profiles, sources
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
OWNER = re.compile(r"[A-Za-z0-9_.-]+")
# The first part is a registry where it has a dot or a port, or is localhost, as Docker reads it.
REGISTRY = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|[A-Za-z0-9-]+:\d+|localhost)"
UPSTREAM_IMAGES = "swebench"
IMAGE_OWNER = re.compile(rf"(?:{REGISTRY}/(?:{OWNER.pattern}/)*)?{OWNER.pattern}", re.ASCII)
AUTO = "auto"
"""In the place of a profile's name: one is made by the rule make_profile."""


@dataclass(frozen=True)
class Repo:
    """One repository of the configuration."""

    settings: dict[str, Any]
    name: str
    """The repo_name, which names the files."""
    source: str
    """Where the pristine tree comes from; it wins over the profile's own."""
    profile_path: Path
    """The profile's file; one that is detected does not exist before its rule has run."""
    is_detected: bool = False


@dataclass(frozen=True)
class Run:
    """One run of the configuration."""

    settings: dict[str, Any]
    repo: Repo
    trained: str | None = None
    """The run whose model, or its base, is tried in this one; None for a run of the configuration."""
    is_trained: bool = False
    """Whether the configuration says of this very run how its model is trained."""


@dataclass(frozen=True)
class Mix:
    """Rows of several runs, which are filtered, split and trained together."""

    settings: dict[str, Any]
    """Of the sections sft and training."""
    runs: tuple[str, ...]
    is_trained: bool = False
    """As of a run."""


class Configuration:
    """What config.yaml says, by repo_name and run_id."""

    def __init__(self, given: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        schema = schemas.read_schema("config")
        config = schemas.coerce(given, schema)
        schemas.check(config, schema, "config")
        self.user: str = config["user"]
        self.llm: dict[str, Any] = config["llm"]
        self.storage: dict[str, Any] = config["storage"]
        self.environments: dict[str, Any] = config["environments"]
        self.free_disk: str = config["preflight"]["free_disk"]
        self.github = _owner(config, "github", environment.get("SWESMITH_ORG_GH"), "swesmith")
        self.dockerhub = _owner(config, "dockerhub", environment.get("SWESMITH_ORG_DH"), UPSTREAM_IMAGES)
        self.mirror = _mirror(config, environment)
        if self.mirror["backend"] == "github":
            self.check_mirror_owner()
        repos = {short_name: _repo(short_name, entry, config) for short_name, entry in config["repos"].items()}
        self.repos = _by_name(repos)
        runs = {run_id: _run(run_id, entry, config, repos) for run_id, entry in config["runs"].items()}
        self.runs = _with_samples(runs)
        self.mixes = {name: _mix(name, entry, config, self.runs) for name, entry in config["mixes"].items()}
        if self.mirror["push_images"]:
            self.check_image_owner()

    def check_mirror_owner(self) -> None:
        """Raise InputError when nobody said whose account the mirrors are pushed to."""
        if not self.mirror["owner"]:
            raise InputError(
                "config: key organisation.github, or SWESMITH_ORG_GH, has to name the owner of the mirrors"
            )

    def check_image_owner(self) -> None:
        """Raise InputError when images are to be pushed and nobody said whose they are."""
        if self.dockerhub == UPSTREAM_IMAGES:
            raise InputError("config: key organisation.dockerhub, or SWESMITH_ORG_DH, has to name the images' owner")

    def repos_with_image(self) -> list[str]:
        """Return the names of the repositories that have a run and whose environment is, or may be, an image."""
        repos = (run.repo for run in self.runs.values())
        return sorted({repo.name for repo in repos if repo.settings["sandbox"]["backend"] != "bubblewrap"})

    def needs_swerex(self, repo: Repo) -> bool:
        """Tell whether a run of a repository has the agent engine sweagent, which talks to swe-rex in the image."""
        runs = (run for run in self.runs.values() if run.repo is repo)
        return any(run.settings["agent"]["engine"] == "sweagent" for run in runs)

    def repo(self, name: str) -> Repo:
        """Return a repository by its repo_name. Raises InputError that lists the known ones."""
        if name not in self.repos:
            raise InputError(f"unknown repo {name!r}; the configuration has: {', '.join(sorted(self.repos))}")
        return self.repos[name]

    def run(self, run_id: str) -> Run:
        """Return a run by its run_id, or a trial of a model of its. Raises InputError that lists the known ones."""
        trained, _, side = run_id.rpartition(".")
        if run_id not in self.runs and side in models.TRIED and trained in self.runs:
            run = self.runs[trained]
            return Run(models.trial(run.settings, side, trained), run.repo, trained)
        if run_id in self.mixes:
            raise InputError(
                f"{run_id!r} is a mix of the runs {', '.join(self.mixes[run_id].runs)}: trajectories, grades and all "
                f"rows are theirs; its own begin with trajectories_sft/{run_id}.resolved_only.<style>.jsonl"
            )
        if run_id not in self.runs:
            raise InputError(f"unknown run {run_id!r}; the configuration has: {', '.join(sorted(self.runs))}")
        return self.runs[run_id]

    def learner(self, name: str) -> Run | Mix:
        """Return a run or a mix: what has resolved rows and a training by this name. Raises InputError."""
        return self.mixes[name] if name in self.mixes else self.run(name)

    def trainer_python(self, learner: Run | Mix) -> str:
        """Return the Python of the environment in which a model is trained."""
        name = "trl" if learner.settings["training"]["backend"] == "trl" else "training"
        return self.environments[name]["python"] or os.path.relpath(ROOT / f".venv-{name}/bin/python")


def read(paths: Sequence[Path], environment: Mapping[str, str]) -> Configuration:
    """Return the configuration of config.yaml with these files merged over it, as Snakemake's --configfile does."""
    config: dict[str, Any] = {}
    for path in (ROOT / "config.yaml", *paths):
        value = schemas.read_yaml(path)
        if not isinstance(value, dict):
            raise InputError(f"{path}: no configuration: wanted are keys and values, as in config.yaml")
        _merge(config, value)
    return Configuration(config, environment)


def _merge(config: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(config.get(key), dict):
            _merge(config[key], value)
        else:
            config[key] = value


def find_file(name: str) -> str:
    """Return a file that the configuration names: in the working directory, else in tracesmith's own folder."""
    own = ROOT / name
    return name if Path(name).exists() or not own.exists() else os.path.relpath(own)


def _owner(config: Mapping[str, Any], key: str, variable: str | None, upstream: str) -> str:
    """Return an owner's name: of the configuration, else of the environment variable, else SWE-smith's own."""
    owner: str = config["organisation"].get(key) or variable or upstream
    if not (OWNER if key == "github" else IMAGE_OWNER).fullmatch(owner):
        raise InputError(f"environment variable SWESMITH_ORG_{'GH' if key == 'github' else 'DH'}: no name of an owner")
    return owner


def _by_name(repos: Mapping[str, Repo]) -> dict[str, Repo]:
    short_names: dict[str, str] = {}
    for short_name, repo in repos.items():
        if repo.name in short_names:
            raise InputError(f"config: the repos {short_names[repo.name]} and {short_name} have the same source")
        short_names[repo.name] = short_name
    return {repo.name: repo for repo in repos.values()}


def _mirror(config: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the section `mirror` with `owner`, which may be None, and `owner_type`."""
    organisation = config["organisation"]
    owner = organisation.get("github") or environment.get("SWESMITH_ORG_GH") or None
    kind = organisation.get("github_owner_type") or environment.get("SWESMITH_GH_OWNER_TYPE") or "user"
    if kind not in ("user", "org"):
        raise InputError("environment variable SWESMITH_GH_OWNER_TYPE: wanted is one of user, org")
    return {**config["mirror"], "owner": owner, "owner_type": kind}


def _repo(short_name: str, entry: dict[str, Any], config: Mapping[str, Any]) -> Repo:
    sections = ("gate", "bug_generation", "validation", "issues")
    settings = _settings(config, entry, sections)
    settings |= {"dataset": entry.get("dataset"), "profile": {"package": entry.get("package")}, "llm": config["llm"]}
    if not settings["dataset"]:
        models.check(settings, short_name, find_file)
    source = entry.get("source")
    if entry["profile"] == AUTO:
        if not source:
            raise InputError(
                f"config: key repos.{short_name}.source is missing: `profile: auto` makes a profile of "
                "npm:NAME@VERSION, git+URL@COMMIT, a folder or an archive"
            )
        name = _repo_name(short_name, source)
        path = Path(f"logs/profiles/{name}.yaml")
        settings["sandbox"] = _sandbox(config, entry, profiles.read(path) if path.exists() else None)
        return Repo(settings, name, source, path, is_detected=True)
    path = _profile_path(short_name, entry["profile"])
    profile = profiles.read(path)
    settings["sandbox"] = _sandbox(config, entry, profile)
    if not source:
        return Repo(settings, sources.repo_name(profile.source), profile.source, path)
    return Repo(settings, _repo_name(short_name, source), source, path)


def _settings(config: Mapping[str, Any], entry: Mapping[str, Any], sections: Sequence[str]) -> dict[str, Any]:
    """Return sections of settings: the defaults with an entry's own over them, key by key."""
    settings = copy.deepcopy({name: config["defaults"][name] for name in sections})
    _merge(settings, {name: entry[name] for name in sections if name in entry})
    return settings


def _sandbox(config: Mapping[str, Any], entry: Mapping[str, Any], profile: Profile | None) -> dict[str, Any]:
    """Return the limits of a repository's sandboxes: its own, else its profile's, else those of all."""
    return {**config["sandbox"], **(profile.sandbox if profile else {}), **entry.get("sandbox", {})}


def _repo_name(short_name: str, source: str) -> str:
    """Return the repo_name of a source that the configuration names."""
    try:
        return sources.repo_name(source)
    except InputError as error:
        raise InputError(f"config: key repos.{short_name}.source: {error}") from None


_known_profiles = functools.cache(profiles.known)  # for a configuration of hundreds of repositories


def _profile_path(short_name: str, wanted: str) -> Path:
    """Return the file of a profile, which is given by its path or its name."""
    if wanted.endswith((".yaml", ".yml")):
        return Path(find_file(wanted))
    known = _known_profiles()
    if wanted not in known:
        raise InputError(
            f"config: key repos.{short_name}.profile: no such profile; known: {', '.join(known)}; "
            f"or {AUTO}, with the key source"
        )
    return known[wanted]


def _run(run_id: str, entry: dict[str, Any], config: Mapping[str, Any], repos: Mapping[str, Repo]) -> Run:
    if entry["repo"] not in repos:
        raise InputError(f"config: key runs.{run_id}.repo: no such repo; known: {', '.join(sorted(repos))}")
    sections = ("agent", "evaluation", "sft", "training", "model_evaluation")
    settings = _settings(config, entry, sections)
    settings["agent"]["engine"] = settings["agent"]["engine"] or "null"  # YAML reads a bare null as nothing
    settings |= {name: entry.get(name) for name in ("trajectories", "predictions")}
    models.check_run(settings, config["llm"], run_id, find_file)
    return Run(settings, repos[entry["repo"]], is_trained="training" in entry)


def _mix(name: str, entry: dict[str, Any], config: Mapping[str, Any], runs: Mapping[str, Run]) -> Mix:
    if name in runs:
        raise InputError(f"config: key mixes.{name}: it is the name of a run")
    for run_id in entry["runs"]:
        if run_id not in runs:
            raise InputError(f"config: key mixes.{name}.runs: no such run {run_id!r}; known: {', '.join(sorted(runs))}")
    return Mix(_settings(config, entry, ("sft", "training")), tuple(entry["runs"]), "training" in entry)


def _with_samples(runs: Mapping[str, Run]) -> dict[str, Run]:
    """Return the runs with a run more for each further sample, and in each which sample it is."""
    found: dict[str, Run] = {}
    for run_id, run in runs.items():
        has_agent = not (run.settings["trajectories"] or run.settings["predictions"])
        for sample in range(1, run.settings["agent"]["samples"] + 1 if has_agent else 2):
            name = run_id if sample == 1 else f"{run_id}.s{sample}"
            if sample > 1 and name in runs:
                raise InputError(f"config: key runs.{name}: it is the name of a sample of runs.{run_id}")
            settings = copy.deepcopy(run.settings)
            settings["agent"]["sample"] = sample
            found[name] = Run(settings, run.repo, is_trained=run.is_trained)
    return found
