"""
What swe-rex (1.4) does for SWE-agent, done in one of our sandboxes.

Nothing of swe-rex is in the sandbox, and it needs no network. A session's variables, functions and folder are kept here
between its commands; processes that a command leaves behind end with it. The home of SWE-agent's tools, /root, stands
below /tmp, where an agent that is not root can write.
"""

import io
import re
import secrets
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tracesmith.errors import InfrastructureError
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Completed, Sandbox

HOME, ROOT = "/tmp/home", re.compile(r"(?<![\w./~-])/root(?=/)")  # noqa: S108 - a path inside the sandbox
SETUP_S = 300.0
"""Most seconds of what SWE-agent does without a limit of its own."""
Body = dict[str, Any]
# State and command come by stdin, each ending with NUL; the state that the command leaves comes after a mark.
SHELL = r"""
IFS= read -r -d "" __state; IFS= read -r -d "" __command
eval "$__state"; unset __state
if ! __wrong=$(bash -n <<<"$__command" 2>&1); then printf "\n%s\nsyntax\n%s" "$__mark" "$__wrong"; exit; fi
exec </dev/null
trap '__code=$?; set +x; trap - EXIT; printf "\n%s\n%s\n" "$__mark" "$__code"
    printf "cd %q\n" "$PWD"; unset __command __code __mark; export -p; declare -f; alias -p' EXIT
eval "$__command"
"""


