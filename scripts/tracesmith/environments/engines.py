"""The Docker engine as a builder: stages of a Dockerfile become images, and nothing without a name is left behind."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import IO, Any

import requests
from docker.errors import APIError, DockerException, ImageNotFound

from tracesmith import proxies
from tracesmith.environments import managers, steps
from tracesmith.environments.dockerfiles import FETCH, GUARD
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError, TracesmithError
from tracesmith.sandboxes import docker
from tracesmith.sandboxes.base import Limits

Context = Callable[[], AbstractContextManager[IO[bytes]]]
BUILD_TIMEOUT_S = 2 * steps.TIMEOUT_S
NOT_THERE = re.compile(r"not found|manifest unknown|does not exist|denied|invalid reference|unauthorized", re.I)
# What Docker says, or Podman (4.3): before the output of a step, of one that failed, and of the image after each.
RUNNING = re.compile(r"^(?: ---> Running in |(?:\[\d+/\d+\] )?STEP \d+/\d+: ).*\n", re.M)
FAILED_STEP = re.compile(
    r"""(?:The command '|building at STEP "RUN )(?P<command>.*)"""
    r"""(?:' returned a non-zero code: |": while running runtime: exit status )(?P<code>\d+)""",
    re.S,
)
IMAGE = re.compile(r"^(?: --->|-->) ([0-9a-f]{11,12})$", re.M)
# Of `timeout`, and of what the kernel has killed.
LIMIT_OF_CODE = {"124": "the timeout limit", "137": "the memory limit"}
KEPT = 100_000  # characters


class Engine:
    """Builds the images of one profile."""

    def __init__(self, profile: Profile, limits: Limits) -> None:
        self.profile = profile
        self.limits = limits
        self.client = docker.connect()
        self._seen: list[str] = []
        self._built = ""

    @contextlib.contextmanager
    def tidy(self, *superseded: str) -> Iterator[None]:
        """
        Remove, at the end of the block, what it made and these images, as far as they have no name (any more).

        What was built last stays: its name may be taken by another folder's image, built on this engine meanwhile.
        """
        try:
            yield
        finally:
            for image in dict.fromkeys([*reversed(self._seen), *superseded]):
                if not self._built.removeprefix("sha256:").startswith(image.removeprefix("sha256:")):
                    self._remove_nameless(image)
            self.client.close()

    def named(self, name: str) -> list[str]:
        """Return the id of the image with a name, if there is one."""
        return [str(image.id) for image in self.client.images.list(name)]

    def find_base(self, name: str) -> None:
        """Bring a base image to the engine. Raises InputError where there is no such image."""
        try:
            with contextlib.suppress(ImageNotFound):
                self.client.images.get(name)
                return
            has_tag = "@" in name or ":" in name.rpartition("/")[2]
            self.client.images.pull(name if has_tag else f"{name}:latest")
        except DockerException as error:
            kind = InputError if NOT_THERE.search(str(error)) else InfrastructureError
            raise kind(
                f"{self.profile.name}: the base image {name} is not on this engine and cannot be pulled ({error}); "
                "name another in sandbox.base_image, or bring it with docker pull, load or import"
            ) from None

    def build(self, context: Context, name: str, stage: str | None) -> str:
        """Build the stages up to one, or all, and return the image's id: its name may be another's by now."""
        with context() as data:
            try:
                told = self.client.api.build(
                    fileobj=data,
                    custom_context=True,
                    dockerfile="Dockerfile",
                    tag=name,
                    target=stage,
                    buildargs=managers.network_variables(),
                    rm=True,
                    forcerm=True,
                    decode=True,
                    timeout=steps.TIMEOUT_S,
                    container_limits={"memory": self.limits.memory_bytes, "memswap": self.limits.memory_bytes},
                )
                self._built = self._follow(told) or str(self.client.images.get(name).id)
                return self._built
            except (DockerException, requests.RequestException) as error:
                raise self._refusal(name, error) from None

    def _follow(self, told: Any) -> str:
        """Read what the engine says until the end, and return the id if it tells it. Raises a failed step's error."""
        printed = built = ""
        deadline = time.monotonic() + BUILD_TIMEOUT_S
        try:
            for part in told:
                printed += str(part.get("stream", ""))
                built = str(part.get("aux", {}).get("ID", built))
                if "error" in part:
                    raise self._failure(str(part["error"]), printed)
                hit = {"timeout": time.monotonic() > deadline, "output": len(printed) > self.limits.output_bytes}
                for limit in (name for name, is_hit in hit.items() if is_hit):
                    raise steps.failure(self.profile, "docker build", f"the {limit} limit", printed[-KEPT:])
            return built
        finally:
            told.close()
            self._seen += IMAGE.findall(printed)

    def _refusal(self, name: str, error: Exception) -> TracesmithError:
        """Return what the engine says against a build; the SDK's own words hold its address, with the arguments."""
        said = str(error.explanation) if isinstance(error, APIError) and error.explanation else str(error)
        said = proxies.blot(re.sub(r"buildargs=[^&\s]*", "buildargs=***", said), os.environ)
        kind = InputError if "dockerfile parse error" in said else InfrastructureError
        return kind(f"{self.profile.name}: building {name} failed: {said}")

    def _failure(self, said: str, printed: str) -> TracesmithError:
        output = printed[max((start.end() for start in RUNNING.finditer(printed)), default=0) :]
        step = FAILED_STEP.search(said)
        if not step:
            return steps.failure(self.profile, "docker build", "exit code 1", f"{output}{said}")
        ended = LIMIT_OF_CODE.get(step["code"], f"exit code {step['code']}")
        command = step["command"]
        for start in (FETCH, GUARD):
            command = command.removeprefix(f"{' '.join(start)} ")
        return steps.failure(self.profile, command, ended, output)

    def _remove_nameless(self, image: str) -> None:
        try:
            if not self.client.images.get(image).tags:
                self.client.api.remove_image(image, noprune=True)
        except APIError as error:  # gone already, or another image or a container stands on it
            if error.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                raise
