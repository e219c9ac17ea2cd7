"""A server on loopback: git's own smart HTTP behind Basic auth, and a stand-in of the few GitHub calls of a mirror."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import http_servers

LOGIN = "acme"
ORGANISATIONS = ("guild", "swesmith")


def forms(token: str) -> list[bytes]:
    """Return how a token may be written down: as it is, and as Basic auth writes it."""
    return [token.encode(), base64.b64encode(f"x-access-token:{token}".encode())]


@dataclass
class GitServer:
    """What the server holds, demands and has seen."""

    root: Path
    token: str
    url: str = ""
    private: dict[str, bool] = field(default_factory=dict)
    """Whether a repository is private, by owner/name."""
    calls: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    packs_asked: list[bytes] = field(default_factory=list)
    """What was sent to git's services, as far as it was not compressed."""
    answers: list[tuple[str, int, dict[str, str]]] = field(default_factory=list)
    """(part of the call, status, headers) of answers that are given, once each, instead of the real ones."""
    seen_in_argv: list[str] = field(default_factory=list)

    def make(self, name: str, private: bool = True) -> Path:
        """Make an empty repository and return its folder."""
        folder = self.root / f"{name}.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder], check=True)
        self.private[name] = private
        return folder

    def pushes(self) -> int:
        """Return how often something was pushed."""
        return sum(call.startswith("POST") and call.endswith("/git-receive-pack") for call in self.calls)

    def look_for_token(self) -> None:
        """Look for the token in the arguments of every process that runs now."""
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = place.read_bytes()
            except OSError:
                continue
            if any(form in line for form in forms(self.token)):
                self.seen_in_argv.append(line.decode(errors="replace"))


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    state: GitServer

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def _answer(self) -> None:
        call = f"{self.command} {self.path}"
        self.state.calls.append(call)
        self.state.look_for_token()
        body = self._body()
        for planned in self.state.answers:
            if planned[0] in call:
                self.state.answers.remove(planned)
                self._send(planned[1], b'{"message": "planned"}', planned[2])
                return
        if self.path.startswith("/api/"):
            self._api(body)
        else:
            self._git(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _json(self, status: int, value: dict[str, Any]) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _api(self, body: bytes) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.state.token}":
            self._json(401, {"message": "Bad credentials"})
            return
        path = self.path.removeprefix("/api")
        name = path.removeprefix("/repos/")
        if path == "/user":
            self._json(200, {"login": LOGIN})
        elif self.command == "GET" and name in self.state.private:
            self._json(200, {"full_name": name, "private": self.state.private[name]})
        elif self.command == "POST" and path == "/user/repos":
            self._create(LOGIN, json.loads(body))
        elif self.command == "POST" and path in [f"/orgs/{owner}/repos" for owner in ORGANISATIONS]:
            self._create(path.split("/")[2], json.loads(body))
        else:
            self._json(404, {"message": "Not Found"})

    def _create(self, owner: str, wanted: dict[str, Any]) -> None:
        name = f"{owner}/{wanted['name']}"
        self.state.bodies.append(wanted)
        if name in self.state.private:
            self._json(422, {"message": "name already exists on this account"})
            return
        self.state.make(name, wanted["private"])
        self._json(201, {"full_name": name, "private": wanted["private"]})

    def _git(self, body: bytes) -> None:
        kind, _, code = self.headers.get("Authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(code).decode().partition(":")[2] != self.state.token:
            self._send(401, b"", {"WWW-Authenticate": 'Basic realm="git"'})
            return
        self.state.packs_asked.append(body)
        parts = urlsplit(self.path)
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, stdout=subprocess.PIPE, check=False)
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self._send(int(headers.pop("Status", "200").split()[0]), data, headers)


@contextmanager
def serve(root: Path, token: str) -> Iterator[GitServer]:
    """Serve the repositories below a folder to who has the token."""
    root.mkdir()
    state = GitServer(root, token)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{server.server_port}"
    with http_servers.running(server):
        yield state
