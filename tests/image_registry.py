"""A registry of images on loopback: Debian's docker-registry, which lets in one user only."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import yaml

USER, PASSWORD = "me", "planted9876543210"
"""Planted, to be looked for."""
# The password's bcrypt hash, as htpasswd -B writes it.
HTPASSWD = f"{USER}:$2b$04$nWTz0AC9fS7ofcVeWjElD.0vZC2CxePOfQ4fscRbmyvZt5BrV.XxW\n"


@dataclass(frozen=True)
class Registry:
    """A running registry."""

    host: str
    log: Path

    def requests(self, method: str) -> list[str]:
        """Return the log's lines of the requests with a method that were answered."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if f"http.request.method={method} " in line and "response completed" in line]


@contextmanager
def serve(folder: Path) -> Iterator[Registry]:
    """Run a registry whose files stand below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}},
    }
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    program = shutil.which("docker-registry")
    assert program
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        _wait(process, address)
        yield Registry(address, folder / "log")
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(Request(f"http://{address}/v2/"), timeout=60)
        except HTTPError as error:
            if error.code == 401:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"docker-registry does not come up at {address}")


def write_helper(folder: Path, host: str) -> dict[str, str]:
    """Write Docker's configuration with a credential helper and return the variables that lead to both."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"credHelpers": {host: "planted"}}))
    answer = json.dumps({"ServerURL": host, "Username": USER, "Secret": PASSWORD})
    helper = folder / "docker-credential-planted"
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\ncat <<'END'\n{answer}\nEND\n")
    helper.chmod(0o755)
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"}
