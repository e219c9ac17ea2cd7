"""
Run a command beside a server of a model, which is there before the command and gone after it.

The server hangs on a pipe of this process and ends when that closes, whatever ends this process.
"""

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tracesmith.errors import InfrastructureError, InputError
from tracesmith.training import base_models

logger = logging.getLogger(__name__)
SERVER = Path(__file__).with_name("model_server.py")
LIBRARY = Path(__file__).resolve().parents[2]
START_S = 600.0
"""How long a model may take until it answers."""


class ServerError(InfrastructureError):
    """The server did not come up."""


def run(command: Sequence[str], model: Path, python: Path, max_tokens: int) -> int:
    """Run a command that finds the server by OPENAI_API_BASE and return its exit code; 128 + n after signal n."""
    base_models.read(model)
    if not python.is_file():
        raise InputError(f"{python}: no such Python; `make training` makes the environment")
    with _server(model, python, max_tokens) as address:
        environment = {**os.environ, "OPENAI_API_BASE": address}
        environment |= {name: _with_loopback(environment.get(name, "")) for name in ("no_proxy", "NO_PROXY")}
        with subprocess.Popen(command, env=environment) as process:
            try:
                code = process.wait()
            except BaseException:
                process.send_signal(signal.SIGTERM)
                process.wait()
                raise
    return code if code >= 0 else 128 - code


def _with_loopback(hosts: str) -> str:
    return ",".join([*filter(None, [hosts]), "127.0.0.1"])


@contextmanager
def _server(model: Path, python: Path, max_tokens: int) -> Iterator[str]:
    """Start a server and yield its address, such as http://127.0.0.1:39000/v1."""
    # Not resolved: a venv's python is a link, and is the venv only under its own name.
    command = [os.path.abspath(python), str(SERVER), str(model), str(max_tokens), str(_port(model))]  # noqa: PTH100
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": str(LIBRARY)}
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, **quiet, **threads},
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            address = _address(process)
            if not address:
                said.seek(0)
                last = ([line for line in said.read().splitlines() if line.strip()] or ["no output"])[-1]
                raise ServerError(f"{model}: the model cannot be served: {last}")
            logger.info("%s is served at %s", model, address)
            yield address
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _port(model: Path) -> int:
    """Return the port that a folder's model gets where it is free."""
    return 20_000 + zlib.crc32(str(model.absolute()).encode()) % 10_000


def _address(process: "subprocess.Popen[str]") -> str:
    """Return the line that a server writes once it answers; an empty one when it ended, or took too long."""
    deadline = time.monotonic() + START_S
    stream = process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]
        while time.monotonic() < deadline:
            if selector.select(timeout=1.0):
                return stream.readline().strip() if stream else ""
    return ""
