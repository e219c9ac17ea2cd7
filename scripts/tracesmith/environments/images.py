"""
Docker images: a profile's Dockerfile, built through the Docker SDK (the classic builder, no buildx).

Some stages keep a name and with it their layers: the base with its system packages and swe-rex, shared by repositories,
and a repository's packages, which a change of its sources uses again.
"""

import contextlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from docker.errors import ImageNotFound

from tracesmith import files, stores
from tracesmith.environments import contexts, dockerfiles, locking
from tracesmith.environments.engines import Engine
from tracesmith.environments.profiles import Profile
from tracesmith.sandboxes import base, docker
from tracesmith.sandboxes.base import Limits
from tracesmith.sandboxes.docker import DockerBackend


@dataclass(frozen=True)
class Wanted:
    """What an image is built from."""

    profile: Profile
    source: Path
    repo: str
    image_name: str
    base_image: str
    with_swerex: bool
    limits: Limits

    def dockerfile(self, *, certificates: bool) -> str:
        """Return the text of the Dockerfile."""
        return dockerfiles.make(
            self.profile, self.repo, self.base_image, certificates=certificates, with_swerex=self.with_swerex
        )

    def system(self) -> str:
        """Return the text of its first stage."""
        return dockerfiles.system(self.profile, self.base_image, with_swerex=self.with_swerex)


def packages_name(repo: str) -> str:
    """Return the name under which a repository's packages are kept."""
    return f"tracesmith-{dockerfiles.PACKAGES}:{re.sub(r'[^0-9A-Za-z_.-]', '-', repo)[-128:]}"


def forget(repo: str, image_name: str) -> None:
    """Remove the images of a repository from the engine, those with its packages alone too."""
    client = docker.connect()
    for name in (image_name, packages_name(repo)):
        with contextlib.suppress(ImageNotFound):
            client.images.remove(name, force=True)


def lockfile(store: stores.Store, wanted: Wanted) -> Path | None:
    """Return the lockfile that was written for a tree that has none, None for a tree that has its own."""

    def empty_box() -> DockerBackend:
        """Make containers of the base image with git."""
        engine = Engine(wanted.profile, wanted.limits)
        with engine.tidy():
            return DockerBackend(_build_system(engine, wanted), wanted.limits, network=True)

    return locking.lockfile(store, wanted.profile, wanted.source, empty_box)


def build(store: stores.Store, fingerprint: str, wanted: Wanted, lock: Path | None) -> tuple[str, str]:
    """Build the image unless the engine still has it; return its id and Node's version in it."""
    with store.claim("docker"):
        known = _known_image(store, fingerprint, wanted.image_name)
        if known is None:
            with store.replace("docker", fingerprint) as folder:
                certificates = locking.authorities()
                dockerfile = wanted.dockerfile(certificates=certificates is not None)
                (folder / "Dockerfile").write_text(dockerfile)
                image = _build_all(
                    wanted,
                    lambda: contexts.whole(dockerfile, wanted.profile, wanted.source, lock, certificates),
                    _recorded(store),
                )
                with DockerBackend(image, wanted.limits).open() as box:
                    node = base.must(box, ["node", "--version"]).decode().strip()
                known = {"id": image, "name": wanted.image_name, "node": node}
                (folder / "image.json").write_bytes(files.json_bytes(known))
    return known["id"], known["node"]


def _known_image(store: stores.Store, fingerprint: str, name: str) -> dict[str, str] | None:
    """Return what is written of the store's image if the engine has it, under this name now."""
    known = _recorded(store) if store.holds("docker", fingerprint) else None
    client = docker.connect()
    try:
        return known if known and client.images.get(known["id"]).tag(name) else None
    except ImageNotFound:
        return None
    finally:
        client.close()


def _recorded(store: stores.Store) -> dict[str, str] | None:
    """Return what is written of the store's image, which may be gone."""
    path = store.folder("docker") / "image.json"
    found: dict[str, str] | None = files.read_json(path) if path.exists() else None
    return found


def _build_system(engine: Engine, wanted: Wanted) -> str:
    """Build the first stage, the base image with git, and return its id."""
    engine.find_base(wanted.base_image)
    text = wanted.system()
    return engine.build(lambda: contexts.system(text), _shared_name(dockerfiles.SYSTEM, wanted), dockerfiles.SYSTEM)


def _build_all(
    wanted: Wanted, context: Callable[[], AbstractContextManager[IO[bytes]]], before: dict[str, str] | None
) -> str:
    """Build all stages; of the images that lose their name, those of this store and of the packages go."""
    engine = Engine(wanted.profile, wanted.limits)
    packages = packages_name(wanted.repo)
    with engine.tidy(*engine.named(packages), *([before["id"]] if before else [])):
        _build_system(engine, wanted)
        if wanted.with_swerex:
            engine.build(context, _shared_name(dockerfiles.SWEREX, wanted), dockerfiles.SWEREX)
        engine.build(context, packages, dockerfiles.PACKAGES)
        return engine.build(context, wanted.image_name, None)


def _shared_name(stage: str, wanted: Wanted) -> str:
    return f"tracesmith-{stage}:{files.digest(wanted.system())[:12]}"
