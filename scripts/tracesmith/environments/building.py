"""Build the environment of a profile: pristine tree, dependencies in an image or a prepared tree, and the mirror."""

import logging
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, git, prepared, references, stores, summaries
from tracesmith.environments import images, installing, profiles, sources
from tracesmith.environments.profiles import Profile
from tracesmith.sandboxes import choosing
from tracesmith.sandboxes.base import Limits

logger = logging.getLogger(__name__)

CODE_VERSION = 3


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
    repo, source_hash = sources.repo_name(profile.source), sources.tree_hash(source)
    backend = choosing.choose(settings.backend)
    keys = ("package_manager", "install", "build", "environment", "node", "dockerfile")
    parts = {key: value for key, value in asdict(profile).items() if key in keys}
    parts |= {"source": source_hash, "base": settings.base_image, "cleaning": installing.cleaning(source)}
    fingerprint = stores.fingerprint("build_environment", CODE_VERSION, backend=backend, **parts)
    image_name = _image_name(settings.dockerhub, repo)
    if backend == "docker":
        installed, node = images.build(store, fingerprint, profile, source, image_name, settings.base_image)
    else:
        installed, node = installing.prepare(store, fingerprint, profile, source, settings.limits)
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


def _image_name(dockerhub: str, repo: str) -> str:
    """SWE-smith's formula, with the machine's architecture."""
    arch = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    return f"{dockerhub}/swesmith.{arch}.{repo.replace('__', '_1776_', 1)}".lower()
