"""Which backend a configuration means here."""

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
