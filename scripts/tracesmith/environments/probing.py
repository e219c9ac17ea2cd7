"""Say whether a sandbox can be made here, before anything else is done."""

import platform

from tracesmith import scratch
from tracesmith.environments import building
from tracesmith.errors import InfrastructureError
from tracesmith.sandboxes import base, docker
from tracesmith.sandboxes.base import Limits
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend

LIMITS = Limits(memory_bytes=2**29, pids=64, cpus=1, disk_bytes=2**24)


def describe(backend: str) -> str:
    """
    Return one line on the backend that `docker`, `bubblewrap` or `auto` means here.

    Raises InfrastructureError with the remedy when it cannot make a sandbox.
    """
    if platform.system() != "Linux":
        raise InfrastructureError(f"tracesmith's sandboxes need Linux, this is {platform.system()}")
    if building.choose(backend) == "docker":
        client = docker.connect()
        return f"docker: engine {client.version()['Version']} answers"
    with scratch.folder() as folder:
        found = BubblewrapBackend(folder, LIMITS)
        with found.open() as box:
            node = base.must(box, ["node", "--version"]).decode().strip()
    return f"bubblewrap: sandboxes work, with Node {node}; memory, processes and CPU held by {found.holder}"
