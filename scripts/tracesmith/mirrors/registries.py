"""
Push the image of an environment to Docker Hub or another registry, by the name that the datasets give it.

The registry's host, if it is another than Docker Hub, is the first part of that name. The credentials are those of
`docker login` or of a credential helper, found through Docker's own configuration. What the registry has already is
not sent again, so a killed push is repeated with the same command.
"""

import logging
import re
from pathlib import Path

import docker as sdk
from docker.errors import APIError, DockerException

from tracesmith import files, prepared, summaries
from tracesmith.errors import InfrastructureError, InputError, TracesmithError
from tracesmith.sandboxes import choosing, docker

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
TAG = "latest"  # stock tools name none
REFUSED = re.compile(r"denied|unauthorized|authentication required|no basic auth credentials|insufficient_scope", re.I)


def push(environment_path: Path, output: Path) -> None:
    """
    Push the image unless the registry has it, and write `logs/images/<repo>.json` with the digest.

    Raises InputError when the environment has no image or the registry refuses, InfrastructureError when it is away.
    """
    environment = prepared.read(environment_path)
    if environment.backend != "docker" or not environment.image:
        raise InputError(
            f"{environment_path}: was prepared for {environment.backend} and has no image; "
            "set sandbox.backend: docker and run build_environment again"
        )
    client = docker.connect()
    name = environment.image_name
    try:
        _name_image(client, environment.image, name, environment_path)
        digest = _on_registry(client, environment.image, name)
        if digest:
            logger.info("%s has %s already", name, digest)
        else:
            digest = _push(client, name)
            logger.info("pushed %s as %s", name, digest)
    finally:
        client.close()
    made_by = summaries.made_by("push_image", FORMAT_VERSION, {"environment": environment_path}, {})
    found = {"repo": environment.repo, "image_name": name, "image": environment.image, "digest": f"{name}@{digest}"}
    files.write_json(output, {"made_by": made_by, **found})


def _name_image(client: sdk.DockerClient, image: str, name: str, where: Path) -> None:
    """Give the image its name again, which another build may have taken."""
    choosing.find_image(client, image, where).tag(name, tag=TAG)


def _on_registry(client: sdk.DockerClient, image: str, name: str) -> str | None:
    """Return the digest under which the registry has this very image; None when it has not, or will not tell."""
    mine = {digest.rpartition("@")[2] for digest in client.images.get(image).attrs["RepoDigests"]}
    try:
        found = str(client.images.get_registry_data(f"{name}:{TAG}").id)
    except APIError as error:
        logger.info("%s is not known to its registry: %s", name, error.explanation)
        return None
    return found if found in mine else None


def _push(client: sdk.DockerClient, name: str) -> str:
    """Push an image and return the digest that the registry gives it."""
    digest = None
    try:
        for part in client.images.push(name, tag=TAG, stream=True, decode=True):
            if "error" in part:
                raise _error(name, str(part["error"]))
            digest = part.get("aux", {}).get("Digest", digest)
    except DockerException as error:
        raise _error(name, str(error)) from None
    if not digest:
        raise InfrastructureError(f"{name}: the engine told no digest of what it pushed; try again")
    return str(digest)


def _error(name: str, said: str) -> TracesmithError:
    if REFUSED.search(said):
        return InputError(
            f"{name} cannot be pushed: {said}; log in with `docker login` as one who may push there, "
            "or set organisation.dockerhub to an owner or HOST/owner of yours"
        )
    return InfrastructureError(f"{name} cannot be pushed: {said}; the same command goes on from there")
