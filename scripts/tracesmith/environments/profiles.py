"""Repository profiles: one YAML file each under configs/repos/, checked against schemas/profile.schema.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import schemas
from tracesmith.prepared import TestSettings

FOLDER = Path(__file__).parents[3] / "configs" / "repos"


@dataclass(frozen=True)
class Profile:
    """One repository; the fields are described in the schema."""

    name: str
    source: str
    node: str
    install: list[list[str]]
    test: TestSettings
    source_globs: list[str]
    exclude_globs: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    package_json: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def not_source_globs(self) -> list[str]:
        """Return the globs of the files that bugs are never put into."""
        return [*self.exclude_globs, *self.test.globs, *self.test.protected_globs]


def read(path: Path) -> Profile:
    """Return the profile of a file. Raises InputError naming the file and the key."""
    value = schemas.read_yaml(path)
    schemas.check(value, schemas.read_schema("profile"), str(path))
    return Profile(**{**value, "test": TestSettings(**value["test"])})


def known(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the file of each profile by its name."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        value = schemas.read_yaml(path)
        found[str(value.get("name") if isinstance(value, dict) else None)] = path
    return found
