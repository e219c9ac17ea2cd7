"""The caps of profiles/default hold: live sandboxes and open calls are counted while the workflow runs."""

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import http_servers
import tiny
import workflows

PROFILE = workflows.ROOT / "profiles" / "default"
CAPS = yaml.safe_load((PROFILE / "config.yaml").read_text())["resources"]
HOLD_S = 0.4
LONGEST_S = 30


class Model(http.server.ThreadingHTTPServer):
    """A server that counts the calls open at once; each stays open until the cap is reached."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.open_calls = 0
        self.most_open = 0
        self.answered = 0


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers when the cap was reached and HOLD_S passed, or after LONGEST_S."""

    server: Model

    def do_GET(self) -> None:
        """Hold the call open until as many are as may be, and a while longer for one too many; then answer."""
        with self.server.lock:
            self.server.open_calls += 1
            self.server.most_open = max(self.server.most_open, self.server.open_calls)
        deadline = time.monotonic() + LONGEST_S
        while self.server.most_open < CAPS["llm"] and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(HOLD_S)
        with self.server.lock:
            self.server.open_calls -= 1
            self.server.answered += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"answer\n")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def model() -> Iterator[Model]:
    """A running server."""
    server = Model()
    with http_servers.running(server):
        yield server


def test_open_calls_never_pass_the_cap_of_the_profile(model: Model, tmp_path: Path) -> None:
    snakefile = workflows.ROOT / "tests" / "data" / "caps" / "Snakefile"
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--directory", tmp_path, "--cores", "10"]
    url = f"http://127.0.0.1:{model.server_address[1]}/"
    environment = {**os.environ, "CALLS_URL": url}
    subprocess.run([*command, "--workflow-profile", PROFILE], env=environment, check=True, capture_output=True)
    assert model.answered == 10
    assert model.most_open == CAPS["llm"]


def most_sandboxes(folder: Path, *arguments: str) -> int:
    """Validate the bugs of a finished line again and return the most sandboxes that were live at once."""
    workflows.forget(folder, [f"logs/run_validation/{tiny.REPO}"])
    target = f"logs/run_validation/{tiny.REPO}/report.json"
    command = workflows.command(folder, target, *arguments, cores=6)
    process = subprocess.Popen(
        command, env=workflows.environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most = 0
    while process.poll() is None:
        most = max(most, len(list((folder / "tmp").glob("tracesmith-*/box.*"))))
        time.sleep(0.005)
    assert process.returncode == 0
    return most


@pytest.mark.sandbox
@pytest.mark.network
@pytest.mark.parametrize("cap", [1, 3])
def test_live_sandboxes_never_pass_the_cap(cap: int, line: Path) -> None:
    config = workflows.read_config(line)
    config["repos"]["tiny"]["validation"]["workers"] = 6
    workflows.write_config(line, config)
    assert most_sandboxes(line, "--resources", f"docker={cap}") == cap


def test_the_profile_caps_sandboxes_calls_and_gpus() -> None:
    assert CAPS.keys() == {"docker", "llm", "gpu"}
