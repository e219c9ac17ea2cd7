"""Repository profiles: one YAML file each under configs/repos/, checked against schemas/profile.schema.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import schemas
from tracesmith.prepared import TestSettings

FOLDER = Path(__file__).parents[3] / "configs" / "repos"


@dataclass(frozen=True)
class ManagerChoice:
    """Package manager of a repository."""

    name: str
    """npm, pnpm, yarn or bun."""
    version: str | None
    """Exact version; None takes the npm that comes with Node."""


@dataclass(frozen=True)
class Profile:
    """One repository; the fields are described in the schema."""

    name: str
    source: str
    node: str
    test: TestSettings
    source_globs: list[str]
    exclude_globs: list[str] = field(default_factory=list)
    package_manager: ManagerChoice = ManagerChoice("npm", None)
    remove: list[str] = field(default_factory=list)
    package_json: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    install: list[list[str]] = field(default_factory=list)
    build: list[list[str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """Variables of the installation and of the build; those of the tests, in `test`, have them too."""
    sandbox: dict[str, Any] = field(default_factory=dict)
    dockerfile: list[str] = field(default_factory=list)

    def not_source_globs(self) -> list[str]:
        """Return the globs of the files that bugs are never put into."""
        return [*self.exclude_globs, *self.test.globs, *self.test.protected_globs]


def read(path: Path) -> Profile:
    """Return the profile of a file. Raises InputError naming the file and the key."""
    value = schemas.read_yaml(path)
    schemas.check(value, schemas.read_schema("profile"), str(path))
    manager = value.get("package_manager", {"name": "npm"})
    test = TestSettings(**value["test"], environment=value.get("environment", {}))
    return Profile(**{**value, "test": test, "package_manager": ManagerChoice(manager["name"], manager.get("version"))})


def known(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the file of each profile by its name."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        value = schemas.read_yaml(path)
        found[str(value.get("name") if isinstance(value, dict) else None)] = path
    return found
