"""
A registry of one package, over TLS with an authority of its own, and a proxy that asks for a password and leads to it.

Whatever host a client asks the proxy for, it is the registry: no client reaches it without proxy and authority.
"""

import base64
import hashlib
import http.client
import io
import json
import select
import socket
import ssl
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import http_servers

HOST = "registry.example"
PASSWORD = "planted0123456789"  # noqa: S105 - planted, to be looked for
CODE = "const units = { s: 1000, m: 60000 };\nmodule.exports = (text) => parseInt(text) * units[text.at(-1)];\n"


@dataclass
class Servers:
    """What runs, and what was asked of it."""

    registry: str
    proxy: str
    authority: Path
    paths: list[str] = field(default_factory=list)
    connects: list[str] = field(default_factory=list)
    refused: int = 0

    def variables(self) -> dict[str, str]:
        """Return the variables by which a client finds the registry."""
        return {
            "npm_config_registry": self.registry,
            "https_proxy": self.proxy,
            "NODE_EXTRA_CA_CERTS": str(self.authority),
        }


@contextmanager
def serve(folder: Path, proxy_address: str) -> Iterator[Servers]:
    """Run the registry on loopback and the proxy on another address of this machine."""
    authority, chain = _certificates(folder)
    registry = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    registry.socket = context.wrap_socket(registry.socket, server_side=True)
    proxy = ThreadingHTTPServer((proxy_address, 0), _Proxy)
    found = Servers(f"https://{HOST}/", f"http://me:{PASSWORD}@{proxy_address}:{proxy.server_address[1]}", authority)
    registry.state = proxy.state = found  # type: ignore[attr-defined]
    proxy.target = registry.server_address  # type: ignore[attr-defined]
    with http_servers.running(registry), http_servers.running(proxy):
        yield found


def _certificates(folder: Path) -> tuple[Path, Path]:
    """Make an authority and a certificate of the registry; return the authority's, and the other with its key."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {name: folder / name for name in ("ca.pem", "ca.key", "host.key", "host.csr", "host.pem", "names")}
    names["names"].write_text(f"subjectAltName=DNS:{HOST}\n")
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj"]
    authority = ["-x509", "-days", "30", "-keyout", names["ca.key"], "-out", names["ca.pem"]]
    signed = ["openssl", "x509", "-req", "-days", "30", "-in", names["host.csr"], "-CA", names["ca.pem"]]
    for command in (
        [*new, "/CN=tracesmith test", *authority],
        [*new, f"/CN={HOST}", "-keyout", names["host.key"], "-out", names["host.csr"]],
        [*signed, "-CAkey", names["ca.key"], "-CAcreateserial", "-extfile", names["names"], "-out", names["host.pem"]],
    ):
        subprocess.run(command, check=True, capture_output=True)
    chain = folder / "chain.pem"
    chain.write_text(names["host.pem"].read_text() + names["host.key"].read_text())
    return names["ca.pem"], chain


def _tarball() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, text in (("package.json", json.dumps({"name": "ms", "version": "2.1.3"})), ("index.js", CODE)):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


TARBALL = _tarball()


class _Registry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.state.paths.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/ms":
            self._answer(json.dumps(self._document()).encode())
        elif self.path == "/ms/-/ms-2.1.3.tgz":
            self._answer(TARBALL)
        else:
            self.send_error(http.client.NOT_FOUND)

    def _document(self) -> dict[str, Any]:
        integrity = base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()
        dist = {"tarball": f"https://{HOST}/ms/-/ms-2.1.3.tgz", "integrity": f"sha512-{integrity}"}
        version = {"name": "ms", "version": "2.1.3", "dist": dist}
        return {"name": "ms", "dist-tags": {"latest": "2.1.3"}, "versions": {"2.1.3": version}}

    def _answer(self, data: bytes) -> None:
        self.send_response(http.client.OK)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


class _Proxy(BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:
        state: Servers = self.server.state  # type: ignore[attr-defined]
        if self.headers.get("Proxy-Authorization") != f"Basic {base64.b64encode(f'me:{PASSWORD}'.encode()).decode()}":
            state.refused += 1
            self.send_error(http.client.PROXY_AUTHENTICATION_REQUIRED)
            return
        state.connects.append(self.path)
        with socket.create_connection(self.server.target) as other:  # type: ignore[attr-defined]
            self.send_response(http.client.OK)
            self.end_headers()
            self._pass_on(other)
        self.close_connection = True

    def _pass_on(self, other: socket.socket) -> None:
        partner = {self.connection: other, other: self.connection}
        while True:
            for end in select.select(list(partner), [], [], 30)[0]:
                data = end.recv(1 << 16)
                if not data:
                    return
                partner[end].sendall(data)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""
