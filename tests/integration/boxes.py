"""
Backends for tests by a short name; as a program, a process that holds a sandbox open until it is killed.

    python tests/integration/boxes.py KIND PLACE MARKER

PLACE is a prepared tree or an image. It prints `id -u` as a command in the sandbox sees it, then runs `sleep` there
with MARKER in its environment; without a marker it ends.
"""

import io
import secrets
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))

from tracesmith import scratch  # noqa: E402
from tracesmith.environments import images  # noqa: E402
from tracesmith.sandboxes import cgroups, docker  # noqa: E402
from tracesmith.sandboxes.base import Limits  # noqa: E402
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend  # noqa: E402
from tracesmith.sandboxes.docker import DockerBackend  # noqa: E402

KINDS = [
    pytest.param("bubblewrap", marks=pytest.mark.sandbox),
    pytest.param("watchdog", marks=pytest.mark.sandbox),
    pytest.param("docker", marks=pytest.mark.docker),
]
ENGINES = [KINDS[0], KINDS[2]]
MARK = "TRACESMITH_TEST"
MARKER = secrets.token_hex(8)
"""By it, in their environment, the processes that a test starts in sandboxes are found on the whole machine."""
BASE = "node:24-bookworm-slim"
DOCKERFILE = f"FROM {BASE}\nCOPY --chown=1000:1000 tree /testbed\nLABEL tracesmith.test={MARKER}\n".encode()
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
            box.prepare()
            box.run(["sleep", "300"], timeout_s=300, environment={MARK: marker})


def leftovers(kind: str, label: str, marker: str) -> list[str]:
    """List what is there of a process's sandboxes on this machine."""
    found = [f"process {pid}" for pid in processes(marker)]
    found += [str(path) for root in scratch.roots() for path in root.glob(f"box.{label}.*")]
    found += [str(path) for path in cgroups.ROOT.glob(f"*/tracesmith/*{label}*")]
    if kind == "docker":
        client = docker.connect()
        there = client.containers.list(all=True, filters=_owned(label), ignore_removed=True)
        found += [f"container {box.id}" for box in there]
        client.close()
    return found


def processes(marker: str) -> list[int]:
    """List the processes, on the whole machine, that a command with the marker in its environment has started."""
    needle = f"{MARK}={marker}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if needle in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@contextmanager
def built(tree: Path) -> Iterator[str]:
    """Build an image with a tree at /testbed, owned by the user 1000, for the block."""
    client = docker.connect()
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        archive.add(tree, arcname="tree")
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(DOCKERFILE)
        archive.addfile(entry, io.BytesIO(DOCKERFILE))
    context.seek(0)
    image, _ = client.images.build(fileobj=context, custom_context=True, rm=True, forcerm=True)
    yield str(image.id)
    client.images.remove(image.id, force=True)
    client.close()


@contextmanager
def images_removed(*wanted: images.Wanted) -> Iterator[None]:
    """Remove the images of some builds at the end of the block; the base with its system packages stays."""
    try:
        yield
    finally:
        client = docker.connect()
        for one in wanted:
            for name in (one.image_name, images.packages_name(one.repo)):
                for image in client.images.list(name):
                    client.images.remove(image.id, force=True)
        client.close()


def _owned(label: str) -> dict[str, str]:
    return {"label": f"{docker.LABEL}={label}"}


if __name__ == "__main__":
    hold(*sys.argv[1:])
