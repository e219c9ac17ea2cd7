"""Build the environment of a profile: pristine tree, dependencies in an image or a prepared tree, and the mirror."""

import logging
import platform
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tracesmith import files, git, prepared, stores, summaries
from tracesmith.environments import cleaning, gating, images, installing, profiles, sources
from tracesmith.environments.gating import GateSettings
from tracesmith.environments.profiles import Profile
from tracesmith.sandboxes import base, choosing
from tracesmith.sandboxes.base import Limits

logger = logging.getLogger(__name__)

CODE_VERSION = 6
MEMORY = "10g"
TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Needs:
    """What a sandbox may use; what is None here is the profile's to say."""

    memory_bytes: int | None
    pids: int
    cpus: float
    disk_bytes: int
    timeout_s: float | None
    """Most seconds of the pristine tree's suite."""
    network: bool

    def limits(self, profile: Profile) -> Limits:
        """Return the limits of one sandbox."""
        memory = self.memory_bytes or base.parse_size(profile.sandbox.get("memory", MEMORY))
        return Limits(memory, self.pids, self.cpus, self.disk_bytes)

    def suite_timeout_s(self, profile: Profile) -> float:
        """Return the most seconds of the pristine tree's suite."""
        return self.timeout_s or float(profile.sandbox.get("timeout_s", TIMEOUT_S))


@dataclass(frozen=True)
class BuildSettings:
    """What decides an environment besides its profile."""

    backend: str
    needs: Needs
    base_image: str | None
    github: str
    """Owner of the mirrors in `repo` fields (SWE-smith: org_gh)."""
    dockerhub: str
    """Owner of the images in `image_name` fields (SWE-smith: org_dh); a registry's host may stand before it."""
    with_swerex: bool = False
    """Whether the image has Python and swe-rex, which the agent engine sweagent needs."""
    gate: GateSettings = field(default_factory=GateSettings)


def build(profile_path: Path, settings: BuildSettings, output: Path, source: str | None = None) -> None:
    """
    Build what is missing of the environment, let it through the gate, and write `environment.json`.

    A source that is given wins over the profile's own. Without the file no later stage starts: an older one goes first.
    Raises InputError for a profile or a suite that cannot be used, InfrastructureError when an installation fails.
    """
    profile = profiles.read(profile_path)
    profile = replace(profile, source=source or profile.source)
    output.unlink(missing_ok=True)
    store = stores.Store(output.parent)
    tree = _source(store, profile)
    with store.claim("mirror.git"):
        git.make_mirror(output.parent / "mirror.git", tree)
    environment = prepare(store, profile, tree, settings)
    environment = replace(environment, gate=gating.run(output.parent, environment, settings.gate))
    inputs = {"profile": profile_path}
    made_by = summaries.made_by("build_environment", prepared.FORMAT_VERSION, inputs, asdict(settings))
    prepared.write(output, environment, {**made_by, "origin": _origin(store)})
    logger.info("%s is ready in %s (%s)", environment.repo, environment.backend, environment.node)


def prepare(store: stores.Store, profile: Profile, source: Path, settings: BuildSettings) -> prepared.Environment:
    """Install the dependencies, in an image or a prepared tree, and return the environment."""
    repo, source_hash = sources.repo_name(profile.source), sources.tree_hash(source)
    backend = choosing.choose(settings.backend)
    image_name, limits = _image_name(settings.dockerhub, repo), settings.needs.limits(profile)
    if backend == "docker":
        base_image = choosing.base_image(settings.base_image, profile.node)
        wanted = images.Wanted(profile, source, repo, image_name, base_image, settings.with_swerex, limits)
        installed, node = _build_image(store, wanted, source_hash)
    else:
        lock = installing.lockfile(store, profile, source, limits)
        fingerprint = _fingerprint(profile, backend, source, source_hash, lock)
        installed, node = installing.prepare(store, fingerprint, profile, source, lock, limits)
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
        network=settings.needs.network,
        timeout_s=settings.needs.suite_timeout_s(profile),
        limits=limits,
        test=profile.test,
    )


def _build_image(store: stores.Store, wanted: images.Wanted, source_hash: str) -> tuple[str, str]:
    profile, lock = wanted.profile, images.lockfile(store, wanted)
    dockerfile = wanted.dockerfile(certificates=False)  # this machine's decide nothing
    fingerprint = _fingerprint(profile, "docker", wanted.source, source_hash, lock, dockerfile=dockerfile)
    image, node = images.build(store, fingerprint, wanted, lock)
    if not node.startswith(f"v{profile.node}."):
        logger.warning("%s: Node %s is wanted, %s has %s", profile.name, profile.node, wanted.base_image, node)
    return image, node


def _fingerprint(profile: Profile, backend: str, source: Path, source_hash: str, lock: Path | None, **more: Any) -> str:
    """What decides an installation. Settings of the sandbox and of the network do not."""
    keys = ("package_manager", "install", "build", "environment", "node")
    parts = {key: value for key, value in asdict(profile).items() if key in keys}
    parts |= {"source": source_hash, "lock": files.digest_file(lock) if lock else None}
    parts["cleaned"] = cleaning.spec(source, profile, files.list_files(source)).decode()
    return stores.fingerprint("build_environment", CODE_VERSION, backend=backend, **parts, **more)


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
