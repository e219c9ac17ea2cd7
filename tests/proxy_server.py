"""A small HTTP proxy on loopback (CONNECT and absolute URIs) that counts what goes through it."""

import base64
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urlsplit

import http_servers


@dataclass
class Proxy:
    """What the proxy demands and has seen."""

    port: int
    user: str = ""
    """`name:password` that has to be given, if any."""
    requests: list[str] = field(default_factory=list)
    """Method and target of each request that went through."""
    refused: int = 0

    def url(self, host: str = "127.0.0.1") -> str:
        """Return the address that the proxy variables name."""
        user = f"{quote(self.user, safe=':')}@" if self.user else ""
        return f"http://{user}{host}:{self.port}"


@contextmanager
def serve(user: str = "") -> Iterator[Proxy]:
    """Run a proxy at a free port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    proxy = Proxy(server.server_address[1], user)
    server.RequestHandlerClass = _handler(proxy)
    with http_servers.running(server):
        yield proxy


@contextmanager
def web_server(text: bytes) -> Iterator[int]:
    """Run an HTTP server at a free port of 127.0.0.1 that answers every GET with a text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with http_servers.running(server):
        yield int(server.server_address[1])


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    wanted = f"Basic {base64.b64encode(proxy.user.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def let_in(self) -> bool:
            """Count the request, or refuse it."""
            if proxy.user and self.headers.get("Proxy-Authorization") != wanted:
                proxy.refused += 1
                self.send_response(407)
                self.send_header("Proxy-Authenticate", "Basic")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return False
            proxy.requests.append(f"{self.command} {self.path}")
            return True

        def do_CONNECT(self) -> None:
            if not self.let_in():
                return
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host.strip("[]"), int(port)), timeout=30) as other:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _tunnel(self.connection, other)
            self.close_connection = True

        def do_GET(self) -> None:
            if not self.let_in():
                return
            parts = urlsplit(self.path)
            server = HTTPConnection(str(parts.hostname), parts.port or 80, timeout=30)
            server.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
            answer = server.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            server.close()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler


def _tunnel(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side closes."""
    ways = {one: other, other: one}
    while True:
        for ready in select.select(ways, [], [], 60)[0]:
            data = ready.recv(1 << 16)
            if not data:
                return
            ways[ready].sendall(data)