class RexError(Exception):
    """What swe-rex would raise, by the name of its class; the client raises the same again."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass
class _Session:
    state: str = ""


class Runtime:
    """The shells and files of one sandbox, by the requests of swe-rex's client; one at a time."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.failed: InfrastructureError | None = None
        """Why the sandbox is of no more use."""
        self._sessions: dict[str, _Session] = {}
        self._uploaded: dict[str, bytes] = {}

    def answer(self, path: str, body: Body) -> Body:
        """Answer one request."""
        try:
            return ENDPOINTS[path](self, body)
        except InfrastructureError as error:
            self.failed = error
            raise

    def create_session(self, body: Body) -> Body:
        """Begin a shell."""
        name = str(body.get("session", "default"))
        if name in self._sessions:
            raise RexError("SessionExistsError", f"session {name} already exists")
        self._sessions[name] = _Session()
        return {"output": "", "session_type": "bash"}

    def close_session(self, body: Body) -> Body:
        """Forget a shell."""
        self._sessions.pop(str(body.get("session", "default")), None)
        return {"session_type": "bash"}

    def run_in_session(self, body: Body) -> Body:
        """Run a command in a shell; there is none to interrupt, since it is over already."""
        session = self._sessions.get(str(body.get("session", "default")))
        if session is None:
            raise RexError("SessionDoesNotExistError", f"session {body.get('session')!r} does not exist")
        if body.get("action_type") == "bash_interrupt":
            return _observation("", 0)
        command = str(body["command"])
        output, code = self._in_shell(session, command, float(body.get("timeout") or SETUP_S))
        if body.get("check") == "raise" and code:
            raise RexError("NonZeroExitCodeError", f"Command {command!r} failed with exit code {code}: {output}")
        return _observation(output, None if body.get("check") == "ignore" else code)

    def execute(self, body: Body) -> Body:
        """Run a command outside of any shell."""
        command = body["command"]
        argv = (
            ["bash", "-c", at_home(command)] if isinstance(command, str) else [at_home(str(word)) for word in command]
        )
        if body.get("cwd"):
            argv = ["env", "--chdir", at_home(str(body["cwd"])), *argv]
        values = {key: at_home(str(value)) for key, value in (body.get("env") or {}).items()}
        done = self._run(argv, float(body.get("timeout") or SETUP_S), environment=values)
        if body.get("check") and done.exit_code:
            raise RexError("NonZeroExitCodeError", f"Command {command!r} failed: {done.text}")
        return {"stdout": done.text, "stderr": "", "exit_code": done.exit_code}

    def read_file(self, body: Body) -> Body:
        """Return a file as text."""
        path = at_home(str(body["path"]))
        data = base.read_file(self.box, path)
        if data is None:
            raise FileNotFoundError(f"No such file or directory: {body['path']!r}")
        return {"content": data.decode(body.get("encoding") or "utf-8", body.get("errors") or "replace")}

    def write_file(self, body: Body) -> Body:
        """Write a text to a file."""
        self._put({at_home(str(body["path"])): str(body["content"]).encode("utf-8", "surrogateescape")})
        return {}

    def upload(self, body: Body) -> Body:
        """Write an uploaded file, or the files of an uploaded archive."""
        target, data = at_home(str(body["target_path"])), body["file"]
        if body.get("unzip") != "true":
            self._put({target: _with_home(data)})
            return {}
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            self._put({f"{target}/{name}": _with_home(archive.read(name)) for name in names})
        return {}

    def close(self, body: Body) -> Body:  # noqa: ARG002 - one signature for all
        """Forget all shells; the sandbox is closed by whoever opened it."""
        self._sessions.clear()
        return {}

    def is_alive(self, body: Body) -> Body:  # noqa: ARG002
        """Say that the sandbox is there."""
        return {"is_alive": True, "message": ""}

    def _in_shell(self, session: _Session, command: str, timeout_s: float) -> tuple[str, int]:
        mark = secrets.token_hex(16)
        text = f"{session.state}\n__mark={mark}\0{at_home(command)}\0"
        done = self._run(["bash", "-c", SHELL], timeout_s, text.encode("utf-8", "surrogateescape"))
        if done.killed in {"timeout", "output"}:
            raise RexError(
                "CommandTimeoutError", f"timeout after {timeout_s} seconds while running command {command!r}"
            )
        output, found, state = done.output.decode("utf-8", "surrogateescape").partition(f"\n{mark}\n")
        said = output.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if not found:  # killed by a limit, or a command that replaced the shell
            note = f"\n(ended by the {done.killed} limit)" if done.killed else ""
            return said + note, done.exit_code
        code, _, rest = state.partition("\n")
        if code == "syntax":
            raise RexError("BashIncorrectSyntaxError", f"Error (syntax): {rest.strip()}")
        session.state = rest
        return said.strip(), int(code)

    def _run(
        self, argv: list[str], timeout_s: float, stdin: bytes = b"", environment: dict[str, str] | None = None
    ) -> Completed:
        done = self.box.run(argv, timeout_s=timeout_s, stdin=stdin, environment=environment)
        if done.killed:  # what is below /tmp may be gone with it
            self._write(self._uploaded)
        return done

    def _put(self, contents: dict[str, bytes]) -> None:
        self._uploaded.update({path: data for path, data in contents.items() if path.startswith(HOME)})
        self._write(contents)

    def _write(self, contents: dict[str, bytes]) -> None:
        for path, data in contents.items():
            base.write_file(self.box, path, data)
        tools = [path for path in contents if path.startswith(f"{HOME}/tools/")]
        if tools:
            base.must(self.box, ["chmod", "+x", "--", *tools])


ENDPOINTS: dict[str, Callable[[Runtime, Body], Body]] = {
    "/create_session": Runtime.create_session,
    "/close_session": Runtime.close_session,
    "/run_in_session": Runtime.run_in_session,
    "/execute": Runtime.execute,
    "/read_file": Runtime.read_file,
    "/write_file": Runtime.write_file,
    "/upload": Runtime.upload,
    "/close": Runtime.close,
    "/is_alive": Runtime.is_alive,
}


def at_home(text: str) -> str:
    """Return a command or path of SWE-agent's with our place of its home."""
    return ROOT.sub(HOME, text)


def _with_home(data: bytes) -> bytes:
    """Return a file of a tool with our place of its home; a file that is no text as it is."""
    try:
        return at_home(data.decode()).encode()
    except UnicodeDecodeError:
        return data


def _observation(output: str, code: int | None) -> Body:
    shown = output.replace("\r\n", "\n")
    return {"output": shown, "exit_code": code, "failure_reason": "", "expect_string": "", "session_type": "bash"}
