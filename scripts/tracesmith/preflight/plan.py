"""What is about to be done, and what a check finds."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tracesmith import models, proxies, schemas
from tracesmith.configuration import Configuration, Repo, find_file
from tracesmith.errors import InfrastructureError, InputError

if TYPE_CHECKING:
    import docker

OK, WARNING, MISSING = "ok", "warning", "MISSING"
SANDBOXED = (
    *("make_profile", "build_environment", "write_bugs", "screen_bugs", "validate_bugs", "confirm_bugs"),
    *("write_issues", "check_workspaces", "run_agent", "evaluate_predictions"),
)
"""Steps that open sandboxes."""
PUSHING = ("push_mirror", "push_image")
"""Steps that send something to servers of others."""
BRIDGE = "172.17.0.1"
"""Address of this machine on Docker's bridge, unless the engine was told another."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and the remedy where it is missing."""

    status: str
    text: str

    def __str__(self) -> str:
        return f"{self.status:<8} {self.text}"


@dataclass(frozen=True)
class Plan:
    """The steps that are to be done, by the names of their rules, each with its repositories."""

    configuration: Configuration
    steps: Mapping[str, Sequence[Repo]]
    environment: Mapping[str, str]
    backend: str | None = None
    """Backend instead of those of the configuration."""
    models: Sequence[str] = ()
    """Models that are meant to be used besides those of the steps."""
    deep: bool = False
    """Whether a container may be started for a look; the start of a run must not take that long."""

    def repos(self, *steps: str, backend: str | None = None) -> list[Repo]:
        """Return the repositories of some steps, each once; those of one backend, if it is named."""
        found = {repo.name: repo for step in steps for repo in self.steps.get(step, ())}
        return [repo for repo in found.values() if backend in (None, self.backend_of(repo))]

    def backend_of(self, repo: Repo) -> str:
        """Return the backend of a repository: docker or bubblewrap."""
        wanted = self.backend or str(repo.settings["sandbox"]["backend"])
        return wanted if wanted != "auto" else "docker" if self.engine else "bubblewrap"

    def unbuilt(self, backend: str | None = None) -> list[Repo]:
        """Return the repositories whose environment is to be built and never was: what that needs is needed surely."""
        return [repo for repo in self.repos("build_environment", backend=backend) if not environment_of(repo).exists()]

    def networked(self) -> bool:
        """Tell whether the steps cannot do without the network."""
        open_boxes = any(repo.settings["sandbox"]["network"] for repo in self.repos(*SANDBOXED))
        return bool(self.unbuilt() or self.repos(*PUSHING) or self.asked_models() or open_boxes)

    def asked_models(self) -> list[str]:
        """Return the models that are meant to be used, and those that the steps ask."""
        return list(dict.fromkeys([*self.models, *self.models_of_steps()]))

    def models_of_steps(self) -> list[str]:
        """Return the models that the steps ask."""
        found = []
        for repo in self.repos("write_bugs"):
            methods = set(models.bug_methods(repo.settings)).intersection(models.WRITING)
            prompts = {method: models.bug_prompt(repo.settings, method) for method in sorted(methods)}
            found += [models.bug_model(repo.settings, method, _path(name)) for method, name in prompts.items()]
        for repo in self.repos("write_issues"):
            mode = repo.settings["issues"]["mode"]
            if prompt := models.issue_prompt(repo.settings, mode):
                found.append(models.issue_model(repo.settings, mode, _path(prompt)))
        return list(dict.fromkeys(found))

    @cached_property
    def engine(self) -> "docker.DockerClient | None":
        """The Docker engine, where one answers."""
        from tracesmith.sandboxes.docker import connect  # noqa: PLC0415 - 0.3 s that bubblewrap runs need not pay

        try:
            return connect()
        except InfrastructureError:
            return None

    def endpoints(self) -> dict[proxies.Endpoint, str]:
        """Return the proxies that the environment names, each with a variable; without those that cannot be read."""
        found: dict[proxies.Endpoint, str] = {}
        for variable, text in proxies.named(self.environment).items():
            with contextlib.suppress(InputError):  # told by a check of its own
                found.setdefault(proxies.endpoint(variable, text), variable)
        return found


def _path(name: str) -> Path:
    return Path(find_file(name))


def environment_of(repo: Repo) -> Path:
    """Return where the environment of a repository stands."""
    return Path(f"logs/build_images/{repo.name}/environment.json")


def node_of(repo: Repo) -> str | None:
    """Return the major version of Node that a profile wants; None for a profile that is still to be made."""
    return str(schemas.read_yaml(repo.profile_path)["node"]) if repo.profile_path.exists() else None


def models_of_runs(configuration: Configuration, run_ids: Iterable[str] | None = None) -> list[str]:
    """Return the models that the agents of a configuration, or of some of its runs, ask, those of trials left out."""
    runs = [configuration.run(run_id) for run_id in (configuration.runs if run_ids is None else run_ids)]
    settings = [run.settings for run in runs if not run.trained]
    agents = [run for run in settings if not (run["trajectories"] or run["predictions"])]
    found = [models.agent_model(run, configuration.llm, _path(models.agent_config(run))) for run in agents]
    return list(dict.fromkeys(filter(None, found)))


def steps_of(configuration: Configuration, run_ids: Iterable[str] | None = None) -> dict[str, list[Repo]]:
    """Return the steps of a configuration, or of some of its runs, with their repositories."""
    runs = [configuration.run(run_id) for run_id in (configuration.runs if run_ids is None else run_ids)]
    repos = {run.repo.name: run.repo for run in runs}
    if run_ids is None:
        repos = configuration.repos
    own = [repo for repo in repos.values() if not repo.settings["dataset"]]
    agents = [run for run in runs if not (run.settings["trajectories"] or run.settings["predictions"])]
    return {
        "make_profile": [repo for repo in repos.values() if repo.is_detected and not repo.profile_path.exists()],
        "build_environment": list(repos.values()),
        "write_bugs": [repo for repo in own if set(models.bug_methods(repo.settings)).intersection(models.WRITING)],
        "validate_bugs": own,
        "confirm_bugs": own,
        "write_issues": own,
        "check_workspaces": [run.repo for run in agents],
        "run_agent": [run.repo for run in agents],
        "evaluate_predictions": [run.repo for run in runs],
        "push_mirror": own if configuration.mirror["backend"] == "github" else [],
        "push_image": [run.repo for run in runs] if configuration.mirror["push_images"] else [],
    }
