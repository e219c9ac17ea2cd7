"""Which backend and which base image a configuration means, and the image that an environment names."""

import logging
from pathlib import Path

from docker import DockerClient
from docker.errors import ImageNotFound
from docker.models.images import Image

from tracesmith.errors import InfrastructureError, InputError
from tracesmith.sandboxes import docker

logger = logging.getLogger(__name__)


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


def base_image(chosen: str | None, node: str) -> str:
    """Return the base of a Docker image: the one that the configuration chose, or the official one of Node."""
    return chosen or f"node:{node}-bookworm-slim"


def find_image(client: DockerClient, name: str, where: Path) -> Image:
    """Return the image that an environment.json names. Raises InputError when the engine has none of that name."""
    try:
        return client.images.get(name)
    except ImageNotFound:
        raise InputError(f"{where}: the engine has no image {name}; run build_environment again") from None
