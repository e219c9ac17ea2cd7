"""What Podman's service, which speaks the API of Docker's engine, does otherwise; seen with 4.3, Debian 12."""

import resource

import docker
from docker.types import Ulimit

VARIABLES = frozenset({"TERM", "container"})
"""What it adds to the variables of every command."""
# As root it sets these to a million where it is not told them, whether the machine allows that or not. No process of a
# service without CAP_SYS_RESOURCE can have more than pid_max processes, 32768 where it is lowest.
MOST = {"nofile": (resource.RLIMIT_NOFILE, 2**20), "nproc": (resource.RLIMIT_NPROC, 2**15)}


def limits(client: docker.DockerClient) -> list[Ulimit]:
    """Return the limits that its containers must be given, as high as this process may have them; none for Docker."""
    if all(part["Name"] != "Podman Engine" for part in client.version().get("Components") or []):
        return []
    values = {name: _allowed(kind, most) for name, (kind, most) in MOST.items()}
    return [Ulimit(name=name, soft=value, hard=value) for name, value in values.items()]


def _allowed(kind: int, most: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return most if hard == resource.RLIM_INFINITY else min(hard, most)
