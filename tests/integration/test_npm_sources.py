"""npm sources, from a registry on loopback: what it has, what it has not, and what it sends broken."""

import dataclasses
import functools
import hashlib
import io
import json
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import http_servers
from tracesmith.environments import profiles, sources
from tracesmith.errors import InfrastructureError, InputError

FILES = {"package.json": b'{"name": "tool", "version": "1.0.0"}', "src/a.ts": b"one\r\n", "bin/run": b"#!/bin/sh\n"}


@functools.cache  # gzip notes the time
def tarball() -> bytes:
    """Return a tarball whose top folder has an odd name, as old packages have."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in FILES.items():
            info = tarfile.TarInfo(f"tool-main/{name}")
            info.size, info.mode = len(data), 0o755 if name == "bin/run" else 0o600
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Registry(BaseHTTPRequestHandler):
    """Knows the package tool in version 1.0.0, and 2.0.0, whose tarball is no tarball."""

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """Answer."""
        data = tarball() if self.path == "/tool-1.0.0.tgz" else b"not a tarball"
        if self.path == "/tool":
            data = json.dumps({"name": "tool", "dist-tags": {"latest": "1.0.0"}, "versions": self.versions()}).encode()
        self.send_response(200 if self.path.startswith("/tool") else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def versions(self) -> dict[str, object]:
        """Return what is told of each version."""
        found: dict[str, object] = {}
        for version, data in (("1.0.0", tarball()), ("2.0.0", b"not a tarball")):
            integrity = f"sha512-{b64encode(hashlib.sha512(data).digest()).decode()}"
            url = f"http://{self.headers['Host']}/tool-{version}.tgz"
            found[version] = {"name": "tool", "version": version, "dist": {"tarball": url, "integrity": integrity}}
        return found


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    with http_servers.running(server):
        yield f"http://127.0.0.1:{server.server_port}/"


def fetch(tmp_path: Path, package: str) -> Path:
    (tmp_path / "fetched").mkdir()
    profile = profiles.read(profiles.FOLDER / "css-what.yaml")
    changes = {"source": f"npm:{package}", "remove": [], "package_json": {}, "files": {}}
    sources.fetch(dataclasses.replace(profile, **changes), tmp_path / "fetched")
    return tmp_path / "fetched"


@pytest.fixture(autouse=True)
def own_npm(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", registry)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_noproxy", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_package_is_unpacked_without_its_top_folder(tmp_path: Path) -> None:
    folder = fetch(tmp_path, "tool@1.0.0")
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == FILES
    assert [name for name, path in found.items() if path.stat().st_mode & 0o100] == ["bin/run"]


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("tool@9.9.9", "source npm:tool@9.9.9: the npm registry has no such version"),
        ("none@1.0.0", "source npm:none@1.0.0: the npm registry has no such package"),
    ],
)
def test_what_the_registry_does_not_have_is_a_mistake_of_input(tmp_path: Path, package: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        fetch(tmp_path, package)
    assert list((tmp_path / "fetched").iterdir()) == []


def test_a_tarball_that_is_none_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"source npm:tool@2\.0\.0: the archive is damaged"):
        fetch(tmp_path, "tool@2.0.0")
    assert list((tmp_path / "fetched").iterdir()) == []


def test_a_registry_that_does_not_answer_is_no_mistake_of_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(InfrastructureError, match="from the npm registry failed"):
        fetch(tmp_path, "tool@1.0.0")
    assert list((tmp_path / "fetched").iterdir()) == []
