"""
Docker images: a profile's Dockerfile, built through the Docker SDK (the classic builder, no buildx).

Two stages keep a tag, so that they outlive `docker image prune`: the base with its system packages, shared by all
repositories, and a repository's packages, which a change of its sources uses again. Everything else that a build leaves
behind, whether it failed or was superseded, is removed.
"""

import logging
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests
from docker.errors import DockerException, ImageNotFound

from tracesmith import files, stores
from tracesmith.environments import contexts, dockerfiles, locking, managers, steps
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError, TracesmithError
from tracesmith.sandboxes import base, docker
from tracesmith.sandboxes.base import Limits
from tracesmith.sandboxes.docker import DockerBackend

logger = logging.getLogger(__name__)

BUILD_TIMEOUT_S = 2 * steps.TIMEOUT_S
NOT_THERE = re.compile(r"not found|manifest unknown|does not exist|access denied|invalid reference|unauthorized", re.I)
STEP = re.compile(r"The command '(?P<command>.*)' returned a non-zero code: (?P<code>\d+)", re.S)


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

    def dockerfile(self) -> str:
        """Return the text of the Dockerfile."""
        return dockerfiles.make(
            self.profile,
            self.repo,
            self.base_image,
            certificates=locking.authorities() is not None,
            with_swerex=self.with_swerex,
        )


def lockfile(store: stores.Store, wanted: Wanted) -> Path | None:
    """Return the lockfile that was written for a tree that has none, None for a tree that has its own."""
    return locking.lockfile(
        store,
        wanted.profile,
        wanted.source,
        lambda: DockerBackend(Engine(wanted).build_system(), wanted.limits, network=True),
    )


def build(store: stores.Store, fingerprint: str, wanted: Wanted, lock: Path | None) -> tuple[str, str]:
    """Build the image unless the engine still has it; return its id and Node's version in it."""
    with store.claim("docker"):
        known = _known_image(store, fingerprint)
        if known is None:
            with store.replace("docker", fingerprint) as folder:
                engine = Engine(wanted)
                (folder / "Dockerfile").write_text(wanted.dockerfile())
                image = engine.build_all(lock)
                with DockerBackend(image, wanted.limits).open() as box:
                    node = base.must(box, ["node", "--version"]).decode().strip()
                known = {"id": image, "name": wanted.image_name, "node": node}
                (folder / "image.json").write_bytes(files.json_bytes(known))
    return known["id"], known["node"]


def _known_image(store: stores.Store, fingerprint: str) -> dict[str, str] | None:
    if not store.holds("docker", fingerprint):
        return None
    known: dict[str, str] = files.read_json(store.folder("docker") / "image.json")
    client = docker.connect()
    try:
        client.images.get(known["id"])
    except ImageNotFound:
        return None
    finally:
        client.close()
    return known


class Engine:
    """Builds one image."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.client = docker.connect()
        self.dockerfile = wanted.dockerfile()

    def build_system(self) -> str:
        """Build the first stage, the base image with git, and return its id."""
        self._find_base()
        text = self.dockerfile.split(f"\n\nFROM {dockerfiles.SYSTEM} ")[0] + "\n"
        name = f"tracesmith-{dockerfiles.SYSTEM}:{files.digest(text)[:12]}"
        return self._build(lambda: contexts.system(text), name, dockerfiles.SYSTEM)

    def build_all(self, lock: Path | None) -> str:
        """Build all stages and return the image's id; what failed or was superseded goes."""
        wanted = self.wanted

        def context() -> AbstractContextManager[IO[bytes]]:
            """Make the context anew: a build reads it to its end."""
            return contexts.whole(self.dockerfile, wanted.profile, wanted.source, lock, locking.authorities())

        try:
            self.build_system()
            self._build(context, f"tracesmith-{dockerfiles.PACKAGES}:{_tag(wanted.repo)}", dockerfiles.PACKAGES)
            return self._build(context, wanted.image_name, None)
        finally:
            self.prune()

    def prune(self) -> None:
        """Remove the images of this repository that have no name."""
        label = f"{dockerfiles.LABEL}={self.wanted.repo}"
        self.client.images.prune(filters={"dangling": True, "label": [label]})

    def _find_base(self) -> None:
        """Bring the base image. Raises InputError where there is no such image."""
        name = self.wanted.base_image
        try:
            self.client.images.get(name)
            return
        except ImageNotFound:
            logger.info("pulling %s", name)
        except DockerException as error:
            raise self._bad_base(error) from None
        repository, _, tag = name.partition("@") if "@" in name else name.rpartition(":")
        try:
            pulled = (repository, tag) if repository and "/" not in tag else (name, "latest")
            self.client.images.pull(pulled[0], tag=pulled[1])
        except DockerException as error:
            raise self._bad_base(error) from None

    def _bad_base(self, error: DockerException) -> TracesmithError:
        said = f"the base image {self.wanted.base_image} is not on this engine and cannot be pulled ({error})"
        remedy = "name another in sandbox.base_image, or bring it with docker pull, load or import"
        kind = InputError if NOT_THERE.search(str(error)) else InfrastructureError
        return kind(f"{self.wanted.profile.name}: {said}; {remedy}")

    def _build(self, context: Callable[[], AbstractContextManager[IO[bytes]]], name: str, stage: str | None) -> str:
        limits = self.wanted.limits
        with context() as data:
            try:
                told = self.client.api.build(
                    fileobj=data,
                    custom_context=True,
                    dockerfile="Dockerfile",
                    tag=name,
                    target=stage,
                    buildargs=managers.network_variables(),
                    rm=True,
                    forcerm=True,
                    decode=True,
                    timeout=steps.TIMEOUT_S,
                    container_limits={"memory": limits.memory_bytes, "memswap": limits.memory_bytes},
                )
                self._follow(told)
                return str(self.client.images.get(name).id)
            except (DockerException, requests.RequestException) as error:
                raise InfrastructureError(f"{self.wanted.profile.name}: building {name} failed: {error}") from error

    def _follow(self, told: Any) -> None:
        """Read what the engine says until the build has ended. Raises the error of a step that failed."""
        printed: list[str] = []
        deadline = time.monotonic() + BUILD_TIMEOUT_S
        for part in told:
            printed.append(str(part.get("stream", "")))
            if "error" in part:
                raise self._failure(str(part["error"]), "".join(printed))
            if time.monotonic() > deadline:
                raise steps.failure(self.wanted.profile, "docker build", "the timeout limit", "".join(printed))

    def _failure(self, said: str, printed: str) -> TracesmithError:
        step = STEP.search(said)
        output = printed.rpartition("\n ---> Running in ")[2].partition("\n")[2]
        if step:
            return steps.failure(self.wanted.profile, step["command"], f"exit code {step['code']}", output)
        return steps.failure(self.wanted.profile, "docker build", "exit code 1", f"{output}{said}")


def _tag(repo: str) -> str:
    return re.sub(r"[^\w.-]", "-", repo)[:128]
