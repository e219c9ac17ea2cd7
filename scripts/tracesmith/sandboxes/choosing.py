"""Which backend and which base image a configuration means."""

import logging

from tracesmith.errors import InfrastructureError
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
