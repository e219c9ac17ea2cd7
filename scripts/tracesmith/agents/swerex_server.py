"""A server on loopback to which SWE-agent connects as to a remote deployment; behind it is one of our sandboxes."""

import json
import re
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from tracesmith.agents import swerex
from tracesmith.agents.swerex import Body, Runtime
from tracesmith.errors import InfrastructureError
from tracesmith.sandboxes.base import Sandbox

LARGEST_BODY = 256 * 2**20
NAME = re.compile(rb'(?i)content-disposition:[^\r\n]*[; ]name="([^"]*)"')


class RexServer:
    """A server on a free port while its block runs; who knows the token works in the sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self.runtime = Runtime(box)
        self.token = f"tracesmith-{secrets.token_hex(24)}"
        self._lock = threading.Lock()
        self._refuses = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (_Handler,), {"server_of": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self.port = self._server.server_port

    def __enter__(self) -> "RexServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, body: Body) -> Body:
        """Answer one request when the one before is answered."""
        with self._lock:
            if self._refuses:
                raise swerex.RexError("SwerexException", "the agent has come to its end")
            return self.runtime.answer(path, body)

    def refuse(self) -> None:
        """Wait for the request under way and answer no other: nothing changes in the sandbox any more."""
        self._refuses = True
        with self._lock:
            pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_of: "RexServer"

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """Say whether the sandbox is there."""
        self._serve({})

    def do_POST(self) -> None:
        """Answer a request."""
        data = self._data()
        if data is None:
            return
        kind = self.headers.get("Content-Type", "")
        self._serve(_form(kind, data) if kind.startswith("multipart/") else json.loads(data or b"null") or {})

    def _serve(self, body: Body) -> None:
        self.close_connection = True
        if not secrets.compare_digest(self.headers.get("X-API-Key", ""), self.server_of.token):
            self._send(401, {"detail": "Invalid API Key"})
        elif self.path not in swerex.ENDPOINTS:
            self._send(404, {"detail": "Not Found"})
        else:
            self._answer(body)

    def _answer(self, body: Body) -> None:
        try:
            self._send(200, self.server_of.answer(self.path, body))
        except swerex.RexError as error:
            self._refuse(f"swerex.exceptions.{error.kind}", error)
        except FileNotFoundError as error:
            self._refuse("builtins.FileNotFoundError", error)
        except InfrastructureError as error:
            self._refuse("builtins.RuntimeError", error)

    def _refuse(self, kind: str, error: Exception) -> None:
        told = {"message": str(error), "class_path": kind, "traceback": "", "extra_info": {}}
        self._send(511, {"swerexception": told})

    def _send(self, status: int, body: Body) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _data(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._send(411, {"detail": "a Content-Length is wanted"})
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes:
        data = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(data)


def _form(kind: str, data: bytes) -> Body:
    """Return the fields of a form, the one named file as bytes."""
    boundary = b"--" + kind.partition("boundary=")[2].strip('"').encode()
    found: Body = {}
    for part in data.split(b"\r\n" + boundary)[:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = NAME.search(head)
        if name:
            key = name[1].decode()
            found[key] = content if key == "file" else content.decode()
    return found
