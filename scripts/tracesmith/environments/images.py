"""Docker images: a Dockerfile made from the profile, built through the Docker SDK (the classic builder, no buildx)."""

import io
import json
import logging
import tarfile
from collections.abc import Sequence
from pathlib import Path

from docker.errors import BuildError, DockerException, ImageNotFound

from tracesmith import files, stores
from tracesmith.environments import installing, managers
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError
from tracesmith.sandboxes import base, docker
from tracesmith.sandboxes.base import Limits
from tracesmith.sandboxes.docker import DockerBackend

logger = logging.getLogger(__name__)

PROBE_LIMITS = Limits(memory_bytes=2**29, pids=64, cpus=1, disk_bytes=2**24)
PACKAGES = "git ca-certificates procps"


def build(
    store: stores.Store, fingerprint: str, profile: Profile, source: Path, image_name: str, base_image: str | None
) -> tuple[str, str]:
    """Build the image unless the engine still has it; return its id and Node's version in it."""
    with store.claim("docker"):
        image = _known_image(store, fingerprint)
        if image is None:
            with store.replace("docker", fingerprint) as folder:
                commands = [*managers.commands(profile), *installing.cleaning(source)]
                dockerfile = make_dockerfile(profile, profile.base_image(base_image), commands)
                (folder / "Dockerfile").write_text(dockerfile)
                image = _build(dockerfile, source, image_name)
                (folder / "image.json").write_bytes(files.json_bytes({"id": image, "name": image_name}))
    with DockerBackend(image, PROBE_LIMITS).open() as box:
        return image, base.must(box, ["node", "--version"]).decode().strip()


def make_dockerfile(profile: Profile, base_image: str, commands: Sequence[list[str]]) -> str:
    """Return the Dockerfile of a profile: git and a user 1000 on the base image, the repository at /testbed."""
    lines = [
        f"FROM {base_image}",
        "USER root",
        "RUN command -v git >/dev/null || (apt-get update && apt-get install -y --no-install-recommends "
        f"{PACKAGES} && rm -rf /var/lib/apt/lists/*)",
        "RUN getent passwd 1000 >/dev/null || useradd --uid 1000 --create-home node",
        f"RUN install -d -o 1000 -g 1000 {base.TESTBED}",
        "USER 1000:1000",
        "ENV HOME=/tmp/home",
        f"WORKDIR {base.TESTBED}",
        "COPY --chown=1000:1000 tree/ ./",
        "ARG npm_config_registry",
        *(f"ENV {name}={json.dumps(value)}" for name, value in managers.variables(profile, {}).items()),
        *(f"RUN {json.dumps(command)}" for command in commands),
    ]
    return "\n".join(lines) + "\n"


def _known_image(store: stores.Store, fingerprint: str) -> str | None:
    if not store.holds("docker", fingerprint):
        return None
    image = str(files.read_json(store.folder("docker") / "image.json")["id"])
    try:
        docker.connect().images.get(image)
    except ImageNotFound:
        return None
    return image


def _build(dockerfile: str, source: Path, image_name: str) -> str:
    client = docker.connect()
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        archive.add(source, arcname="tree")
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile.encode())
        archive.addfile(entry, io.BytesIO(dockerfile.encode()))
    context.seek(0)
    try:
        image, _ = client.images.build(
            fileobj=context,
            custom_context=True,
            dockerfile=entry.name,
            tag=image_name,
            buildargs=managers.network_variables(),
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        log = "".join(str(part.get("stream", "")) for part in error.build_log)
        raise InfrastructureError(f"building {image_name} failed: {error.msg}: {log.strip()[-1500:]}") from error
    except DockerException as error:
        raise InfrastructureError(f"building {image_name} failed: {error}") from error
    return str(image.id)
