"""Repositories of public benchmarks, on which a model is measured and must not be trained."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import schemas
from tracesmith.errors import InputError

NAME = re.compile(r"(?P<owner>[\w.-]+?)__(?P<repo>[\w.-]+?)\.(?P<version>v[\w.-]+|[0-9a-f]{8})$")


@dataclass(frozen=True)
class Benchmarks:
    """What is excluded: whole repositories, or single commits of one."""

    repos: frozenset[str]
    packages: frozenset[str]
    commits: frozenset[tuple[str, str]]

    def has(self, repo_name: str) -> bool:
        """Tell whether a repository, by its repo_name, is one of a benchmark."""
        match = NAME.match(repo_name.lower())
        if not match:
            return False
        owner, repo, version = match["owner"], match["repo"], match["version"]
        if f"{owner}/{repo}" in self.repos or (f"{owner}/{repo}", version[:8]) in self.commits:
            return True
        package = repo if owner == "npm" else f"{owner}/{repo}"
        return version.startswith("v") and (package in self.packages or f"{owner}/*" in self.packages)


def read(path: Path) -> Benchmarks:
    """Return the list of a YAML file, such as configs/sft/benchmarks.yaml."""
    found = schemas.read_yaml(path)
    try:
        entries: list[dict[str, Any]] = list(found["benchmarks"].values())
        repos = {repo.lower() for entry in entries for repo in entry.get("repos", ())}
        packages = {name.lower().removeprefix("@") for entry in entries for name in entry.get("packages", ())}
        commits = {
            (repo.lower(), str(commit)[:8].lower())
            for entry in entries
            for repo, listed in entry.get("commits", {}).items()
            for commit in listed
        }
    except (AttributeError, KeyError, TypeError):
        raise InputError(f"{path}: no list of benchmarks: wanted is the key 'benchmarks', as in configs/sft") from None
    return Benchmarks(frozenset(repos), frozenset(packages), frozenset(commits))
