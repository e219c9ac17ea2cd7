"""A prepared environment, as `environment.json` describes it: what every stage that runs tests starts from."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import files, schemas
from tracesmith.errors import InputError
from tracesmith.sandboxes.base import Backend, Limits

FORMAT_VERSION = 2


@dataclass(frozen=True)
class TestSettings:
    """How the tests of a repository are run and which files are theirs, as described in the profile schema."""

    runner: str
    command: list[str]
    globs: list[str]
    protected_globs: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "."
    """Folder of the package that is tested, in which the command runs."""


@dataclass(frozen=True)
class Gate:
    """What the runs of the pristine suite said together, when they let the repository in."""

    runs: int
    files: int
    """Test files: those that ran, and those that match the profile's globs."""
    broken_files: int
    """Those that failed as a whole in some run, or were not run."""
    tests: int
    passed: int
    """Tests that passed in all runs; failed, skipped and todo likewise."""
    failed: int
    skipped: int
    todo: int
    flaky: list[str]
    """Tests whose state was not the same in all runs: no verdict looks at them."""


@dataclass(frozen=True)
class Environment:
    """Where the tests of one repository run. Paths in the file are relative to it, so that its folder can be moved."""

    repo: str
    image_name: str
    mirror_name: str
    backend: str
    """Sandbox backend that was chosen: docker or bubblewrap."""
    image: str | None
    """Id of the image (docker)."""
    tree: str | None
    """Folder of the prepared tree (bubblewrap)."""
    source: str
    """Folder of the pristine tree, without dependencies."""
    source_hash: str
    mirror: str
    """Bare repository with the pristine tree and, later, a branch an instance."""
    node: str
    installed: str
    """What identifies the installation: the image's id, or the hash of the prepared tree with its dependencies."""
    network: bool
    timeout_s: float
    """Most seconds of the pristine tree's suite."""
    limits: Limits
    test: TestSettings
    gate: Gate | None = None
    """None while the environment is built."""

    def identity(self) -> str:
        """Return what stands for the environment in fingerprints: what decides verdicts, and no names."""
        decides = (self.source_hash, self.installed, self.node, self.network, asdict(self.limits), asdict(self.test))
        return files.digest(decides)


def write(path: Path, environment: Environment, made_by: dict[str, Any]) -> None:
    """Write `environment.json`."""
    files.write_json(path, {"made_by": made_by, **asdict(environment)})


def read(path: Path) -> Environment:
    """Return the environment of a file. Raises InputError when it is no such file or its parts are gone."""
    value = files.read_json(path)
    try:
        schemas.check(value, schemas.read_schema("environment"), str(path))
    except InputError as error:
        raise InputError(f"{error}; it is no environment of this version: run build_environment again") from None
    gate = value.get("gate")
    made = {
        "limits": Limits(**value["limits"]),
        "test": TestSettings(**value["test"]),
        "gate": Gate(**gate) if gate else None,
    }
    environment = Environment(**{key: one for key, one in value.items() if key != "made_by"} | made)
    for name in filter(None, [environment.source, environment.mirror, environment.tree]):
        folder = path.parent / name
        if not folder.is_dir():
            raise InputError(f"{path}: the folder {folder} is gone; run build_environment again")
    return environment


def open_backend(path: Path, environment: Environment) -> Backend:
    """
    Return the backend of an environment, with what dead processes left behind swept away.

    Raises InputError when the engine has no such image.
    """
    backend: Backend
    if environment.backend == "docker":
        from tracesmith.sandboxes.choosing import find_image  # noqa: PLC0415 - 0.3 s that bubblewrap runs need not pay
        from tracesmith.sandboxes.docker import DockerBackend  # noqa: PLC0415

        backend = found = DockerBackend(str(environment.image), environment.limits, network=environment.network)
        find_image(found.client, found.image, path)
    else:
        from tracesmith.sandboxes.bubblewrap import BubblewrapBackend  # noqa: PLC0415

        backend = BubblewrapBackend(
            path.parent / str(environment.tree), environment.limits, network=environment.network
        )
    backend.sweep()
    return backend
