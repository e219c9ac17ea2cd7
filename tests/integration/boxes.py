"""
Backends for tests by a short name; as a program, a process that holds a sandbox open until it is killed.

    python tests/integration/boxes.py KIND PLACE MARKER

PLACE is a prepared tree or an image. It prints `id -u` as a command in the sandbox sees it, then runs `sleep` there
with MARKER in its environment; without a marker it ends.
"""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))

from tracesmith.sandboxes.base import Limits  # noqa: E402
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend  # noqa: E402
from tracesmith.sandboxes.docker import DockerBackend  # noqa: E402

MARK = "TRACESMITH_TEST"
LIMITS = Limits(memory_bytes=2**30, pids=200, cpus=2, disk_bytes=2**28)


def make_backend(
    kind: str, place: str, limits: Limits = LIMITS, *, network: bool = False
) -> BubblewrapBackend | DockerBackend:
    """Make a backend: `bubblewrap`, `watchdog` (bubblewrap without cgroups) or `docker`."""
    if kind == "docker":
        return DockerBackend(place, limits, network=network)
    return BubblewrapBackend(Path(place), limits, network=network, use_cgroups=kind == "bubblewrap")


def hold(kind: str, place: str, marker: str) -> None:
    """Open a sandbox, tell who runs in it, and sleep there."""
    with make_backend(kind, place).open() as box:
        print(box.run(["id", "-u"], timeout_s=60).text.strip(), flush=True)  # noqa: T201
        if marker:
            box.run(["sleep", "300"], timeout_s=300, environment={MARK: marker})


if __name__ == "__main__":
    hold(*sys.argv[1:])
